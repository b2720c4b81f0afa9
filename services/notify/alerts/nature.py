"""Pure: what an alert is, for those who decide about it: how much it matters, what it is about, what it ends."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from services.notify.alerts.notices import DIGESTS, Alert, Draft
from shared.contracts.alert import DifficultyEvent, OperationEvent, Severity
from shared.contracts.difficulty import DifficultyKind, DifficultyLogged
from shared.contracts.status import Event
from shared.contracts.verdict_change import StatusChanged, TargetChanged
from shared.reference.load import Reference
from shared.reference.models import AnyEvent, CohortMeeting, Commitment, CommunesMeeting, CriterionKey, Match, Plan

ENDS: Mapping[AnyEvent, Collection[AnyEvent]] = {
    Event.MET: {Event.FELL_BEHIND, Event.LOST, Event.MISSED},
    Event.RECOVERED: {Event.FELL_BEHIND, Event.LOST, Event.MISSED},
    Event.MISSED: {Event.FELL_BEHIND, Event.LOST},
    Event.FELL_BEHIND: {Event.LOST, Event.MISSED},
    Event.LOST: {Event.FELL_BEHIND, Event.MISSED},
    Event.REPORT_ARRIVED: {Event.OVERDUE},
    DifficultyEvent.ANSWERED: {DifficultyEvent.REPORTED},
    DifficultyEvent.CLOSED: {DifficultyEvent.REPORTED},
    OperationEvent.GATEWAY_BACK: {OperationEvent.GATEWAY_DOWN},
    OperationEvent.MESSAGES_SETTLED: {OperationEvent.MESSAGES_PARKED},
}
"""What is over once something newer has happened to the same."""

OPENING: Collection[AnyEvent] = frozenset(event for ended in ENDS.values() for event in ended)
"""What asks for something, until it is over."""

_SEVERITIES: Mapping[AnyEvent, Severity] = {
    Event.MISSED: Severity.URGENT,
    Event.FELL_BEHIND: Severity.WARNING,
    Event.LOST: Severity.WARNING,
    Event.OVERDUE: Severity.WARNING,
    DifficultyEvent.REPORTED: Severity.WARNING,
    OperationEvent.GATEWAY_DOWN: Severity.URGENT,
    OperationEvent.MESSAGES_PARKED: Severity.URGENT,
    OperationEvent.ENDPOINT_DISABLED: Severity.WARNING,
    OperationEvent.ADDRESS_ENDED: Severity.WARNING,
    OperationEvent.BUDGET_NEAR: Severity.WARNING,
    OperationEvent.BUDGET_SPENT: Severity.URGENT,
}


def severity(alert: Alert) -> Severity:
    """How much it matters: by its event; a disaster is urgent."""
    if alert.event is DifficultyEvent.REPORTED and nature(alert) is DifficultyKind.DISASTER:
        return Severity.URGENT
    return _SEVERITIES.get(alert.event, Severity.INFORMATION)


def opens(alert: Alert) -> bool:
    """Whether it asks for something."""
    return alert.event in OPENING


def is_to_acknowledge(draft: Draft) -> bool:
    """Whether the notice asks to be acknowledged: it tells of something open, to people."""
    return draft.channel != "webhook" and any(opens(alert) for alert in draft.told)


def has_link(draft: Draft) -> bool:
    """Whether the notice has a link of its own: to acknowledge, or to have no more digests."""
    return is_to_acknowledge(draft) or draft.waits in DIGESTS


def nature(alert: Alert) -> DifficultyKind | None:
    """What a difficulty is about."""
    return alert.occasion.kind if isinstance(alert.occasion, DifficultyLogged) else None


def commitment(alert: Alert, plan: Plan) -> Commitment | None:
    """The commitment that it is about."""
    if not isinstance(alert.occasion, TargetChanged):
        return None
    return next((one for one in plan.commitments if one.id == alert.topic), None)


def criterion(alert: Alert, plan: Plan) -> CriterionKey | None:
    """The criterion that it speaks of; none for a commitment or a difficulty that is about something else."""
    if isinstance(alert.occasion, StatusChanged):
        return alert.occasion.criterion.key
    if isinstance(alert.occasion, DifficultyLogged):
        return alert.occasion.criterion
    if (found := commitment(alert, plan)) is None:
        return None
    return found.measure.criterion if isinstance(found.measure, CommunesMeeting) else found.criterion


def cohorts(alert: Alert, reference: Reference) -> Sequence[str]:
    """The cohorts of the plan that it concerns."""
    if isinstance(alert.occasion, StatusChanged):
        return alert.occasion.cohorts
    if isinstance(alert.occasion, DifficultyLogged):
        return [cohort.id for cohort in reference.cohorts_of(alert.unit)]
    found = commitment(alert, reference.plan)
    return [found.measure.cohort] if found and isinstance(found.measure, CohortMeeting) else []


def matches(match: Match, alert: Alert, reference: Reference) -> bool:
    """Whether the alert is all that is asked."""
    about = criterion(alert, reference.plan) if match.criteria is not None or match.sets is not None else None
    return (
        (match.on is None or match.on == alert.kind)
        and (match.events is None or alert.event in match.events)
        and (match.severities is None or severity(alert) in match.severities)
        and (match.sets is None or (about or "").rpartition("-")[0] in match.sets)
        and (match.criteria is None or about in match.criteria)
        and (match.cohorts is None or not set(match.cohorts).isdisjoint(cohorts(alert, reference)))
        and (match.kinds is None or nature(alert) in match.kinds)
        and (match.levels is None or alert.unit.kind in match.levels)
        and (match.under is None or any(reference.units.is_under(alert.unit, code) for code in match.under))
    )
