"""The changes of verdicts that are published, and the messages that carry them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from services.scoring.judging.verdict import event_of
from shared.contracts import subjects
from shared.contracts.assessment import Assessment
from shared.contracts.status import Event, Status
from shared.contracts.verdict_change import Change, StatusChanged, TargetChanged
from shared.nats.cloud_events import Message, cloud_event
from shared.reference.load import Reference
from shared.reference.models import Commitment, Unit
from shared.reference.refs import commitment_ref, criterion_ref, unit_ref
from shared.stable_id import stable_id


@dataclass(frozen=True, slots=True)
class Moment:
    """The time of a verdict: the day for which it holds, and the instant that is recorded."""

    on: date
    at: datetime


@dataclass(frozen=True, slots=True)
class PreviousVerdict:
    """The status and the overdue reports before a new verdict."""

    status: Status = Status.NO_DATA
    overdue: frozenset[str] = frozenset()


def events(before: PreviousVerdict, after: Status, overdue: Collection[str] = ()) -> list[Event]:
    """Name the changes from the previous verdict to the new one: of the status, of the overdue reports, or both."""
    found = [event] if (event := event_of(before.status, after)) else []
    if before.overdue.issuperset(overdue):
        return [*found, Event.REPORT_ARRIVED] if before.overdue.difference(overdue) else found
    return [*found, Event.OVERDUE]


def _status_before(event: Event, before: PreviousVerdict, assessment: Assessment) -> Status:
    """Return the status before an event; a late or arriving report by itself changes no status."""
    return assessment.status if event in (Event.OVERDUE, Event.REPORT_ARRIVED) else before.status


def status_changes(
    before: PreviousVerdict,
    unit: Unit,
    criterion: str,
    assessment: Assessment,
    reference: Reference,
    moment: Moment,
    submission: UUID | None,
) -> list[StatusChanged]:
    """Return the changes of a commune's criterion."""
    district = reference.units.district(unit)
    return [
        StatusChanged(
            id=_event_id(unit, criterion, event, before, assessment, submission),
            event=event,
            before=_status_before(event, before, assessment),
            after=assessment.status,
            on=moment.on,
            at=moment.at,
            unit=unit_ref(unit),
            assessment=assessment,
            submission=submission,
            sample=reference.plan.sample,
            criterion=criterion_ref(criterion, reference),
            district=unit_ref(district) if district else None,
            cohorts=[cohort.id for cohort in reference.cohorts_of(unit)],
        )
        for event in events(before, assessment.status, assessment.overdue)
    ]


def target_changes(
    before: PreviousVerdict,
    target: Unit,
    commitment: Commitment,
    assessment: Assessment,
    reference: Reference,
    moment: Moment,
) -> list[TargetChanged]:
    """Return the changes of a commitment of a district or the province."""
    return [
        TargetChanged(
            id=_event_id(target, commitment.id, event, before, assessment, moment.at),
            event=event,
            before=_status_before(event, before, assessment),
            after=assessment.status,
            on=moment.on,
            at=moment.at,
            unit=unit_ref(target),
            assessment=assessment,
            sample=reference.plan.sample,
            commitment=commitment_ref(commitment),
        )
        for event in events(before, assessment.status, assessment.overdue)
    ]


def _event_id(
    unit: Unit, topic: str, event: Event, before: PreviousVerdict, assessment: Assessment, cause: object
) -> UUID:
    """Return an id that is the same whenever the same change is found again."""
    words = (
        unit.key,
        topic,
        event,
        before.status,
        assessment.status,
        assessment.on,
        *assessment.overdue,
        cause,
    )
    return stable_id(*words)


def topic_of(change: Change) -> str:
    """Return the topic of a change: the criterion's key or the commitment's id."""
    match change:
        case StatusChanged():
            return change.criterion.key
        case TargetChanged():
            return change.commitment.id
    raise TypeError(type(change).__name__)


def message_of(change: Change, traces: Mapping[UUID, str | None]) -> Message:
    """Return the CloudEvent that carries a change, in the trace of the submission that caused it."""
    trace = traces.get(change.submission) if change.submission else None
    body = change.model_dump_json().encode()
    if isinstance(change, StatusChanged):
        district = change.district.code if change.district else None
        subject, kind = subjects.status(district, change.unit.code, change.criterion.key), "status.changed"
    else:
        subject, kind = subjects.target(change.unit.code, topic_of(change)), "target.changed"
    return cloud_event(subject, body, event_id=change.id, kind=kind, source="scoring", at=change.at, trace=trace)
