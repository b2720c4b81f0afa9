"""Reports that are due and have not arrived.

Communes that the plan binds have to report from its beginning on. All others are expected to go on with reports that
they have begun. A later report of the same granularity makes up for a missing one, within the plan's time: next year's
January says nothing about this year's December.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date

from services.scoring.judging.readings import Readings
from shared.contracts.period import Granularity
from shared.reference.models import Due


def awaited(
    dues: Sequence[Due],
    readings: Readings,
    elements: Collection[str],
    on: date,
    until: date,
    begins: date | None = None,
) -> list[Due]:
    """Return the reports that have not arrived by the day `on`, also those that are not late yet, oldest first.

    Reports are expected from `begins` on, or from the first report if that came earlier. Only readings for periods that
    end by the day `until` count.
    """
    begun = begins
    newest: dict[Granularity, date] = {}
    for (element, period), reading in readings.items():
        if element in elements and reading.known_from <= on and period.end <= until:
            if begun is None or reading.known_from < begun:
                begun = reading.known_from
            if period.end > newest.get(period.granularity, date.min):
                newest[period.granularity] = period.end
    if begun is None:
        return []
    return [due for due in dues if due.by >= begun and due.period.end > newest.get(due.period.granularity, date.min)]
