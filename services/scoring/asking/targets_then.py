"""The commitments of districts and the province judged from the figures of all units, where no stored sums tell."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Literal, cast

from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.asking.as_of import figures_known, figures_today
from services.scoring.following.counts import District, district_of
from services.scoring.following.kept_parts import PartName, Question
from services.scoring.judging.aggregates import summed
from services.scoring.judging.assessments import assess_target
from services.scoring.judging.figures import Figures, in_hindsight
from services.scoring.judging.increments import Increment, Increments
from services.scoring.judging.judge import Judge
from services.scoring.judging.levels import districts_of
from shared.contracts.assessment import Assessment
from shared.reference.load import Reference

type Sums = Mapping[tuple[str, int], Increments]
"""Summed increments by commitment and unit."""

type Assessments = Mapping[tuple[str, int], Assessment]
"""By commitment and unit."""


@dataclass(frozen=True)
class TargetsThen(Question[Sums, Assessments]):
    """The commitments at a day, by what was known then or by all that is known today."""

    judge: Judge
    known: Literal["then", "today"]

    @property
    def key(self) -> Hashable:
        """The plan, the day, and which figures."""
        return "targets", self.judge.reference.plan.id, self.judge.on, self.known

    @property
    def references(self) -> Sequence[Reference]:
        """That of the plan."""
        return [self.judge.reference]

    @cached_property
    def _units(self) -> Mapping[District, Collection[int]]:
        """By district: the units in it, of any time."""
        units: defaultdict[District, list[int]] = defaultdict(list)
        for unit in self.judge.reference.units:
            units[district_of(unit, self.judge.reference)].append(unit.key)
        return units

    def units_by_part(self) -> Mapping[PartName, Collection[int]]:
        """Return the units in each district with their kin, and the districts of these."""
        reference = self.judge.reference
        families = {district: {*reference.lineage.families(units)} for district, units in self._units.items()}
        return {district: units | districts_of(units, reference) for district, units in families.items()}

    async def part(self, connection: AsyncConnection, name: PartName, units: Collection[int]) -> Sums:
        """Add up what the units in a district contribute."""
        reference, own = self.judge.reference, self._units[cast(District, name)]
        if self.known == "then":
            figures: Mapping[int, Figures] = await figures_known(connection, units, reference, self.judge.on)
        else:
            figures = await figures_today(connection, units, reference)

        def add() -> Sums:
            counted = figures if self.known == "then" else {key: in_hindsight(each) for key, each in figures.items()}
            return summed(reference.targets, counted, reference, own)

        return await asyncio.to_thread(add)

    def answer(self, parts: Sequence[Sums]) -> Assessments:
        """Judge each commitment by the sum of the parts."""
        reference = self.judge.reference
        by_target: defaultdict[tuple[str, int], defaultdict[date, Increment]] = defaultdict(
            lambda: defaultdict(Increment)
        )
        for part in parts:
            for key, increments in part.items():
                of_target = by_target[key]
                for day, increment in increments.items():
                    of_target[day] += increment
        return {
            (commitment.id, unit.key): assess_target(
                self.judge, commitment, unit, by_target.get((commitment.id, unit.key), {})
            )
            for commitment, unit in reference.targets
        }
