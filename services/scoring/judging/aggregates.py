"""Aggregates: the value of a district's or the province's commitment is the sum of its units' increments.

An increment says by how much a day changes the numerator, the denominator and the number of units with data. So a
changed unit changes an aggregate by the difference of its increments, and the aggregate at any day is a running sum.
Rates are never averaged: numerators and denominators are summed apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from services.scoring.judging.figures import Figures
from services.scoring.judging.increments import Contributor, Increment, Increments
from services.scoring.judging.observations import HUNDRED, Observation
from shared.contracts.period import Period
from shared.reference.load import Reference
from shared.reference.models import Commitment, Due, Rate, Total, Unit

_DAY = timedelta(days=1)
_NOTHING_NEW = Increment()
_MORE_THAN_ANYTHING = Fraction(10**15)
"""More than anything that can be counted: the bound of a sum of which reports are missing."""


def increments_by_target(
    key: int, figures: Mapping[int, Figures], targets: Iterable[tuple[Commitment, Unit]], reference: Reference
) -> Iterator[tuple[tuple[str, int, date], Increment]]:
    """Yield a unit's increments for all targets that it contributes to, by commitment, target and day."""
    unit = reference.units.by_key(key)
    contributor = Contributor(reference, unit, figures[key], figures)
    for commitment, target in targets:
        if reference.contributes(unit, commitment, target):
            for day, increment in contributor.increments(commitment).items():
                yield (commitment.id, target.key, day), increment


def summed(
    targets: Iterable[tuple[Commitment, Unit]], figures: Mapping[int, Figures], reference: Reference
) -> dict[tuple[str, int], dict[date, Increment]]:
    """Return the summed increments by commitment and target.

    `figures`: by unit, of all units that may contribute to the targets, and of their successors.
    """
    targets = list(targets)
    sums: defaultdict[tuple[str, int], defaultdict[date, Increment]] = defaultdict(lambda: defaultdict(Increment))
    for unit in figures:
        for (commitment, target, day), increment in increments_by_target(unit, figures, targets, reference):
            sums[commitment, target][day] += increment
    return {key: dict(increments) for key, increments in sums.items()}


@dataclass(frozen=True, slots=True)
class Expected:
    """The figures that a sum needs to be whole."""

    communes: int | None
    """The communes that should have figures; None where the sum is not over communes."""
    coverage: Decimal
    """The share of them, and of the reports, that is enough."""
    reports: Sequence[tuple[Due, int]] = ()
    """The reports on a sum over the year, each with the number of offices that owe it."""


def series(
    commitment: Commitment, increments: Increments, baseline_date: date, expected: Expected
) -> list[Observation]:
    """Return the commitment's value over time from its summed increments.

    Where fewer reports or communes than the coverage are there, a sum says more about who has reported than about the
    facts: such a value knows between which values it may lie (`possible`).
    """
    if not increments:
        return []
    total = isinstance(commitment.measure, Total)
    owed = {due.by + _DAY: offices for due, offices in expected.reports}
    days = {*increments, *owed, baseline_date + _DAY} if total else increments
    running, reports_due = Increment(), 0
    observations: list[Observation] = []
    for day in sorted(days):
        running += increments.get(day, _NOTHING_NEW)
        reports_due += owed.get(day, 0)
        if observation := _value_of(commitment, running, expected, reports_due, day):
            observations.append(observation)
    return observations


def _value_of(
    commitment: Commitment, running: Increment, expected: Expected, reports_due: int, day: date
) -> Observation | None:
    """Return a commitment's value on a day by its running sum; None where there is none yet."""
    measure, comparison = commitment.measure, running.comparison
    numerator, denominator = running.numerator, running.denominator
    before: Fraction | None = None
    whole: Fraction | None = None
    if commitment.is_compared and isinstance(measure, Total):
        if not (comparison.units or comparison.before_numerator or numerator != comparison.new_numerator):
            return None
        numerator = numerator - comparison.new_numerator
        before = Fraction(comparison.before_numerator)
        whole = Fraction(running.numerator) if numerator != running.numerator else None
    if isinstance(measure, Rate):
        if denominator <= 0:
            return None
        value = HUNDRED * Fraction(numerator) / Fraction(denominator)
    else:
        value = Fraction(numerator)
    return Observation(
        effective=day,
        period=Period.parse(day.isoformat()),
        value=value,
        numerator=numerator,
        denominator=denominator if isinstance(measure, Rate) else None,
        units_counted=running.units,
        units_expected=expected.communes,
        units_stale=running.stale,
        reports_in=running.reports if expected.reports else None,
        reports_due=reports_due if expected.reports else None,
        before=before,
        compared=comparison.units if before is not None else None,
        whole=whole,
        possible=_possible(commitment, running, expected, reports_due, value),
    )


def _possible(
    commitment: Commitment, running: Increment, expected: Expected, reports_due: int, value: Fraction
) -> tuple[Fraction, Fraction] | None:
    """Return the values between which the missing figures may lead; None where enough have come."""
    measure, coverage, communes = commitment.measure, expected.coverage, expected.communes
    if isinstance(measure, Total):
        counted = running.comparison.units if commitment.is_compared else running.reports
        if counted >= reports_due * coverage:
            return None
        return (Fraction(0) if commitment.is_compared else value), _MORE_THAN_ANYTHING
    if communes is None or running.units >= communes * coverage:
        return None
    return (Fraction(0), Fraction(HUNDRED)) if isinstance(measure, Rate) else (value, value + communes - running.units)
