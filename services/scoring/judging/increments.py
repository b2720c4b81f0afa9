"""A unit's increments: by day, what it adds to the numerator, the denominator and the number of units with figures.

Units change. The figures of a unit that ended stand until its successor has counted for itself, so a merger alone
moves no sum. Where the plan counts communes, a commune that becomes a ward or town leaves the sum. The plan's communes
are those of its first day: each goes on counting as one through its successor.
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
    """The change of a sum on one day."""

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
    """Return the increments that turn a sum of the old increments into one of the new."""
    total: defaultdict[date, Increment] = defaultdict(Increment)
    for day, increment in new.items():
        total[day] += increment
    for day, increment in old.items():
        total[day] += -increment
    return {day: increment for day, increment in total.items() if increment != Increment()}


def increments_of(
    commitment: Commitment, unit: Unit, figures: Figures, reference: Reference, related: Mapping[int, Figures] = _NOBODY
) -> dict[date, Increment]:
    """Return a unit's increments for a commitment that it contributes to. `related`: the figures of its successors."""
    plan = reference.plan
    match commitment.measure:
        case Rate() as rate:
            return _rate_increments(rate, unit, figures, reference, related)
        case Total(elements=elements):
            return _flow_increments(elements, figures, reference)
        case Done(element=element):
            observations = figures.observed(YesNo(element=element), plan.baseline_date, plan.counts_from)
            return _increments_from(
                [(seen.effective, Increment(numerator=seen.numerator, units=1)) for seen in observations]
            )
        case CommunesMeeting(criterion=criterion):
            return _meeting_increments([criterion], unit, figures, reference, related)
        case CohortMeeting(cohort=cohort):
            return _meeting_increments(criteria_of_cohort(cohort, reference), unit, figures, reference, related)


def is_of_the_plan(unit: Unit, reference: Reference) -> bool:
    """Tell whether the unit is a commune of the plan's first day."""
    plan = reference.plan
    return unit.kind in plan.counted_kinds and unit.is_valid(plan.first_day)


def criteria_of_cohort(cohort: str, reference: Reference) -> Sequence[CriterionKey]:
    """Return the criteria that each of the cohort's communes has to meet."""
    return next(found.criteria for found in reference.plan.cohorts if found.id == cohort)


type _Levels = list[tuple[date, Increment]]
"""The amounts that a unit adds in total, each from its day on."""


def _increments_from(levels: _Levels) -> dict[date, Increment]:
    increments: defaultdict[date, Increment] = defaultdict(Increment)
    before = Increment()
    for day, level in levels:
        increments[day] += level + -before
        before = level
    return {day: increment for day, increment in increments.items() if increment != Increment()}


def _rate_increments(
    rate: Rate, unit: Unit, figures: Figures, reference: Reference, related: Mapping[int, Figures]
) -> dict[date, Increment]:
    units = int(is_of_the_plan(unit, reference))

    def levels_of_heir(heir: Unit, since: date) -> _Levels:
        own = _own_observations(rate, related.get(heir.key, _NOTHING), since, reference)
        return [(max(own[0].effective, since), Increment(units=units))] if own else []

    own = _own_observations(rate, figures, unit.valid_from, reference)
    levels = [(seen.effective, Increment(seen.numerator, seen.denominator or ZERO, units)) for seen in own]
    return _increments_from(_followed_by_heirs(levels, unit, levels_of_heir, reference))


def _meeting_increments(
    criteria: Sequence[CriterionKey],
    unit: Unit,
    figures: Figures,
    reference: Reference,
    related: Mapping[int, Figures],
) -> dict[date, Increment]:
    measures = [measure for key in criteria for measure in reference.criterion(key).measures]

    def levels_of(one: Unit, found: Figures, since: date) -> _Levels:
        track = holds_over_time(criteria, one, found, reference)
        counted = [
            own[0].effective for measure in measures if (own := _own_observations(measure, found, since, reference))
        ]
        if not track or not counted:
            return []
        begin = max(min(counted), track[0][0], since)
        held = [(begin, _value_at(track, begin)), *((day, holds) for day, holds in track if day > begin)]
        return [(day, Increment(numerator=Decimal(int(holds)), units=1)) for day, holds in held]

    def levels_of_heir(heir: Unit, since: date) -> _Levels:
        return levels_of(heir, related.get(heir.key, _NOTHING), since)

    return _increments_from(
        _followed_by_heirs(levels_of(unit, figures, unit.valid_from), unit, levels_of_heir, reference)
    )


def _own_observations(measure: Measure, figures: Figures, since: date, reference: Reference) -> Sequence[Observation]:
    """Return the values for periods that ended since that day: the unit's own, without the inherited ones."""
    plan = reference.plan
    observations = figures.observed(measure, plan.baseline_date, plan.counts_from)
    return observations[bisect_left(observations, since, key=lambda seen: seen.period.end) :]


def _followed_by_heirs(
    levels: _Levels, unit: Unit, levels_of_heir: Callable[[Unit, date], _Levels], reference: Reference
) -> _Levels:
    """Return the levels of a unit until its successors have figures, and theirs from then on."""
    for since, heir in reference.lineage.heirs(unit):
        if taken := [(since, Increment())] if since == reference.lineage.left(unit) else levels_of_heir(heir, since):
            levels = [*(one for one in levels if one[0] < taken[0][0]), *taken]
        if since == reference.lineage.left(unit):
            break
    return levels


def _flow_increments(elements: Sequence[str], figures: Figures, reference: Reference) -> dict[date, Increment]:
    """Return the flows of the plan's year and, for comparison, of the year before."""
    plan = reference.plan
    increments: defaultdict[date, Increment] = defaultdict(Increment)
    for (element, period), reading in figures.items():
        counts = element in elements and reading.stage.rank >= plan.counts_from.rank
        if counts and plan.year - 1 <= period.start.year <= plan.year:
            increments[effective_date(period, reading.known_from, plan.baseline_date)] += Increment(
                numerator=reading.value
            )
    return dict(increments)


def holds_over_time(
    criteria: Sequence[CriterionKey], unit: Unit, figures: Figures, reference: Reference
) -> list[tuple[date, bool]]:
    """Return by day, in order, whether all the criteria's indicators hold in the commune from then on.

    An indicator holds if it does for each of its groups (men and women). Empty while a group has no figures.
    """
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
