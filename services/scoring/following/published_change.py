"""A published change as lists and live pages show it."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from services.scoring.storage.changes import NumberedChange
from shared.contracts.bilingual import Bilingual
from shared.contracts.refs import CommitmentRef, CriterionRef, UnitRef
from shared.contracts.status import Event, Status
from shared.contracts.verdict_change import Cause, ContradictionChange
from shared.readable import read_or_none


class PublishedChange(BaseModel):
    """A change of a commune's criterion, or of a commitment of a district or the province.

    It is the message of that id on NATS and in webhooks, without the parts of its verdict.
    """

    number: int = Field(description="Its place in the order of all changes.")
    id: UUID
    kind: Literal["status", "target"]
    event: Event
    before: Status
    after: Status
    on: date = Field(description="The day judged at, in the province's time.")
    at: AwareDatetime = Field(description="The moment at which scoring found it.")
    unit: UnitRef
    district: UnitRef | None = None
    criterion: CriterionRef | None = Field(default=None, description="Of a commune.")
    commitment: CommitmentRef | None = Field(default=None, description="Of a district or the province.")
    cohorts: list[str] = Field(default=[], description="The plan's cohorts that the commune is in.")
    reason: Bilingual
    cause: Cause | None = Field(default=None, description="None in changes of earlier versions.")
    contradiction: ContradictionChange | None = None
    plan: str | None = None
    submission: UUID | None = Field(
        default=None, description="The receipt that caused it (`GET /v1/submissions/{id}` of intake); none: time did."
    )
    sample: bool = False


def published(row: NumberedChange) -> PublishedChange | None:
    """Return the change of a row; None where what is stored is damaged."""
    body: dict[str, Any] = row.body if isinstance(row.body, dict) else {}
    return read_or_none(PublishedChange, {**body, "number": row.number, "reason": row.reason})
