"""Pure: the figures that stand for units, as a batch of submissions needs them to compare its own with."""

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
    """The figure that stands for a unit, element and period. Yes is 1, no is 0."""

    value: Decimal
    period: Period
    stage: Stage
    revision: int
    submission: UUID
    agency: str

    @property
    def rank(self) -> tuple[int, int]:
        """Of two for the same thing the higher stands: the later stage, then the higher revision."""
        return self.stage.rank, self.revision


type Figures = Mapping[str, StandingReading]
"""What stands for one unit and period, by element."""


class StandingFigures:
    """What stands for some units. It knows what was put into it: figures that were looked up, and what the batch
    itself brought before.
    """

    def __init__(self) -> None:
        self._units: defaultdict[int, dict[Period, dict[str, StandingReading]]] = defaultdict(dict)

    def figures(self, unit_key: int, period: Period) -> Figures:
        """All that stands for the unit and that very period."""
        return self._units.get(unit_key, {}).get(period, {})

    def at(self, unit_key: int, element: str, period: Period) -> StandingReading | None:
        """The figure for that very period."""
        return self.figures(unit_key, period).get(element)

    def before(self, unit_key: int, element: str, period: Period) -> StandingReading | None:
        """The newest figure whose period ends before that one's; of those that end together the highest ranked."""
        newest: StandingReading | None = None
        for other, readings in self._units.get(unit_key, {}).items():
            if other.end < period.end and (reading := readings.get(element)) and _is_newer(reading, newest):
                newest = reading
        return newest

    def put(self, unit_key: int, element: str, reading: StandingReading) -> None:
        """Take a figure in; it stands unless a higher ranked one does."""
        readings = self._units[unit_key].setdefault(reading.period, {})
        standing = readings.get(element)
        if standing is None or standing.rank < reading.rank:
            readings[element] = reading

    def add(self, unit_key: int, submission: Submission, submission_id: UUID, agency: str) -> None:
        """Take in what was accepted meanwhile."""
        period, stage, revision = submission.period, submission.stage, submission.revision
        for element, value in submission.readings.items():
            self.put(unit_key, element, StandingReading(exact(value), period, stage, revision, submission_id, agency))


def exact(value: Value) -> Decimal:
    """The figure as it was written: 0.1 is a tenth. Yes is 1, no is 0."""
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def _is_newer(reading: StandingReading, other: StandingReading | None) -> bool:
    return other is None or (other.period.end, other.rank) < (reading.period.end, reading.rank)
