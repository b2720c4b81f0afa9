"""The judge: a plan's verdicts on communes' criteria and on the commitments of districts and the province, at a day."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import chain, pairwise, repeat
from operator import attrgetter
from typing import NamedTuple

from services.scoring.judging import requirements
from services.scoring.judging.aggregates import newest_of_series, series
from services.scoring.judging.completeness import Expected
from services.scoring.judging.figures import Figures, arrived_by
from services.scoring.judging.increments import Increment, Sum
from services.scoring.judging.observations import Observation, reported_in
from services.scoring.judging.requirements import MeasureRequirement
from services.scoring.judging.verdict import Verdict, assess, status_since, unbound_status, worst
from shared.contracts.bilingual import Bilingual
from shared.contracts.status import Status
from shared.reference.awaited_reports import Arrivals, Asked, asked_on_criterion, is_overdue
from shared.reference.load import Reference
from shared.reference.models import (
    Commitment,
    CriterionKey,
    Unit,
)

_DAY = timedelta(days=1)
_effective = attrgetter("effective")


class MeasureVerdict(NamedTuple):
    """The verdict on one measure of a criterion."""

    measure: MeasureRequirement
    verdict: Verdict
    not_reported: Sequence[Bilingual]
    """The names of the elements that are missing where others of the measure have come."""
    disagreeing: Sequence[Bilingual]
    """The names of the elements whose newest figures break a sum rule, the whole last; empty where none do."""

    @property
    def is_provisional(self) -> bool:
        """True where the newest figures are not the official ones."""
        newest = self.verdict.observation
        return newest is not None and self.measure.is_provisional(newest)

    @property
    def is_stale(self) -> bool:
        """True where the newest figures are too old to stand for the present."""
        newest = self.verdict.observation
        return newest is not None and self.measure.is_stale(newest, self.verdict.on)


class Newest(NamedTuple):
    """The newest value of a measure on a day, and what it tells of a commune that nothing binds."""

    measure: MeasureRequirement
    value: Observation | None
    status: Status


class CriterionVerdict(NamedTuple):
    """The verdict on a commune's criterion: everything but its published words."""

    status: Status
    on: date
    parts: Sequence[MeasureVerdict]
    overdue: Sequence[str]
    holds_until: date | None
    """The last day on which the status holds if nothing is reported; None: it holds for good."""
    arrived: Arrivals | None = None
    """The reports that have come, the newest of each length; None where none is asked for."""

    @property
    def series_from(self) -> date | None:
        """The day of the newest break after which one of its newest figures was counted; None before any."""
        return max((day for part in self.parts if (day := part.verdict.series_from)), default=None)

    @property
    def is_contradictory(self) -> bool:
        """True where the newest figures of one of its measures cannot stand together."""
        return any(part.verdict.is_contradictory for part in self.parts)

    @property
    def is_blank(self) -> bool:
        """True where the criterion has no figures to speak of, and time alone never changes its status."""
        return self.status == Status.NO_DATA and self.holds_until is None and not self.is_contradictory


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges by the plan of the reference data, as of a day."""

    reference: Reference
    on: date
    _required: dict[tuple[CriterionKey, str | None, date | None], Sequence[MeasureRequirement]] = field(
        default_factory=dict, compare=False, repr=False
    )
    """By criterion, group of communes and deadline: they are the same for many communes and on any day."""
    _asked: dict[tuple[object, ...], Asked] = field(default_factory=dict, compare=False, repr=False)
    """The reports asked for, by criterion, deadline and the time of a unit."""
    _silent: dict[tuple[object, ...], CriterionVerdict] = field(default_factory=dict, compare=False, repr=False)
    """The verdicts without figures, by day, criterion, group of communes, deadline and the time of a unit."""

    def at(self, day: date) -> Judge:
        """Return the judge by the same plan at another day."""
        return self if day == self.on else replace(self, on=day)

    # Criteria of communes

    def criterion(
        self, key: CriterionKey, unit: Unit, figures: Figures, arrived_before: Arrivals | None = None
    ) -> CriterionVerdict:
        """Judge a commune's criterion and find the overdue reports on it, as of a day on which its set is in force.

        Before that there is no verdict. After it the verdict of the set's last day stands, and figures about its time
        correct it. `arrived_before`: what the last verdict says of the reports that had come, where not all figures
        were read.
        """
        reference, on = self.reference, self.on
        first, last = reference.time_of(key)
        if on > last:
            return self.at(last).criterion(key, unit, figures.known_by(last), arrived_before)
        parts = self.parts(key, unit, figures)
        if on < first:
            return CriterionVerdict(Status.NO_DATA, on, parts, (), first - _DAY)
        elements, until = reference.criterion(key).element_codes, reference.plan.deadline
        arrived = arrived_by(figures, elements, on, until, arrived_before)
        awaited = self._asked_on(key, unit).awaited(arrived)
        late = [due.period.text for due in awaited if is_overdue(due, on)]
        ends = [due.by for due in awaited if not is_overdue(due, on)]
        ends += [part.verdict.holds_until for part in parts if part.verdict.holds_until is not None]
        holds_until = min(ends, default=last)
        holds_on = holds_until if holds_until < last else None
        return CriterionVerdict(_status(parts), on, parts, late, holds_on, arrived)

    def criterion_unreported(self, key: CriterionKey, unit: Unit) -> CriterionVerdict:
        """Judge a commune's criterion without any figures: each first verdict is compared with that.

        It is the same for many communes.
        """
        group, deadline = self.reference.commune_group(key, unit), self._deadline(key, unit)
        of = self.on, key, group, deadline, unit.valid_from, unit.valid_to
        if of not in self._silent:
            self._silent[of] = self.criterion(key, unit, Figures())
        return self._silent[of]

    def parts(self, key: CriterionKey, unit: Unit, figures: Figures) -> Sequence[MeasureVerdict]:
        """Judge the indicators of a commune's criterion as `criterion` does, and look for no overdue report."""
        first, last = self.reference.time_of(key)
        if self.on > last:
            return self.at(last).parts(key, unit, figures.known_by(last))
        if self.on < first:
            return self._parts(key, unit, Figures(), None)
        return self._parts(key, unit, figures, self._deadline(key, unit))

    def criterion_through(self, key: CriterionKey, unit: Unit, figures: Figures, days: Sequence[date]) -> list[Status]:
        """Return the status of a commune's criterion on each of the days, which are in order.

        The same as `criterion` finds on each, but a verdict is carried on as long as it holds.
        """
        first, last = self.reference.time_of(key)
        begin, end = bisect_left(days, first), bisect_right(days, last)
        deadline, within = self._deadline(key, unit), days[begin:end]
        tracks = [
            _through(measure, figures.observed(measure.terms, deadline), within)
            for measure in self._measures(key, unit, deadline)
        ]
        statuses = [Status.NO_DATA] * begin
        statuses += tracks[0] if len(tracks) == 1 else map(worst, zip(*tracks, strict=True))
        if end < len(days):
            status = self.at(last).criterion(key, unit, figures.known_by(last)).status
            statuses += repeat(status, len(days) - end)
        return statuses

    def criterion_since(self, key: CriterionKey, unit: Unit, figures: Figures) -> date:
        """Return the day since which a commune's criterion has had its status, by today's figures."""
        plan, deadline = self.reference.plan, self._deadline(key, unit)
        first, last = self.reference.time_of(key)
        if self.on > last:
            return self.at(last).criterion_since(key, unit, figures.known_by(last))

        measures = [
            (measure.requirement, figures.observed(measure.terms, deadline))
            for measure in self._measures(key, unit, deadline)
        ]

        def status_on(day: date) -> tuple[Status, date | None]:
            if day < first:
                return Status.NO_DATA, first - _DAY
            verdicts = [assess(requirement, observations, day) for requirement, observations in measures]
            ends = [verdict.holds_until for verdict in verdicts if verdict.holds_until is not None]
            return worst([verdict.status for verdict in verdicts]), min(ends, default=None)

        days = {seen.effective for _, observations in measures for seen in reported_in(observations)}
        return max(unit.valid_from, status_since(status_on, plan.baseline_date, days, self.on))

    def criterion_now(self, key: CriterionKey, unit: Unit, figures: Figures) -> CriterionVerdict:
        """Judge whether a commune meets a criterion by its newest figures, whatever the plan asks of it and when."""
        last = self.reference.time_of(key)[1]
        if self.on > last:
            return self.at(last).criterion_now(key, unit, figures.known_by(last))
        return CriterionVerdict(_status(parts := self._parts(key, unit, figures, None)), self.on, parts, (), None)

    def newest_through(
        self, key: CriterionKey, unit: Unit, figures: Figures, days: Sequence[date]
    ) -> Iterator[Sequence[Newest]]:
        """Yield the newest values that `criterion_now` judges by on each of the days, which are in order."""
        last = self.reference.time_of(key)[1]
        end = bisect_right(days, last)
        tracks = [
            chain.from_iterable(
                repeat(newest, count) for newest, count in _newest(measure, figures.observed(measure.terms), days[:end])
            )
            for measure in self._measures(key, unit, None)
        ]
        yield from zip(*tracks, strict=True)
        if end < len(days):
            (newest,) = self.newest_through(key, unit, figures.known_by(last), [last])
            yield from repeat(newest, len(days) - end)

    def is_over_for(self, unit: Unit, key: CriterionKey) -> bool:
        """Tell whether the plan bound the commune to the criterion by a day that has passed."""
        deadline = self._deadline(key, unit)
        return deadline is not None and self.on > deadline

    def _deadline(self, key: CriterionKey, unit: Unit) -> date | None:
        """Return the day by which the plan binds the commune to the criterion; None where no cohort binds it."""
        return self.reference.plan.deadline if self.reference.binds(unit, key) else None

    def _parts(
        self, key: CriterionKey, unit: Unit, figures: Figures, deadline: date | None
    ) -> Sequence[MeasureVerdict]:
        """Judge every indicator of a criterion, for men and women apart where the set asks for that.

        With a deadline only figures about periods up to it count.
        """
        parts = []
        for measure in self._measures(key, unit, deadline):
            observations = figures.observed(measure.terms, deadline)
            verdict = assess(measure.requirement, observations, self.on)
            newest = verdict.observation
            missing = () if newest else self._names(figures.not_reported(measure.group.measure, self.on))
            disagreeing = self._names(newest.broken.elements) if newest and newest.broken else ()
            parts.append(MeasureVerdict(measure, verdict, missing, disagreeing))
        return parts

    def _names(self, elements: Iterable[str]) -> list[Bilingual]:
        return [self.reference.elements[code].name for code in elements]

    def _measures(self, key: CriterionKey, unit: Unit, deadline: date | None) -> Sequence[MeasureRequirement]:
        """Return what a criterion requires of a commune."""
        of = key, self.reference.commune_group(key, unit), deadline
        if of not in self._required:
            self._required[of] = list(requirements.of_criterion(self.reference, key, unit, deadline))
        return self._required[of]

    def _asked_on(self, key: CriterionKey, unit: Unit) -> Asked:
        """Return the reports on a criterion that a commune is asked for."""
        of = key, self._deadline(key, unit), unit.valid_from, unit.valid_to
        if of not in self._asked:
            self._asked[of] = asked_on_criterion(self.reference, key, unit)
        return self._asked[of]

    # Commitments of districts and the province

    def target(self, commitment: Commitment, observations: Sequence[Observation]) -> Verdict:
        """Judge a commitment by the values of the district or province that it binds."""
        return assess(requirements.of_commitment(self.reference, commitment), observations, self.on)

    def target_since(self, commitment: Commitment, observations: Sequence[Observation]) -> date:
        """Return the day since which a commitment has had its status, by today's figures."""
        requirement = requirements.of_commitment(self.reference, commitment)

        def status_on(day: date) -> tuple[Status, date | None]:
            verdict = assess(requirement, observations, day)
            return verdict.status, verdict.holds_until

        days = {seen.effective for seen in observations}
        return status_since(status_on, self.reference.plan.baseline_date, days, self.on)

    def observations_of(
        self, commitment: Commitment, target: Unit, increments: Mapping[date, Increment]
    ) -> list[Observation]:
        """Return a commitment's value over time from its summed increments, as seen on the day."""
        return series(commitment, increments, self.reference.plan.baseline_date, self.expected(commitment, target))

    def newest_observations_of(
        self, commitment: Commitment, target: Unit, known: Sum, path_from: date | None
    ) -> Sequence[Observation]:
        """Return what `observations_of` does where not all is known of the sum.

        `path_from`: see `newest_of_series`.
        """
        expected = self.expected(commitment, target)
        return newest_of_series(commitment, known, self.reference.plan.baseline_date, expected, path_from)

    def expected(self, commitment: Commitment, target: Unit) -> Expected:
        """Return the figures that the sum of a commitment needs to be whole, as seen on the day."""
        reference = self.reference
        return Expected(
            communes=reference.communes_expected(commitment, target, self.on),
            coverage=reference.plan.coverage,
            reports=reference.reports_owed(commitment, target, self.on),
            stands_months=reference.stands_months(reference.elements_of(commitment)),
            criteria=reference.criteria_counted(commitment),
        )


