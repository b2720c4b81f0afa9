"""The events of verdicts that a rebuild of scoring's state has found.

They are no news for people, but open alerts have to agree with them, and systems that follow all changes.
"""

from __future__ import annotations

from services.notify.alerts.figures import FiguresEvent
from shared.contracts.status import Event, Status
from shared.contracts.verdict_change import StatusChanged, TargetChanged

_OPENING = {Status.BEHIND: Event.FELL_BEHIND, Status.MISSED: Event.MISSED}


def is_found_by_rebuild(change: object) -> bool:
    """Say whether a change is one that no person is told of, since a rebuild has found it in the figures of before."""
    return isinstance(change, StatusChanged | TargetChanged) and change.cause == "rebuild"


def state_event(change: StatusChanged | TargetChanged) -> Event | FiguresEvent:
    """Return the event that leads to the state which a rebuild has found, by which alerts are opened and ended."""
    if isinstance(change, StatusChanged) and change.contradiction is not None:
        return FiguresEvent.CONTRADICT if change.contradiction == "begins" else FiguresEvent.AGREE
    if change.before == change.after:
        return Event.OVERDUE if change.assessment.overdue else Event.REPORT_ARRIVED
    return _OPENING.get(change.after, change.event)
