"""`GET /v1/unacknowledged`: where communes and districts are behind, and nobody has acknowledged the alert."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from services.scoring.asking.changes import scoring_of
from services.scoring.storage.changes import TopicOfChange, still_behind
from shared.contracts.refs import UnitRef
from shared.contracts.status import Event
from shared.http.dependencies import Running, SignedIn
from shared.reference.models import Unit
from shared.reference.refs import unit_ref
from shared.reference.units import Units

router = APIRouter(prefix="/v1")

_ASKING = frozenset({Event.FELL_BEHIND, Event.LOST, Event.MISSED})
"""The changes whose alert asks somebody to act on what is behind; an overdue report has a list of its own."""


class UnacknowledgedAlerts(BaseModel):
    """The alerts about one district and the communes in it; of a unit without a district about that unit."""

    unit: UnitRef
    waiting: int = Field(description="The criteria and commitments that are behind, and whose newest alert waits.")
    escalated: int = Field(description="Those among them that a higher role was told, since nobody reacted in time.")
    oldest: date = Field(description="The day of the change that has waited longest.")


class UnacknowledgedList(BaseModel):
    """The districts that have not reacted, by what was told to a higher role, then by what waits, most first."""

    items: list[UnacknowledgedAlerts]
    waiting: int = Field(description="All that wait.")
    sample: bool


@router.get("/unacknowledged")
async def list_unacknowledged(runtime: Running, request: Request, caller: SignedIn) -> UnacknowledgedList:
    """Count by district what is behind today and whose alert nobody has acknowledged."""
    units = runtime.reference.units
    alerts = await scoring_of(request).alerts.now()
    covered = [unit.key for unit in units if caller.covers_unit(unit, units)]
    async with runtime.engine.connect() as connection:
        topics = await still_behind(connection, alerts.raised, covered, runtime.clock.today())
    waiting = [one for one in _newest(topics) if one.id not in alerts.acknowledged]
    by_unit: Mapping[int, list[TopicOfChange]] = defaultdict(list)
    for one in waiting:
        by_unit[_shown_at(units.by_key(one.unit), units).key].append(one)
    items = [_item(units.by_key(key), those, alerts.escalated) for key, those in by_unit.items()]
    return UnacknowledgedList(
        items=sorted(items, key=lambda one: (-one.escalated, -one.waiting, one.unit.code)),
        waiting=len(waiting),
        sample=runtime.reference.plan.sample,
    )


def _newest(topics: Sequence[TopicOfChange]) -> Sequence[TopicOfChange]:
    """Return the newest of the changes of each topic that ask somebody to act."""
    asking = sorted((one for one in topics if one.event in _ASKING), key=lambda one: one.number)
    return list({(one.unit, one.topic): one for one in asking}.values())


def _shown_at(unit: Unit, units: Units) -> Unit:
    return units.district(unit) or unit


def _item(unit: Unit, those: Sequence[TopicOfChange], escalated: Collection[UUID]) -> UnacknowledgedAlerts:
    return UnacknowledgedAlerts(
        unit=unit_ref(unit),
        waiting=len(those),
        escalated=sum(one.id in escalated for one in those),
        oldest=min(one.on for one in those),
    )
