"""Pure: readings -> values over time.

A reading says what was counted for a period; an observation is a measure's value from one period's readings, in
force from the day it was known. A figure for a time before the plan began is history handed in later, so it is in
force from its period's end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple
from uuid import UUID

from shared.contracts.period import Period
from shared.contracts.status import Stage
from shared.contracts.submission import AcceptedSubmission, Submission, SubmissionWarning
from shared.reference.models import Amount, Ratio, YesNo
from shared.time import VIETNAM

HUNDRED = Decimal(100)
_ZERO = Decimal(0)


class Reading(NamedTuple):
    """An element's value for a unit and period, as it stands after corrections."""

    element: str
    period: Period
    value: Decimal
    stage: Stage
    revision: int
    received_at: datetime
    known_from: date
    submission: UUID
    warnings: tuple[SubmissionWarning, ...] = ()
    """What was remarkable about this figure when it came in."""
    parts: tuple[Reading, ...] = ()
    """What it is the sum of, where no submission brought it: the unit began with it."""

    @property
    def rank(self) -> tuple[int, int, datetime, UUID]:
        """The highest stage wins, then the highest revision, then what came last."""
        return self.stage.rank, self.revision, self.received_at, self.submission


type Readings = Mapping[tuple[str, Period], Reading]
"""One unit's readings by element and period."""


type Measure = Ratio | Amount | YesNo


class Figures(dict[tuple[str, Period], Reading]):
    """One unit's readings, which do not change any more, with what is measured from them: each measure once.

    Those that follow from others (`merge`) measure anew only what has changed.
    """

    _former: Figures | None = None
    _changed: Collection[tuple[str, Period]] = ()

    def observed(self, measure: Measure, baseline_date: date, counts_from: Stage) -> Sequence[Observation]:
        """What the measure's value was from when on: each entry has a later period than the one before it.

        Only periods for which every element of the measure was reported count, so a ratio never mixes two periods.
        """
        # the measure is kept in the value: an id is only an object's own while that lives
        key = id(measure), baseline_date, counts_from
        if key not in self._observed:
            found = self._by_period(measure, baseline_date, counts_from)
            self._observed[key] = measure, found, in_force(found.values())
        return self._observed[key][2]

    def since(self, day: date) -> Figures:
        """Those for periods that did not end before a day."""
        return Figures({key: reading for key, reading in self.items() if reading.period.end >= day})

    def _by_period(self, measure: Measure, baseline_date: date, counts_from: Stage) -> dict[Period, Observation]:
        elements = list(dict.fromkeys(measure.element_codes))
        if self._former is None:
            found, periods = {}, self._periods[elements[0]]
        else:
            self._former.observed(measure, baseline_date, counts_from)
            found = self._former._observed[id(measure), baseline_date, counts_from][1]
            periods = [period for element, period in self._changed if element in elements]
            found = dict(found) if periods else found
        for period in periods:
            readings = [self.get((element, period)) for element in elements]
            if observation := _observation(measure, period, readings, baseline_date, counts_from.rank):
                found[period] = observation
            else:
                found.pop(period, None)
        return found

    @cached_property
    def _observed(
        self,
    ) -> dict[tuple[int, date, Stage], tuple[Measure, dict[Period, Observation], Sequence[Observation]]]:
        return {}

    @cached_property
    def _periods(self) -> Mapping[str, list[Period]]:
        found: defaultdict[str, list[Period]] = defaultdict(list)
        for element, period in self:
            found[element].append(period)
        return found


class Observation(NamedTuple):
    """A measure's value, in force from `effective` until the next one is."""

    effective: date
    period: Period
    value: Decimal
    numerator: Decimal
    denominator: Decimal | None = None
    readings: tuple[Reading, ...] = ()
    """What it was made of; nothing for an aggregate."""
    units_counted: int | None = None

    @property
    def stage(self) -> Stage:
        """The least that any of its readings has come to."""
        return min((reading.stage for reading in self.readings), key=lambda stage: stage.rank, default=Stage.REPORTED)

    @property
    def submissions(self) -> list[UUID]:
        """Where its readings came from."""
        return sorted({reading.submission for reading in self.readings})

    @property
    def warnings(self) -> list[SubmissionWarning]:
        """What was remarkable about its readings, in one order, whichever they came in."""
        in_order = sorted(self.readings, key=lambda reading: reading.element)
        return [warning for reading in in_order for warning in reading.warnings]


