"""The significance of an alert: how severe it is, whether it asks for something, and which alerts it ends."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from services.notify.alerts.alert import Alert, AlertedEvent
from services.notify.alerts.dossier_turn import DossierEvent
from services.notify.alerts.draft import AT_A_TIME_OF_DAY, Draft
from services.notify.alerts.figures import FiguresEvent
from shared.contracts.alert import DifficultyEvent, OperationEvent, Severity
from shared.contracts.difficulty import DifficultyKind, DifficultyLogged
from shared.contracts.report_due import ReportEvent
from shared.contracts.status import Event

ENDS: Mapping[AlertedEvent, Collection[AlertedEvent]] = {
    Event.CHANGED: {Event.FELL_BEHIND, Event.LOST, Event.MISSED},
    Event.MET: {Event.FELL_BEHIND, Event.LOST, Event.MISSED},
    Event.RECOVERED: {Event.FELL_BEHIND, Event.LOST, Event.MISSED},
    Event.MISSED: {Event.FELL_BEHIND, Event.LOST},
    Event.FELL_BEHIND: {Event.LOST, Event.MISSED},
    Event.LOST: {Event.FELL_BEHIND, Event.MISSED},
    Event.REPORT_ARRIVED: {Event.OVERDUE},
    FiguresEvent.AGREE: {FiguresEvent.CONTRADICT},
    DifficultyEvent.ANSWERED: {DifficultyEvent.REPORTED},
    DifficultyEvent.CLOSED: {DifficultyEvent.REPORTED},
    DossierEvent.DONE: {DossierEvent.TURN},
    ReportEvent.SETTLED: {ReportEvent.SOON_DUE},
    OperationEvent.GATEWAY_BACK: {OperationEvent.GATEWAY_DOWN},
    OperationEvent.MESSAGES_SETTLED: {OperationEvent.MESSAGES_PARKED},
}
"""The events that a newer event about the same topic ends."""

OPENING: Collection[AlertedEvent] = frozenset(event for ended in ENDS.values() for event in ended)
"""The events that ask for something and stay open until a newer event ends them."""

APART: Sequence[Collection[AlertedEvent]] = (
    frozenset({Event.OVERDUE, Event.REPORT_ARRIVED}),
    frozenset({FiguresEvent.CONTRADICT, FiguresEvent.AGREE}),
)
"""The events about reports, and those about figures that contradict each other: other events about the same topic
neither overtake nor end them.
"""

_SEVERITIES: Mapping[AlertedEvent, Severity] = {
    Event.MISSED: Severity.URGENT,
    Event.FELL_BEHIND: Severity.WARNING,
    Event.LOST: Severity.WARNING,
    Event.OVERDUE: Severity.WARNING,
    FiguresEvent.CONTRADICT: Severity.WARNING,
    DifficultyEvent.REPORTED: Severity.WARNING,
    DossierEvent.TURN: Severity.WARNING,
    OperationEvent.GATEWAY_DOWN: Severity.URGENT,
    OperationEvent.MESSAGES_PARKED: Severity.URGENT,
    OperationEvent.ENDPOINT_DISABLED: Severity.WARNING,
    OperationEvent.ADDRESS_ENDED: Severity.WARNING,
    OperationEvent.BUDGET_NEAR: Severity.WARNING,
    OperationEvent.BUDGET_SPENT: Severity.URGENT,
}


def severity(alert: Alert) -> Severity:
    """Return the severity of the alert's event; a disaster that a unit reports is urgent."""
    if alert.event is DifficultyEvent.REPORTED and difficulty_kind(alert) is DifficultyKind.DISASTER:
        return Severity.URGENT
    return _SEVERITIES.get(alert.event, Severity.INFORMATION)


def possible_severities(event: AlertedEvent) -> frozenset[Severity]:
    """Return the severities that alerts of an event can have."""
    usual = _SEVERITIES.get(event, Severity.INFORMATION)
    return frozenset({usual, Severity.URGENT} if event is DifficultyEvent.REPORTED else {usual})


def opens(alert: Alert) -> bool:
    """Say whether the alert asks for something."""
    return alert.event in OPENING


def is_to_acknowledge(draft: Draft) -> bool:
    """Say whether the notice asks people to acknowledge it, since it tells of an open alert and not only reminds."""
    return draft.channel != "webhook" and any(opens(alert) and alert.kind != "report" for alert in draft.told)


def has_link(draft: Draft) -> bool:
    """Say whether the notice carries a link: to acknowledge it, or to end the recipient's digests or news."""
    return is_to_acknowledge(draft) or draft.waits in AT_A_TIME_OF_DAY


def difficulty_kind(alert: Alert) -> DifficultyKind | None:
    """Return the kind of the difficulty that the alert is about; None for other alerts."""
    return alert.occasion.kind if isinstance(alert.occasion, DifficultyLogged) else None
