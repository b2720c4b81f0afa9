"""Changes as they are published: stored for good, with their messages in the outbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.judging.changes import topic_of
from services.scoring.storage.changes import ChangeValues, add_changes
from services.scoring.storage.tables import OutboxRow
from shared.contracts import subjects
from shared.contracts.verdict_change import Change, StatusChanged
from shared.nats.cloud_events import Message, cloud_event
from shared.service import outbox


class ChangeOfUnit(NamedTuple):
    """A change with the key of its unit; the code would not do, since codes are used again."""

    unit: int
    change: Change


async def publish_changes(
    connection: AsyncConnection,
    changes: Sequence[ChangeOfUnit],
    traces: Mapping[UUID, str | None] = MappingProxyType({}),
) -> None:
    """Store the changes and put their messages into the outbox, each in the trace of the submission that caused it."""
    rows: list[ChangeValues] = [
        {
            "id": change.id,
            "unit": unit,
            "topic": topic_of(change),
            "event": change.event.value,
            "before": change.before.value,
            "after": change.after.value,
            "on": change.on,
            "at": change.at,
            "submission": change.submission,
            "body": change.model_dump(mode="json"),
        }
        for unit, change in changes
    ]
    await add_changes(connection, rows)
    messages = [
        message_of(change, traces.get(change.submission) if change.submission else None) for _, change in changes
    ]
    await outbox.put(connection, OutboxRow, messages)


def message_of(change: Change, trace: str | None) -> Message:
    """Return the CloudEvent that carries a change, in the trace of the submission that caused it."""
    body = change.model_dump_json().encode()
    if isinstance(change, StatusChanged):
        district = change.district.code if change.district else None
        subject, kind = subjects.status(district, change.unit.code, change.criterion.key), "status.changed"
    else:
        subject, kind = subjects.target(change.unit.code, topic_of(change)), "target.changed"
    return cloud_event(subject, body, event_id=change.id, kind=kind, source="scoring", at=change.at, trace=trace)
