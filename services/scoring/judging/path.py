"""The path of a requirement: from its baseline through its milestones to its goal."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Literal

from services.scoring.judging.observations import Observation
from shared.reference.models import Due
from shared.reference.series import Series

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Point:
    """A value at a date."""

    on: date
    value: Fraction


@dataclass(frozen=True, slots=True)
class Requirement:
    """A value to reach: by `deadline`, at least or at most the goal. Without a deadline nothing binds.

    The goal is a level, or a `change` from the baseline. `tolerance`: a share of the distance from baseline to goal.
    """

    direction: Literal["at_least", "at_most"]
    goal: Fraction | None
    baseline_date: date
    tolerance: Fraction
    deadline: date | None = None
    baseline: Fraction | None = None
    change: Fraction | None = None
    milestones: tuple[Point, ...] = ()
    steps: bool = False
    """Between two milestones nothing more is asked than at the first of them: a number of communes by quarter."""
    has_path: bool = True
    ceiling: bool = False
    """The value adds up over the year and may not pass the goal, so only the deadline shows that it is met."""
    reports: Sequence[Due] = ()
    """The reports that the calendar asks for, oldest period first; between them no value falls behind."""
    series: Sequence[Series] = ()
    """The series of figures that begin with a break: values of different series are not compared."""
    closes: date | None = None
    """The day on which the plan is closed, where no calendar says when the last figures come; until then they are
    waited for."""

    @property
    def leads(self) -> bool:
        """True where a path leads to the goal by a day."""
        return self.has_path and self.deadline is not None

    def paced_until(self, seen: Sequence[Observation], on: date) -> date | None:
        """Return the last day on which the path decides: the deadline; after it, the last one of waiting for figures.

        None where no goal has to be reached by a day, or nothing is waited for any more.
        """
        is_over = self.deadline is not None and on > self.deadline
        return self.open_until(seen, on) if is_over else self.deadline

    def open_until(self, seen: Sequence[Observation], on: date) -> date | None:
        """Return the last day on which figures about the time up to the deadline are still waited for.

        None where nothing is waited for any more on the day `on`: then a goal that is not reached was missed.
        """
        if self.deadline is None:
            return None
        newest = seen[-1] if seen else None
        # the day of a sum is the system's own, not a period that somebody reported for
        reported = newest.period.end if newest and newest.units_counted is None else date.min
        days = [due.by for due in self.reports if reported < due.period.end <= self.deadline]
        if self.closes is not None:
            days.append(self.closes)
        return max((day for day in days if day >= on), default=None)

    def gap(self, value: Fraction, required: Fraction) -> Fraction:
        """Return how much worse the value is than the required one; negative when it is better."""
        return required - value if self.direction == "at_least" else value - required

    def is_reached(self, value: Fraction, required: Fraction) -> bool:
        """Tell whether the value is no worse than the required one."""
        return value >= required if self.direction == "at_least" else value <= required

    def worse(self, required: Fraction, gap: Fraction) -> Fraction:
        """Return the value that is worse than the required one by so much."""
        return required - gap if self.direction == "at_least" else required + gap


@dataclass(frozen=True, slots=True)
class Course:
    """The path of a requirement, and the distance behind it (`allowed`) that is still on track."""

    requirement: Requirement
    points: tuple[Point, ...]
    allowed: Fraction

    @classmethod
    def of(cls, requirement: Requirement, baseline: Point | None, goal: Fraction) -> Course | None:
        """Return the path; None where the requirement has none, or the figures begin after its deadline."""
        if not requirement.has_path or requirement.deadline is None or baseline is None:
            return None
        if baseline.on >= requirement.deadline:
            return None
        # a value beyond the goal has to stay there: the path is level
        start = goal if requirement.is_reached(baseline.value, goal) else baseline.value
        milestones = [point for point in requirement.milestones if baseline.on < point.on < requirement.deadline]
        points = (Point(baseline.on, start), *milestones, Point(requirement.deadline, goal))
        return cls(requirement, points, abs(goal - start) * requirement.tolerance)

    def required(self, on: date) -> Fraction:
        """Return the path's value: straight between its points, level before the first and after the last."""
        after = bisect_left(self.points, on, key=lambda point: point.on)
        if after == 0:
            return self.points[0].value
        if after == len(self.points):
            return self.points[-1].value
        left, right = self.points[after - 1], self.points[after]
        passed, coming = (on - left.on).days, (right.on - on).days
        (begin, of), (end, by) = left.value.as_integer_ratio(), right.value.as_integer_ratio()
        # made of whole numbers at once: fractions are reduced at every step
        return Fraction(begin * by * coming + end * of * passed, of * by * (passed + coming))

    def tolerated(self, on: date) -> Fraction:
        """Return the worst value that the tolerance still lets pass for the path's value."""
        return self.requirement.worse(self.required(on), self.allowed)

    def as_of(self, seen: Observation, on: date) -> date:
        """Return the day of the path with which the value is compared.

        That is the day itself; where there are reports, it is the end of the newest period whose report was due by
        then, or of the value's period, whichever is later. A path in steps is compared at its newest milestone by that
        day.
        """
        day = self._reported_until(seen, on) if self.requirement.reports else on
        if self.requirement.steps:
            return max((point.on for point in self.points if point.on <= day), default=day)
        return day

    def _reported_until(self, seen: Observation, on: date) -> date:
        # the day of a sum is the system's own, not a period that somebody reported for
        reported = seen.period.end if seen.units_counted is None else date.min
        for due in reversed(self.requirement.reports):
            if due.period.end <= reported:
                break
            if due.by < on:
                return min(due.period.end, on)
        return min(max(reported, self.points[0].on), on)

    def next_point(self, seen: Observation, on: date) -> Point | None:
        """Return the path's next point: the next milestone, or the next end of a period to be reported."""
        done = self.as_of(seen, on)
        reports = () if self.requirement.steps else self.requirement.reports
        coming = (*(point.on for point in self.points[1:-1]), *(due.period.end for due in reports))
        day = min((day for day in coming if day >= on and day > done), default=self.points[-1].on)
        return Point(day, self.required(day)) if day < self.points[-1].on else None

    def exceeds(self, seen: Observation, on: date) -> bool:
        """Tell whether the value is further behind the path than the tolerance."""
        return not self.requirement.is_reached(seen.value, self.tolerated(self.as_of(seen, on)))

    def is_behind(self, seen: Sequence[Observation], on: date) -> bool:
        """Tell whether the values, followed through time, are behind.

        A value beyond the tolerance makes them behind, and only a value on the path itself ends that. While a value
        stands, the path moves away from it, so its first and last day show whether it was ever beyond the tolerance.
        """
        goal, begin = self.points[-1].value, self.points[0].on
        end = on
        for observation in reversed(seen):  # the newest that decides it does so whatever was before
            start = max(observation.effective, begin)
            if start <= end and not observation.is_unusable:
                if not observation.applies or self.requirement.is_reached(observation.value, goal):
                    return False
                if self.exceeds(observation, start) or self.exceeds(observation, end):
                    return True
                if self.requirement.is_reached(observation.value, self.required(self.as_of(observation, start))):
                    return False
            end = observation.effective - _DAY
        return False

    def last_day_within_tolerance(self, seen: Observation, on: date, end: date) -> date:
        """Return the last day until `end` on which an unchanged value is still on track; on `on` it is."""
        begin = self.points[0].on

        def is_beyond(days: int) -> bool:
            day = on + timedelta(days=days)
            return day >= begin and self.exceeds(seen, day)

        beyond = bisect_left(range((end - on).days + 1), True, key=is_beyond)
        return on + timedelta(days=max(beyond - 1, 0))
