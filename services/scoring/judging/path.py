"""Pure: what is promised, and the path that leads there."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

from services.scoring.judging.measures import Observation
from shared.reference.models import Due

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
    reports: Sequence[Due] = ()
    """What the calendar asks for, oldest period first: between reports nobody falls behind for want of news."""

    def gap(self, value: Decimal, wanted: Decimal) -> Decimal:
        """How much worse the value is than the one wanted; negative when it is better."""
        return wanted - value if self.direction == "at_least" else value - wanted


@dataclass(frozen=True, slots=True)
class Course:
    """The path, and how far from it is too far."""

    commitment: Commitment
    points: tuple[Point, ...]
    allowed: Decimal

    @classmethod
    def of(cls, commitment: Commitment, baseline: Point | None, goal: Decimal) -> Course | None:
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

    def as_of(self, seen: Observation, on: date) -> date:
        """The day whose point of the path a value is held against: the day itself, or where there are reports the end
        of the newest period that was due by then, or that the value speaks for.
        """
        if not self.commitment.reports or on > self.points[-1].on:
            return on
        # the days of an aggregate are the system's own, not a period that somebody reported for
        reported = seen.period.end if seen.units_counted is None else date.min
        for due in reversed(self.commitment.reports):
            if due.period.end <= reported:
                break
            if due.by < on:
                return min(due.period.end, on)
        return min(max(reported, self.points[0].on), on)

    def next_point(self, seen: Observation, on: date) -> Point | None:
        """The first of the milestones and of the ends of periods to be reported that is still to come."""
        done = self.as_of(seen, on)
        coming = (*(point.on for point in self.points[1:-1]), *(due.period.end for due in self.commitment.reports))
        day = min((day for day in coming if day >= on and day > done), default=self.points[-1].on)
        return Point(day, self.required(day)) if day < self.points[-1].on else None

    def exceeds(self, seen: Observation, on: date) -> bool:
        """Whether the value is further behind the path than the tolerance."""
        return self._gap(seen, on) > self.allowed

    def _gap(self, seen: Observation, on: date) -> Decimal:
        return self.commitment.gap(seen.value, self.required(self.as_of(seen, on)))

    def is_behind(self, seen: Sequence[Observation], on: date) -> bool:
        """Follow the values through time: too far back makes it behind, and only the path itself ends that.

        While a value stands the path moves away from it, so the first and the last day of each value's time tell
        whether it was ever too far back.
        """
        behind = False
        goal, begin = self.points[-1].value, self.points[0].on
        ends = [following.effective - _DAY for following in seen[1:]] + [on]
        for one, end in zip(seen, ends, strict=True):
            start = max(one.effective, begin)
            if start > end:
                continue
            if self.commitment.gap(one.value, goal) <= 0:
                behind = False
            elif behind and self._gap(one, start) <= 0:
                behind = self.exceeds(one, end)
            else:
                behind = behind or self.exceeds(one, start) or self.exceeds(one, end)
        return behind

    def last_day_within_tolerance(self, seen: Observation, on: date, deadline: date) -> date:
        """Until when an unchanged value is still on track; `on` itself is."""
        begin = self.points[0].on

        def is_beyond(days: int) -> bool:
            day = on + timedelta(days=days)
            return day >= begin and self.exceeds(seen, day)

        beyond = bisect_left(range((deadline - on).days + 1), True, key=is_beyond)
        return on + timedelta(days=max(beyond - 1, 0))
