"""Recording the results of judging: the changes, their messages, and the day until which a verdict holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from types import MappingProxyType
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.judging.changes import Moment, message_of, topic_of
from services.scoring.storage import queries
from services.scoring.storage.tables import OutboxRow
from shared.contracts.verdict_change import Change
from shared.reference.models import Unit
from shared.service import outbox

type Found = tuple[int, Change]
"""A change with the key of its unit; the code would not do, since codes are used again."""


def when(unit: Unit, row: Row[Any] | None, moment: Moment) -> Moment:
    """Return the moment at which to judge a unit: never before the last judgement, nor after the unit's last day.

    Another worker's clock may be ahead, so the last judgement may be of a later day.
    """
    on = unit.last_day(max(moment.on, row.judged_on) if row else moment.on)
    return moment if on == moment.on else replace(moment, on=on)


def holds_until(unit: Unit, day: date | None) -> date | None:
    """Return the day until which a verdict holds; a verdict of a unit's last day holds for ever."""
    return None if day is None or (unit.valid_to and day >= unit.valid_to) else day


async def record(
    connection: AsyncConnection, changes: Sequence[Found], traces: Mapping[UUID, str | None] = MappingProxyType({})
) -> None:
    """Store the changes and their messages, each in the trace of the submission that caused the change."""
    rows = [
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
    await queries.add_changes(connection, rows)
    await outbox.put(connection, OutboxRow, [message_of(change, traces) for _, change in changes])
