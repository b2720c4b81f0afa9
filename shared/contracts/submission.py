"""Submissions of agencies, their receipts, reviews and refusals, and their progress."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StrictBool, StrictInt, field_validator

from shared.contracts.bilingual import Bilingual
from shared.contracts.evidence import Evidence
from shared.contracts.period import Period
from shared.contracts.refs import UnitCode
from shared.contracts.status import Event, Stage, Status

Value = StrictBool | StrictInt | Annotated[float, Field(strict=True, allow_inf_nan=False)]
"""A count (integer), a measured amount, or yes/no."""

READING_LIMIT = 200
"""Readings in one submission."""

_BOUND = 10**15
"""No element counts as much; a greater number is damage, and would break calculations and JSON of others."""

ElementCode = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,63}$")]


def is_countable(value: float | Decimal) -> bool:
    """Say whether a figure can be one: whatever the reference data say, it is a number of bounded size."""
    return not (isinstance(value, Decimal) and value.is_nan()) and -_BOUND < value < _BOUND


class Submission(BaseModel):
    """The readings that one agency sends for one unit and one period."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "unit": "06280",
                    "period": "2023-06",
                    "stage": "reported",
                    "source_ref": "VQ-2023-06-11",
                    "readings": {"households": 1204, "poor_households": 131, "near_poor_households": 88},
                }
            ]
        },
    )

    unit: UnitCode = Field(description="Code of the commune, or of the district or province where it is counted there.")
    period: Period
    stage: Stage = Stage.REPORTED
    revision: int = Field(default=1, ge=1, le=1000, strict=True, description="Higher corrects lower.")
    source_ref: str | None = Field(
        default=None,
        max_length=200,
        pattern=r"^[^\x00-\x1f\x7f]*$",
        description="The sender's own reference.",
    )
    confirmed: bool = Field(
        default=False,
        strict=True,
        description="The sender confirms the figures that need a confirmation.",
    )
    readings: dict[ElementCode, Value] = Field(min_length=1, max_length=READING_LIMIT)


class SubmissionWarning(BaseModel):
    """A remark about accepted figures. It stays with them wherever they are shown."""

    model_config = ConfigDict(frozen=True)

    code: str = Field(description="The stable word for programs, such as `implausible_change`.")
    pointer: str = Field(description="JSON pointer to the field, such as `/readings/poor_households`.")
    detail: Bilingual


class AcceptedSubmission(Submission):
    """A submission that passed intake: the body of `ntm.v1.submissions.<district>.<commune>`."""

    # readers ignore fields that a newer intake adds
    model_config = ConfigDict(extra="ignore", json_schema_extra=None)

    id: UUID
    agency: str = Field(description="The agency that sent it.")
    key: str | None = Field(default=None, description="The agency's key, or the subject of its token.")
    unit_key: int | None = Field(default=None, description="The unit's own key for ever; its code may be used again.")
    district: UnitCode | None = Field(
        description="The unit's district at that period; none where there are no districts."
    )
    received_at: AwareDatetime
    digest: str = Field(
        description="`jcs:` and the SHA-256, in hexadecimal, of the submission's canonical JSON (RFC 8785) without the "
        "fields that have their default value. Digests of earlier versions have no prefix."
    )
    due: date | None = Field(default=None, description="The day the report was due, where it came after it.")
    warnings: list[SubmissionWarning] = []
    reviews: UUID | None = Field(default=None, description="The submission that this one verifies or confirms.")

    @field_validator("readings")
    @classmethod
    def _have_countable_values(cls, readings: dict[str, Value]) -> dict[str, Value]:
        if not all(is_countable(value) for value in readings.values()):
            raise ValueError("a figure that nobody can have counted")
        return readings


class Receipt(BaseModel):
    """The answer to an accepted submission, given once JetStream has the submission on disk.

    A repeated request gets the same receipt again.
    """

    status: Literal["accepted"] = "accepted"
    id: UUID
    unit: UnitCode
    period: Period
    received_at: AwareDatetime
    digest: str
    due: date | None = Field(default=None, description="The day the report was due, where it came after it.")
    warnings: list[SubmissionWarning] = []


class CausedChange(BaseModel):
    """A change of status that a submission caused."""

    id: UUID
    event: Event
    unit: UnitCode
    criterion: str
    before: Status
    after: Status
    at: AwareDatetime
    reason: Bilingual


class Review(BaseModel):
    """The decision of a district or sector on a submission: the body of `ntm.v1.reviews.<district>.<commune>`."""

    id: UUID
    submission: UUID = Field(description="The submission that was reviewed.")
    decision: Literal["verified", "confirmed", "returned"]
    reason: str | None = Field(default=None, description="The reason for returning it.")
    agency: str
    agency_name: str | None = None
    key: str | None = None
    at: AwareDatetime
    unit: UnitCode
    period: Period
    result: UUID | None = Field(
        default=None, description="The submission of the later stage that it led to; none where it was returned."
    )


class Withdrawal(BaseModel):
    """The withdrawal of a submission: the body of `ntm.v1.withdrawals.<district>.<commune>`.

    Its figures count no longer, whatever came before or comes after it; the submission stays in the history.
    """

    id: UUID
    submission: UUID = Field(description="The submission that was withdrawn.")
    reason: str
    agency: str = Field(description="The agency that withdrew it: its sender, or an office that may review it.")
    agency_name: str | None = None
    key: str | None = None
    at: AwareDatetime
    unit: UnitCode
    period: Period


class Tracked(BaseModel):
    """A submission with its progress: the answer of `GET /v1/submissions/{id}`."""

    status: Literal["accepted", "scored", "parked", "returned"] = Field(
        description="`accepted`: on disk, not scored yet; `parked`: scoring could not process it, an operator looks."
    )
    receipt: Receipt
    agency: str = Field(description="The agency that sent it.")
    agency_name: str | None = Field(default=None, description="Its name, as people know it.")
    stage: Stage
    revision: int
    submission: AcceptedSubmission | None = Field(default=None, description="As accepted; left out in lists.")
    content_missing: Bilingual | None = Field(
        default=None, description="Where the log no longer holds what was accepted: that it is so, and the remedy."
    )
    changes: list[CausedChange] = []
    reviews: list[Review] = []
    evidence: list[Evidence] = Field(
        default=[], description="Files and links that prove its figures, also those of what it verifies or confirms."
    )
    withdrawal: Withdrawal | None = Field(default=None, description="Where it was withdrawn: by whom, when and why.")


class Refusal(BaseModel):
    """A refused submission with the problem and its sender: the body of `ntm.v1.refusals.<agency>`."""

    id: UUID
    agency: str
    received_at: AwareDatetime
    problem: dict[str, object] = Field(description="The problem document that the caller was given (RFC 9457).")
    submission: object = Field(
        description="The content that was sent, cut to 4,000 characters where it is longer or no JSON."
    )
