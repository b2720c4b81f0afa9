"""Observations: the values of a measure over time.

An observation is calculated from the readings of one period and is in force from the day on which it was known. A
figure for a time before the plan's baseline date is history handed in later, so it is in force from its period's end.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cache, lru_cache
from operator import attrgetter
from typing import NamedTuple, overload
from uuid import UUID

from services.scoring.judging.readings import Reading
from shared.contracts.period import Period
from shared.contracts.status import Stage
from shared.contracts.submission import SubmissionWarning
from shared.reference.models import BrokenSum, Ratio
from shared.reference.terms import Terms

HUNDRED = 100
_ZERO = Decimal(0)
_NOTHING = Fraction(0)
_effective, _order = attrgetter("effective"), attrgetter("order")


class CriteriaKnown(NamedTuple):
    """The figures behind the criteria that communes meet. All count as not met but those that wait for a report."""

    without_figures: int
    """The communes' criteria of which nobody has reported."""
    stale: int
    """Those whose newest figures are too old to stand for the present."""
    waiting: int
    """Those of which a newer report is overdue; of communes below a number: the communes that such reports may turn."""


class Observation(NamedTuple):
    """A measure's value, in force from `effective` until the next observation."""

    effective: date
    period: Period
    value: Fraction
    numerator: Decimal
    denominator: Decimal | None = None
    scale: int = HUNDRED
    """The value of a numerator that equals its denominator: of a percentage a hundred, of an average one."""
    readings: tuple[Reading, ...] = ()
    """The readings that it is calculated from; empty for an aggregate."""
    units_counted: int | None = None
    units_expected: int | None = None
    """For a sum over communes: the number of communes that should have figures."""
    units_stale: int = 0
    """For a sum over communes: the number of those whose newest figures are too old to stand for the present."""
    stands_months: int | None = None
    """The months after which they are."""
    criteria: CriteriaKnown | None = None
    """For the criteria that communes meet: what is known of them."""
    reports_in: int | None = None
    reports_due: int | None = None
    """For a sum: the number of reports that were due, and of those that have come; None where none is asked for."""
    before: Fraction | None = None
    """For a sum of which a change is asked: the value before, of those units of which the value is."""
    compared: int | None = None
    """The units, or reports, that have figures at both times."""
    whole: Fraction | None = None
    """The value of all units, also of those without figures before, where that differs."""
    begins_with_first: bool = False
    """True where the first figures of units stand for those before."""
    possible: tuple[Fraction, Fraction] | None = None
    """The values between which it may lie: so many figures are missing. None: enough have come."""
    applies: bool = True
    """False: there is nobody of whom the measure speaks, and rightly so; then the value says nothing."""
    broken: BrokenSum | None = None
    """How the figures break a sum rule; None where they keep all."""

    @property
    def is_unusable(self) -> bool:
        """True where nothing can be calculated from the figures: a share of nobody, where somebody must be."""
        return self.applies and (self.denominator == 0 or self.is_contradictory)

    @property
    def is_contradictory(self) -> bool:
        """True where a unit's figures cannot stand together: they break a sum rule, or the part exceeds the whole.

        Intake accepts no such figures, but a withdrawal may bring back a figure that others were never compared with.
        """
        if self.broken:
            return True
        if not self.readings or not self.denominator:
            return False
        return self.numerator > self.denominator or self.numerator < 0 or self.denominator < 0

    @property
    def is_whole(self) -> bool:
        """True where no figure is missing that was due; of what is no sum over communes it is not asked."""
        if self.criteria is not None:
            return self.units_counted == self.units_expected and self.criteria.waiting == 0
        return self.units_expected is None or self.reports_in == self.reports_due

    @property
    def observation(self) -> Observation:
        """Itself: a value that is calculated stands where a `Reported` may."""
        return self

    @property
    def has_value(self) -> bool:
        """True where the value says how much of the measure is reached."""
        return self.denominator != 0 and not self.is_contradictory

    @property
    def stage(self) -> Stage:
        """The lowest stage among its readings."""
        return min((reading.stage for reading in self.readings), key=lambda stage: stage.rank, default=Stage.REPORTED)

    @property
    def submissions(self) -> list[UUID]:
        """The submissions that its readings came from."""
        return sorted({reading.submission for reading in self.readings})

    @property
    def warnings(self) -> list[SubmissionWarning]:
        """The warnings about its readings, by element, so that they do not depend on the order of arrival."""
        in_order = sorted(self.readings, key=lambda reading: reading.element)
        return [warning for reading in in_order for warning in reading.warnings]


