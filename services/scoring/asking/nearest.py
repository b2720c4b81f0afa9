"""`GET /v1/nearest`: the communes nearest to meeting a criterion, by how much they lack."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from services.scoring.asking.parameters import check_one_of
from services.scoring.asking.scenario import Scenario, figures_of_families
from services.scoring.asking.units import InCohort, InDistrict, Searched, cohorts_of, communes_of, district_of
from services.scoring.asking.work_slots import SLOTS
from services.scoring.judging.assessments import explain_criterion
from services.scoring.judging.figures import Figures
from services.scoring.judging.judge import CriterionVerdict, Judge, MeasureVerdict
from services.scoring.judging.reasons import UNITS
from services.scoring.texts import phrase
from shared.contracts.bilingual import Bilingual
from shared.contracts.refs import CriterionRef, UnitRef
from shared.contracts.status import Status
from shared.http.dependencies import Running, SignedIn
from shared.http.paging import Cursor, Limit, decode_cursor, encode_cursor
from shared.reference.load import Reference
from shared.reference.models import CriterionKey, Unit
from shared.reference.refs import criterion_ref, unit_ref

router = APIRouter(prefix="/v1")

_ITEMS = phrase("nearest.items")


class Lacking(BaseModel):
    """A part of the criterion that the commune does not meet. Numbers are in `measured_in`."""

    indicator: str
    name: Bilingual
    group: str | None
    measured_in: str
    value: float
    goal: float
    gap: float = Field(description="From the value to the goal.")
    missing: int = Field(
        description="Households, workers or other things that the commune lacks; a yes/no item counts as one."
    )
    missing_unit: Bilingual


class NearItem(BaseModel):
    """A commune that does not meet the criterion, and what it lacks."""

    unit: UnitRef
    district: UnitRef | None
    cohorts: list[str]
    bound: bool = Field(description="A cohort of the plan holds the commune to the criterion.")
    status: Status
    missing: int = Field(description="The number that the commune lacks in all; the list is in this order.")
    parts: list[Lacking]
    provisional: bool
    reason: Bilingual


class NearestPage(BaseModel):
    """Communes, those that lack the least first; `next` is the cursor of the following page."""

    on: date
    criterion: CriterionRef
    items: list[NearItem]
    next: str | None
    lacking: int = Field(description="Communes that do not meet it, on all pages.")
    met: int = Field(description="Communes that meet it.")
    no_data: int = Field(description="Communes of which some figures are missing; they are in no list.")
    sample: bool


@dataclass(frozen=True, slots=True)
class Ranking:
    """Communes judged by a criterion: those that lack something, the least first, and the numbers of the others."""

    lacking: list[tuple[int, Unit, CriterionVerdict]]
    met: int
    no_data: int


def rank(judge: Judge, communes: Iterable[Unit], criterion: CriterionKey, figures: Mapping[int, Figures]) -> Ranking:
    """Rank the communes by the number that lacks, equals by code. Communes without all figures are only counted."""
    lacking: list[tuple[int, Unit, CriterionVerdict]] = []
    met = no_data = 0
    for unit in communes:
        judged = judge.criterion(criterion, unit, figures.get(unit.key, Figures()))
        missing = [_missing(part) for part in judged.parts]
        if None in missing:
            no_data += 1
        elif total := sum(count or 0 for count in missing):
            lacking.append((total, unit, judged))
        else:
            met += 1
    return Ranking(sorted(lacking, key=lambda ranked: (ranked[0], ranked[1].code)), met, no_data)


def page_of(judge: Judge, ranking: Ranking, criterion: CriterionKey, after: tuple[int, str], limit: int) -> NearestPage:
    """Return the page of up to `limit` communes behind a place in the ranking: the number that lacks, and the code."""
    following = [ranked for ranked in ranking.lacking if (ranked[0], ranked[1].code) > after]
    page = following[:limit]
    last = page[-1] if len(following) > limit else None
    return NearestPage(
        on=judge.on,
        criterion=criterion_ref(criterion, judge.reference),
        items=[_item(missing, unit, judged, criterion, judge.reference) for missing, unit, judged in page],
        next=encode_cursor(last[0], last[1].code) if last else None,
        lacking=len(ranking.lacking),
        met=ranking.met,
        no_data=ranking.no_data,
        sample=judge.reference.plan.sample,
    )


def _item(
    missing: int, unit: Unit, judged: CriterionVerdict, criterion: CriterionKey, reference: Reference
) -> NearItem:
    assessment = explain_criterion(judged)
    return NearItem(
        unit=unit_ref(unit),
        district=district_of(unit, reference),
        cohorts=cohorts_of(unit, reference),
        bound=reference.binds(unit, criterion),
        status=judged.status,
        missing=missing,
        parts=[lacking for part in judged.parts if (lacking := _lacking(part))],
        provisional=assessment.provisional,
        reason=assessment.reason,
    )


def _missing(part: MeasureVerdict) -> int | None:
    """Return how many households, workers, million dong or items lack; None where there is no figure."""
    goal = part.verdict.goal
    return None if goal is None else part.verdict.lacking(goal)


def _lacking(part: MeasureVerdict) -> Lacking | None:
    missing, newest, goal, gap = _missing(part), part.verdict.observation, part.verdict.goal, part.verdict.short
    if not missing or newest is None or goal is None or gap is None:
        return None
    indicator = part.measure.indicator
    return Lacking(
        indicator=indicator.number,
        name=indicator.name,
        group=part.measure.group.group,
        measured_in=indicator.measured_in,
        value=float(newest.value),
        goal=float(goal),
        gap=float(gap),
        missing=missing,
        missing_unit=indicator.counted or UNITS.get(indicator.measured_in, _ITEMS),
    )


@router.get("/nearest")
async def list_nearest(
    runtime: Running,
    caller: SignedIn,
    criterion: Annotated[str, Query(description="Such as `ntm-11`.")],
    district: InDistrict = None,
    cohort: InCohort = None,
    searched: Searched = None,
    bound: Annotated[bool, Query(description="Only communes that a cohort holds to the criterion.")] = False,
    cursor: Cursor = None,
    limit: Limit = 10,
) -> NearestPage:
    """List the communes that do not meet a criterion; those that lack the fewest things come first."""
    reference, on = runtime.reference, runtime.clock.today()
    check_one_of("criterion", criterion, (each.key(number) for each in reference.plan_sets for number in each.criteria))
    communes = [
        unit
        for unit in communes_of(reference, caller, district, on, cohort, searched).values()
        if not bound or reference.binds(unit, criterion)
    ]
    after = decode_cursor(cursor, lambda missing, code: (int(missing), code)) or (0, "")
    async with SLOTS.taken():
        async with runtime.engine.connect() as connection:
            units, elements = [unit.key for unit in communes], reference.sum_checks.elements_behind(criterion)
            figures = await figures_of_families(connection, units, reference, elements=elements)
        judge = Judge(reference, on)

        def answer() -> NearestPage:
            ranking = rank(judge, communes, criterion, Scenario.of(judge, figures).figures)
            return page_of(judge, ranking, criterion, after=after, limit=limit)

        return await asyncio.to_thread(answer)
