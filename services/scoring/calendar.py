"""Pure: which reports are due and have not come.

A unit is expected to go on reporting what it has begun to report: who never sent a figure of a criterion has
`no_data`, which is a status of its own, and is not late. A later report of the same kind makes up for a missing one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import assert_never

from services.scoring.measures import Readings
from shared.contracts.words import Granularity, Period
from shared.reference.models import Report


@dataclass(frozen=True, slots=True)
class Due:
    """A report for a period and the last day on which it is in time."""

    period: Period
    by: date


def due_reports(report: Report, year: int) -> list[Due]:
    """Everything that the report asks for periods of the year."""
    return [
        Due(period, _due_day(report, period))
        for period in _periods(report.granularity, year)
        if period.end.month in report.months
    ]


def overdue(reports: Sequence[Report], readings: Readings, elements: frozenset[str], year: int, on: date) -> list[str]:
    """The periods whose reports have not come by that day, oldest first."""
    return [due.period.text for due in _missing(reports, readings, elements, year, on) if due.by < on]


def next_deadline(
    reports: Sequence[Report], readings: Readings, elements: frozenset[str], year: int, on: date
) -> date | None:
    """The last day on which what is missing is still in time, from `on` onward; None when nothing is to come."""
    return min((due.by for due in _missing(reports, readings, elements, year, on) if due.by >= on), default=None)


def _missing(
    reports: Sequence[Report], readings: Readings, elements: frozenset[str], year: int, on: date
) -> Iterator[Due]:
    received = [
        (period, reading.known_from)
        for (element, period), reading in readings.items()
        if element in elements and reading.known_from <= on
    ]
    if not received:
        return
    begun = min(known_from for _, known_from in received)
    for report in reports:
        last = max((period.end for period, _ in received if period.granularity == report.granularity), default=None)
        for due in due_reports(report, year):
            if due.by >= begun and (last is None or due.period.end > last):
                yield due


def _due_day(report: Report, period: Period) -> date:
    month = period.end.month - 1 + report.due_months_later
    return date(period.end.year + month // 12, month % 12 + 1, report.due_day)


def _periods(granularity: Granularity, year: int) -> list[Period]:
    match granularity:
        case "year":
            texts = [f"{year}"]
        case "half":
            texts = [f"{year}-H{half}" for half in (1, 2)]
        case "quarter":
            texts = [f"{year}-Q{quarter}" for quarter in range(1, 5)]
        case "month":
            texts = [f"{year}-{month:02}" for month in range(1, 13)]
        case "day":
            texts = []
        case _:
            assert_never(granularity)
    return [Period.parse(text) for text in texts]
