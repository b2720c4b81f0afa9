"""Pure: is a commitment kept, and is it on pace? One function judges them all, from a commune's indicator to the
province's 124 of 181 communes. No I/O, no clock, no globals.

Rules: DESIGN.md of the project's founders, repeated in CONTRIBUTING.md ("How a commitment is judged").
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

from services.scoring.measures import Observation
from shared.contracts.words import Event, Status

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Point:
    """A value at a date."""

    on: date
    value: Decimal


@dataclass(frozen=True, slots=True)
class Commitment:
    """What is promised: by `deadline`, a value of at least or at most the goal; without a deadline nothing binds.

    The goal is a level, or `change` from the baseline. The path runs straight from the baseline through the
    milestones to the goal; `tolerance` is a share of the way from baseline to goal.
    """

    direction: Literal["at_least", "at_most"]
    goal: Decimal | None
    baseline_date: date
    deadline: date | None = None
    baseline: Decimal | None = None
    change: Decimal | None = None
    milestones: tuple[Point, ...] = ()
    tolerance: Decimal = Decimal("0.10")
    has_path: bool = True
    ceiling: bool = False
    """The value adds up over the year and may not pass the goal: only the deadline can tell that it was met."""

    def gap(self, value: Decimal, wanted: Decimal) -> Decimal:
        """How much worse the value is than the one wanted; negative when it is better."""
        return wanted - value if self.direction == "at_least" else value - wanted


@dataclass(frozen=True, slots=True)
class Verdict:
    """The status with the numbers that lead to it. `gap` is to the path, `short` to the goal."""

    status: Status
    observation: Observation | None = None
    goal: Decimal | None = None
    baseline: Point | None = None
    required: Decimal | None = None
    gap: Decimal | None = None
    short: Decimal | None = None
    holds_until: date | None = None


def assess(commitment: Commitment, observations: Sequence[Observation], on: date) -> Verdict:
    """Judge at a date by what was in force then. `observations` are in order of their effective dates."""
    seen = observations[: bisect_right(observations, on, key=lambda seen: seen.effective)]
    baseline = _baseline(commitment, seen)
    goal = commitment.goal
    if goal is None and commitment.change is not None and baseline is not None:
        goal = baseline.value + commitment.change
    if not seen or goal is None:
        return Verdict(Status.NO_DATA, goal=goal)

    newest = seen[-1]
    short = commitment.gap(newest.value, goal)
    course = _Course.of(commitment, baseline, goal)
    required = course.required(on) if course else None

    def verdict(status: Status, holds_until: date | None = None) -> Verdict:
        gap = None if required is None else commitment.gap(newest.value, required)
        return Verdict(status, newest, goal, baseline, required, gap, short, holds_until)

    deadline = commitment.deadline
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
    return verdict(Status.ON_TRACK, holds_until=course.last_day_within_tolerance(newest.value, on, deadline))


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


@dataclass(frozen=True, slots=True)
class _Course:
    """The path, and how far from it is too far."""

    commitment: Commitment
    points: tuple[Point, ...]
    allowed: Decimal

    @classmethod
    def of(cls, commitment: Commitment, baseline: Point | None, goal: Decimal) -> _Course | None:
        """None where the commitment has no path, or its time is over before the figures begin."""
        if not commitment.has_path or commitment.deadline is None or baseline is None:
            return None
        if baseline.on >= commitment.deadline:
            return None
        # who stands beyond the goal already has to stay there: the path is level
        start = goal if commitment.gap(baseline.value, goal) <= 0 else baseline.value
        milestones = [point for point in commitment.milestones if baseline.on < point.on < commitment.deadline]
        points = (Point(baseline.on, start), *milestones, Point(commitment.deadline, goal))
        return cls(commitment, points, abs(goal - start) * commitment.tolerance)

    def required(self, on: date) -> Decimal:
        """The path's value: straight between its points, level before the first and after the last."""
        after = bisect_left(self.points, on, key=lambda point: point.on)
        if after == 0:
            return self.points[0].value
        if after == len(self.points):
            return self.points[-1].value
        left, right = self.points[after - 1], self.points[after]
        share = Decimal((on - left.on).days) / Decimal((right.on - left.on).days)
        return left.value + (right.value - left.value) * share

    def exceeds(self, value: Decimal, on: date) -> bool:
        """Whether the value is further behind the path than the tolerance."""
        return self.commitment.gap(value, self.required(on)) > self.allowed

    def is_behind(self, seen: Sequence[Observation], on: date) -> bool:
        """Follow the values through time: too far back makes it behind, and only the path itself ends that.

        While a value stands the path moves away from it, so the first and the last day of each value's time tell
        whether it was ever too far back.
        """
        behind = False
        goal, begin = self.points[-1].value, self.points[0].on
        ends = [following.effective - _DAY for following in seen[1:]] + [on]
        for observation, end in zip(seen, ends, strict=True):
            start = max(observation.effective, begin)
            if start > end:
                continue
            if self.commitment.gap(observation.value, goal) <= 0:
                behind = False
            elif behind and self.commitment.gap(observation.value, self.required(start)) <= 0:
                behind = self.exceeds(observation.value, end)
            else:
                behind = behind or self.exceeds(observation.value, start) or self.exceeds(observation.value, end)
        return behind

    def last_day_within_tolerance(self, value: Decimal, on: date, deadline: date) -> date:
        """Until when an unchanged value is still on track; `on` itself is."""
        begin = self.points[0].on

        def is_beyond(days: int) -> bool:
            day = on + timedelta(days=days)
            return day >= begin and self.exceeds(value, day)

        beyond = bisect_left(range((deadline - on).days + 1), True, key=is_beyond)
        return on + timedelta(days=max(beyond - 1, 0))
