"""The statuses of communes' criteria through time, as they were published: what was known on each day.

Nothing is judged again: a status holds from its change until the next one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import partial

from services.scoring.following.counts import Counts, District, by_district, count, district_of
from services.scoring.storage.changes import ChangeOfStatus
from shared.contracts.status import Status
from shared.readable import read_rows
from shared.reference.load import Plans, Reference
from shared.reference.models import CriterionKey, Unit

type _Course = tuple[list[date], list[Status]]
"""The days from which statuses have held, and these statuses."""


class StatusHistory:
    """The course of each criterion of each commune, from changes in the order of their numbers.

    Counts are kept by day and district, and made again where a change moves them.
    """

    def __init__(self) -> None:
        self.number = 0
        """The number of the newest change that was taken in."""
        self._courses: defaultdict[tuple[int, CriterionKey], _Course] = defaultdict(lambda: ([], []))
        self._communes: dict[date, tuple[Reference, Mapping[District, Sequence[Unit]]]] = {}
        self._counts: defaultdict[date, dict[District, Counts]] = defaultdict(dict)

    def take(self, changes: Sequence[ChangeOfStatus], plans: Plans) -> None:
        """Take in the next changes. One by another plan than the one in force on its day is no status of that day."""
        for change, reference, district in read_rows(changes, lambda one: _placed(one, plans)).items:
            if change.plan not in (None, reference.plan.id):
                continue
            days, statuses = self._courses[change.unit, change.criterion]
            at = bisect_right(days, change.on)
            days.insert(at, change.on)
            statuses.insert(at, change.after)
            for day, counts in self._counts.items():
                if day >= change.on:
                    counts.pop(district, None)
        self.number = changes[-1].number if changes else self.number

    def counts(self, reference: Reference, on: date) -> Iterator[tuple[District, Counts]]:
        """Yield each district with its communes by criterion, cohort and status, as published by the end of a day."""
        known_by, communes = self._communes.get(on, (None, {}))
        if known_by is not reference:
            communes = by_district(reference, on)
            self._communes[on] = reference, communes
            self._counts.pop(on, None)
        counted = self._counts[on]
        for district, units in communes.items():
            if district not in counted:
                counted[district] = count(units, reference, on, partial(self.status, on=on))
            yield district, counted[district]

    def status(self, unit: Unit, criterion: CriterionKey, on: date) -> Status:
        """Return the status that was published by the end of a day."""
        if (course := self._courses.get((unit.key, criterion))) is None:
            return Status.NO_DATA
        at = bisect_right(course[0], on)
        return course[1][at - 1] if at else Status.NO_DATA


def _placed(change: ChangeOfStatus, plans: Plans) -> tuple[ChangeOfStatus, Reference, District]:
    """Return a change with the reference of its day and its commune's district; LookupError where no unit is meant."""
    reference = plans.in_force(change.on)
    return change, reference, district_of(reference.units.by_key(change.unit), reference)
