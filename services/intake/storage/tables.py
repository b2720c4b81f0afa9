"""The tables of schema `intake`.

All rows derive from the streams: `projection/project.py` writes them, and lost rows come again from there.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import TIMESTAMP, BigInteger, Index, Numeric
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from shared.service.parking import ParkedColumns

SCHEMA = "intake"

_moment: Any = TIMESTAMP(timezone=True)
_numeric: Any = Numeric()
_json: Any = JSONB(none_as_null=True)
_big: Any = BigInteger


class _Table(SQLModel):
    __table_args__: ClassVar[Any] = {"schema": SCHEMA}


class SubmissionRow(_Table, table=True):
    """The receipt of an accepted submission, whose body stands in the stream under `sequence`."""

    __tablename__ = "submission"
    __table_args__: ClassVar[Any] = (
        Index("submission_agency", "agency", "sequence"),
        Index("submission_request", "agency", "request"),
        Index("submission_unit", "unit", "sequence"),
        {"schema": SCHEMA},
    )

    id: UUID = Field(primary_key=True)
    sequence: int = Field(sa_type=_big, index=True, description="Its number in the stream SUBMISSIONS.")
    agency: str
    key: str | None
    unit: int = Field(description="The unit's surrogate key.")
    code: str
    period: str
    stage: str
    revision: int
    received_at: datetime = Field(sa_type=_moment)
    digest: str
    due: date | None
    warnings: list[dict[str, Any]] = Field(sa_type=_json)
    request: str | None = Field(description="The request's `Idempotency-Key`.")
    request_digest: str | None = Field(description="SHA-256 of that request's content.")
    reviews: UUID | None


class ReadingRow(_Table, table=True):
    """The standing figure for a unit, element and period; intake compares later figures with it."""

    __tablename__ = "reading"

    unit: int = Field(primary_key=True)
    element: str = Field(primary_key=True)
    period_end: date = Field(primary_key=True, description="The period's end, to find the newest before.")
    period: str = Field(primary_key=True)
    value: Decimal = Field(sa_type=_numeric, description="Yes is 1, no is 0.")
    stage: str
    stage_rank: int
    revision: int
    received_at: datetime = Field(sa_type=_moment)
    agency: str
    submission: UUID


class ChangeRow(_Table, table=True):
    """A change of status that a submission caused."""

    __tablename__ = "change"
    __table_args__: ClassVar[Any] = (Index("change_submission_at", "submission", "at"), {"schema": SCHEMA})

    id: UUID = Field(primary_key=True)
    submission: UUID
    at: datetime = Field(sa_type=_moment)
    body: dict[str, Any] = Field(sa_type=_json, description="A `CausedChange`.")


class ReviewRow(_Table, table=True):
    """An office's review of a submission."""

    __tablename__ = "review"

    id: UUID = Field(primary_key=True)
    submission: UUID = Field(index=True)
    at: datetime = Field(sa_type=_moment)
    body: dict[str, Any] = Field(sa_type=_json, description="A `Review`.")
    message: str | None = Field(default=None, description="The message's body to the byte; None in rows of before.")
    signature: str | None = Field(default=None, description="The message's signature; None from before signing began.")


class WithdrawalRow(_Table, table=True):
    """The withdrawal of a submission, which may not have come yet."""

    __tablename__ = "withdrawal"

    id: UUID = Field(primary_key=True)
    submission: UUID = Field(index=True)
    at: datetime = Field(sa_type=_moment)
    body: dict[str, Any] = Field(sa_type=_json, description="A `Withdrawal`.")
    message: str | None = Field(default=None, description="The message's body to the byte; None in rows of before.")
    signature: str | None = Field(default=None, description="The message's signature; None from before signing began.")


class EvidenceRow(_Table, table=True):
    """A file or link that was attached to figures or a criterion, or taken back."""

    __tablename__ = "evidence"
    __table_args__: ClassVar[Any] = (Index("evidence_unit", "unit", "period"), {"schema": SCHEMA})

    id: UUID = Field(primary_key=True)
    unit: int = Field(description="The unit's surrogate key.")
    period: str
    submission: UUID | None = Field(index=True)
    withdraws: UUID | None = Field(index=True, description="The evidence that the message takes back.")
    at: datetime = Field(sa_type=_moment)
    body: dict[str, Any] = Field(sa_type=_json, description="An `Evidence`.")
    message: str = Field(description="The message's body to the byte.")
    signature: str | None = Field(description="The message's signature; None where the broker has no users.")


class UnscoredRow(_Table, table=True):
    """A submission that scoring has parked."""

    __tablename__ = "unscored"

    sequence: int = Field(primary_key=True, sa_type=_big, description="Its number in the stream SUBMISSIONS.")
    reason: str
    at: datetime = Field(sa_type=_moment)
    scored_at: datetime | None = Field(default=None, sa_type=_moment, description="When it was replayed.")


class RefusalRow(_Table, table=True):
    """A refusal; the refused submission stands in the stream REFUSALS for a year."""

    __tablename__ = "refusal"
    __table_args__: ClassVar[Any] = (Index("refusal_agency", "agency", "sequence"), {"schema": SCHEMA})

    id: UUID = Field(primary_key=True)
    sequence: int = Field(sa_type=_big, index=True)
    agency: str
    received_at: datetime = Field(sa_type=_moment)
    problem: dict[str, Any] = Field(sa_type=_json)


class ProblemRow(_Table, table=True):
    """A difficulty that a unit reported."""

    __tablename__ = "problem"

    id: UUID = Field(primary_key=True)
    unit: int = Field(index=True, description="The unit's surrogate key.")
    criterion: str | None
    reported_at: datetime = Field(sa_type=_moment)


class ProblemEventRow(_Table, table=True):
    """The report of a difficulty, or an answer to it."""

    __tablename__ = "problem_event"
    __table_args__: ClassVar[Any] = (Index("problem_event_problem", "problem", "at"), {"schema": SCHEMA})

    id: UUID = Field(primary_key=True)
    problem: UUID
    at: datetime = Field(sa_type=_moment)
    body: dict[str, Any] = Field(sa_type=_json, description="A `DifficultyLogged`.")


class DossierStepRow(_Table, table=True):
    """A step of a dossier of recognition."""

    __tablename__ = "dossier_step"
    __table_args__: ClassVar[Any] = (Index("dossier_step_unit", "unit", "sequence"), {"schema": SCHEMA})

    id: UUID = Field(primary_key=True)
    sequence: int = Field(sa_type=_big, description="Its number in the stream STATUS.")
    unit: int = Field(description="The commune's surrogate key.")
    criteria_set: str
    at: datetime = Field(sa_type=_moment)
    body: dict[str, Any] = Field(sa_type=_json, description="A `DossierLogged`.")


class ParkedRow(ParkedColumns, table=True):
    """Messages that could not be projected."""

    __tablename__ = "parked"
    __table_args__: ClassVar[Any] = {"schema": SCHEMA}
