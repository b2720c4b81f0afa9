"""Aggregates: the value of a district's or the province's commitment is the sum of its units' increments.

An increment says by how much a day changes the numerator, the denominator and the number of units with data. So a
changed unit changes an aggregate by the difference of its increments, and the aggregate at any day is a running sum.
Rates are never averaged: numerators and denominators are summed apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from services.scoring.judging.figures import Figures
from services.scoring.judging.increments import Contributor, Increment, Increments
from services.scoring.judging.observations import HUNDRED, Observation
from shared.contracts.period import Period
from shared.reference.load import Reference
from shared.reference.models import Commitment, CommunesMeeting, Rate, Total, Unit


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


def series(
    commitment: Commitment, increments: Increments, baseline_date: date, communes: int | None, coverage: Decimal
) -> list[Observation]:
    """Return the commitment's value over time from its summed increments.

    `communes`: the number that should have figures; None where the measure is not over communes. Rates and counts of
    communes begin when a share of the communes (`coverage`) has figures: before that, a sum says
    more about who has reported than about the facts.
    """
    measure = commitment.measure
    running = Increment()
    observations: list[Observation] = []
    begins = baseline_date + timedelta(days=1)
    days = {*increments, begins} if isinstance(measure, Total) and increments else increments
    for day in sorted(days):
        if isinstance(measure, Total) and day == begins:
            running = Increment()  # the year's sum begins at zero
        running += increments.get(day, Increment())
        if isinstance(measure, Rate | CommunesMeeting) and communes and running.units < communes * coverage:
            continue
        if isinstance(measure, Rate) and running.denominator <= 0:
            continue
        value = Fraction(running.numerator)
        if isinstance(measure, Rate):
            value = HUNDRED * value / Fraction(running.denominator)
        observations.append(
            Observation(
                effective=day,
                period=Period.parse(day.isoformat()),
                value=value,
                numerator=running.numerator,
                denominator=running.denominator if isinstance(measure, Rate) else None,
                units_counted=running.units,
                units_expected=communes,
            )
        )
    return observations
