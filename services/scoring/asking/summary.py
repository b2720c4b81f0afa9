"""`GET /v1/summary`: how many communes stand where, by district, criterion and cohort, on a day and by month."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from services.scoring.asking.as_of import Months, day_of, days_until
from services.scoring.asking.changes import scoring_of
from services.scoring.asking.kept_answer import reply_with
from services.scoring.asking.work_slots import SLOTS
from services.scoring.following.counts import Cell, Counts, District
from services.scoring.following.hindsight import Progress
from shared.access.caller import Caller
from shared.contracts.bilingual import Bilingual
from shared.contracts.refs import CriterionRef, UnitRef
from shared.contracts.status import Status
from shared.http.dependencies import Running, SignedIn
from shared.reference.load import Reference
from shared.reference.refs import criterion_ref, unit_ref

router = APIRouter(prefix="/v1")

_AGAIN_SECONDS = "2"

type Known = Literal["then", "now"]


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
    """The communes by status at the end of a day."""

    on: date
    plan: str = Field(description="The plan in force on that day, by which they were judged.")
    districts: list[DistrictCount]


class Summary(BaseModel):
    """Counts for maps, matrices and sliders, of the districts that the key covers wholly."""

    as_of: date
    known: Known
    criteria: list[CriterionRef]
    cohorts: list[CohortRef]
    days: list[DayCount] = Field(description="`as_of`, or with `months` the ends of months until then and `as_of`.")
    sample: bool


class BeingCounted(BaseModel):
    """Counts by all that is known now are being made: how far they are. Ask again after `Retry-After`."""

    as_of: date
    counted: int = Field(description="The districts that are counted, each once for every day asked for.")
    asked: int = Field(description="All that are to be counted.")


@router.get(
    "/summary",
    response_model=Summary,
    responses={
        202: {
            "model": BeingCounted,
            "description": "With `known=now`: the counts are being made.",
            "headers": {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "string"}}},
        }
    },
)
async def summarise(
    request: Request,
    runtime: Running,
    caller: SignedIn,
    as_of: Annotated[date | None, Query(description="The day, by default today.")] = None,
    months: Months = False,
    known: Annotated[
        Known,
        Query(
            description="`then`: by the statuses that had been published by the end of each day. `now`: judged by all "
            "figures known now, as `actual` of `/v1/statuses?as_of=`; up to 5 seconds old. Where they are still being "
            "counted the answer is 202."
        ),
    ] = "then",
) -> Response:
    """Count the communes by district, criterion, cohort and status, at the end of a day and of the months before."""
    on, scoring = day_of(as_of, runtime), scoring_of(request)
    plans, reference = runtime.plans, runtime.plans.in_force(on)
    days = days_until(on, reference, months)

    def listed(counts: Iterable[Iterable[tuple[District, Counts]]]) -> list[DayCount]:
        return [_day_count(each, plans.in_force(day), day, caller) for day, each in zip(days, counts, strict=True)]

    def summed(counted: list[DayCount]) -> Summary:
        return Summary(
            as_of=on,
            known=known,
            criteria=[criterion_ref(key, reference) for key in reference.criterion_keys],
            cohorts=[CohortRef(id=cohort.id, name=cohort.name) for cohort in reference.plan.cohorts],
            days=counted,
            sample=reference.plan.sample,
        )

    if known == "now":
        found = await scoring.hindsight.ask(plans, days, SLOTS)
        if isinstance(found, Progress):
            progress = BeingCounted(as_of=on, counted=found.counted, asked=found.asked)
            return JSONResponse(progress.model_dump(mode="json"), 202, {"Retry-After": _AGAIN_SECONDS})

        async def by_figures() -> Summary:
            return summed(await asyncio.to_thread(listed, [each.items() for each in found]))

        return await reply_with(request, caller, (plans, on, found), by_figures)

    async def as_published() -> Summary:
        return summed(
            await scoring.statuses.ask(
                plans, lambda history: listed(history.counts(plans.in_force(day), day) for day in days)
            )
        )

    return await reply_with(request, caller, (plans, on, await scoring.changes.newest()), as_published)


def _day_count(
    counts_by_district: Iterable[tuple[District, Counts]], reference: Reference, on: date, caller: Caller
) -> DayCount:
    districts = []
    for key, counts in counts_by_district:
        unit = None if key is None else reference.units.by_key(key)
        is_covered = caller.covers_unit(unit, reference.units) if unit else reference.plan.unit in caller.units
        if is_covered:
            cells = [_cell(cell, statuses) for cell, statuses in counts.items()]
            communes = max((sum(statuses.values()) for statuses in counts.values()), default=0)
            districts.append(DistrictCount(district=unit and unit_ref(unit), communes=communes, cells=cells))
    return DayCount(on=on, plan=reference.plan.id, districts=districts)


def _cell(cell: Cell, statuses: Mapping[Status, int]) -> CellCount:
    return CellCount(criterion=cell.criterion, cohort=cell.cohort, statuses=dict(statuses))
