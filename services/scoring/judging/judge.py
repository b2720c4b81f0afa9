"""Pure: is a commitment kept, and is it on pace? One function judges them all, from a commune's indicator to the
province's 124 of 181 communes. No I/O, no clock, no globals.

Rules: DESIGN.md of the project's founders, repeated in CONTRIBUTING.md ("How a commitment is judged").
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from services.scoring.judging.measures import HUNDRED, Observation
from services.scoring.judging.path import Commitment, Course, Point
from shared.contracts.status import Event, Status

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The status with what leads to it; its numbers are worked out when somebody asks for them."""

    commitment: Commitment
    on: date
    status: Status
    seen: Sequence[Observation]
    """What was in force by that day, the newest last."""
    goal: Decimal | None
    baseline: Point | None = None
    course: Course | None = None
    holds_until: date | None = None

    @property
    def observation(self) -> Observation | None:
        """What is judged: the newest value."""
        return self.seen[-1] if self.seen else None

    @property
    def short(self) -> Decimal | None:
        """How much the value lacks to the goal; negative beyond it."""
        return None if self.goal is None or not self.seen else self.commitment.gap(self.seen[-1].value, self.goal)

    @property
    def required(self) -> Point | None:
        """The path's value that the newest one is held against, and the day that it is of."""
        if self.course is None:
            return None
        day = self.course.as_of(self.seen[-1], self.on)
        return Point(day, self.course.required(day))

    @property
    def gap(self) -> Decimal | None:
        """How far the value is behind the path; negative is ahead."""
        required = self.required
        return None if required is None else self.commitment.gap(self.seen[-1].value, required.value)

    @property
    def ahead(self) -> Point | None:
        """Where the goal is still to come, the path's next point before it: a milestone, or the end of a period that is
        to be reported.
        """
        if self.course is None or self.status not in (Status.ON_TRACK, Status.BEHIND):
            return None
        return self.course.next_point(self.seen[-1], self.on)

    def lacking(self, wanted: Decimal) -> int | None:
        """How many countable things the newest value lacks to the one wanted, its denominator staying as it is."""
        newest = self.observation
        if newest is None:
            return None
        if newest.denominator is not None:
            wanted = wanted * newest.denominator / HUNDRED
        # a value on the path is a quotient, so what is exactly enough may come out a hair short
        return max(0, math.ceil(round(self.commitment.gap(newest.numerator, wanted), 6)))


def assess(commitment: Commitment, observations: Sequence[Observation], on: date) -> Verdict:
    """Judge at a date by what was in force then. `observations` are in order of their effective dates."""
    seen = observations[: bisect_right(observations, on, key=lambda seen: seen.effective)]
    deadline = commitment.deadline
    baseline = _baseline(commitment, seen)
    goal = commitment.goal
    if goal is None and commitment.change is not None and baseline is not None:
        goal = baseline.value + commitment.change

    def verdict(status: Status, holds_until: date | None = None) -> Verdict:
        return Verdict(commitment, on, status, seen, goal, baseline, course, holds_until)

    course = None
    if not seen or goal is None:
        if deadline is None:
            return verdict(Status.NO_DATA)
        if on > deadline:  # silence is no excuse: what nothing shows to be met by then was not
            return verdict(Status.MISSED)
        dues = (due.by for due in commitment.reports if due.by >= on)
        return verdict(Status.NO_DATA, holds_until=min((deadline, *dues)))
    newest = seen[-1]
    short = commitment.gap(newest.value, goal)
    course = Course.of(commitment, baseline, goal)
    if commitment.ceiling and deadline is not None and on <= deadline:
        return verdict(Status.ON_TRACK if short <= 0 else Status.BEHIND, holds_until=deadline)
    if short <= 0:
        return verdict(Status.MET)
    if deadline is None:
        return verdict(Status.NOT_MET)
    if on > deadline:
        return verdict(Status.MISSED)
    if course is None:
        return verdict(Status.ON_TRACK, holds_until=deadline)
    if course.is_behind(seen, on):
        return verdict(Status.BEHIND, holds_until=deadline)
    return verdict(Status.ON_TRACK, holds_until=course.last_day_within_tolerance(newest, on, deadline))


def begun(status_on: Callable[[date], tuple[Status, date | None]], first: date, days: Iterable[date], on: date) -> date:
    """Since when what has a status on a day has had it: the time before is followed from `first` on.

    `status_on` tells the status at a day and until when it holds by itself; `days` are those on which values change.
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
    """What a criterion gets from its parts."""
    return min(statuses, key=lambda status: status.severity)


def event_of(before: Status, after: Status) -> Event | None:
    """What the change from one status to another is called; None where nothing changed."""
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


def _baseline(commitment: Commitment, seen: Sequence[Observation]) -> Point | None:
    """As stated; else the value in force at the baseline date; else where the figures begin."""
    if commitment.baseline is not None:
        return Point(commitment.baseline_date, commitment.baseline)
    if not seen:
        return None
    before = [found for found in seen if found.effective <= commitment.baseline_date]
    if before:
        return Point(commitment.baseline_date, before[-1].value)
    return None if commitment.ceiling else Point(seen[0].effective, seen[0].value)