def readings_in(
    submission: Submission, submission_id: UUID, received_at: datetime, warnings: Iterable[SubmissionWarning] = ()
) -> list[Reading]:
    """What a submission says, each figure with the warnings that point at it."""
    by_pointer: defaultdict[str, tuple[SubmissionWarning, ...]] = defaultdict(tuple)
    for warning in warnings:
        by_pointer[warning.pointer] += (warning,)
    known_from = received_on(received_at)
    return [
        Reading(
            element=element,
            period=submission.period,
            value=Decimal(value) if isinstance(value, int) else Decimal(str(value)),
            stage=submission.stage,
            revision=submission.revision,
            received_at=received_at,
            known_from=known_from,
            submission=submission_id,
            warnings=by_pointer.get(f"/readings/{element}", ()),
        )
        for element, value in submission.readings.items()
    ]


def received_on(moment: datetime) -> date:
    """The day in Vietnam."""
    return moment.astimezone(VIETNAM).date()


def merge(current: Figures, arriving: Iterable[Reading]) -> Figures:
    """The readings after others arrived, in whatever order: of two for the same thing the higher ranked stands,
    known from the day that either was.
    """
    merged, changed = Figures(current), {}
    for reading in arriving:
        key = (reading.element, reading.period)
        merged[key] = changed[key] = _stronger(merged[key], reading) if key in merged else reading
    if current:
        merged._former, merged._changed = current, changed
    return merged


def _stronger(one: Reading, other: Reading) -> Reading:
    winner = max(one, other, key=lambda reading: reading.rank)
    known_from = min(one.known_from, other.known_from)
    return winner if winner.known_from == known_from else winner._replace(known_from=known_from)


def in_hindsight(figures: Mapping[tuple[str, Period], Reading]) -> Figures:
    """The readings as if each had been known when its period ended: not what was known at a day, but what was so."""
    return Figures(
        {
            key: reading._replace(known_from=min(reading.known_from, reading.period.end))
            for key, reading in figures.items()
        }
    )


def in_force(observations: Iterable[Observation]) -> list[Observation]:
    """Those that became the newest when they were known; a late report for an older period never does."""
    kept: list[Observation] = []
    for observation in sorted(observations, key=lambda seen: (seen.effective, _newness(seen.period))):
        if not kept or _newness(observation.period) > _newness(kept[-1].period):
            kept.append(observation)
    return kept


def _newness(period: Period) -> tuple[date, int]:
    """Of two periods that end on one day the longer is the later word: the year's figure after December's."""
    return period.end, (period.end - period.start).days


def effective_date(period: Period, known_from: date, baseline_date: date) -> date:
    """From when on a figure is in force."""
    return min(period.end, known_from) if period.end <= baseline_date else known_from


def _observation(
    measure: Measure, period: Period, found: Sequence[Reading | None], baseline_date: date, least_rank: int
) -> Observation | None:
    """The measure's value for a period; None unless every element of it was reported and has come far enough."""
    readings = [reading for reading in found if reading is not None and reading.stage.rank >= least_rank]
    if len(readings) < len(found):
        return None
    denominator = None
    if isinstance(measure, Ratio):
        values = {reading.element: reading.value for reading in readings}
        numerator = sum((values[element] for element in measure.numerator), _ZERO)
        denominator = sum((values[element] for element in measure.denominator), _ZERO)
        if denominator <= 0:
            return None
        value = HUNDRED * numerator / denominator
    else:
        value = numerator = sum((reading.value for reading in readings), _ZERO)
    return Observation(
        effective=effective_date(period, max(reading.known_from for reading in readings), baseline_date),
        period=period,
        value=value,
        numerator=numerator,
        denominator=denominator,
        readings=tuple(part for reading in readings for part in reading.parts or (reading,)),
    )


def figures_from(submissions: Iterable[tuple[int, str]]) -> dict[int, Figures]:
    """Return the figures of each unit, by its key, from its submissions (JSON), whatever their order."""
    arrived: defaultdict[int, list[Reading]] = defaultdict(list)
    for unit, body in submissions:
        submission = AcceptedSubmission.model_validate_json(body)
        arrived[unit] += readings_in(submission, submission.id, submission.received_at, submission.warnings)
    return {unit: merge(Figures(), readings) for unit, readings in arrived.items()}