def overdue_of(verdict: Verdict) -> list[str]:
    """Return the period of a commitment's newest overdue report.

    There is none once a commitment of communes is judged: missing reports then show at the communes that owe them. A
    sum over the year says how many have come.
    """
    newest = verdict.observation
    if newest is not None and (newest.is_whole or verdict.status != Status.NO_DATA):
        return []
    late = [due.period.text for due in verdict.requirement.reports if is_overdue(due, verdict.on)]
    return late[-1:]


def _through(measure: MeasureRequirement, observations: Sequence[Observation], days: Sequence[date]) -> list[Status]:
    """Return the status of a measure on each of the days, by the values in force then."""
    requirement = measure.requirement
    if requirement.deadline is None:
        return [status for newest, count in _newest(measure, observations, days) for status in [newest.status] * count]
    statuses: list[Status] = []
    status, holds_until, reported = Status.NO_DATA, date.min, reported_in(observations)
    for day in days:
        if day > holds_until:
            verdict = assess(requirement, observations, day)
            coming = bisect_right(reported, day, key=_effective)
            ends = [verdict.holds_until] if verdict.holds_until is not None else []
            ends += [seen.effective - _DAY for seen in reported[coming : coming + 1]]
            status, holds_until = verdict.status, min(ends, default=date.max)
        statuses.append(status)
    return statuses


def _newest(
    measure: MeasureRequirement, observations: Sequence[Observation], days: Sequence[date]
) -> Iterator[tuple[Newest, int]]:
    """Yield the newest values of a measure that binds by no day, with their statuses, in the order of the days.

    With each: the number of days on which it is the newest.
    """
    requirement = measure.requirement
    begins = [bisect_left(days, seen.effective) for seen in reported_in(observations)]
    if before := min(begins, default=len(days)):
        yield Newest(measure, None, Status.NO_DATA), before
    for place, (begin, end) in enumerate(pairwise([*begins, len(days)])):
        if begin < end:
            value = observations[place]
            yield Newest(measure, value, unbound_status(requirement, value, requirement.goal)), end - begin


def _status(parts: Sequence[MeasureVerdict]) -> Status:
    return worst([part.verdict.status for part in parts])
