"""`GET /v1/summary`: how many communes stand where, by district, criterion and cohort, on a day and by month."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from services.scoring.asking.as_of import day_of
from services.scoring.asking.changes import scoring_of
from services.scoring.following.counts import Cell
from services.scoring.following.status_history import StatusHistory
from shared.access.caller import Caller
from shared.contracts.bilingual import Bilingual
from shared.contracts.refs import CriterionRef, UnitRef
from shared.contracts.status import Status
from shared.http.dependencies import Running, SignedIn
from shared.reference.load import Reference
from shared.reference.refs import criterion_ref, unit_ref

router = APIRouter(prefix="/v1")

_DAY = timedelta(days=1)


class CohortRef(BaseModel):
    """A cohort of the plan as answers name it."""

    id: str
    name: Bilingual


class CellCount(BaseModel):
    """The communes of a district, or those of one cohort among them, by the status of a criterion."""

    criterion: str
    cohort: str | None = Field(description="Of the plan's `cohorts`; none: all communes of the district.")
    statuses: dict[Status, int] = Field(description="Statuses that no commune has are left out.")


class DistrictCount(BaseModel):
    """A district's communes by status."""

    district: UnitRef | None = Field(description="None where there are no districts: all communes of the province.")
    communes: int
    cells: list[CellCount]


class DayCount(BaseModel):
    """The communes by status as it had been published by the end of a day: what was known then."""

    on: date
    plan: str = Field(description="The plan in force on that day, by which they were judged.")
    districts: list[DistrictCount]


class Summary(BaseModel):
    """Counts for maps, matrices and sliders, of the districts that the key covers wholly. Nothing is judged for it."""

    as_of: date
    criteria: list[CriterionRef]
    cohorts: list[CohortRef]
    days: list[DayCount] = Field(description="`as_of`, or with `months` the ends of months until then and `as_of`.")
    sample: bool


@router.get("/summary")
async def summarise(
    request: Request,
    runtime: Running,
    caller: SignedIn,
    as_of: Annotated[date | None, Query(description="The day, by default today.")] = None,
    months: Annotated[bool, Query(description="Also the ends of the months since the plan in force began.")] = False,
) -> Summary:
    """Count the communes by district, criterion, cohort and status, as their statuses were published by then."""
    on = day_of(as_of, runtime)
    plans, reference = runtime.plans, runtime.plans.in_force(on)
    days = [*(_month_ends(reference.plan.baseline_date, on) if months else ()), on]

    def count(history: StatusHistory) -> list[DayCount]:
        return [_day_count(history, plans.in_force(day), day, caller) for day in days]

    return Summary(
        as_of=on,
        criteria=[criterion_ref(key, reference) for key in reference.criterion_keys],
        cohorts=[CohortRef(id=cohort.id, name=cohort.name) for cohort in reference.plan.cohorts],
        days=await scoring_of(request).statuses.ask(plans, count),
        sample=reference.plan.sample,
    )


def _day_count(history: StatusHistory, reference: Reference, on: date, caller: Caller) -> DayCount:
    districts = []
    for key, counts in history.counts(reference, on):
        unit = None if key is None else reference.units.by_key(key)
        is_covered = caller.covers_unit(unit, reference.units) if unit else reference.plan.unit in caller.units
        if is_covered:
            cells = [_cell(cell, statuses) for cell, statuses in counts.items()]
            communes = max((sum(statuses.values()) for statuses in counts.values()), default=0)
            districts.append(DistrictCount(district=unit and unit_ref(unit), communes=communes, cells=cells))
    return DayCount(on=on, plan=reference.plan.id, districts=districts)


def _cell(cell: Cell, statuses: Mapping[Status, int]) -> CellCount:
    return CellCount(criterion=cell.criterion, cohort=cell.cohort, statuses=dict(statuses))


def _month_ends(after: date, before: date) -> Iterator[date]:
    """Yield the last days of the months from a day on, itself included, until another one."""
    day = after
    while day < before:
        if (day + _DAY).day == 1:
            yield day
        year, month = day.year + day.month // 12, day.month % 12 + 1
        day = date(year, month, monthrange(year, month)[1])
