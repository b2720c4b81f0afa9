"""Figures: all readings of a unit, and the measures' values that are calculated from them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from functools import cached_property
from operator import attrgetter
from types import MappingProxyType
from typing import NamedTuple

from services.scoring.judging.observations import (
    EarlierFiguresNeededError,
    Observations,
    Reported,
    counts,
    in_force,
)
from services.scoring.judging.readings import Reading, stronger
from services.scoring.judging.taken_back import NOTHING, TakenBack
from shared.contracts.period import Period
from shared.contracts.submission import AcceptedSubmission
from shared.readable import read_rows
from shared.reference.awaited_reports import Arrivals
from shared.reference.terms import Measure, Terms

type _ByPeriod = Mapping[Period, Reported]

_end = attrgetter("end")


class Earlier(NamedTuple):
    """What is known of an element's readings for periods that ended before a day, where these were not read."""

    before: date
    by_baseline: Sequence[Reading] | None = None
    """The newest readings for periods that ended by the plan's baseline date; None where nobody asked for them."""
    was_known_early: bool = False
    """Where these were asked for: whether one for a later period was known by the baseline date."""


class Figures(dict[tuple[str, Period], Reading]):
    """One unit's readings by element and period. They never change, so each measure is calculated only once.

    Figures that were made from former ones by `merge` calculate only the periods whose readings changed.
    """

    earlier: Mapping[str, Earlier] = MappingProxyType({})
    """By element: what is known of its readings for earlier periods, where these were not read."""
    _former: Figures | None = None
    _changed: Mapping[Period, set[str]] = MappingProxyType({})
    """The elements whose readings differ from the former ones, by period."""

    def observed(self, terms: Terms, until: date | None = None) -> Observations:
        """Return a measure's values over time, each for a later period than the one before.

        Only periods for which every element of the measure was reported count, so a ratio never mixes two periods.
        `until`: only periods that end by that day.
        """
        if until is not None and self._last_end <= until:
            until = None
        if (observed := self._observed.get((terms, until))) is None:
            counted = list(self._by_period(terms).values())
            if until is not None:
                counted = [one for one in counted if one.period.end <= until]
            observed = self._observed[terms, until] = in_force(counted, is_cut=self._has_earlier(terms))
        return observed

    def _has_earlier(self, terms: Terms) -> bool:
        """Say whether there may be values of a measure for earlier periods than those that were read."""
        earlier = self.earlier
        if not earlier:
            return False
        read = [code for code in terms.elements if code not in earlier]
        if not read:
            return True
        begin = self.begin_of(terms.behind)
        return begin is not None and all(any(own.period.end < begin for own in self.readings_of(code)) for code in read)

    def begin_of(self, elements: Iterable[str]) -> date | None:
        """Return the first day on which a period may end of which everything was read; None: of all periods."""
        earlier = self.earlier
        return max([earlier[code].before for code in elements if code in earlier], default=None) if earlier else None

    def began_after_baseline(self, elements: Iterable[str]) -> bool:
        """Say whether these were together first reported after the baseline date, and for a period that ended after it.

        False also where nobody knows, since what was not read may have been earlier.
        """
        found = (self.earlier[code] for code in elements if code in self.earlier)
        return any(earlier.by_baseline == [] and not earlier.was_known_early for earlier in found)

    def in_force_by_baseline(self, terms: Terms) -> Observations:
        """Return the newest values for periods that ended by the baseline date, also of those not read one by one.

        Raises EarlierFiguresNeededError where others may have been in force on that day.
        """
        baseline_date, behind = terms.baseline_date, terms.behind
        found = {key: one for key, one in self.items() if key[0] in behind and key[1].end <= baseline_date}
        for code in behind & self.earlier.keys():
            if (readings := self.earlier[code].by_baseline) is None:
                raise EarlierFiguresNeededError
            found |= {(code, one.period): one for one in readings}
        if all(self._was_known_early(code, baseline_date) for code in terms.elements):
            raise EarlierFiguresNeededError
        observations = Figures(found).observed(terms)
        if not observations and set(terms.elements) <= {code for code, _ in found}:
            raise EarlierFiguresNeededError  # those of older periods may go together
        return observations

    def _was_known_early(self, element: str, baseline_date: date) -> bool:
        """Say whether a reading for a period that ended after the baseline date may have been known by that day."""
        earlier = self.earlier.get(element)
        return (earlier is not None and earlier.was_known_early) or any(
            reading.period.end > baseline_date and reading.known_from <= baseline_date
            for reading in self.readings_of(element)
        )

    def check_whole(self, elements: Iterable[str]) -> None:
        """Raise EarlierFiguresNeededError where not all readings of these elements were read."""
        if self.begin_of(elements) is not None:
            raise EarlierFiguresNeededError

    def not_reported(self, measure: Measure, on: date) -> list[str]:
        """Return the elements that are missing for the newest period for which some of a measure's were known by a day.

        Empty where none was.
        """
        codes = list(dict.fromkeys(measure.element_codes))
        known = {(own.period, code) for code in codes for own in self.readings_of(code) if own.known_from <= on}
        newest = max((period for period, _ in known), key=lambda period: period.end, default=None)
        begin = self.begin_of(codes)
        if begin is not None and (newest is None or newest.end < begin):
            raise EarlierFiguresNeededError
        return [code for code in codes if newest and (newest, code) not in known]

    def readings_of(self, element: str) -> Collection[Reading]:
        """Return the readings of an element."""
        return self._by_element.get(element, ())

    def since(self, day: date) -> Figures:
        """Return the figures for periods that did not end before a day."""
        since = Figures({key: reading for key, reading in self.items() if reading.period.end >= day})
        since.earlier = self.earlier
        return since

    def known_by(self, day: date) -> Figures:
        """Return the figures known by a day, and those that came later about periods that had ended, as known on it."""
        if day not in self._known_by:
            known = {
                key: reading if reading.known_from <= day else reading.known_on(day)
                for key, reading in self.items()
                if reading.known_from <= day or reading.period.end <= day
            }
            self._known_by[day] = Figures(known)
            self._known_by[day].earlier = self.earlier
        return self._known_by[day]

    def _by_period(self, terms: Terms) -> _ByPeriod:
        """Return what was reported of the measure, by period."""
        if (calculated := self._calculated.get(terms)) is None:
            calculated = self._calculated[terms] = self._calculate(terms)
        return calculated

    def _calculate(self, terms: Terms) -> _ByPeriod:
        elements, checking, least_rank = terms.elements, terms.checking, terms.least_rank
        if self._former is None:
            begin = self.begin_of(terms.behind)
            first = self.readings_of(elements[0])
            by_period, periods = {}, [own.period for own in first if not begin or own.period.end >= begin]
        else:
            by_period = dict(self._former._by_period(terms))
            periods = [period for period, changed in self._changed.items() if not changed.isdisjoint(terms.behind)]
        for period in periods:
            readings = self._counted(elements, period, least_rank)
            if len(readings) == len(elements):
                others = self._counted(checking, period, least_rank) if checking else ()
                by_period[period] = Reported(terms, period, readings, others)
            elif self._former is not None:
                by_period.pop(period, None)
        return by_period

    def _counted(self, elements: Sequence[str], period: Period, least_rank: int) -> list[Reading]:
        """Return the readings of these elements for a period that count."""
        found = [reading for element in elements if (reading := self.get((element, period)))]
        return [reading for reading in found if counts(reading, least_rank)] if least_rank else found

    @cached_property
    def _last_end(self) -> date:
        """The last day on which a period ends."""
        return max([period.end for _, period in self], default=date.min)

    @cached_property
    def _observed(self) -> dict[tuple[Terms, date | None], Observations]:
        return {}

    @cached_property
    def _calculated(self) -> dict[Terms, _ByPeriod]:
        return {}

    @cached_property
    def _known_by(self) -> dict[date, Figures]:
        return {}

    @cached_property
    def _by_element(self) -> Mapping[str, list[Reading]]:
        by_element: defaultdict[str, list[Reading]] = defaultdict(list)
        for (element, _), reading in self.items():
            by_element[element].append(reading)
        return by_element


