"""A unit's contributions to commitments: its increments, by day, from its figures.

Units change. The figures of a unit that ended stand until its successor has counted for itself, so a merger alone
moves no sum. Where the plan counts communes, a commune that becomes a ward or town leaves the sum. The plan's communes
are those of its first day: each goes on counting as one through its successor.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from operator import attrgetter, itemgetter
from types import MappingProxyType
from typing import NamedTuple

from services.scoring.judging.criteria_met import amount_of
from services.scoring.judging.figures import Figures
from services.scoring.judging.flows import Flows
from services.scoring.judging.increments import (
    NO_CHANGE,
    NOT_COMPARED,
    ZERO,
    Comparison,
    Increment,
    Levels,
    increments_from,
)
from services.scoring.judging.observations import (
    EarlierFiguresNeededError,
    Observation,
    Observations,
    Reported,
)
from services.scoring.judging.track import FigureInForce, aged, place_of_period, series_apart, together, value_at
from shared.contracts.period import Period
from shared.reference.load import Reference
from shared.reference.models import (
    CohortMeeting,
    Commitment,
    CommunesBelow,
    CommunesMeeting,
    CriteriaAverage,
    CriteriaMet,
    CriterionKey,
    Done,
    Rate,
    Total,
    Unit,
    UnitKind,
    YesNo,
)
from shared.reference.series import Series, place_of
from shared.reference.terms import Condition, Terms

_HOLDS = (ZERO, Decimal(1))
_MEETING = {
    (met, newest, stale): Increment(ZERO if stale else met, units=int(not stale), reports=int(newest), stale=int(stale))
    for met in _HOLDS
    for newest in (False, True)
    for stale in (False, True)
}
"""What a unit adds to the number of those that meet criteria: by whether it meets them, whether no newer report is due,
and whether its figures are stale. Then it does not count as one that does."""
_DAY = timedelta(days=1)
_NOTHING = Figures()
_NO_KIN: Mapping[int, Figures] = MappingProxyType({})
_day_of = itemgetter(0)
_effective, _end_of = attrgetter("effective"), attrgetter("period.end")


class _Base(NamedTuple):
    """The value of a rate at the baseline date, as what later ones are compared with."""

    period: Period
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class Contributor:
    """A unit that contributes to commitments, with its figures."""

    reference: Reference
    unit: Unit
    figures: Figures
    kin: Mapping[int, Figures] = _NO_KIN
    """The figures of the units that take its place, by their keys."""
    alike: Contributor | None = None
    """The same unit with figures that differ in the elements `differing` alone."""
    differing: Collection[str] = frozenset()
    since: date = date.min
    """The day from which on increments are asked for: the value in force on it stands for all before."""
    _met: dict[tuple[CriterionKey, date, int], Levels] = field(default_factory=dict, compare=False, repr=False)
    """Whether the unit meets a criterion, as far as it was asked for: several commitments may count the same."""
    _bases: dict[tuple[Terms, date], _Base | None] = field(default_factory=dict, compare=False, repr=False)
    """What rates are compared with, as far as it was asked for."""

    def increments(self, commitment: Commitment) -> dict[date, Increment]:
        """Return the unit's increments for a commitment that it contributes to."""
        match commitment.measure:  # the most frequent first: to look whether a model is of another kind takes time
            case CommunesMeeting(criterion=criterion):
                levels = self._meeting_one(criterion, commitment.deadline, self.reference.series_summed(commitment))
                return increments_from(levels, self.since)
            case Rate() as rate:
                return self._of_rate(commitment, rate)
            case CohortMeeting(cohort=cohort):
                criteria = self.reference.criteria_of_cohort(cohort)
                series = self.reference.series_summed(commitment)
                return increments_from(self._meeting(criteria, commitment.deadline, series), self.since)
            case CriteriaAverage() | CommunesBelow() as measure:
                return self._of_criteria_met(measure, commitment.deadline, self.reference.series_summed(commitment))
            case Total(elements=elements):
                return Flows(self.reference, self.unit, self.figures, self.kin).increments(commitment, elements)
            case Done(element=element):
                return self._of_activity(
                    element, commitment.starts or self.reference.plan.first_day, commitment.deadline
                )

    def _of_rate(self, commitment: Commitment, rate: Rate) -> dict[date, Increment]:
        """Return what the unit adds to a rate. Stale figures stay in it, and are counted as such."""
        kinds, until = self.reference.kinds_counted(commitment), commitment.deadline
        is_compared = commitment.is_compared
        units = int(self.reference.is_of_the_plan(self.unit, kinds))
        freshness, series = self.reference.freshness_of(commitment), self.reference.series_summed(commitment)

        def level_at(figure: FigureInForce, is_newest: bool, is_stale: bool) -> Increment:
            return Increment(
                figure.numerator,
                figure.denominator,
                0 if is_stale else units,
                units if is_newest else 0,
                units if is_stale else 0,
            )

        def levels(reported: Sequence[Observation | Reported], since: date) -> Levels:
            figures = [
                FigureInForce(
                    max(one.effective, since),
                    (found := one.observation).numerator,
                    found.denominator or ZERO,
                    freshness.age_of(one.period),
                    not found.is_unusable,
                )
                for one in reported
            ]
            return aged(series_apart(figures, reported, series) if series else figures, level_at)

        terms = self.reference.terms_of(rate)
        base = self._own_base(terms, until, units) if is_compared else None

        def levels_of_heir(heir: Unit, since: date) -> Levels:
            figures = self.kin.get(heir.key, _NOTHING)
            compared = NOT_COMPARED
            if is_compared and (of_heir := self._base(terms, figures, until, units)):
                compared = Comparison(units)
                has_grown = of_heir.period.end < since and not self.reference.lineage.origins(heir)
                if base is not None and has_grown:  # and has not inherited this unit's base
                    compared = base.comparison
            # its own figures are added by the heir itself
            return [
                (day, Increment(units=level.units, reports=level.reports, stale=level.stale, comparison=compared))
                for day, level in levels(_ended_since(since, figures.observed(terms, until)).reported, since)
            ]

        own = _ended_since(self.unit.valid_from, self.figures.observed(terms, until))
        is_cut = own.is_cut
        if not is_compared:
            counted = own.in_force_since(self._counted_from(series))
        elif is_cut:  # else with the first figures, however long ago; here with those in force before
            counted = own.in_force_since(self._day_before)
        else:
            counted = own.reported
        own_levels = levels(counted, date.min)
        if is_compared:
            if is_cut and (series or any(_is_nothing(level) for _, level in own_levels)):
                raise EarlierFiguresNeededError
            # where the first figures were not read, those before stand for them: they are the same before and after
            own_levels = self._compared(own_levels, base, series)
        followed = self._followed_by_heirs(own_levels, levels_of_heir, kinds)
        # another base is another level from the first day on
        return increments_from(followed, date.min if is_compared else self.since)

    def _own_base(self, terms: Terms, until: date, units: int) -> _Base | None:
        """Return the base of the unit itself, made once for all figures alike: one object is not compared again."""
        if self.alike and self.since > self.reference.plan.baseline_date:
            return self.alike._own_base(terms, until, units)
        of = terms, until
        if of not in self._bases:
            self._bases[of] = self._base(terms, self.figures, until, units)
        return self._bases[of]

    def _base(self, terms: Terms, figures: Figures, until: date, units: int) -> _Base | None:
        """Return the value in force at the baseline date; None where there is none that can be used."""
        baseline_date, observations = self.reference.plan.baseline_date, figures.observed(terms, until)
        if observations.is_cut and self.since <= baseline_date:
            raise EarlierFiguresNeededError  # a base that changes moves the sum from its first day on
        known = observations[: bisect_right(observations.newest_reported, baseline_date, key=_effective)]
        if not known.newest_reported and observations.is_cut and not figures.began_after_baseline(terms.elements):
            known = figures.in_force_by_baseline(terms)
        if not known.newest_reported or (base := known[-1]).is_unusable:
            return None
        return _Base(base.period, Comparison(units, base.numerator, base.denominator or ZERO))

    def _compared(self, levels: Levels, base: _Base | None, series: Sequence[Series] = ()) -> Levels:
        """Return the levels with what each is compared with: the base, else the first figures of its series."""
        compared = []
        firsts: dict[int, Increment] = {}
        place_of_base = place_of_period(base.period, series) if base else 0
        for day, level in levels:
            if _is_nothing(level):
                compared.append((day, level))
                continue
            place = place_of(series, day)
            first = firsts.setdefault(place, level)
            if base and place == place_of_base:
                comparison = base.comparison
            else:
                comparison = Comparison(
                    new_numerator=level.numerator,
                    new_denominator=level.denominator,
                    first_numerator=first.numerator,
                    first_denominator=first.denominator,
                )
            compared.append(
                (
                    day,
                    Increment(level.numerator, level.denominator, level.units, level.reports, level.stale, comparison),
                )
            )
        return compared

    def _of_activity(self, element: str, first: date, last: date) -> dict[date, Increment]:
        """Return whether an activity was held, by the periods that have one of its days: last year's does not count."""
        self.figures.check_whole([element])
        own_days = {
            (code, period): reading
            for (code, period), reading in self.figures.items()
            if code == element and period.start <= last and period.end >= first
        }
        plan = self.reference.plan
        observations = Figures(own_days).observed(Terms(YesNo(element=element), plan.baseline_date, plan.counts_from))
        return increments_from(
            [(seen.effective, Increment(numerator=seen.numerator, units=1)) for seen in observations]
        )

    def _of_criteria_met(self, measure: CriteriaMet, until: date, series: tuple[Series, ...]) -> dict[date, Increment]:
        """Return what follows from the number of a set's criteria that the unit meets, each followed by itself."""
        keys = self.reference.criteria_of_set(measure.criteria_set)
        tracks = [levels for key in keys if (levels := self._meeting_one(key, until, series))]
        days = sorted({day for levels in tracks for day, _ in levels})
        return increments_from(
            [(day, amount_of(measure, [_level_at(levels, day) for levels in tracks])) for day in days], self.since
        )

    def _meeting_one(self, key: CriterionKey, until: date, series: tuple[Series, ...]) -> Levels:
        """Return whether the unit meets a criterion."""
        if self.alike and self.reference.sum_checks.elements_behind(key).isdisjoint(self.differing):
            return self.alike._meeting_one(key, until, series)
        of = key, until, id(series)  # the reference keeps the series, so the id is unique
        if of not in self._met:
            self._met[of] = self._meeting([key], until, series)
        return self._met[of]

    def _meeting(self, criteria: Sequence[CriterionKey], until: date, series: Sequence[Series]) -> Levels:
        """Return whether the unit meets the criteria."""

        def levels_of(unit: Unit, figures: Figures, since: date) -> Levels:
            if not figures and not figures.earlier:
                return []
            conditions = [each for key in criteria for each in self.reference.conditions_of(key, unit, until)]
            observed = [figures.observed(condition.terms, until) for condition in conditions]
            track = self._holds_over_time(conditions, observed, series)
            if not track:
                return []
            # of those that were read: the first day may be an earlier one, and then the track begins later anyway
            counted = [own.newest_reported[0].effective for each in observed if (own := _ended_since(since, each))]
            if not counted:
                return []
            if (begin := max(min(counted), since)) > track[0].day:
                held = [value_at(track, begin)._replace(day=begin), *(each for each in track if each.day > begin)]
            else:
                held = track
            return aged(held, _meeting_at)

        def levels_of_heir(heir: Unit, since: date) -> Levels:
            return levels_of(heir, self.kin.get(heir.key, _NOTHING), since)

        own = levels_of(self.unit, self.figures, self.unit.valid_from)
        return self._followed_by_heirs(own, levels_of_heir)

    def _followed_by_heirs(
        self,
        levels: Levels,
        levels_of_heir: Callable[[Unit, date], Levels],
        kinds: tuple[UnitKind, ...] | None = None,
    ) -> Levels:
        """Return the levels of the unit until its successors have figures, and theirs from then on.

        `kinds`: the kinds of units that count; None: those of the plan.
        """
        lineage = self.reference.lineage
        if not (heirs := lineage.heirs(self.unit)):
            return levels
        left = lineage.left(self.unit, kinds)
        for since, heir in heirs:
            if taken := [(since, Increment())] if since == left else levels_of_heir(heir, since):
                levels = [*(level for level in levels if level[0] < taken[0][0]), *taken]
            if since == left:
                break
        return levels

    def _holds_over_time(
        self, conditions: Sequence[Condition], observed: Sequence[Observations], series: Sequence[Series]
    ) -> list[FigureInForce]:
        """Return by day, in order, whether all conditions hold in the commune from then on: 1 or 0.

        An indicator holds if it does for each of its groups (men and women). Empty while a group has no figures.
        `observed`: the values for each condition.
        """
        tracks, since = [], self._counted_from(series)
        for (terms, goal, at_least, freshness), values in zip(conditions, observed, strict=True):
            counted = values.in_force_since(since)
            track = [
                FigureInForce(
                    one.effective, _holds(one.observation, goal, at_least), ZERO, freshness.age_of(one.period)
                )
                for one in counted
            ]
            if not track:
                return []
            own = self._series_among(series, terms.measure.element_codes) if series else ()
            tracks.append(series_apart(track, counted, own) if own else track)
        if len(tracks) == 1:
            return tracks[0]
        if not tracks:
            return []
        begin = max(track[0].day for track in tracks)
        days = sorted({figure.day for track in tracks for figure in track if figure.day >= begin})
        return [together(day, [value_at(track, day) for track in tracks]) for day in days]

    def _counted_from(self, series: Sequence[Series]) -> date:
        """Return the day since which the values in force count for the increments that are asked for.

        Where a sum goes over to another series later than a figure of it comes, the value of before counts until then.
        """
        return self._day_before if series else self.since

    @property
    def _day_before(self) -> date:
        return self.since - _DAY if self.since > date.min else self.since

    def _series_among(self, series: Sequence[Series], elements: Sequence[str]) -> Sequence[Series]:
        """Return those of the series of a sum that begin with a break of these elements."""
        breaks = self.reference.breaks_of(elements)
        return [each for each in series if each.after in breaks]


def _ended_since(day: date, observations: Observations) -> Observations:
    """Return the values for periods that did not end before a day: a unit's own, without the inherited ones."""
    if (reported := observations.newest_reported) and reported[0].period.end >= day:
        return observations
    return observations[bisect_left(observations.newest_reported, day, key=_end_of) :]


def _is_nothing(level: Increment) -> bool:
    return level.numerator == 0 and level.denominator == 0


def _meeting_at(figure: FigureInForce, is_newest: bool, is_stale: bool) -> Increment:
    return _MEETING[figure.numerator, is_newest, is_stale]


def _holds(seen: Observation, goal: Fraction, at_least: bool) -> Decimal:
    """Return 1 where the value reaches the goal, or nothing is asked of anybody; else 0."""
    if not seen.has_value:
        return _HOLDS[not seen.applies]
    return _HOLDS[seen.value >= goal if at_least else seen.value <= goal]


def _level_at(levels: Levels, day: date) -> Increment:
    place = bisect_right(levels, day, key=_day_of)
    return levels[place - 1][1] if place else NO_CHANGE
