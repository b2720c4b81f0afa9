"""The reports that an alert awaits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from services.notify.alerts.alert import Alert
from services.notify.texts import phrase
from shared.contracts.bilingual import Bilingual
from shared.contracts.period import Period
from shared.contracts.report_due import ReportSoonDue
from shared.contracts.status import Event
from shared.contracts.verdict_change import StatusChanged, TargetChanged
from shared.reference.load import Reference
from shared.texts import filled


@dataclass(frozen=True, slots=True)
class AwaitedReport:
    """A report for a period: by its id in the calendar, or where the calendar has it no more by its topic.

    `due`: the last day on which it is in time, where the calendar knows it.
    """

    id: str
    name: Bilingual
    period: Period
    due: date | None


def awaited(alert: Alert, reference: Reference) -> Sequence[AwaitedReport]:
    """Return the reports that are overdue by an alert, or soon due; none for alerts of other events."""
    change = alert.occasion
    if isinstance(change, ReportSoonDue):
        return [AwaitedReport(change.report, change.name, change.period, change.due)]
    if alert.event is not Event.OVERDUE or not isinstance(change, StatusChanged | TargetChanged):
        return []
    periods = [Period.parse(text) for text in change.assessment.overdue]
    return [report for period in periods for report in _overdue(change, period, reference)]


def _overdue(change: StatusChanged | TargetChanged, period: Period, reference: Reference) -> Iterator[AwaitedReport]:
    reports = reference.reports_for(period, *_subjects(change, reference))
    for report in reports:
        yield AwaitedReport(report.id, report.name, period, report.due_day_of(period))
    if not reports:
        topic = change.criterion.name if isinstance(change, StatusChanged) else change.commitment.title
        yield AwaitedReport(topic.en, filled(phrase("awaited_reports.about"), topic=topic), period, None)


def _subjects(change: StatusChanged | TargetChanged, reference: Reference) -> tuple[set[str], set[str]]:
    """Return the criteria and the elements that reports about the change are about."""
    if isinstance(change, StatusChanged):
        return {change.criterion.key}, set()
    promised = next((one for one in reference.plan.commitments if one.id == change.commitment.id), None)
    elements = set(reference.elements_of(promised)) if promised else set()
    return {key for element in elements for key in reference.criteria_of_element(element)}, elements