def arrived_by(
    figures: Figures, elements: Collection[str], on: date, until: date, before: Arrivals | None = None
) -> Arrivals:
    """Return which reports on these elements are known on a day, the newest of each length, for periods until a day.

    `before`: what this returned when the newest of the figures were not there yet, which tells of those that were not
    read; None: nobody knows, and then EarlierFiguresNeededError is raised where some were not.
    """
    known = [
        reading
        for element in elements
        for reading in figures.readings_of(element)
        if reading.known_from <= on and reading.period.end <= until
    ]
    periods, days = {reading.period for reading in known}, [reading.known_from for reading in known]
    if not figures.earlier.keys().isdisjoint(elements):
        if before is None:
            raise EarlierFiguresNeededError
        periods |= before.periods
        days += [before.first] if before.first else []
    newest = {period.granularity: period for period in sorted(periods, key=_end)}
    return Arrivals(min(days, default=None), frozenset(newest.values()))


def merge(current: Figures, arriving: Iterable[Reading]) -> Figures:
    """Return the figures after readings arrived, in any order.

    Of two readings for an element and period the higher ranked stands, known from the day of the earlier one.
    """
    merged, changed = Figures(current), defaultdict[Period, set[str]](set)
    merged.earlier = current.earlier
    for reading in arriving:
        key = (reading.element, reading.period)
        merged[key] = stronger(merged[key], reading) if key in merged else reading
        changed[reading.period].add(reading.element)
    if current:
        merged._former, merged._changed = current, changed
    return merged


def in_hindsight(figures: Mapping[tuple[str, Period], Reading]) -> Figures:
    """Return the readings as if each had been known when its period ended, to judge a past day by today's knowledge."""
    return Figures(
        {
            key: reading if reading.known_from <= key[1].end else reading.known_on(key[1].end)
            for key, reading in figures.items()
        }
    )


def figures_from(submissions: Iterable[tuple[int, str]], taken_back: TakenBack = NOTHING) -> dict[int, Figures]:
    """Return the figures of each unit, by its key, from its submissions (JSON), whatever their order.

    A damaged submission gives none, and hides no other.
    """
    arrived: defaultdict[int, list[Reading]] = defaultdict(list)
    read = read_rows(submissions, lambda row: (row[0], AcceptedSubmission.model_validate_json(row[1])))
    for unit, submission in read.items:
        arrived[unit] += taken_back.readings_left(submission)
    return {unit: merge(Figures(), readings) for unit, readings in arrived.items()}
