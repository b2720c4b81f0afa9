"""The judge: is a requirement met, and is it on pace?

One function judges all requirements, from a commune's indicator to the province's 124 of 181 communes. The rules
stand in CONTRIBUTING.md, "How a commitment is judged".
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction
from functools import cached_property
from operator import attrgetter

from services.scoring.judging.observations import (
    Observation,
    Observations,
    changed,
    exact,
    from_base,
    newest_reported_in,
    reported_in,
)
from services.scoring.judging.path import Course, Point, Requirement
from shared.contracts.status import Event, Status
from shared.reference.series import Series, place_of

_DAY = timedelta(days=1)
_NOTHING = Fraction(0)
_severity = attrgetter("severity")
_effective = attrgetter("effective")
_DECIDED_BY_GOAL = frozenset({Status.MET, Status.MISSED})


@dataclass(frozen=True)
class Verdict:
    """A status with everything that leads to it; its numbers are calculated when they are first asked for."""

    requirement: Requirement
    on: date
    status: Status
    seen: Sequence[Observation]
    """The values in force by that day that are comparable with the newest, which is the last."""
    observation: Observation | None
    """The newest value, which is judged."""
    goal: Fraction | None
    holds_until: date | None = None

    @cached_property
    def baseline(self) -> Point | None:
        """The value and the day from which the path leads."""
        return _baseline(self.requirement, self.seen)

    @cached_property
    def course(self) -> Course | None:
        """The path with which the newest value is compared; None where it is compared with none."""
        newest = self.observation
        if newest is None or newest.is_unusable or not newest.applies:
            return None
        if self.goal is None or self.status == Status.NO_DATA:  # too many figures are missing
            return None
        if not self.requirement.leads:  # no baseline is looked for, which may lie far back
            return None
        return Course.of(self.requirement, self.baseline, self.goal)

    @property
    def is_contradictory(self) -> bool:
        """True where the figures of the newest value cannot stand together."""
        return self.observation is not None and self.observation.is_contradictory

    @cached_property
    def series(self) -> Series | None:
        """The series, begun with a break, of the newest value, or without values of the day; None before any."""
        series, newest = self.requirement.series, self.observation
        place = place_of(series, newest.period.end if newest else self.on) if series else 0
        return series[place - 1] if place else None

    @property
    def series_from(self) -> date | None:
        """The day of the break after which the newest value was counted; None before any."""
        return self.series.after.valid_from if self.seen and self.series else None

    @property
    def short(self) -> Fraction | None:
        """The distance from the value to the goal; negative beyond it."""
        newest = self.observation
        if self.goal is None or newest is None or not newest.has_value:
            return None
        return self.requirement.gap(newest.value, self.goal)

    @cached_property
    def required(self) -> Point | None:
        """The path's value with which the newest value is compared, and its day."""
        if (course := self.course) is None:
            return None
        day = course.as_of(self.seen[-1], self.on)
        return Point(day, course.required(day))

    @property
    def tolerated(self) -> Fraction | None:
        """The worst value that is still on track where none before it was behind; None where no path decides.

        That is before the path begins, and once nothing is waited for after the deadline.
        """
        course, requirement = self.course, self.requirement
        if course is None or requirement.ceiling or self.on < course.points[0].on:
            return None
        if requirement.paced_until(self.seen, self.on) is None:
            return None
        return course.tolerated(course.as_of(self.seen[-1], self.on))

    @property
    def gap(self) -> Fraction | None:
        """The distance of the value behind the path; negative when it is ahead."""
        required = self.required
        return None if required is None else self.requirement.gap(self.seen[-1].value, required.value)

    @property
    def ahead(self) -> Point | None:
        """The path's next point before the goal: a milestone, or the end of a period to be reported; None: no more."""
        if self.status not in (Status.ON_TRACK, Status.BEHIND) or (course := self.course) is None:
            return None
        return course.next_point(self.seen[-1], self.on)

    def lacking(self, required: Fraction) -> int | None:
        """Return how many countable things the newest value lacks to the required one; its denominator stays."""
        newest = self.observation
        if newest is None or newest.is_unusable:
            return None
        if newest.denominator is not None:
            required = required * exact(newest.denominator) / newest.scale
        return max(0, math.ceil(self.requirement.gap(exact(newest.numerator), required)))


