"""The event that a coordinator silenced alerts for others: those who will not hear of them are told so."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from pydantic import AwareDatetime, BaseModel

from shared.contracts.refs import UnitRef
from shared.reference.models import Match


class SilenceEvent(StrEnum):
    """The event. Readers of notify's API get it as `changed`, since the released list of events is closed."""

    GIVEN = "silence_given"


class SilenceGiven(BaseModel):
    """A silence for others than its author's own offices; `recipient` alone is silenced where it is given."""

    id: UUID
    at: AwareDatetime
    unit: UnitRef
    silence: UUID
    match: Match
    recipient: str | None = None
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    reason: str
    author: str
    sample: bool = False
