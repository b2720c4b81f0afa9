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

from services.scoring.judging.figures import Figures
from services.scoring.judging.increments import (
    Increment,
    Increments,
    criteria_of_cohort,
    increments_of,
    is_of_the_plan,
)
from services.scoring.judging.observations import HUNDRED, Observation
from shared.contracts.period import Period
from shared.reference.load import Reference
from shared.reference.models import CohortMeeting, Commitment, CommunesMeeting, Done, Rate, Total, Unit


def contributes(commitment: Commitment, target: Unit, unit: Unit, reference: Reference) -> bool:
    """Tell whether the unit's figures are part of the target's commitment."""
    match commitment.measure:
        case Done():
            return unit.key == target.key
        case Total():
            return reference.units.is_under(unit, target.code)
        case CohortMeeting(cohort=cohort):
            return unit.key in reference.members_of(cohort) and reference.units.is_under(unit, target.code)
        case CommunesMeeting():
            return is_of_the_plan(unit, reference) and reference.units.is_under(unit, target.code)
        case Rate():
            return unit.kind in reference.plan.counted_kinds and reference.units.is_under(unit, target.code)


def elements_of(commitment: Commitment, reference: Reference) -> set[str]:
    """Return the codes of the elements that the commitment's value is calculated from."""
    match commitment.measure:
        case Rate() as rate:
            return set(rate.element_codes)
        case Total(elements=elements):
            return set(elements)
        case Done(element=element):
            return {element}
        case CommunesMeeting(criterion=criterion):
            return set(reference.criterion(criterion).element_codes)
        case CohortMeeting(cohort=cohort):
            return {
                code for key in criteria_of_cohort(cohort, reference) for code in reference.criterion(key).element_codes
            }


def increments_by_target(
    unit: int, figures: Mapping[int, Figures], targets: Iterable[tuple[Commitment, Unit]], reference: Reference
) -> Iterator[tuple[tuple[str, int, date], Increment]]:
    """Yield a unit's increments for all targets that it contributes to, by commitment, target and day."""
    found = reference.units.by_key(unit)
    for commitment, target in targets:
        if contributes(commitment, target, found, reference):
            for day, increment in increments_of(commitment, found, figures[unit], reference, figures).items():
                yield (commitment.id, target.key, day), increment


def summed(
    targets: Iterable[tuple[Commitment, Unit]], figures: Mapping[int, Figures], reference: Reference
) -> dict[tuple[str, int], dict[date, Increment]]:
    """Return the summed increments by commitment and target.

    `figures`: by unit, of all units that may contribute to the targets, and of their successors.
    """
    wanted = list(targets)
    sums: defaultdict[tuple[str, int], defaultdict[date, Increment]] = defaultdict(lambda: defaultdict(Increment))
    for unit in figures:
        for (commitment, target, day), increment in increments_by_target(unit, figures, wanted, reference):
            sums[commitment, target][day] += increment
    return {key: dict(increments) for key, increments in sums.items()}


def series(
    commitment: Commitment, increments: Increments, baseline_date: date, communes: int, coverage: Decimal
) -> list[Observation]:
    """Return the commitment's value over time from its summed increments.

    Rates and counts of communes begin when a share of the communes (`coverage`) has figures: before that, a sum says
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
        if isinstance(measure, Rate | CommunesMeeting) and running.units < communes * coverage:
            continue
        if isinstance(measure, Rate) and running.denominator <= 0:
            continue
        value = HUNDRED * running.numerator / running.denominator if isinstance(measure, Rate) else running.numerator
        observations.append(
            Observation(
                effective=day,
                period=Period.parse(day.isoformat()),
                value=value,
                numerator=running.numerator,
                denominator=running.denominator if isinstance(measure, Rate) else None,
                units_counted=running.units,
            )
        )
    return observations


def communes_counted(target: Unit, reference: Reference, on: date) -> int:
    """Count the communes below a target that count on that day: those of the plan's first day that have not left."""
    communes = reference.units.communes(reference.plan.first_day, target.code)
    return sum((left := reference.lineage.left(commune)) is None or on < left for commune in communes)
