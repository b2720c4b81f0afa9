"""Pure: units up the tree. Every commitment of a district or the province is a sum of its units' steps in time.

A unit contributes steps (on this day so many more in the numerator, the denominator, the units with data), so a
changed unit changes an aggregate by the difference of its steps, and the aggregate at any day is a running sum.
Rates are never averaged: numerators and denominators are summed apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from services.scoring.measures import HUNDRED, Observation, Readings, effective_date, observe
from shared.contracts.words import Period
from shared.reference.load import Reference
from shared.reference.models import (
    CohortMeeting,
    Commitment,
    CommunesMeeting,
    CriterionKey,
    Done,
    Rate,
    Total,
    Unit,
    YesNo,
)

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Step:
    """What one day adds."""

    numerator: Decimal = ZERO
    denominator: Decimal = ZERO
    units: int = 0

    def __add__(self, other: Step) -> Step:
        return Step(self.numerator + other.numerator, self.denominator + other.denominator, self.units + other.units)

    def __neg__(self) -> Step:
        return Step(-self.numerator, -self.denominator, -self.units)


type Steps = Mapping[date, Step]


def difference(new: Steps, old: Steps) -> dict[date, Step]:
    """What has to be added to a sum that holds the old steps so that it holds the new ones."""
    total: defaultdict[date, Step] = defaultdict(Step)
    for day, step in new.items():
        total[day] += step
    for day, step in old.items():
        total[day] += -step
    return {day: step for day, step in total.items() if step != Step()}


def contributes(commitment: Commitment, target: Unit, unit: Unit, reference: Reference) -> bool:
    """Whether the unit's figures are part of the target's commitment."""
    match commitment.measure:
        case Done():
            return unit.key == target.key
        case Total():
            return reference.units.is_under(unit, target.code)
        case CohortMeeting(cohort=cohort):
            return unit.code in _members(reference, cohort) and reference.units.is_under(unit, target.code)
        case _:
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
            return {code for key in _criteria_of(reference, cohort) for code in reference.criterion(key).element_codes}


def contribution(commitment: Commitment, readings: Readings, reference: Reference) -> dict[date, Step]:
    """A unit's steps for a commitment that it contributes to."""
    plan = reference.plan
    match commitment.measure:
        case Rate() as rate:
            return _ratio_steps(observe(rate, readings, plan.baseline_date, plan.counts_from))
        case Total(elements=elements):
            return _flow_steps(elements, readings, reference)
        case Done(element=element):
            return _level_steps(observe(YesNo(element=element), readings, plan.baseline_date, plan.counts_from))
        case CommunesMeeting(criterion=criterion):
            return _meeting_steps([criterion], readings, reference)
        case CohortMeeting(cohort=cohort):
            return _meeting_steps(_criteria_of(reference, cohort), readings, reference)


def series(
    commitment: Commitment, steps: Steps, baseline_date: date, communes: int, coverage: Decimal
) -> list[Observation]:
    """The commitment's value over time from the summed steps.

    Counts and rates count only once so many of the communes have figures (`coverage`, a share): before that a
    sum says more about who has reported than about what is so.
    """
    measure = commitment.measure
    running = Step()
    observations: list[Observation] = []
    begins = baseline_date + timedelta(days=1)
    days = {*steps, begins} if isinstance(measure, Total) and steps else steps
    for day in sorted(days):
        if isinstance(measure, Total) and day == begins:
            running = Step()  # the year's sum begins at nothing
        running += steps.get(day, Step())
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


def holds_over_time(
    criteria: Sequence[CriterionKey], readings: Readings, reference: Reference
) -> list[tuple[date, bool]]:
    """From when on all the criteria's indicators held, or not, for everyone they are asked of."""
    plan = reference.plan
    tracks = []
    for key in criteria:
        for indicator in reference.criterion(key).indicators:
            at_least = indicator.direction == "at_least"
            for group in indicator.groups:
                observations = observe(group.measure, readings, plan.baseline_date, plan.counts_from)
                tracks.append(
                    [
                        (
                            seen.effective,
                            seen.value >= indicator.goal if at_least else seen.value <= indicator.goal,
                        )
                        for seen in observations
                    ]
                )
    if not tracks or not all(tracks):
        return []
    begin = max(track[0][0] for track in tracks)
    days = sorted({day for track in tracks for day, _ in track if day >= begin})
    return [(day, all(_value_at(track, day) for track in tracks)) for day in days]


def _value_at(track: Sequence[tuple[date, bool]], day: date) -> bool:
    return [holds for effective, holds in track if effective <= day][-1]


def _members(reference: Reference, cohort: str) -> frozenset[str]:
    return frozenset(code for found in reference.plan.cohorts if found.id == cohort for code in found.members)


def _criteria_of(reference: Reference, cohort: str) -> Sequence[CriterionKey]:
    return next(found.criteria for found in reference.plan.cohorts if found.id == cohort)


def _meeting_steps(criteria: Sequence[CriterionKey], readings: Readings, reference: Reference) -> dict[date, Step]:
    steps: defaultdict[date, Step] = defaultdict(Step)
    held, units = False, 1
    for day, holds in holds_over_time(criteria, readings, reference):
        steps[day] += Step(numerator=Decimal(int(holds) - int(held)), units=units)
        held, units = holds, 0
    return {day: step for day, step in steps.items() if step != Step()}


def _ratio_steps(observations: Sequence[Observation]) -> dict[date, Step]:
    steps: defaultdict[date, Step] = defaultdict(Step)
    before = Step()
    for seen in observations:
        now = Step(seen.numerator, seen.denominator or ZERO, 1)
        steps[seen.effective] += now + -before
        before = now
    return dict(steps)


def _level_steps(observations: Sequence[Observation]) -> dict[date, Step]:
    return {day: Step(numerator=step.numerator, units=step.units) for day, step in _ratio_steps(observations).items()}


def _flow_steps(elements: Sequence[str], readings: Readings, reference: Reference) -> dict[date, Step]:
    """Flows of the plan's year and, as what it is compared with, of the year before."""
    plan = reference.plan
    steps: defaultdict[date, Step] = defaultdict(Step)
    for (element, period), reading in readings.items():
        counts = element in elements and reading.stage.rank >= plan.counts_from.rank
        if counts and plan.year - 1 <= period.start.year <= plan.year:
            steps[effective_date(period, reading.known_from, plan.baseline_date)] += Step(numerator=reading.value)
    return dict(steps)
