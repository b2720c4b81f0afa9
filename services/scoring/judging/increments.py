"""Increments: the amounts by which sums change, by day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import NamedTuple

ZERO = Decimal(0)


class Comparison(NamedTuple):
    """The change on one day of what a sum is compared with, where the plan asks for a change from the figures before.

    Those without a figure for that time (*new* ones) are told apart, so that like is compared with like.
    """

    units: int = 0
    """The units, or of a sum over the year the reports, that have figures at both times."""
    before_numerator: Decimal = ZERO
    before_denominator: Decimal = ZERO
    """The figures before, of those that have both."""
    new_numerator: Decimal = ZERO
    new_denominator: Decimal = ZERO
    """The part of the sum that new ones add."""
    first_numerator: Decimal = ZERO
    first_denominator: Decimal = ZERO
    """The first figures of the new ones."""

    def __add__(self, other: Comparison) -> Comparison:  # type: ignore[override]
        return Comparison(
            self.units + other.units,
            self.before_numerator + other.before_numerator,
            self.before_denominator + other.before_denominator,
            self.new_numerator + other.new_numerator,
            self.new_denominator + other.new_denominator,
            self.first_numerator + other.first_numerator,
            self.first_denominator + other.first_denominator,
        )

    def __sub__(self, other: Comparison) -> Comparison:
        return Comparison(
            self.units - other.units,
            self.before_numerator - other.before_numerator,
            self.before_denominator - other.before_denominator,
            self.new_numerator - other.new_numerator,
            self.new_denominator - other.new_denominator,
            self.first_numerator - other.first_numerator,
            self.first_denominator - other.first_denominator,
        )


NOT_COMPARED = Comparison()


class Increment(NamedTuple):
    """The change of a sum on one day."""

    numerator: Decimal = ZERO
    denominator: Decimal = ZERO
    units: int = 0
    """The units that have figures which may stand for the present."""
    reports: int = 0
    """The reports that were due and have come."""
    stale: int = 0
    """The units whose newest figures are too old to stand for the present."""
    comparison: Comparison = NOT_COMPARED

    def __add__(self, other: Increment) -> Increment:  # type: ignore[override]
        return Increment(
            self.numerator + other.numerator,
            self.denominator + other.denominator,
            self.units + other.units,
            self.reports + other.reports,
            self.stale + other.stale,
            self.comparison
            if other.comparison is NOT_COMPARED
            else other.comparison
            if self.comparison is NOT_COMPARED
            else self.comparison + other.comparison,
        )

    def __sub__(self, other: Increment) -> Increment:
        return Increment(
            self.numerator - other.numerator,
            self.denominator - other.denominator,
            self.units - other.units,
            self.reports - other.reports,
            self.stale - other.stale,
            NOT_COMPARED if self.comparison is other.comparison else self.comparison - other.comparison,
        )


NO_CHANGE = Increment()

type Increments = Mapping[date, Increment]


class Sum(NamedTuple):
    """The increments of a sum of which those of several days may be added up: what it was between is not known."""

    increments: Increments
    """Those added up are under the last of their days."""
    added_up: Mapping[date, date]
    """The first day of each span whose increments were added up, by its last day."""

    @property
    def begins(self) -> date:
        """The first day on which the sum moved."""
        return min((self.added_up.get(day, day) for day in self.increments), default=date.max)

    def is_known_on(self, day: date) -> bool:
        """Say whether the sum of that day is known."""
        return not any(first <= day < last for last, first in self.added_up.items())


type Levels = list[tuple[date, Increment]]
"""The amounts that a unit adds in total, each from its day on."""


def increments_from(levels: Levels, since: date = date.min) -> dict[date, Increment]:
    """Return the increments that lead from each level to the next one; the level of the day `since` is the first."""
    increments: dict[date, Increment] = {}
    before = NO_CHANGE
    for begins, level in levels:
        day = begins if begins > since else since
        change = level if before is NO_CHANGE else level - before
        increments[day] = increments[day] + change if day in increments else change
        before = level
    return {day: increment for day, increment in increments.items() if increment != NO_CHANGE}


def difference(new: Increments, old: Increments) -> dict[date, Increment]:
    """Return the increments that turn a sum of the old increments into one of the new."""
    changed = {
        day: increment if before is NO_CHANGE else increment - before
        for day, increment in new.items()
        if (before := old.get(day, NO_CHANGE)) != increment
    }
    return changed | {day: NO_CHANGE - increment for day, increment in old.items() if day not in new}
