"""An evaluator of the written rules, slow and obvious: it shares no code with the judge.

It knows a criterion of a commune as CONTRIBUTING.md tells it ("How a commitment is judged"): plain numbers and days go
in, a status comes out, and time is followed day by day. It knows no breaks in series, rules between elements, or sums.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction

WORST_FIRST = ["missed", "behind", "no_data", "not_met", "on_track", "met"]
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Counted:
    """A figure as somebody reported it."""

    element: str
    begins: date
    ends: date
    """The first and last day of its period."""
    value: int
    rank: tuple[int, int, int]
    """Its stage, its revision, and its place in the order of arrival."""
    known: date


@dataclass(frozen=True)
class Share:
    """A measure: a sum of elements, or a hundred times its share of another sum."""

    above: Sequence[str]
    below: Sequence[str] = ()
    above_less: Sequence[str] = ()
    below_less: Sequence[str] = ()
    may_be_nobody: bool = False

    @property
    def elements(self) -> list[str]:
        """All that have to be reported."""
        return [*self.above, *self.above_less, *self.below, *self.below_less]


@dataclass(frozen=True)
class Asked:
    """The requirement that a commune has to meet."""

    measure: Share
    at_least: bool
    goal: Fraction
    has_path: bool
    """A statement is true or false, and has no path."""
    baseline_day: date
    deadline: date | None
    """None: nothing binds the commune."""
    tolerance: Fraction
    reports: Sequence[tuple[date, date]] = field(default=())
    """Of each report that the calendar asks for: the end of its period, and the day by which it is due."""
    closes: date | None = None
    """The day on which the plan is closed, where no calendar asks for anything."""


@dataclass(frozen=True)
class Value:
    """The value of a commune's figures of a period, from the day on which they were known."""

    since: date
    begins: date
    ends: date
    above: int
    below: int | None
    is_of_nobody: bool

    @property
    def cannot_stand(self) -> bool:
        """The part is greater than the whole."""
        return bool(self.below) and not 0 <= self.above <= (self.below or 0)

    @property
    def is_unusable(self) -> bool:
        """Nothing can be calculated from it."""
        return (self.below == 0 and not self.is_of_nobody) or self.cannot_stand

    @property
    def says_something(self) -> bool:
        """There is a number."""
        return self.below != 0 and not self.cannot_stand

    @property
    def number(self) -> Fraction:
        """The number."""
        return Fraction(self.above) if self.below is None else Fraction(100 * self.above, self.below)


def status(asked: Sequence[Asked], counted: Sequence[Counted], on: date) -> str:
    """Return the status of a criterion on a day: the worst of its parts."""
    return min((_status(part, list(_values(part, counted)), on) for part in asked), key=WORST_FIRST.index)


def _values(asked: Asked, counted: Sequence[Counted]) -> Iterator[Value]:
    """Return the value of each period for which all was reported."""
    of_period: dict[tuple[date, date], dict[str, list[Counted]]] = {}
    for one in counted:
        of_period.setdefault((one.begins, one.ends), {}).setdefault(one.element, []).append(one)
    for (begins, ends), by_element in of_period.items():
        if asked.deadline is not None and ends > asked.deadline:
            continue  # next year's figures turn nothing of what is bound by a day
        if not all(element in by_element for element in asked.measure.elements):
            continue
        stand = {element: max(some, key=lambda one: one.rank) for element, some in by_element.items()}
        # a corrected figure was known from the first one on
        known = max(min(one.known for one in by_element[element]) for element in asked.measure.elements)
        yield _value(asked, stand, begins, ends, min(ends, known) if ends <= asked.baseline_day else known)


def _value(asked: Asked, stand: Mapping[str, Counted], begins: date, ends: date, since: date) -> Value:
    measure = asked.measure

    def total(elements: Sequence[str], less: Sequence[str]) -> int:
        return sum(stand[one].value for one in elements) - sum(stand[one].value for one in less)

    above = total(measure.above, measure.above_less)
    below = total(measure.below, measure.below_less) if measure.below else None
    return Value(since, begins, ends, above, below, measure.may_be_nobody and below == 0 and above == 0)


def _newest(values: Sequence[Value], on: date) -> Value | None:
    """Return the value in force on a day: of the periods known by then the last, and of these the longest."""
    known = [value for value in values if value.since <= on]
    return max(known, key=_order, default=None)


def _order(value: Value) -> tuple[date, timedelta]:
    """Return what makes a value newer than another: the end of its period, then its length."""
    return value.ends, value.ends - value.begins


def _beyond(asked: Asked, value: Fraction, wanted: Fraction) -> Fraction:
    """Return how much a value is better than what is wanted; below 0 it is worse."""
    return value - wanted if asked.at_least else wanted - value


def _status(asked: Asked, values: Sequence[Value], on: date) -> str:
    newest, deadline = _newest(values, on), asked.deadline
    is_over = deadline is not None and on > deadline
    is_awaited = is_over and _something_is_awaited(asked, newest, on)
    if newest is None or newest.is_unusable:
        return "missed" if is_over and not is_awaited else "no_data"
    if newest.is_of_nobody or _beyond(asked, newest.number, asked.goal) >= 0:
        return "met"
    if deadline is None:
        return "not_met"
    if is_over and not is_awaited:
        return "missed"
    return "behind" if asked.has_path and _is_behind(asked, values, deadline, on) else "on_track"


def _something_is_awaited(asked: Asked, newest: Value | None, on: date) -> bool:
    """Tell whether figures about the time up to the deadline may still come in time."""
    until = newest.ends if newest else date.min
    assert asked.deadline is not None
    dues = [due for ends, due in asked.reports if until < ends <= asked.deadline]
    return any(day >= on for day in [*dues, *([asked.closes] if asked.closes else [])])


def _is_behind(asked: Asked, values: Sequence[Value], deadline: date, on: date) -> bool:
    """Follow the commune from the beginning of its path to the day."""
    if (begin := _baseline(asked, values, on)) is None or begin[0] >= deadline:
        return False
    first, number = begin
    start = asked.goal if _beyond(asked, number, asked.goal) >= 0 else number
    allowed, is_behind, day = abs(asked.goal - start) * asked.tolerance, False, first
    while day <= on:
        value = _newest(values, day)
        if value is not None and not value.is_unusable:
            if value.is_of_nobody or _beyond(asked, value.number, asked.goal) >= 0:
                is_behind = False
            else:
                at = min(max(_day_of_path(asked, value, first, day), first), deadline)
                required = start + (asked.goal - start) * Fraction((at - first).days, (deadline - first).days)
                beyond = _beyond(asked, value.number, required)
                is_behind = beyond < -allowed or (is_behind and beyond < 0)
        day += _DAY
    return is_behind


def _day_of_path(asked: Asked, value: Value, first: date, day: date) -> date:
    """Return the day of the path with which a value is compared."""
    if not asked.reports:
        return day
    reported = [ends for ends, due in asked.reports if due < day]
    return min(max([value.ends, first, *reported]), day)


def _baseline(asked: Asked, values: Sequence[Value], on: date) -> tuple[date, Fraction] | None:
    """Return where the path begins: the figure of the baseline day, else the first one after it."""
    told: list[Value] = []
    for value in sorted(values, key=lambda one: (one.since, _order(one))):
        if value.since <= on and (not told or _order(value) > _order(told[-1])):  # the newest when it became known
            told.append(value)
    speaking = [value for value in told if value.says_something]
    if before := [value for value in speaking if value.since <= asked.baseline_day]:
        return asked.baseline_day, before[-1].number
    return next(((value.since, value.number) for value in speaking), None)