def assess(requirement: Requirement, observations: Sequence[Observation], on: date) -> Verdict:
    """Judge a requirement at a date by the values in force then. `observations`: by their effective dates.

    A value of which too many figures are missing is judged only where these cannot turn the verdict.
    """
    reported = newest_reported_in(observations)
    coming = bisect_right(reported, on, key=_effective)
    seen = observations if coming == len(reported) else observations[:coming]
    if requirement.series and seen:
        requirement, seen = _of_newest_series(requirement, seen)
    newest = seen[-1] if seen else None
    one = newest or next(iter(reported), None)
    if not isinstance(one, Observation) or one.units_counted is None:  # of a unit, not a sum
        return _assess(requirement, seen, newest, on)
    if newest is not None:
        seen = _alike(seen, newest)
    if newest is None or newest.possible is None:
        verdict = _assess(requirement, seen, newest, on)
    else:
        verdict = _assess_incomplete(requirement, seen, newest.possible, on)
    if coming < len(reported):  # the sum was moved by somebody for whom another day had begun
        last_day = reported[coming].effective - _DAY
        verdict = replace(verdict, holds_until=min(last_day, verdict.holds_until or last_day))
    return verdict


def _of_newest_series(
    requirement: Requirement, seen: Sequence[Observation]
) -> tuple[Requirement, Sequence[Observation]]:
    """Return the values that are comparable with the newest one, and the requirement as it applies to them.

    What the plan states of the time before a break within its own time, its baseline and its milestones, is not
    comparable either: the path then begins with the first value after the break. The goal binds as it stands.
    """
    series = requirement.series
    if not (place := place_of(series, seen[-1].period.end)):
        return requirement, seen
    begins = bisect_left(newest_reported_in(seen), place, key=lambda value: place_of(series, value.period.end))
    if series[place - 1].after.valid_from > requirement.baseline_date + _DAY:
        requirement = replace(requirement, baseline=None, milestones=())
    return requirement, seen[begins:]


def _assess_incomplete(
    requirement: Requirement, seen: Sequence[Observation], possible: Iterable[Fraction], on: date
) -> Verdict:
    """Judge a newest value that may become any between two others: `no_data` where the verdicts on these differ.

    Without a baseline it is judged only where no path decides.
    """
    newest = seen[-1]
    verdict = _assess(requirement, seen, newest, on)
    others = [newest._replace(value=value) for value in possible]
    extremes = [_assess(requirement, changed(seen, _unchanged, other), other, on) for other in others]
    statuses = {verdict.status, *(extreme.status for extreme in extremes)}
    needs_path = requirement.has_path and not requirement.ceiling
    is_decided = len(statuses) == 1 and (
        not needs_path or statuses <= _DECIDED_BY_GOAL or _baseline(requirement, seen) is not None
    )
    ends = [extreme.holds_until for extreme in (verdict, *extremes) if extreme.holds_until is not None]
    verdict = replace(verdict, holds_until=min(ends, default=None))
    return verdict if is_decided else replace(verdict, status=Status.NO_DATA)


def _alike(seen: Sequence[Observation], newest: Observation) -> Observations:
    """Return the values of a sum as they compare with the newest one, without those to which too few figures had come.

    A former value of which a change is asked is moved to what the newest value is compared with.
    """
    compared_with = newest.before

    def alike(former: Observation) -> Observation | None:
        if former.possible is not None:
            return None
        if compared_with is None:
            return former
        if former.before is None:
            return None
        return former._replace(value=former.value - former.before + compared_with)

    return changed(seen, alike, newest)


def _unchanged(former: Observation) -> Observation:
    return former


