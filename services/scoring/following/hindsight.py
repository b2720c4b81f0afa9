"""Counts of communes by status at past days, judged by all figures that are known now, and kept until these change."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import batched
from math import inf
from operator import attrgetter
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncEngine

from services.scoring.following.counts import Cell, Counts, District, by_district
from services.scoring.judging.figures import Figures, in_hindsight
from services.scoring.judging.inheritance import with_inherited
from services.scoring.judging.judge import Judge
from services.scoring.storage.figure_versions import figure_versions, state_version
from services.scoring.storage.readings import readings_of
from shared.contracts.status import Status
from shared.http.work_slots import WorkSlots
from shared.reference.load import Plans, Reference
from shared.reference.models import CriterionKey, Unit

_WAIT_SECONDS = 2
"""So long a question waits for counts that are being made; a small province's are there by then."""

_LOOK_SECONDS = 5
"""The time between two looks for new figures. Whoever asks again soon gets counts, however many figures come in."""

_UNITS_AT_ONCE = 50
_DAYS_KEPT = 60

type _Courses = defaultdict[tuple[CriterionKey, str | None], Counter[tuple[Status | None, ...]]]
"""By criterion and cohort: how many communes have had which status on each of the days; None: it did not count then."""


class Progress(NamedTuple):
    """How far the counts are: of so many districts on all days asked for, those that are counted."""

    counted: int
    asked: int


@dataclass(frozen=True, slots=True)
class _Day:
    on: date
    reference: Reference
    communes: Mapping[District, Sequence[Unit]]
    counts: dict[District, Counts] = field(default_factory=dict)
    """Of the districts that are counted by the figures known now."""

    @property
    def uncounted(self) -> Collection[District]:
        return self.communes.keys() - self.counts.keys()


