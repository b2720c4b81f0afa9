"""`GET /v1/communes/{code}`: everything about one commune."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Literal

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
from shared.reference.load import Plans, Reference
from shared.reference.models import CriterionKey, Element, Succession, Unit
from shared.reference.naming import not_on_that_day
from shared.reference.refs import unit_ref

router = APIRouter(prefix="/v1")

_DAY = timedelta(days=1)


class ChangeItem(BaseModel):
    """A change as it was published."""

    topic: str
    event: str
    before: Status
    after: Status
    on: date
    reason: Bilingual


class CountedElement(BaseModel):
    """A thing that is counted for criteria of the commune."""

    code: str
    name: Bilingual
    type: Literal["count", "amount", "yes_no"]
    unit: Bilingual
    minimum: float
    maximum: float
    criteria: list[str] = Field(description="Those of the commune's criteria that are judged by it.")


class Related(BaseModel):
    """A unit from which the commune was made, or into which it went, wholly or in part."""

    unit: UnitRef
    direction: Literal["from", "into"]
    on: date = Field(description="The first day of the new unit, or of the unit as it has been since.")
    whole: bool = Field(description="Whether the former unit went into the other wholly.")
    shown_at: date | None = Field(description="The `as_of` at which the unit is shown as a commune; none: it never is.")


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
    related: list[Related] = Field(description="The commune's history, by date: what it was made from, what it became.")
    elements: list[CountedElement] = Field(description="What is counted for `statuses`, in the order of the criteria.")
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
    if unit is None:
        raise Problem(Problems.NOT_FOUND, not_on_that_day("/code", code, reference.units, on))
    if unit.kind not in reference.plan.counted_kinds:
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
        related=_related(unit, runtime.plans, on, runtime.clock.today()),
        elements=_elements(reference.criteria_of(unit, on), reference),
        changes=[change_item(row) for row in changes.items if row.on <= on],
        unreadable=[row.number for row in changes.damaged],
        sample=reference.plan.sample,
    )


def _related(unit: Unit, plans: Plans, on: date, today: date) -> list[Related]:
    """Return what the unit was made from and what it has become by today, in order of date."""
    reference, first = plans.in_force(on), plans.references[0].plan.baseline_date

    def related(direction: Literal["from", "into"], succession: Succession, other: Unit, ended: Unit) -> Related:
        shown = other.last_day(today)
        is_shown = other.kind in reference.plan.counted_kinds and first <= shown and other.is_valid(shown)
        return Related(
            unit=unit_ref(other),
            direction=direction,
            on=ended.last_day(today) + _DAY,
            whole=succession.relation == "whole",
            shown_at=shown if is_shown else None,
        )

    found = [related("from", how, former, former) for how, former in reference.units.predecessors(unit)]
    found += [related("into", how, later, unit) for how, later in reference.units.successors(unit)]
    return sorted((each for each in found if each.on <= today), key=lambda each: each.on)


def _elements(criteria: Sequence[CriterionKey], reference: Reference) -> list[CountedElement]:
    behind: dict[str, list[str]] = {}
    for key in criteria:
        for code in reference.criterion(key).element_codes:
            behind.setdefault(code, []).append(key)
    return [_element(reference.elements[code], keys) for code, keys in behind.items()]


def _element(element: Element, criteria: list[str]) -> CountedElement:
    return CountedElement(
        code=element.code,
        name=element.name,
        type=element.type,
        unit=element.unit,
        minimum=float(element.minimum),
        maximum=float(element.maximum),
        criteria=criteria,
    )
