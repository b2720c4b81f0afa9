"""The commitments of districts and the province judged from the figures of all units, where no stored sums tell."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import cast

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
class TargetSums(Question[Sums, Sums]):
    """The sums by which the commitments of a plan are judged at past days."""

    reference: Reference
    known_on: date | None
    """By what was known at a day; None: by all that is known today, as if it had been known when its period ended."""

    @property
    def key(self) -> Hashable:
        """The plan, and which figures: those that are known today serve all days."""
        return "targets", self.reference.plan.id, self.known_on

    @property
    def references(self) -> Sequence[Reference]:
        """That of the plan."""
        return [self.reference]

    @cached_property
    def _units(self) -> Mapping[District, Collection[int]]:
        """By district: the units in it, of any time."""
        units: defaultdict[District, list[int]] = defaultdict(list)
        for unit in self.reference.units:
            units[district_of(unit, self.reference)].append(unit.key)
        return units

    def units_by_part(self) -> Mapping[PartName, Collection[int]]:
        """Return the units in each district with their kin, and the districts of these."""
        reference = self.reference
        families = {district: {*reference.lineage.families(units)} for district, units in self._units.items()}
        return {district: units | districts_of(units, reference) for district, units in families.items()}

    async def part(self, connection: AsyncConnection, name: PartName, units: Collection[int]) -> Sums:
        """Add up what the units in a district contribute."""
        reference, own = self.reference, self._units[cast(District, name)]
        if self.known_on is not None:
            figures: Mapping[int, Figures] = await figures_known(connection, units, reference, self.known_on)
        else:
            figures = await figures_today(connection, units, reference)

        def add() -> Sums:
            counted = figures if self.known_on else {key: in_hindsight(each) for key, each in figures.items()}
            return summed(reference.targets, counted, reference, own)

        return await asyncio.to_thread(add)

    def answer(self, parts: Sequence[Sums]) -> Sums:
        """Add up the parts."""
        by_target: defaultdict[tuple[str, int], defaultdict[date, Increment]] = defaultdict(
            lambda: defaultdict(Increment)
        )
        for part in parts:
            for key, increments in part.items():
                of_target = by_target[key]
                for day, increment in increments.items():
                    of_target[day] += increment
        return by_target


def assessed(judge: Judge, sums: Sums) -> Assessments:
    """Judge each commitment of the plan by its sums."""
    return {
        (commitment.id, unit.key): assess_target(judge, commitment, unit, sums.get((commitment.id, unit.key), {}))
        for commitment, unit in judge.reference.targets
    }
