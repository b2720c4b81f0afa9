"""The use cases before delivery, each in the caller's one transaction: a batch of events, and a notice sent again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from pydantic import Discriminator, Tag, TypeAdapter
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify import queries
from services.notify.notices import Alert, Draft, NoticeStatus, Occasion, day_of
from services.notify.stages import Stage, World
from services.notify.tables import OutboxRow
from shared import outbox
from shared.contracts import AlertEvent, AlertLogged, ProblemLogged, StatusChanged, TargetChanged, subjects
from shared.messaging import Message, cloud_event
from shared.reference.load import Reference


def _told_by_its_fields(body: Any) -> Any:
    """Changes say of what `kind` they are; a difficulty's `kind` is its nature."""
    if not isinstance(body, dict):
        return None
    return "problem" if "problem" in body else body.get("kind")


_OCCASION: TypeAdapter[Occasion] = TypeAdapter(
    Annotated[
        Annotated[StatusChanged, Tag("status")]
        | Annotated[TargetChanged, Tag("target")]
        | Annotated[ProblemLogged, Tag("problem")],
        Discriminator(_told_by_its_fields),
    ]
)


def read_alert(body: bytes, trace: str | None, reference: Reference) -> Alert:
    """The alert of a published event; KeyError when it names a unit that the reference does not have."""
    return alert_of(_OCCASION.validate_json(body), reference, trace)


def alert_of(occasion: Occasion, reference: Reference, trace: str | None = None) -> Alert:
    """The alert with its place in the tree of that day."""
    key, on = occasion.unit.key, day_of(occasion)
    unit = reference.units.find(occasion.unit.code, on) if key is None else reference.units.by_key(key)
    if unit is None:
        raise KeyError(f"unit {occasion.unit.code} on {on}")
    sample = reference.plan.sample if isinstance(occasion, ProblemLogged) else occasion.sample
    return Alert(occasion, unit, reference.units.district(unit), trace, sample)


async def tell(
    connection: AsyncConnection,
    alerts: Sequence[Alert],
    stages: Sequence[Stage],
    world: World,
    now: datetime,
) -> int:
    """Record alerts, decide who hears of them and what, and leave that due. Known alerts change nothing.

    Returns how many notices there are.
    """
    by_id = {alert.id: alert for alert in sorted(alerts, key=lambda alert: str(alert.id))}
    new = await queries.record_alerts(connection, [_alert_row(alert, now) for alert in by_id.values()])
    fresh = [alert for alert in by_id.values() if alert.id in new]
    drafts = _decide(fresh, stages, world)
    await queries.record_notices(connection, [_notice_row(draft, world, now) for draft in drafts])
    raised = [log_entry(alert, AlertEvent.RAISED, now) for alert in fresh]
    await outbox.put(connection, OutboxRow, [*raised, *_failures(drafts, now)])
    return len(drafts)


async def resend(
    connection: AsyncConnection,
    notice: Row[Any],
    stages: Sequence[Stage],
    world: World,
    now: datetime,
    agency: str,
) -> bool:
    """Set a notice due again, and its recipient's addresses that became known since. False: there is still none."""
    alert = alert_of(_OCCASION.validate_python(notice.body), world.reference, notice.trace)
    drafts = [
        draft
        for draft in _decide([alert], stages, world)
        if str(draft.recipient) == notice.recipient and draft.channel == notice.channel and not draft.not_sent
    ]
    rows = [_notice_row(draft, world, now) for draft in drafts]
    added = await queries.record_notices(connection, rows)
    if notice.address and notice.text is not None:
        again = {
            "status": NoticeStatus.CREATED.value,
            "request_id": uuid4(),
            "due_at": now,
            "retry_until": now + world.retry_for,
            "resent_by": agency,
        }
        await queries.send_again(connection, notice.id, again)
        return True
    return bool(added)


def _decide(alerts: Sequence[Alert], stages: Sequence[Stage], world: World) -> Sequence[Draft]:
    drafts: Sequence[Draft] = [Draft(alert) for alert in alerts]
    for stage in stages:
        drafts = stage(drafts, world)
    return drafts


def _alert_row(alert: Alert, now: datetime) -> dict[str, Any]:
    return {
        "id": alert.id,
        "unit": alert.unit.key,
        "district": alert.district.key if alert.district else None,
        "topic": alert.topic,
        "event": alert.event.value,
        "on": alert.on,
        "at": alert.occasion.at,
        "raised_at": now,
        "sample": alert.sample,
        "trace": alert.trace,
        "body": alert.occasion.model_dump(mode="json"),
    }


def _notice_row(draft: Draft, world: World, now: datetime) -> dict[str, Any]:
    wording = draft.wording
    return {
        "id": draft.id,
        "alert": draft.alert.id,
        "recipient": str(draft.recipient),
        "name": (draft.recipient and draft.recipient.name) or "",
        "channel": draft.channel,
        "address": draft.address,
        "language": draft.language,
        "status": NoticeStatus.PERMANENT_FAILURE.value if draft.not_sent else NoticeStatus.CREATED.value,
        "reason": draft.not_sent.code if draft.not_sent else None,
        "subject": wording.subject if wording else None,
        "text": wording.text if wording else None,
        "html": wording.html if wording else None,
        "request_id": draft.id,
        "attempts": 0,
        "created_at": now,
        "due_at": None if draft.not_sent else now,
        "retry_until": now + world.retry_for,
    }


def _failures(drafts: Sequence[Draft], now: datetime) -> list[Message]:
    return [
        log_entry(
            draft.alert,
            AlertEvent.FAILED,
            now,
            cause=draft.id,
            recipient=str(draft.recipient),
            channel=draft.channel,
            detail=draft.not_sent.value.en,
        )
        for draft in drafts
        if draft.not_sent
    ]


def log_entry(alert: Alert, event: AlertEvent, now: datetime, cause: UUID | None = None, **more: Any) -> Message:
    """What became of an alert, as a CloudEvent on its subject. The same entry made again has the same id."""
    return log_message(alert.id, alert.occasion.unit.code, event, now, alert.trace, cause or alert.id, **more)


def log_message(
    alert: UUID, unit_code: str, event: AlertEvent, now: datetime, trace: str | None, cause: UUID, **more: Any
) -> Message:
    """As `log_entry`, where only the alert's id and unit are at hand."""
    entry = AlertLogged(
        id=uuid5(NAMESPACE_URL, f"{cause}/{event}"), alert=alert, event=event, at=now, unit=unit_code, **more
    )
    return cloud_event(
        subjects.alert(unit_code, event),
        entry.model_dump_json().encode(),
        event_id=entry.id,
        kind=f"alert.{event}",
        source="notify",
        at=now,
        trace=trace,
    )