def _assess(requirement: Requirement, seen: Sequence[Observation], newest: Observation | None, on: date) -> Verdict:
    deadline = requirement.deadline
    goal = requirement.goal
    if goal is None and requirement.change is not None and (baseline := _baseline(requirement, seen)) is not None:
        goal = baseline.value + requirement.change
        if requirement.ceiling:
            goal = max(goal, _NOTHING)  # no sum is smaller

    def verdict(status: Status, holds_until: date | None = None) -> Verdict:
        return Verdict(requirement, on, status, seen, newest, goal, holds_until)

    if deadline is None:
        return verdict(unbound_status(requirement, newest, goal) if newest else Status.NO_DATA)
    is_over = on > deadline
    end = requirement.paced_until(seen, on)
    if newest is None or newest.is_unusable or (goal is None and newest.applies):
        if is_over:  # without figures nothing shows that it was met in time
            return verdict(Status.NO_DATA if end else Status.MISSED, holds_until=end)
        dues = (due.by for due in requirement.reports if due.by >= on)
        return verdict(Status.NO_DATA, holds_until=min((deadline, *dues)))
    if goal is None or not newest.applies:
        return verdict(Status.MET)
    if requirement.ceiling and end is not None:
        # the change is asked for at the end, until then: no rise
        most = goal if newest.before is None or is_over else newest.before
        is_within = requirement.is_reached(newest.value, most)
        return verdict(Status.ON_TRACK if is_within else Status.BEHIND, holds_until=end)
    if requirement.is_reached(newest.value, goal):
        return verdict(Status.MET)
    if end is None:
        return verdict(Status.MISSED)
    course = Course.of(requirement, _baseline(requirement, seen), goal) if requirement.leads else None
    if course is None:
        return verdict(Status.ON_TRACK, holds_until=end)
    if course.is_behind(seen, on):
        return verdict(Status.BEHIND, holds_until=end)
    return verdict(Status.ON_TRACK, holds_until=course.last_day_within_tolerance(newest, on, end))


def unbound_status(requirement: Requirement, newest: Observation, goal: Fraction | None) -> Status:
    """Return the status of a requirement that binds by no day: the newest value alone tells it."""
    if newest.is_unusable or (goal is None and newest.applies):
        return Status.NO_DATA
    if goal is None or not newest.applies or requirement.is_reached(newest.value, goal):
        return Status.MET
    return Status.NOT_MET


def status_since(
    status_on: Callable[[date], tuple[Status, date | None]], first: date, days: Iterable[date], on: date
) -> date:
    """Return the day since which the status of the day `on` has held, followed from `first` on.

    `status_on` returns the status at a day and the last day until which it holds by itself; `days` are those on which
    values change.
    """
    coming = sorted(day for day in days if day <= on)
    day = since = min([first, *coming])
    status, holds_until = status_on(day)
    while True:
        ahead = bisect_right(coming, day)
        nexts = coming[ahead : ahead + 1] + ([holds_until + _DAY] if holds_until is not None else [])
        if not nexts or (day := min(nexts)) > on:
            return since
        before = status
        status, holds_until = status_on(day)
        if status != before:
            since = day


def worst(statuses: Sequence[Status]) -> Status:
    """Return the worst status, which a criterion takes from its parts."""
    return statuses[0] if len(statuses) == 1 else min(statuses, key=_severity)


def event_of(before: Status, after: Status) -> Event | None:
    """Name the change from one status to another; None where nothing changed."""
    if before == after:
        return None
    named = {Status.MET: Event.MET, Status.MISSED: Event.MISSED, Status.BEHIND: Event.FELL_BEHIND}
    if before == Status.MET and after != Status.MISSED:
        return Event.LOST
    if before == Status.NO_DATA and after == Status.MET:
        return Event.FIRST_DATA
    if after in named:
        return named[after]
    if before == Status.NO_DATA:
        return Event.FIRST_DATA
    if before == Status.BEHIND and after == Status.ON_TRACK:
        return Event.RECOVERED
    return Event.CHANGED


def _baseline(requirement: Requirement, seen: Sequence[Observation]) -> Point | None:
    """Return the stated baseline, else the value in force at the baseline date, else the first value.

    A newest value of which too many figures are missing is no baseline of its own path.
    """
    if requirement.baseline is not None:
        return Point(requirement.baseline_date, requirement.baseline)
    if seen and (compared := seen[-1].before) is not None:
        return Point(_begins(requirement, seen), compared)
    if seen and seen[-1].possible is not None:
        seen = seen[:-1]
    seen = from_base(seen)
    begun = bisect_right(reported_in(seen), requirement.baseline_date, key=_effective)
    before = next((value for value in reversed(seen[:begun]) if value.has_value), None)
    if before is not None:
        return Point(requirement.baseline_date, before.value)
    first = None if requirement.ceiling else next((value for value in seen[begun:] if value.has_value), None)
    return Point(first.effective, first.value) if first is not None else None


def _begins(requirement: Requirement, seen: Sequence[Observation]) -> date:
    """Return the day of what a sum is compared with: where first figures stand for it, the day of the first value."""
    return seen[0].effective if seen[-1].begins_with_first else requirement.baseline_date
