"""The reports that a unit is asked for, and those of them that have not arrived.

Communes that the plan binds have to report from its beginning on. All others are expected to go on with reports that
they have begun. A later report of the same granularity makes up for a missing one, within the plan's time: next year's
January says nothing about this year's December. Only a sum over the year needs each of its reports.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from shared.contracts.period import Granularity, Period
from shared.reference.models import CriterionKey, Due, Report, Unit
from shared.reference.reference import Reference


@dataclass(frozen=True, slots=True)
class Arrivals:
    """The periods for which a unit has reported on a subject, and the day of its first report."""

    first: date | None
    """The day on which the first report was known; None: there is none."""
    periods: frozenset[Period]


NOTHING_ARRIVED = Arrivals(None, frozenset())


class Asked(NamedTuple):
    """The reports that a unit is asked for."""

    dues: Sequence[Due]
    begins: date | None
    """The day from which they are expected; None: from the unit's first report on."""
    each: bool = False
    """Whether a later report makes up for none that is missing."""

    def expected(self, arrived: Arrivals) -> list[Due]:
        """Return the reports that are expected: those due since `begins`, or since the first report if it came earlier.

        In the order of `dues`.
        """
        begun = min((day for day in (self.begins, arrived.first) if day is not None), default=None)
        return [] if begun is None else [due for due in self.dues if due.by >= begun]

    def awaited(self, arrived: Arrivals) -> list[Due]:
        """Return the expected reports that have not arrived, also those that are not late yet, in the same order."""
        expected = self.expected(arrived)
        if self.each:
            return [due for due in expected if due.period not in arrived.periods]
        newest: dict[Granularity, date] = {}
        for period in arrived.periods:
            newest[period.granularity] = max(period.end, newest.get(period.granularity, date.min))
        return [due for due in expected if due.period.end > newest.get(due.period.granularity, date.min)]


def asked_on_criterion(reference: Reference, key: CriterionKey, unit: Unit) -> Asked:
    """Return the reports on a criterion that a commune is asked for; none for a time in which it did not exist."""
    dues = [due for due in reference.due_on(key) if unit.is_valid(due.period.end)]
    return Asked(dues, reference.plan.first_day if reference.binds(unit, key) else None)


def asked_on_elements(reference: Reference, report: Report, unit: Unit) -> Asked:
    """Return the reports on single elements that a unit is asked for, whatever it has reported before."""
    if unit.kind not in report.reported_by:
        return Asked([], None)
    dues = [due for due in report.due_in(reference.plan.year) if unit.is_valid(due.period.end)]
    is_summed = any(reference.elements[element].nature == "flow" for element in report.elements)
    return Asked(dues, reference.plan.first_day, each=is_summed)


def is_overdue(due: Due, on: date) -> bool:
    """Say whether a report that has not arrived is overdue on a day: from the day after the last one in time."""
    return due.by < on
