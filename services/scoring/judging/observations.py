"""Observations: a measure's values over time, each calculated from the readings of one period."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from services.scoring.judging.readings import Reading
from shared.contracts.period import Period
from shared.contracts.status import Stage
from shared.contracts.submission import SubmissionWarning
from shared.reference.models import Amount, Ratio, YesNo

HUNDRED = Decimal(100)
_ZERO = Decimal(0)

type Measure = Ratio | Amount | YesNo


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


def observation_of(
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
