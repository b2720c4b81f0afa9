"""Pure: what one unit adds to the sums above it: on this day so many more in the numerator, the denominator, the units
with figures.

Units change. What one that ended has counted stands until whoever took its place has counted for itself, so a merger
alone moves no sum; what becomes a ward or town, where the plan counts communes, leaves it. A plan's communes are those
of its first day: each goes on counting as one through whoever took its place.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from operator import itemgetter
from types import MappingProxyType

from services.scoring.judging.figures import Figures
from services.scoring.judging.observations import Measure, Observation, effective_date
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
_NOTHING = Figures()
_NOBODY: Mapping[int, Figures] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Increment:
    """What one day adds."""

    numerator: Decimal = ZERO
    denominator: Decimal = ZERO
    units: int = 0

    def __add__(self, other: Increment) -> Increment:
        return Increment(
            self.numerator + other.numerator, self.denominator + other.denominator, self.units + other.units
        )

    def __neg__(self) -> Increment:
        return Increment(-self.numerator, -self.denominator, -self.units)


type Increments = Mapping[date, Increment]


def difference(new: Increments, old: Increments) -> dict[date, Increment]:
    """What has to be added to a sum that holds the old steps so that it holds the new ones."""
    total: defaultdict[date, Increment] = defaultdict(Increment)
    for day, step in new.items():
        total[day] += step
    for day, step in old.items():
        total[day] += -step
    return {day: step for day, step in total.items() if step != Increment()}


def contribution(
    commitment: Commitment, unit: Unit, figures: Figures, reference: Reference, kin: Mapping[int, Figures] = _NOBODY
) -> dict[date, Increment]:
    """A unit's steps for a commitment that it contributes to. `kin` has the figures of those who take its place."""
    plan = reference.plan
    match commitment.measure:
        case Rate() as rate:
            return _rate_steps(rate, unit, figures, reference, kin)
        case Total(elements=elements):
            return _flow_steps(elements, figures, reference)
        case Done(element=element):
            observations = figures.observed(YesNo(element=element), plan.baseline_date, plan.counts_from)
            return _steps([(seen.effective, Increment(numerator=seen.numerator, units=1)) for seen in observations])
        case CommunesMeeting(criterion=criterion):
            return _meeting_steps([criterion], unit, figures, reference, kin)
        case CohortMeeting(cohort=cohort):
            return _meeting_steps(criteria_of_cohort(cohort, reference), unit, figures, reference, kin)


def is_of_the_plan(unit: Unit, reference: Reference) -> bool:
    """Whether the unit is a commune of the plan's first day."""
    plan = reference.plan
    return unit.kind in plan.counted_kinds and unit.is_valid(plan.first_day)


def criteria_of_cohort(cohort: str, reference: Reference) -> Sequence[CriterionKey]:
    """What binds each of the cohort's communes."""
    return next(found.criteria for found in reference.plan.cohorts if found.id == cohort)


type _Levels = list[tuple[date, Increment]]
"""What a unit comes to, from each of these days on."""


def _steps(levels: _Levels) -> dict[date, Increment]:
    steps: defaultdict[date, Increment] = defaultdict(Increment)
    before = Increment()
    for day, level in levels:
        steps[day] += level + -before
        before = level
    return {day: step for day, step in steps.items() if step != Increment()}


def _rate_steps(
    rate: Rate, unit: Unit, figures: Figures, reference: Reference, kin: Mapping[int, Figures]
) -> dict[date, Increment]:
    units = int(is_of_the_plan(unit, reference))

    def taken_by(heir: Unit, since: date) -> _Levels:
        own = _own(rate, kin.get(heir.key, _NOTHING), since, reference)
        return [(max(own[0].effective, since), Increment(units=units))] if own else []

    own = _own(rate, figures, unit.valid_from, reference)
    levels = [(seen.effective, Increment(seen.numerator, seen.denominator or ZERO, units)) for seen in own]
    return _steps(_in_line(levels, unit, taken_by, reference))


def _meeting_steps(
    criteria: Sequence[CriterionKey],
    unit: Unit,
    figures: Figures,
    reference: Reference,
    kin: Mapping[int, Figures],
) -> dict[date, Increment]:
    measures = [measure for key in criteria for measure in reference.criterion(key).measures]

    def levels_of(one: Unit, found: Figures, since: date) -> _Levels:
        track = holds_over_time(criteria, one, found, reference)
        counted = [own[0].effective for measure in measures if (own := _own(measure, found, since, reference))]
        if not track or not counted:
            return []
        begin = max(min(counted), track[0][0], since)
        held = [(begin, _value_at(track, begin)), *((day, holds) for day, holds in track if day > begin)]
        return [(day, Increment(numerator=Decimal(int(holds)), units=1)) for day, holds in held]

    def taken_by(heir: Unit, since: date) -> _Levels:
        return levels_of(heir, kin.get(heir.key, _NOTHING), since)

    return _steps(_in_line(levels_of(unit, figures, unit.valid_from), unit, taken_by, reference))


def _own(measure: Measure, figures: Figures, since: date, reference: Reference) -> Sequence[Observation]:
    """What a unit itself has counted as it was from that day on, without what it began with."""
    plan = reference.plan
    observations = figures.observed(measure, plan.baseline_date, plan.counts_from)
    return observations[bisect_left(observations, since, key=lambda seen: seen.period.end) :]


def _in_line(levels: _Levels, unit: Unit, taken_by: Callable[[Unit, date], _Levels], reference: Reference) -> _Levels:
    """What a unit comes to, and from when on it is what those who take its place say."""
    for since, heir in reference.lineage.heirs(unit):
        if taken := [(since, Increment())] if since == reference.lineage.left(unit) else taken_by(heir, since):
            levels = [*(one for one in levels if one[0] < taken[0][0]), *taken]
        if since == reference.lineage.left(unit):
            break
    return levels


def _flow_steps(elements: Sequence[str], figures: Figures, reference: Reference) -> dict[date, Increment]:
    """Flows of the plan's year and, as what it is compared with, of the year before."""
    plan = reference.plan
    steps: defaultdict[date, Increment] = defaultdict(Increment)
    for (element, period), reading in figures.items():
        counts = element in elements and reading.stage.rank >= plan.counts_from.rank
        if counts and plan.year - 1 <= period.start.year <= plan.year:
            steps[effective_date(period, reading.known_from, plan.baseline_date)] += Increment(numerator=reading.value)
    return dict(steps)


def holds_over_time(
    criteria: Sequence[CriterionKey], unit: Unit, figures: Figures, reference: Reference
) -> list[tuple[date, bool]]:
    """From when on all the criteria's indicators held in the commune, or not, for everyone they are asked of."""
    plan = reference.plan
    tracks = []
    for key in criteria:
        for indicator in reference.criterion(key).indicators:
            at_least = indicator.direction == "at_least"
            goal = reference.goal(key, indicator, unit, plan.year).goal
            for group in indicator.groups:
                observations = figures.observed(group.measure, plan.baseline_date, plan.counts_from)
                if not observations:
                    return []
                tracks.append(
                    [
                        (
                            seen.effective,
                            seen.value >= goal if at_least else seen.value <= goal,
                        )
                        for seen in observations
                    ]
                )
    if not tracks:
        return []
    begin = max(track[0][0] for track in tracks)
    days = sorted({day for track in tracks for day, _ in track if day >= begin})
    return [(day, all(_value_at(track, day) for track in tracks)) for day in days]


def _value_at(track: Sequence[tuple[date, bool]], day: date) -> bool:
    return track[bisect_right(track, day, key=itemgetter(0)) - 1][1]
