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
from fractions import Fraction
from operator import itemgetter
from types import MappingProxyType

from services.scoring.judging.figures import Figures
from services.scoring.judging.observations import Measure, Observation, effective_date, exact
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
_NO_KIN: Mapping[int, Figures] = MappingProxyType({})


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


type _Levels = list[tuple[date, Increment]]
"""The amounts that a unit adds in total, each from its day on."""


@dataclass(frozen=True, slots=True)
class Contributor:
    """A unit that contributes to commitments, with its figures."""

    reference: Reference
    unit: Unit
    figures: Figures
    kin: Mapping[int, Figures] = _NO_KIN
    """The figures of the units that take its place, by their keys."""

    def increments(self, commitment: Commitment) -> dict[date, Increment]:
        """Return the unit's increments for a commitment that it contributes to."""
        match commitment.measure:
            case Rate() as rate:
                return self._of_rate(rate, commitment.deadline)
            case Total(elements=elements):
                return self._of_flows(elements)
            case Done(element=element):
                return self._of_activity(
                    element, commitment.starts or self.reference.plan.first_day, commitment.deadline
                )
            case CommunesMeeting(criterion=criterion):
                return self._of_meeting([criterion], commitment.deadline)
            case CohortMeeting(cohort=cohort):
                return self._of_meeting(self.reference.criteria_of_cohort(cohort), commitment.deadline)

    def _of_rate(self, rate: Rate, until: date) -> dict[date, Increment]:
        units = int(self.reference.is_of_the_plan(self.unit))

        def levels_of_heir(heir: Unit, since: date) -> _Levels:
            own = self._observed_since(since, until, rate, self.kin.get(heir.key, _NOTHING))
            return [(max(own[0].effective, since), Increment(units=units))] if own else []

        own = self._observed_since(self.unit.valid_from, until, rate, self.figures)
        levels = [
            (
                seen.effective,
                Increment() if seen.is_unusable else Increment(seen.numerator, seen.denominator or ZERO, units),
            )
            for seen in own
        ]
        return _increments_from(self._followed_by_heirs(levels, levels_of_heir))

    def _of_flows(self, elements: Sequence[str]) -> dict[date, Increment]:
        """Return the flows of the plan's year and, for comparison, of the year before."""
        plan = self.reference.plan
        increments: defaultdict[date, Increment] = defaultdict(Increment)
        for (element, period), reading in self.figures.items():
            counts = element in elements and reading.stage.rank >= plan.counts_from.rank
            if counts and plan.year - 1 <= period.start.year <= plan.year:
                day = effective_date(period, reading.known_from, plan.baseline_date)
                increments[day] += Increment(numerator=reading.value)
        return dict(increments)

    def _of_activity(self, element: str, first: date, last: date) -> dict[date, Increment]:
        """Return whether an activity was held, by the periods that have one of its days: last year's does not count."""
        own_days = {
            (code, period): reading
            for (code, period), reading in self.figures.items()
            if code == element and period.start <= last and period.end >= first
        }
        observations = self._observed(YesNo(element=element), Figures(own_days), None)
        return _increments_from(
            [(seen.effective, Increment(numerator=seen.numerator, units=1)) for seen in observations]
        )

    def _of_meeting(self, criteria: Sequence[CriterionKey], until: date) -> dict[date, Increment]:
        measures = [measure for key in criteria for measure in self.reference.criterion(key).measures]

        def levels_of(unit: Unit, figures: Figures, since: date) -> _Levels:
            track = self._holds_over_time(criteria, unit, figures, until)
            counted = [
                own[0].effective
                for measure in measures
                if (own := self._observed_since(since, until, measure, figures))
            ]
            if not track or not counted:
                return []
            begin = max(min(counted), track[0][0], since)
            held = [(begin, _value_at(track, begin)), *((day, holds) for day, holds in track if day > begin)]
            return [(day, Increment(numerator=Decimal(int(holds)), units=1)) for day, holds in held]

        def levels_of_heir(heir: Unit, since: date) -> _Levels:
            return levels_of(heir, self.kin.get(heir.key, _NOTHING), since)

        own = levels_of(self.unit, self.figures, self.unit.valid_from)
        return _increments_from(self._followed_by_heirs(own, levels_of_heir))

    def _followed_by_heirs(self, levels: _Levels, levels_of_heir: Callable[[Unit, date], _Levels]) -> _Levels:
        """Return the levels of the unit until its successors have figures, and theirs from then on."""
        lineage = self.reference.lineage
        left = lineage.left(self.unit)
        for since, heir in lineage.heirs(self.unit):
            if taken := [(since, Increment())] if since == left else levels_of_heir(heir, since):
                levels = [*(level for level in levels if level[0] < taken[0][0]), *taken]
            if since == left:
                break
        return levels

    def _holds_over_time(
        self, criteria: Sequence[CriterionKey], unit: Unit, figures: Figures, until: date
    ) -> list[tuple[date, bool]]:
        """Return by day, in order, whether all the criteria's indicators hold in the commune from then on.

        An indicator holds if it does for each of its groups (men and women). Empty while a group has no figures.
        """
        tracks = []
        for key in criteria:
            for indicator in self.reference.criterion(key).indicators:
                at_least = indicator.direction == "at_least"
                goal = exact(self.reference.goal(key, indicator, unit, self.reference.plan.year).goal)
                for group in indicator.groups:
                    observations = self._observed(group.measure, figures, until)
                    if not observations:
                        return []
                    tracks.append([(seen.effective, _holds(seen, goal, at_least)) for seen in observations])
        if not tracks:
            return []
        begin = max(track[0][0] for track in tracks)
        days = sorted({day for track in tracks for day, _ in track if day >= begin})
        return [(day, all(_value_at(track, day) for track in tracks)) for day in days]

    def _observed(self, measure: Measure, figures: Figures, until: date | None) -> Sequence[Observation]:
        plan = self.reference.plan
        return figures.observed(measure, plan.baseline_date, plan.counts_from, until)

    def _observed_since(self, since: date, until: date, measure: Measure, figures: Figures) -> Sequence[Observation]:
        """Return the values for periods that ended between two days: the unit's own, without the inherited ones."""
        observations = self._observed(measure, figures, until)
        return observations[bisect_left(observations, since, key=lambda seen: seen.period.end) :]


def _increments_from(levels: _Levels) -> dict[date, Increment]:
    increments: defaultdict[date, Increment] = defaultdict(Increment)
    before = Increment()
    for day, level in levels:
        increments[day] += level + -before
        before = level
    return {day: increment for day, increment in increments.items() if increment != Increment()}


def _holds(seen: Observation, goal: Fraction, at_least: bool) -> bool:
    if not seen.has_value:
        return not seen.applies
    return seen.value >= goal if at_least else seen.value <= goal


def _value_at(track: Sequence[tuple[date, bool]], day: date) -> bool:
    return track[bisect_right(track, day, key=itemgetter(0)) - 1][1]
