"""`GET /v1/communes/{code}`: everything about one commune."""

from __future__ import annotations

from datetime import date

from fastapi import APIRouter
from pydantic import BaseModel, Field

from services.scoring.asking.as_of import AsOf, day_of, figures_at, figures_today, figures_when_closed
from services.scoring.asking.recognitions import recognitions_at
from services.scoring.asking.statuses import StatusItem, status_item, status_item_then
from services.scoring.asking.units import cohorts_of, communes_of, district_of
from services.scoring.judging.figures import Figures
from services.scoring.judging.groups import groups_of
from services.scoring.judging.inheritance import NotInherited, not_inherited
from services.scoring.judging.judge import Judge
from services.scoring.storage.changes import StoredChange, changes_of_unit
from services.scoring.storage.statuses import statuses_of
from shared.contracts.bilingual import Bilingual
from shared.contracts.recognition import GroupMembership, Recognition
from shared.contracts.refs import UnitRef
from shared.contracts.status import Status
from shared.http.dependencies import Running, SignedIn
from shared.problems import Fault, Faults, Problem, Problems, no_such_unit
from shared.reference.refs import unit_ref

router = APIRouter(prefix="/v1")


class ChangeItem(BaseModel):
    """A change as it was published."""

    topic: str
    event: str
    before: Status
    after: Status
    on: date
    reason: Bilingual


class CommuneView(BaseModel):
    """Everything about one commune."""

    as_of: date
    unit: UnitRef
    district: UnitRef | None
    cohorts: list[str]
    statuses: list[StatusItem]
    recognitions: list[Recognition]
    groups: list[GroupMembership] = Field(
        description="The groups of communes of which a decision names it, also where a recognition has ended that."
    )
    not_inherited: list[NotInherited] = Field(
        description="Figures of the units that the commune was made from, which say nothing about the commune itself."
    )
    changes: list[ChangeItem]
    unreadable: list[int] = Field(default=[], description="The numbers of changes whose stored content is damaged.")
    sample: bool


def change_item(row: StoredChange) -> ChangeItem:
    """Return a published change, from its row."""
    return ChangeItem(
        topic=row.topic,
        event=row.event,
        before=row.before,
        after=row.after,
        on=row.on,
        reason=row.reason,
    )


@router.get("/communes/{code}")
async def show_commune(code: str, runtime: Running, caller: SignedIn, as_of: AsOf = None) -> CommuneView:
    """Show a commune: its criteria with their reasons, its cohorts and its latest changes."""
    on = day_of(as_of, runtime)
    reference = runtime.plans.in_force(on)
    communes = communes_of(reference, caller, None, on)
    unit = reference.units.find(code, on)
    if unit is None or unit.kind not in reference.plan.counted_kinds:
        raise no_such_unit("/code", code)
    if unit.key not in communes:
        raise Problem(Problems.OUT_OF_SCOPE, Fault("/code", Faults.OUTSIDE_UNITS, {"value": code}))
    judge = Judge(reference, on)
    async with runtime.engine.connect() as connection:
        rows = {} if as_of else await statuses_of(connection, [unit.key])
        if as_of:
            known, actual = await figures_at(connection, [unit.key], reference, on)
        else:
            known, actual = await figures_today(connection, [unit.key], reference), {}
        final = None if as_of else await figures_when_closed(connection, [unit.key], reference, on)
        recognised = await recognitions_at(connection, {unit.key: unit}, judge, as_of)
        changes = await changes_of_unit(connection, unit.key, limit=200)
    own_final = None if final is None else final.get(unit.key, Figures())
    own_known, own_actual = known.get(unit.key, Figures()), actual.get(unit.key, Figures())
    return CommuneView(
        as_of=on,
        unit=unit_ref(unit),
        district=district_of(unit, reference),
        cohorts=cohorts_of(unit, reference),
        statuses=[
            status_item_then(judge, unit, key, own_known, own_actual)
            if as_of
            else status_item(judge, unit, key, own_known, rows.get((unit.key, key)), own_final)
            for key in reference.criteria_of(unit, on)
        ],
        recognitions=recognised[unit.key],
        groups=groups_of(unit, reference, recognised[unit.key], on),
        not_inherited=not_inherited(unit, known, reference),
        changes=[change_item(row) for row in changes.items if row.on <= on],
        unreadable=[row.number for row in changes.damaged],
        sample=reference.plan.sample,
    )
