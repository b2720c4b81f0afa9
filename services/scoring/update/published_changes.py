"""Changes as they are published: stored for good, with their messages in the outbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.judging.changes import message_of, topic_of
from services.scoring.storage.changes import ChangeValues, add_changes
from services.scoring.storage.tables import OutboxRow
from shared.contracts.verdict_change import Change
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
    await outbox.put(connection, OutboxRow, [message_of(change, traces) for _, change in changes])