class HindsightCounts:
    """Counts by day and district. Where figures come in, or are taken back, their districts are judged again.

    One task of the process judges, in threads; what asks meanwhile waits a little and hears how far it is.
    """

    def __init__(self, engine: AsyncEngine, look_seconds: float = _LOOK_SECONDS) -> None:
        self._engine = engine
        self._look_seconds = look_seconds
        self._days: dict[date, _Day] = {}
        self._table = 0
        self._versions: Mapping[int, int] = {}
        self._looked_at = -inf
        self._work: asyncio.Task[None] | None = None
        self._beginning = asyncio.Lock()

    async def ask(
        self, plans: Plans, days: Sequence[date], slots: WorkSlots
    ) -> list[Mapping[District, Counts]] | Progress:
        """Return the counts at each of the days, or how far they are. `slots`: those in which it may judge."""
        async with self._beginning:
            if self._work is None:
                await self._look()
                asked = await asyncio.to_thread(self._prepared, plans, days)
                if any(day.uncounted for day in asked):
                    self._work = asyncio.create_task(self._count(asked, slots))
            else:  # the days that another question asks for come after it
                asked = await asyncio.to_thread(self._prepared, plans, days)
            work = self._work
        if work is not None:
            await asyncio.wait({work}, timeout=_WAIT_SECONDS)
            if work.done():
                work.result()
        if any(day.uncounted for day in asked):
            return Progress(sum(len(day.counts) for day in asked), sum(len(day.communes) for day in asked))
        return [{district: day.counts[district] for district in day.communes} for day in asked]

    async def end(self) -> None:
        """Give up what is being counted."""
        if self._work is not None:
            self._work.cancel()
            await asyncio.wait({self._work})

    async def _look(self) -> None:
        """Forget the counts of districts whose figures have changed; only while nothing is being counted."""
        now = asyncio.get_running_loop().time()
        if now - self._looked_at < self._look_seconds:
            return
        async with self._engine.connect() as connection:
            table = (await state_version(connection)).table
            versions = await figure_versions(connection)
        if table != self._table:
            self._days.clear()
        elif changed := dict(versions.items() - self._versions.items()):
            await asyncio.to_thread(self._forget, changed.keys())
        self._table, self._versions, self._looked_at = table, versions, now

    def _forget(self, changed: Collection[int]) -> None:
        for day in self._days.values():
            kin = set(day.reference.lineage.families(changed))
            for district, communes in day.communes.items():
                if any(unit.key in kin for unit in communes):
                    day.counts.pop(district, None)

    def _prepared(self, plans: Plans, days: Sequence[date]) -> list[_Day]:
        """Return the days as they are kept, new ones uncounted; the days asked for least recently make room."""
        asked = []
        for on in days:
            day, reference = self._days.pop(on, None), plans.in_force(on)
            if day is None or day.reference is not reference:
                day = _Day(on, reference, by_district(reference, on))
            self._days[on] = day
            asked.append(day)
        for on in list(self._days)[: max(0, len(self._days) - max(_DAYS_KEPT, len(days)))]:
            del self._days[on]
        return asked

    async def _count(self, days: Sequence[_Day], slots: WorkSlots) -> None:
        """Count what is not yet counted, a district at a time on all days: its figures are read once for each plan."""
        try:
            of_district: defaultdict[tuple[int, District], list[_Day]] = defaultdict(list)
            for day in days:
                for district in day.uncounted:
                    of_district[id(day.reference), district].append(day)
            for (_, district), uncounted in of_district.items():
                async with slots.at_work():
                    await self._count_district(district, sorted(uncounted, key=attrgetter("on")))
        finally:
            self._looked_at = asyncio.get_running_loop().time()
            self._work = None

    async def _count_district(self, district: District, days: Sequence[_Day]) -> None:
        reference = days[0].reference
        courses: _Courses = defaultdict(Counter)
        units = sorted({unit.key for day in days for unit in day.communes[district]})
        async with self._engine.connect() as connection:
            for some in batched(units, _UNITS_AT_ONCE):
                readings = await readings_of(connection, reference.lineage.families(some), reference.plan.horizon)
                await asyncio.to_thread(_add, courses, days, district, set(some), readings)
        for day, counted in zip(days, _on_days(courses, len(days)), strict=True):
            day.counts[district] = counted


def _add(
    courses: _Courses,
    days: Sequence[_Day],
    district: District,
    units: Collection[int],
    readings: Mapping[int, Figures],
) -> None:
    """Judge some communes of a district on each of the days, which are in order, and count their courses."""
    reference, ons = days[0].reference, [day.on for day in days]
    known, judge = with_inherited(readings, reference), Judge(reference, ons[-1])
    present = [{unit.key for unit in day.communes[district]} for day in days]
    in_force = {key: [reference.time_of(key)[0] <= on for on in ons] for key in reference.criterion_keys}
    for unit in sorted(map(reference.units.by_key, units), key=attrgetter("code")):
        figures = in_hindsight(known.get(unit.key, Figures()))
        is_there = [unit.key in communes for communes in present]
        cohorts = (None, *(cohort.id for cohort in reference.cohorts_of(unit)))
        for criterion in reference.criteria_of(unit):
            statuses = judge.criterion_through(criterion, unit, figures, ons)
            counts = zip(statuses, is_there, in_force[criterion], strict=True)
            course = tuple([status if here and now else None for status, here, now in counts])
            for cohort in cohorts:
                courses[criterion, cohort][course] += 1


def _on_days(courses: _Courses, days: int) -> Sequence[Counts]:
    """Return the communes on each of the days by cell and status, from how many have had the same course."""
    on_days: list[defaultdict[Cell, Counter[Status]]] = [defaultdict(Counter) for _ in range(days)]
    for (criterion, cohort), counted in courses.items():
        cell = Cell(criterion, cohort)
        for course, number in counted.items():
            for summed, status in zip(on_days, course, strict=True):
                if status is not None:
                    summed[cell][status] += number
    return on_days
