"""The sums of a criterion's measures over communes, by district: numerators and denominators apart."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property, reduce
from typing import NamedTuple, cast

from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.asking.as_of import figures_today
from services.scoring.following.counts import District, district_of
from services.scoring.following.kept_parts import PartName, Question
from services.scoring.judging.figures import Figures, in_hindsight
from services.scoring.judging.increments import ZERO
from services.scoring.judging.judge import Judge, Newest
from shared.contracts.status import Status
from shared.reference.load import Reference
from shared.reference.models import CriterionKey, Unit

_NOTHING = Figures()


class MeasureSum(NamedTuple):
    """A measure of several communes on a day: added up over those that have figures."""

    numerator: Decimal = ZERO
    denominator: Decimal = ZERO
    scale: int | None = None
    """Of ratios: the value where the sums are equal; None where there is no ratio."""
    provisional: bool = False
    stale: bool = False
    met: int = 0
    counted: int = 0
    expected: int = 0

    def joined_with(self, other: MeasureSum) -> MeasureSum:
        """Return the sum over the communes of both."""
        return MeasureSum(
            self.numerator + other.numerator,
            self.denominator + other.denominator,
            other.scale if self.scale is None else self.scale,
            self.provisional or other.provisional,
            self.stale or other.stale,
            self.met + other.met,
            self.counted + other.counted,
            self.expected + other.expected,
        )


type SumsOnDays = list[list[MeasureSum]]
"""By day and measure; nothing on a day on which there is no commune."""


@dataclass(frozen=True)
class SumsOfCriterion(Question[SumsOnDays, SumsOnDays]):
    """The sums of a criterion's measures over the communes below a district or the province, by district."""

    criterion: CriterionKey
    place: Unit
    judges: Sequence[Judge]
    """By whom it is judged on each of the days."""

    @property
    def key(self) -> Hashable:
        """The criterion, the place and the days."""
        return "series", self.criterion, self.place.key, tuple(judge.on for judge in self.judges)

    @property
    def references(self) -> Sequence[Reference]:
        """The reference data of each day."""
        return [judge.reference for judge in self.judges]

    @cached_property
    def _communes(self) -> Mapping[District, Sequence[Sequence[Unit]]]:
        """By district: the communes on each of the days."""
        communes: defaultdict[District, list[list[Unit]]] = defaultdict(lambda: [[] for _ in self.judges])
        for number, judge in enumerate(self.judges):
            for unit in communes_below(judge, self.place):
                communes[district_of(unit, judge.reference)][number].append(unit)
        return communes

    def units_by_part(self) -> Mapping[PartName, Collection[int]]:
        """Return the communes of each district, and their kin."""
        lineage = self.judges[-1].reference.lineage
        return {district: lineage.families(_keys(on_days)) for district, on_days in self._communes.items()}

    async def part(self, connection: AsyncConnection, name: PartName, units: Collection[int]) -> SumsOnDays:
        """Add up a district."""
        figures = await figures_in_hindsight(connection, units, self.judges, self.criterion)
        return await asyncio.to_thread(self._summed, self._communes[cast(District, name)], figures)

    def _summed(self, on_days: Sequence[Sequence[Unit]], figures: Mapping[int, Figures]) -> SumsOnDays:
        parts: list[list[Sequence[Newest]]] = [[] for _ in self.judges]
        days_of: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
        for number, (judge, communes) in enumerate(zip(self.judges, on_days, strict=True)):
            for unit in communes:
                days_of[id(judge.reference), unit.key].append(number)
        for (_, key), numbers in days_of.items():
            judge, days = self.judges[numbers[0]], [self.judges[number].on for number in numbers]
            unit = judge.reference.units.by_key(key)
            through = judge.newest_through(self.criterion, unit, figures.get(key, _NOTHING), days)
            for number, of_unit in zip(numbers, through, strict=True):
                parts[number].append(of_unit)
        return [
            [
                _sum(of_measure, min(judge.on, judge.reference.time_of(self.criterion)[1]))
                for of_measure in zip(*own, strict=True)
            ]
            for judge, own in zip(self.judges, parts, strict=True)
        ]

    def answer(self, parts: Sequence[SumsOnDays]) -> SumsOnDays:
        """Add up the districts."""
        on_days = zip(*parts, strict=True) if parts else ([] for _ in self.judges)
        return [
            [reduce(MeasureSum.joined_with, of_measure) for of_measure in zip(*filter(None, of_districts), strict=True)]
            for of_districts in on_days
        ]


def _keys(on_days: Iterable[Iterable[Unit]]) -> set[int]:
    return {unit.key for communes in on_days for unit in communes}


async def figures_in_hindsight(
    connection: AsyncConnection, units: Collection[int], judges: Sequence[Judge], criterion: CriterionKey
) -> dict[int, Figures]:
    """Return the figures of units behind a criterion, known today, as if each had been known at its period's end."""
    behind = [
        judge.reference.sum_checks.elements_behind(criterion)
        for judge in judges
        if criterion in judge.reference.criterion_keys
    ]
    figures = await figures_today(connection, units, judges[-1].reference, frozenset().union(*behind))
    return await asyncio.to_thread(lambda: {unit: in_hindsight(own) for unit, own in figures.items()})


def communes_below(judge: Judge, place: Unit) -> list[Unit]:
    """Return the communes that count on the judge's day: the unit itself, or those below it."""
    return judge.reference.units.communes(judge.on, place.code)


def _sum(parts: Sequence[Newest], on: date) -> MeasureSum:
    """Add up a measure of several communes on a day, of those that have figures."""
    known = [(part.measure, part.value) for part in parts if part.value is not None]
    values = [value for _, value in known if value.has_value and value.applies]
    ratios = [value for value in values if value.denominator is not None]
    return MeasureSum(
        numerator=sum([value.numerator for value in ratios], ZERO),
        denominator=sum([value.denominator for value in ratios if value.denominator is not None], ZERO),
        scale=ratios[0].scale if ratios else None,
        provisional=any(measure.is_provisional(value) for measure, value in known),
        stale=any(measure.is_stale(value, on) for measure, value in known),
        met=sum(part.status == Status.MET for part in parts),
        counted=len(values),
        expected=len(parts),
    )