@lru_cache(1024)
def exact(number: Decimal) -> Fraction:
    """Return a number of the plan, or of a figure, as a fraction.

    Values and goals are compared as fractions: quotients of decimals are rounded, and where a value just reaches its
    goal the rounding would decide.
    """
    return Fraction(number)


def share(numerator: Decimal, denominator: Decimal) -> Fraction:
    """Return a quotient in percent, made of whole numbers at once: fractions are reduced at every step."""
    (above, by), (below, of) = numerator.as_integer_ratio(), denominator.as_integer_ratio()
    return Fraction(HUNDRED * above * of, below * by)


class Reported:
    """The readings of a measure for a period; its value is calculated when somebody looks at it, as few do."""

    __slots__ = ("_checking", "_observation", "_terms", "effective", "newness", "order", "period", "readings")

    def __init__(
        self, terms: Terms, period: Period, readings: Sequence[Reading], checking: Sequence[Reading] = ()
    ) -> None:
        """`readings`: one of each of the measure's elements; `checking`: those that only the rules look at."""
        self.period, self.readings, self.newness = period, readings, _newness(period)
        known_from = max([reading.known_from for reading in readings])
        self.effective = effective_date(period, known_from, terms.baseline_date)
        self.order = self.effective, self.newness
        self._terms, self._checking = terms, checking
        self._observation: Observation | None = None

    @property
    def observation(self) -> Observation:
        """The measure's value for the period."""
        if self._observation is None:
            values = {reading.element: reading.value for reading in self.readings}
            observation = _value_of(self._terms.ratio, self, values)
            for reading in self._checking:
                values[reading.element] = reading.value
            for rule in self._terms.rules:
                if broken := rule.broken_by(values):
                    observation = observation._replace(broken=broken)
                    break
            self._observation = observation
        return self._observation


class EarlierFiguresNeededError(Exception):
    """An answer depends on figures for earlier periods than those that were read."""


class Observations(Sequence[Observation]):
    """A measure's values over time, of which only those are calculated that somebody looks at.

    Where only the newest figures were read (`is_cut`), they are the last values of all: places count from the end, and
    whoever looks for the first one, or for any among none, gets EarlierFiguresNeededError. `base` is what is known of
    those before them: the value from which the path leads, nothing where none does; None: it is not known.
    """

    __slots__ = ("_reported", "base", "is_cut")

    def __init__(
        self,
        reported: Sequence[Observation | Reported],
        *,
        is_cut: bool = False,
        base: Sequence[Observation] | None = None,
    ) -> None:
        self._reported, self.is_cut, self.base = reported, is_cut, base

    @property
    def newest_reported(self) -> Sequence[Observation | Reported]:
        """The periods and days of those values whose figures were read."""
        return self._reported

    @property
    def reported(self) -> Sequence[Observation | Reported]:
        """The periods and days of all values."""
        if self.is_cut:
            raise EarlierFiguresNeededError
        return self._reported

    def __len__(self) -> int:
        if self.is_cut and not self._reported:
            raise EarlierFiguresNeededError
        return len(self._reported)

    @overload
    def __getitem__(self, index: int) -> Observation: ...

    @overload
    def __getitem__(self, index: slice) -> Observations: ...

    def __getitem__(self, index: int | slice) -> Observation | Observations:
        if isinstance(index, slice):
            is_cut = self.is_cut and not index.start
            base = self.base if index.start is None else None  # who says where to begin has left it out
            return Observations(self._reported[index], is_cut=is_cut, base=base)
        if self.is_cut and not -len(self._reported) <= index < 0:
            raise EarlierFiguresNeededError
        return self._reported[index].observation

    def newest(self) -> Observations:
        """Return those values whose figures were read, for who knows that no others are asked for."""
        return Observations(self._reported)

    def in_force_since(self, day: date) -> Sequence[Observation | Reported]:
        """Return the periods and days of those values that are in force on a day or later."""
        coming = bisect_right(self._reported, day, key=_effective)
        return self._reported[coming - 1 :] if coming else self.reported

    def __reversed__(self) -> Iterator[Observation]:
        yield from (reported.observation for reported in reversed(self._reported))
        if self.is_cut:
            raise EarlierFiguresNeededError

    def __iter__(self) -> Iterator[Observation]:
        return (reported.observation for reported in self.reported)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)


