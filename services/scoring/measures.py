"""Pure: readings -> values over time.

A reading says what was counted for a period; an observation is a measure's value from one period's readings, in
force from the day it was known. A figure for a time before the plan began is history handed in later, so it is in
force from its period's end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from shared.clock import VIETNAM
from shared.contracts import Submission, SubmissionWarning
from shared.contracts.words import Period, Stage
from shared.reference.models import Amount, Ratio, YesNo

HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class Reading:
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

    @property
    def rank(self) -> tuple[int, int, datetime, UUID]:
        """The highest stage wins, then the highest revision, then what came last."""
        return self.stage.rank, self.revision, self.received_at, self.submission


type Readings = Mapping[tuple[str, Period], Reading]
"""One unit's readings by element and period."""


@dataclass(frozen=True, slots=True)
class Observation:
    """A measure's value, in force from `effective` until the next one is."""

    effective: date
    period: Period
    value: Decimal
    numerator: Decimal
    denominator: Decimal | None = None
    stage: Stage = Stage.REPORTED
    submissions: tuple[UUID, ...] = ()
    warnings: tuple[SubmissionWarning, ...] = ()
    units_counted: int | None = None


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
            value=Decimal(str(int(value) if isinstance(value, bool) else value)),
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


def merge(current: Readings, arriving: Iterable[Reading]) -> dict[tuple[str, Period], Reading]:
    """The readings after others arrived, in whatever order: of two for the same thing the higher ranked stands,
    known from the day that either was.
    """
    merged = dict(current)
    for reading in arriving:
        key = (reading.element, reading.period)
        merged[key] = _stronger(merged[key], reading) if key in merged else reading
    return merged


def _stronger(one: Reading, other: Reading) -> Reading:
    winner = max(one, other, key=lambda reading: reading.rank)
    known_from = min(one.known_from, other.known_from)
    return winner if winner.known_from == known_from else replace(winner, known_from=known_from)


def observe(
    measure: Ratio | Amount | YesNo, readings: Readings, baseline_date: date, counts_from: Stage
) -> list[Observation]:
    """What the measure's value was from when on: each entry has a later period than the one before it.

    Only periods for which every element of the measure was reported count, so a ratio never mixes two periods.
    """
    by_period = _by_period(measure.element_codes, readings, counts_from)
    observations = [
        observation
        for period, found in by_period.items()
        if (observation := _observation(measure, period, found, baseline_date)) is not None
    ]
    return in_force(observations)


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


def _by_period(elements: list[str], readings: Readings, counts_from: Stage) -> dict[Period, dict[str, Reading]]:
    wanted, rank = set(elements), counts_from.rank
    found: defaultdict[Period, dict[str, Reading]] = defaultdict(dict)
    for (element, period), reading in readings.items():
        if element in wanted and (rank == 0 or reading.stage.rank >= rank):
            found[period][element] = reading
    return {period: parts for period, parts in found.items() if len(parts) == len(wanted)}


def _observation(
    measure: Ratio | Amount | YesNo, period: Period, found: dict[str, Reading], baseline_date: date
) -> Observation | None:
    def total(elements: list[str]) -> Decimal:
        return sum((found[element].value for element in elements), Decimal(0))

    denominator = None
    if isinstance(measure, Ratio):
        numerator, denominator = total(measure.numerator), total(measure.denominator)
        if denominator <= 0:
            return None
        value = HUNDRED * numerator / denominator
    else:
        value = numerator = total(measure.element_codes)
    parts = found.values()
    return Observation(
        effective=effective_date(period, max(part.known_from for part in parts), baseline_date),
        period=period,
        value=value,
        numerator=numerator,
        denominator=denominator,
        stage=min((part.stage for part in parts), key=lambda stage: stage.rank),
        submissions=tuple(sorted({part.submission for part in parts})),
        warnings=_warnings([part for part in parts if part.warnings]),
    )


def _warnings(remarkable: list[Reading]) -> tuple[SubmissionWarning, ...]:
    """In one order, whichever the readings came in."""
    if not remarkable:
        return ()
    in_order = sorted(remarkable, key=lambda reading: reading.element)
    return tuple(warning for reading in in_order for warning in reading.warnings)
