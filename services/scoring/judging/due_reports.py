"""Pure: which reports are due and have not come.

Who the plan binds has to report from its beginning on. Anybody else is expected to go on reporting what it has begun to
report. A later report of the same kind makes up for a missing one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date

from services.scoring.judging.readings import Readings
from shared.contracts.period import Granularity
from shared.reference.models import Due


def awaited(
    dues: Sequence[Due], readings: Readings, elements: Collection[str], on: date, begins: date | None = None
) -> list[Due]:
    """The reports that have not come by that day, also those that are not late yet, oldest first.

    They are expected from `begins` on, or from the first report where that came before.
    """
    begun = begins
    newest: dict[Granularity, date] = {}
    for (element, period), reading in readings.items():
        if element in elements and reading.known_from <= on:
            if begun is None or reading.known_from < begun:
                begun = reading.known_from
            if period.end > newest.get(period.granularity, date.min):
                newest[period.granularity] = period.end
    if begun is None:
        return []
    return [due for due in dues if due.by >= begun and due.period.end > newest.get(due.period.granularity, date.min)]
