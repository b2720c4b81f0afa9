"""Standing figures: for each unit, element and period the one figure that counts until a higher ranked one comes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from shared.contracts.period import Period
from shared.contracts.status import Stage
from shared.contracts.submission import Submission, Value


class StandingReading(NamedTuple):
    """The standing figure for a unit, element and period. Yes is 1, no is 0."""

    value: Decimal
    period: Period
    stage: Stage
    revision: int
    submission: UUID
    agency: str
    """The sender's name, as people know it; of a figure that is in no table yet the agency's id."""

    @property
    def rank(self) -> tuple[int, int]:
        """The rank by stage, then by revision: of two figures for the same period the higher ranked one stands."""
        return self.stage.rank, self.revision


type Figures = Mapping[str, StandingReading]
"""The standing figures of one unit and period, by element."""


class StandingFigures:
    """The standing figures of some units: from the tables, and from earlier submissions of the group."""

    def __init__(self) -> None:
        self._units: defaultdict[int, dict[Period, dict[str, StandingReading]]] = defaultdict(dict)

    def figures(self, unit_key: int, period: Period) -> Figures:
        """Return the standing figures of the unit in exactly this period."""
        return self._units.get(unit_key, {}).get(period, {})

    def at(self, unit_key: int, element: str, period: Period) -> StandingReading | None:
        """Return the figure of exactly this period."""
        return self.figures(unit_key, period).get(element)

    def before(self, unit_key: int, element: str, period: Period) -> StandingReading | None:
        """Return the newest figure whose period ends before this one ends; of equal ends the highest ranked."""
        newest: StandingReading | None = None
        for other, readings in self._units.get(unit_key, {}).items():
            if other.end < period.end and (reading := readings.get(element)) and _is_newer(reading, newest):
                newest = reading
        return newest

    def put(self, unit_key: int, element: str, reading: StandingReading) -> None:
        """Add a figure; it stands unless the standing one ranks as high or higher."""
        readings = self._units[unit_key].setdefault(reading.period, {})
        readings[element] = higher_ranked(readings.get(element), reading)

    def merge(self, unit_key: int, period: Period, figures: Figures) -> None:
        """Add figures of one unit and period."""
        readings = self._units[unit_key].get(period)
        if readings is None:
            self._units[unit_key][period] = {**figures}
        else:
            for element, reading in figures.items():
                readings[element] = higher_ranked(readings.get(element), reading)

    def add(self, unit_key: int, submission: Submission, submission_id: UUID, agency: str) -> None:
        """Add the figures of a submission that was just accepted."""
        self.merge(unit_key, submission.period, standing_figures(submission, submission_id, agency))


def standing_figures(submission: Submission, submission_id: UUID, agency: str) -> dict[str, StandingReading]:
    """Return the figures of an accepted submission by element."""
    period, stage, revision = submission.period, submission.stage, submission.revision
    return {
        element: StandingReading(exact(value), period, stage, revision, submission_id, agency)
        for element, value in submission.readings.items()
    }


def higher_ranked(standing: StandingReading | None, reading: StandingReading) -> StandingReading:
    """Return the one of two figures for the same that stands; of equals the first."""
    return reading if standing is None or standing.rank < reading.rank else standing


def exact(value: Value) -> Decimal:
    """Return the figure exactly as it was written: 0.1 is a tenth. Yes is 1, no is 0."""
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def _is_newer(reading: StandingReading, other: StandingReading | None) -> bool:
    return other is None or (other.period.end, other.rank) < (reading.period.end, reading.rank)
