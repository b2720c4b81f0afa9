"""Pure: units up the tree. Every commitment of a district or the province is a sum of its units' steps in time.

A unit contributes steps (on this day so many more in the numerator, the denominator, the units with data), so a
changed unit changes an aggregate by the difference of its steps, and the aggregate at any day is a running sum.
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
    contribution,
    criteria_of_cohort,
    is_of_the_plan,
)
from services.scoring.judging.observations import HUNDRED, Observation
from shared.contracts.period import Period
from shared.reference.load import Reference
from shared.reference.models import CohortMeeting, Commitment, CommunesMeeting, Done, Rate, Total, Unit


def contributes(commitment: Commitment, target: Unit, unit: Unit, reference: Reference) -> bool:
    """Whether the unit's figures are part of the target's commitment."""
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
    """Everything that the commitment's value is made of."""
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


def contributions(
    unit: int, figures: Mapping[int, Figures], targets: Iterable[tuple[Commitment, Unit]], reference: Reference
) -> Iterator[tuple[tuple[str, int, date], Increment]]:
    """A unit's steps for all of the targets that it contributes to, by commitment, target and day."""
    found = reference.units.by_key(unit)
    for commitment, target in targets:
        if contributes(commitment, target, found, reference):
            for day, step in contribution(commitment, found, figures[unit], reference, figures).items():
                yield (commitment.id, target.key, day), step


def summed(
    targets: Iterable[tuple[Commitment, Unit]], figures: Mapping[int, Figures], reference: Reference
) -> dict[tuple[str, int], dict[date, Increment]]:
    """The steps of targets' commitments, by commitment and target, from the figures of all units (by key) that may
    contribute to them, and of those who take their place.
    """
    wanted = list(targets)
    sums: defaultdict[tuple[str, int], defaultdict[date, Increment]] = defaultdict(lambda: defaultdict(Increment))
    for unit in figures:
        for (commitment, target, day), step in contributions(unit, figures, wanted, reference):
            sums[commitment, target][day] += step
    return {key: dict(steps) for key, steps in sums.items()}


def series(
    commitment: Commitment, steps: Increments, baseline_date: date, communes: int, coverage: Decimal
) -> list[Observation]:
    """The commitment's value over time from the summed steps.

    Counts and rates count only once so many of the communes have figures (`coverage`, a share): before that a
    sum says more about who has reported than about what is so.
    """
    measure = commitment.measure
    running = Increment()
    observations: list[Observation] = []
    begins = baseline_date + timedelta(days=1)
    days = {*steps, begins} if isinstance(measure, Total) and steps else steps
    for day in sorted(days):
        if isinstance(measure, Total) and day == begins:
            running = Increment()  # the year's sum begins at nothing
        running += steps.get(day, Increment())
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
    """How many communes a sum above them is of: those of the plan's first day that still count on that day."""
    communes = reference.units.communes(reference.plan.first_day, target.code)
    return sum((left := reference.lineage.left(commune)) is None or on < left for commune in communes)
