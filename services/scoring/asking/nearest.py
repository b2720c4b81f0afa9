"""`GET /v1/nearest`: the communes nearest to meeting a criterion, by how much they lack."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Annotated, cast

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.asking.as_of import figures_today
from services.scoring.asking.changes import scoring_of
from services.scoring.asking.kept_answer import figures_version, reply_with
from services.scoring.asking.parameters import check_one_of
from services.scoring.asking.units import InCohort, InDistrict, Searched, cohorts_of, communes_of
from services.scoring.asking.units import district_of as district_ref_of
from services.scoring.asking.work_slots import SLOTS
from services.scoring.following.counts import District, by_district, district_of
from services.scoring.following.kept_parts import PartName, Question
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


type Missing = Mapping[int, int | None]
"""By commune: the number that it lacks; None where some figures are missing."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """Communes by what they lack to a criterion: those that lack something, the least first; how many others there are.

    Equals stand by code. Communes without all figures are only counted.
    """

    lacking: Sequence[tuple[int, Unit]]
    met: int
    no_data: int

    @classmethod
    def of(cls, communes: Iterable[Unit], missing: Missing) -> Ranking:
        """Rank the communes."""
        numbers = [(missing[unit.key], unit) for unit in communes]
        lacking = [(number, unit) for number, unit in numbers if number]
        return cls(
            lacking=sorted(lacking, key=lambda ranked: (ranked[0], ranked[1].code)),
            met=sum(number == 0 for number, _ in numbers),
            no_data=sum(number is None for number, _ in numbers),
        )

    def behind(self, after: tuple[int, str]) -> Sequence[tuple[int, Unit]]:
        """Return those behind a place: the number that lacks, and the code."""
        return [ranked for ranked in self.lacking if (ranked[0], ranked[1].code) > after]


def missing_of(
    judge: Judge, communes: Iterable[Unit], criterion: CriterionKey, figures: Mapping[int, Figures]
) -> Missing:
    """Return how much each commune lacks to the criterion."""
    return {unit.key: _missing_in_all(judge.parts(criterion, unit, _of(unit, figures))) for unit in communes}


@dataclass(frozen=True)
class LackingCommunes(Question[Missing, Missing]):
    """The communes of the province by district, each with what it lacks to a criterion."""

    judge: Judge
    criterion: CriterionKey

    @property
    def key(self) -> Hashable:
        """The criterion and the day."""
        return "nearest", self.criterion, self.judge.on

    @property
    def references(self) -> Sequence[Reference]:
        """That of the day."""
        return [self.judge.reference]

    @cached_property
    def _communes(self) -> Mapping[District, Sequence[Unit]]:
        return by_district(self.judge.reference, self.judge.on)

    def units_by_part(self) -> Mapping[PartName, Collection[int]]:
        """Return the communes of each district, and their kin."""
        lineage = self.judge.reference.lineage
        return {name: lineage.families([unit.key for unit in units]) for name, units in self._communes.items()}

    async def part(self, connection: AsyncConnection, name: PartName, units: Collection[int]) -> Missing:
        """Judge the communes of a district."""
        figures = await _figures(connection, units, self.judge, self.criterion)
        communes = self._communes[cast(District, name)]
        return await asyncio.to_thread(missing_of, self.judge, communes, self.criterion, figures)

    def answer(self, parts: Sequence[Missing]) -> Missing:
        """Put the districts together."""
        return {unit: number for part in parts for unit, number in part.items()}


async def _figures(
    connection: AsyncConnection, units: Collection[int], judge: Judge, criterion: CriterionKey
) -> Mapping[int, Figures]:
    elements = judge.reference.sum_checks.elements_behind(criterion)
    return await figures_today(connection, units, judge.reference, elements)


def _of(unit: Unit, figures: Mapping[int, Figures]) -> Figures:
    return figures.get(unit.key, Figures())


def page_of(
    judge: Judge,
    ranking: Ranking,
    criterion: CriterionKey,
    figures: Mapping[int, Figures],
    *,
    after: tuple[int, str],
    limit: int,
) -> NearestPage:
    """Return the page of up to `limit` communes behind a place. `figures`: of those on the page."""
    following = ranking.behind(after)
    page, reference = following[:limit], judge.reference
    return NearestPage(
        on=judge.on,
        criterion=criterion_ref(criterion, reference),
        items=[
            _item(missing, unit, judge.criterion(criterion, unit, _of(unit, figures)), criterion, reference)
            for missing, unit in page
        ],
        next=encode_cursor(page[-1][0], page[-1][1].code) if len(following) > limit else None,
        lacking=len(ranking.lacking),
        met=ranking.met,
        no_data=ranking.no_data,
        sample=reference.plan.sample,
    )


def _item(
    missing: int, unit: Unit, judged: CriterionVerdict, criterion: CriterionKey, reference: Reference
) -> NearItem:
    assessment = explain_criterion(judged)
    return NearItem(
        unit=unit_ref(unit),
        district=district_ref_of(unit, reference),
        cohorts=cohorts_of(unit, reference),
        bound=reference.binds(unit, criterion),
        status=judged.status,
        missing=missing,
        parts=[lacking for part in judged.parts if (lacking := _lacking(part))],
        provisional=assessment.provisional,
        reason=assessment.reason,
    )


def _missing_in_all(parts: Iterable[MeasureVerdict]) -> int | None:
    """Return how much lacks in all; None where some figures are missing."""
    missing = [_missing(part) for part in parts]
    return None if None in missing else sum(count or 0 for count in missing)


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


@router.get("/nearest", response_model=NearestPage)
async def list_nearest(
    request: Request,
    runtime: Running,
    caller: SignedIn,
    criterion: Annotated[str, Query(description="Such as `ntm-11`.")],
    district: InDistrict = None,
    cohort: InCohort = None,
    searched: Searched = None,
    bound: Annotated[bool, Query(description="Only communes that a cohort holds to the criterion.")] = False,
    cursor: Cursor = None,
    limit: Limit = 10,
) -> Response:
    """List the communes that do not meet a criterion; those that lack the fewest things come first."""
    reference, on = runtime.reference, runtime.clock.today()
    check_one_of("criterion", criterion, (each.key(number) for each in reference.plan_sets for number in each.criteria))
    communes = [
        unit
        for unit in communes_of(reference, caller, district, on, cohort, searched).values()
        if not bound or reference.binds(unit, criterion)
    ]
    after = decode_cursor(cursor, lambda missing, code: (int(missing), code)) or (0, "")
    judge = Judge(reference, on)

    async def made() -> NearestPage:
        districts = {district_of(unit, reference) for unit in communes}
        missing = await scoring_of(request).parts.ask(LackingCommunes(judge, criterion), SLOTS, districts)
        ranking = Ranking.of(communes, missing)
        shown = [unit.key for _, unit in ranking.behind(after)[:limit]]
        async with runtime.engine.connect() as connection:
            figures = await _figures(connection, shown, judge, criterion)
        return await asyncio.to_thread(page_of, judge, ranking, criterion, figures, after=after, limit=limit)

    return await reply_with(request, caller, (reference, on, await figures_version(request)), made)
