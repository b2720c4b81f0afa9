"""The reports that are due on a day, by report, period and district: who is in, who is missing, whose was returned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from shared.contracts.period import Period
from shared.reference.awaited_reports import (
    NOTHING_ARRIVED,
    Arrivals,
    Asked,
    asked_on_criterion,
    asked_on_elements,
    is_overdue,
)
from shared.reference.load import Reference
from shared.reference.models import Due, Report, Unit

type Subject = str
"""The subject of a report: a criterion's key, or the id of a report on elements that belong to no criterion."""


@dataclass(frozen=True, slots=True)
class Reported:
    """The periods for which a unit has reported on a subject, and those whose newest figures were returned to it."""

    arrived: Arrivals = NOTHING_ARRIVED
    returned: frozenset[Period] = frozenset()


NOTHING_REPORTED = Reported()


@dataclass(slots=True)
class DueReport:
    """A report for a period that units of one district owe."""

    report: Report
    due: Due
    district: Unit | None
    overdue: bool = False
    """Whether the day has passed and reports are missing."""
    expected: int = 0
    """The units of which the report is expected."""
    missing: list[Unit] = field(default_factory=list)
    returned: list[Unit] = field(default_factory=list)
    never_reported: int = 0
    """The communes of which none is expected: the plan does not bind them, and they have never reported on it."""

    @property
    def arrived(self) -> int:
        """The expected reports that have come, or that a later one makes up for."""
        return self.expected - len(self.missing)


def subjects_of(reference: Reference) -> dict[Subject, list[str]]:
    """Return the elements of each subject that the calendar asks for reports on."""
    subjects: dict[Subject, list[str]] = {}
    for report in reference.calendar:
        for key in report.criteria:
            if key in reference.criterion_keys:
                subjects[key] = list(reference.criterion(key).element_codes)
        if report.elements:
            subjects[report.id] = list(report.elements)
    return subjects


def with_inherited(
    reported: Mapping[tuple[int, Subject], Reported], reference: Reference, units: Iterable[Unit]
) -> dict[tuple[int, Subject], Reported]:
    """Return what units have reported, with the reports on criteria that they inherited as scoring says.

    A unit that whole units were made into has begun to report once all of these had, and inherits the periods for which
    all of them had reported.
    """
    complete = dict(reported)
    for unit in sorted(units, key=lambda one: one.valid_from):
        origins = reference.lineage.origins(unit)
        if not origins or any(succession.relation != "whole" for succession, _ in origins):
            continue
        for key in reference.criterion_keys:
            parts = [complete.get((old.key, key), NOTHING_REPORTED).arrived for _, old in origins]
            days = [part.first for part in parts if part.first is not None]
            if (common := frozenset.intersection(*(part.periods for part in parts))) and days:
                own = complete.get((unit.key, key), NOTHING_REPORTED)
                first = min(max(days), own.arrived.first or date.max)
                complete[unit.key, key] = Reported(Arrivals(first, common | own.arrived.periods), own.returned)
    return complete


def reports_due(
    reference: Reference, units: Iterable[Unit], reported: Mapping[tuple[int, Subject], Reported], on: date
) -> list[DueReport]:
    """Return the reports that these units owe on a day: overdue ones first, then by the day on which they are due.

    `reported`: what each unit has reported, by its key and the subject. Reports that nobody can send yet are left out,
    and those that are past and whole; one that was returned to a unit stays until its correction comes.
    """
    found: dict[tuple[str, Due, int], DueReport] = {}
    calendar = [(report, report.due_in(reference.plan.year)) for report in reference.calendar]
    for unit in units:
        district = reference.units.district(unit)
        for report, dues in calendar:
            for due, state in _states(reference, report, dues, unit, reported):
                if reference.opening_day(due.period) > on:
                    continue
                key = report.id, due, district.key if district else 0
                entry = found.setdefault(key, DueReport(report, due, district))
                entry.never_reported += not state.is_expected
                entry.expected += state.is_expected
                if state.is_awaited:
                    entry.missing.append(unit)
                    entry.overdue = is_overdue(due, on)
                if state.is_returned:
                    entry.returned.append(unit)
    listed = [entry for entry in found.values() if entry.overdue or entry.returned or not is_overdue(entry.due, on)]
    return sorted(listed, key=_order)


def _order(entry: DueReport) -> tuple[bool, date, str, str]:
    return not entry.overdue, entry.due.by, entry.report.id, entry.district.code if entry.district else ""


@dataclass(slots=True)
class _State:
    is_asked: bool = False
    is_expected: bool = False
    is_awaited: bool = False
    is_returned: bool = False


def _states(
    reference: Reference,
    report: Report,
    dues: Iterable[Due],
    unit: Unit,
    reported: Mapping[tuple[int, Subject], Reported],
) -> Iterator[tuple[Due, _State]]:
    """Yield how a unit stands with the report for each of its periods, over all criteria that the report is about."""
    own = {due: _State() for due in dues}
    for subject, asked in _asked(reference, report, unit):
        of_subject = reported.get((unit.key, subject), NOTHING_REPORTED)
        expected, awaited = asked.expected(of_subject.arrived), asked.awaited(of_subject.arrived)
        for due in asked.dues:
            if state := own.get(due):
                state.is_asked = True
                state.is_expected |= due in expected
                state.is_awaited |= due in awaited
                state.is_returned |= due.period in of_subject.returned
    return ((due, state) for due, state in own.items() if state.is_asked)


def _asked(reference: Reference, report: Report, unit: Unit) -> Iterator[tuple[Subject, Asked]]:
    if report.elements:
        yield report.id, asked_on_elements(reference, report, unit)
    if unit.kind in reference.plan.counted_kinds:
        for key in report.criteria:
            if key in reference.criterion_keys and reference.judges(unit, key):
                yield key, asked_on_criterion(reference, key, unit)
