"""The use cases before delivery, each in the caller's one transaction: a batch of changes, and a notice sent again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from pydantic import TypeAdapter
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify import queries
from services.notify.notices import Alert, Draft, NoticeStatus
from services.notify.stages import Stage, World
from services.notify.tables import OutboxRow
from shared import outbox
from shared.contracts import AlertEvent, AlertLogged, StatusChanged, TargetChanged, subjects
from shared.contracts.change import AnyChange
from shared.messaging import Message, cloud_event
from shared.reference.load import Reference

_CHANGE: TypeAdapter[StatusChanged | TargetChanged] = TypeAdapter(AnyChange)


def read_alert(body: bytes, trace: str | None, reference: Reference) -> Alert:
    """The alert of a published change; KeyError when it names a unit that the reference does not have."""
    return _alert(_CHANGE.validate_json(body), trace, reference)


def _alert(change: StatusChanged | TargetChanged, trace: str | None, reference: Reference) -> Alert:
    key = change.unit.key
    unit = reference.units.find(change.unit.code, change.on) if key is None else reference.units.by_key(key)
    if unit is None:
        raise KeyError(f"unit {change.unit.code} on {change.on}")
    return Alert(change, unit, reference.units.district(unit), trace)


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
    change = _CHANGE.validate_python(notice.body)
    drafts = [
        draft
        for draft in _decide([_alert(change, notice.trace, world.reference)], stages, world)
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
    change = alert.change
    return {
        "id": alert.id,
        "unit": alert.unit.key,
        "district": alert.district.key if alert.district else None,
        "topic": alert.topic,
        "event": change.event.value,
        "on": change.on,
        "at": change.at,
        "raised_at": now,
        "sample": change.sample,
        "trace": alert.trace,
        "body": change.model_dump(mode="json"),
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
    return log_message(alert.id, alert.change.unit.code, event, now, alert.trace, cause or alert.id, **more)


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
