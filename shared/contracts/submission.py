"""What agencies send, and what intake answers and publishes."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StrictBool, StrictInt

from shared.contracts.words import Period, Stage, UnitCode

Value = StrictBool | StrictInt | Annotated[float, Field(strict=True, allow_inf_nan=False)]
"""A count (integer), a measured amount, or yes/no."""

READING_LIMIT = 200
"""Readings in one submission."""

ElementCode = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,63}$")]


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
    readings: dict[ElementCode, Value] = Field(min_length=1, max_length=READING_LIMIT)


class AcceptedSubmission(Submission):
    """A submission that passed intake: the body of `ntm.v1.submissions.<district>.<commune>`."""

    id: UUID
    agency: str = Field(description="Who posted it.")
    district: UnitCode | None = Field(
        description="The unit's district at that period; none where there are no districts."
    )
    received_at: AwareDatetime
    digest: str = Field(description="SHA-256 of the submission as accepted (canonical JSON), in hexadecimal.")


class Receipt(BaseModel):
    """What intake answers for an accepted submission; it stands once JetStream has it on disk."""

    status: Literal["accepted"] = "accepted"
    id: UUID
    unit: UnitCode
    period: Period
    received_at: AwareDatetime
    digest: str


class Refusal(BaseModel):
    """What was refused, why and from whom: the body of `ntm.v1.refusals.<agency>`."""

    id: UUID
    agency: str
    received_at: AwareDatetime
    problem: dict[str, object] = Field(description="The problem document that the caller was given (RFC 9457).")
    submission: object = Field(description="What was sent, cut to 4,000 characters where it is longer or no JSON.")
