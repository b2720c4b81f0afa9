"""Dossiers of recognition: the steps by which a commune is recognised by a criteria set, or loses the recognition.

Decision 18/2022/QĐ-TTg: the commune assesses itself, the district verifies (thẩm tra), the province's sectors appraise
(thẩm định), the province's chair decides, and the recognition is announced.
"""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from shared.contracts.difficulty import Words
from shared.contracts.refs import UnitRef

_Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")
]


class DossierStep(StrEnum):
    """A step of a dossier, in the order of the procedure."""

    SELF_ASSESSED = "self_assessed"
    """The commune, or its district for it, states by criterion that it meets the set (tự đánh giá)."""
    VERIFIED = "verified"
    """The district confirms that by criterion (thẩm tra)."""
    APPRAISED = "appraised"
    """Each sector of the province confirms its own criteria (thẩm định)."""
    DECIDED = "decided"
    """The province's chair has signed the decision of recognition."""
    RECOGNISED = "recognised"
    """The recognition was announced (công bố)."""
    WITHDRAWAL_DUE = "withdrawal_due"
    """The recognition is to be withdrawn: too many criteria hold no longer."""
    WITHDRAWN = "withdrawn"
    """The province's chair has withdrawn the recognition."""
    RETURNED = "returned"
    """The office whose turn it was sent the dossier back to the step before."""


class Judged(StrEnum):
    """Scoring's judgement of a criterion, beside what an office answers about it."""

    MET = "met"
    NOT_MET = "not_met"
    NO_DATA = "no_data"


class CriterionAnswer(BaseModel):
    """An office's answer whether the commune meets a criterion."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    criterion: str = Field(max_length=40, description="Key such as `ntm-11`.")
    yes: bool = Field(strict=True)
    note: Words | None = Field(
        default=None,
        description="Needed for a no, and for a yes beside a criterion that is judged not met: the reason.",
    )


class JudgedAnswer(CriterionAnswer):
    """An answer with the judgement that stood beside it when it was given."""

    judged: Judged | None = None


class DossierEntry(BaseModel):
    """An office's step in a dossier: the body of `POST /v1/dossiers/{commune}/{set}`."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "step": "verified",
                    "person": "Hoàng Thị Lan",
                    "answers": [{"criterion": "ntm-11", "yes": True, "note": "Đã kiểm tra hồ sơ rà soát hộ nghèo."}],
                },
                {"step": "decided", "number": "2145/QĐ-UBND", "date": "2023-12-28"},
                {"step": "returned", "reason": "Thiếu biên bản họp lấy ý kiến người dân."},
            ]
        },
    )

    step: DossierStep
    answers: list[CriterionAnswer] = Field(
        default=[],
        max_length=100,
        description="Of `self_assessed`, `verified` and `appraised`: those criteria that the key covers.",
    )
    reason: Words | None = Field(
        default=None, description="Needed for `returned`, and for `withdrawal_due` where scoring does not judge so."
    )
    number: _Line | None = Field(default=None, description="Of `decided` and `withdrawn`: the decision's number.")
    date: dt.date | None = Field(default=None, description="Of `decided` and `withdrawn`: the day of the decision.")
    person: _Line | None = Field(default=None, description="The person who takes the step for the office.")
    open_step: DossierStep | None = Field(
        default=None,
        description="The step whose turn it was when the sender looked; if it is another now, 409.",
    )


class DossierTurn(BaseModel):
    """An office's turn: the step that is expected of it next, and by when."""

    step: DossierStep
    sector: str | None = Field(default=None, description="Of `appraised`: the sector whose answers are missing.")
    criteria: list[str] = Field(default=[], description="The criteria whose answers are missing.")
    since: AwareDatetime
    working_days: int | None = Field(default=None, description="The time for the step by the calendar.")
    due: dt.date | None = Field(default=None, description="The last day in time.")


class DossierLogged(BaseModel):
    """A step that was taken: the body of `ntm.v1.dossiers.<district>.<commune>`."""

    id: UUID
    step: DossierStep
    at: AwareDatetime
    unit: UnitRef
    district: UnitRef | None
    criteria_set: str = Field(description="The set's id, such as `ntm`.")
    agency: str = Field(description="The agency that took the step.")
    agency_name: str | None = None
    key: str | None = Field(default=None, description="The id of the agency's key, or the subject of its token.")
    person: str | None = None
    completes: bool = Field(
        default=True, description="Whether the step is whole by it: an assessment is when each criterion has its yes."
    )
    answers: list[JudgedAnswer] = []
    reason: str | None = None
    number: str | None = None
    date: dt.date | None = None
    withdrawal_judged_due: bool | None = Field(
        default=None, description="Of `withdrawal_due`: scoring's judgement by the set's rule; none: it cannot tell."
    )
    returned_from: DossierStep | None = Field(default=None, description="Of `returned`: the step whose turn it was.")
    returned_to: DossierStep | None = Field(default=None, description="Of `returned`: the step that is asked again.")
    due: dt.date | None = Field(default=None, description="The day by which the step was due.")
    turns: list[DossierTurn] = Field(default=[], description="All turns that are open after this step.")
    ended: list[DossierTurn] = Field(default=[], description="The turns that this step ended.")
    sample: bool = False