def reported_in(observations: Sequence[Observation]) -> Sequence[Observation | Reported]:
    """Return the values' periods and days, without calculating a value."""
    # `isinstance` of a class below an abstract one takes ten times as long
    return observations.reported if type(observations) is Observations else observations


def newest_reported_in(observations: Sequence[Observation]) -> Sequence[Observation | Reported]:
    """Return the same of those values whose figures were read: to find one's place among them by its day."""
    return observations.newest_reported if type(observations) is Observations else observations


def from_base(observations: Sequence[Observation]) -> Sequence[Observation]:
    """Return the values among which the one is found from which the path leads: those after it may not all be read."""
    if type(observations) is Observations and observations.is_cut and observations.base is not None:
        return Observations([*observations.base, *observations.newest_reported])
    return observations


def changed(
    observations: Sequence[Observation], change: Callable[[Observation], Observation | None], newest: Observation
) -> Observations:
    """Return the values before the newest one, each as `change` makes it or left out, followed by `newest`.

    Of the values before those that were read no more is known than it was.
    """
    before = [made for one in newest_reported_in(observations)[:-1] if (made := change(one.observation))]
    if type(observations) is not Observations:
        return Observations([*before, newest])
    base = observations.base and [made for one in observations.base if (made := change(one))]
    return Observations([*before, newest], is_cut=observations.is_cut, base=base)


def in_force(reported: Iterable[Reported], *, is_cut: bool = False) -> Observations:
    """Return the values that became the newest when they were known, without late ones for older periods.

    `is_cut`: earlier periods were left out. None of these would hide any of the others, nor come after the first.
    """
    kept: list[Reported] = []
    for one in sorted(reported, key=_order):
        if not kept or one.newness > kept[-1].newness:
            kept.append(one)
    return Observations(kept, is_cut=is_cut)


@cache  # as many as there are periods
def _newness(period: Period) -> tuple[date, int]:
    """Return a key that orders periods by their end, then by length: the year's figure is newer than December's."""
    return period.end, (period.end - period.start).days


def effective_date(period: Period, known_from: date, baseline_date: date) -> date:
    """Return the day from which a figure is in force."""
    return min(period.end, known_from) if period.end <= baseline_date else known_from


def counts(reading: Reading, least_rank: int) -> bool:
    """Say whether a reading counts: it has the least stage and, where offices verify first, none returned it."""
    return not least_rank or (reading.stage.rank >= least_rank and not reading.is_returned)


def _value_of(ratio: Ratio | None, reported: Reported, values: Mapping[str, Decimal]) -> Observation:
    readings, denominator, applies = reported.readings, None, True
    if ratio:
        numerator = _total(values, ratio.numerator)
        denominator = _total(values, ratio.denominator)
        if ratio.numerator_less:
            numerator -= _total(values, ratio.numerator_less)
        if ratio.denominator_less:
            denominator -= _total(values, ratio.denominator_less)
        value = share(numerator, denominator) if denominator else _NOTHING
        applies = denominator != 0 or numerator != 0 or not ratio.may_be_empty
    else:
        numerator = sum([reading.value for reading in readings], _ZERO)
        value = exact(numerator)
    if [reading for reading in readings if reading.summands]:
        readings = [summand for reading in readings for summand in reading.summands or (reading,)]
    return Observation(
        reported.effective, reported.period, value, numerator, denominator, readings=tuple(readings), applies=applies
    )


def _total(values: Mapping[str, Decimal], elements: Sequence[str]) -> Decimal:
    return values[elements[0]] if len(elements) == 1 else sum([values[element] for element in elements], _ZERO)
