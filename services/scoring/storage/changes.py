"""The SQL of published changes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple, TypedDict
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.storage.tables import ChangeRow
from shared.contracts.bilingual import Bilingual
from shared.contracts.status import Event, Status
from shared.postgres.statements import columns_of, insert_rows, table_of

change = table_of(ChangeRow)


class StoredChange(NamedTuple):
    """A published change of a unit."""

    topic: str
    event: Event
    before: Status
    after: Status
    on: date
    reason: Bilingual


class ChangeValues(TypedDict):
    """A new row of table `change`."""

    id: UUID
    unit: int
    topic: str
    event: str
    before: str
    after: str
    on: date
    at: datetime
    submission: UUID | None
    body: dict[str, Any]


_STORED = (
    *(change.c[name] for name in ("topic", "event", "before", "after", "on")),
    change.c.body["assessment"]["reason"],
)


async def add_changes(connection: AsyncConnection, rows: Sequence[ChangeValues]) -> None:
    """Store published changes; they are never deleted."""
    if rows:
        await connection.execute(insert_rows(change, tuple(rows[0])), columns_of(rows))


async def changes_of_unit(connection: AsyncConnection, unit: int, limit: int) -> list[StoredChange]:
    """Return the newest changes of a unit, the newest first."""
    query = select(*_STORED).where(change.c.unit == unit).order_by(change.c.number.desc()).limit(limit)
    rows = await connection.execute(query)
    return [
        StoredChange(topic, Event(event), Status(before), Status(after), on, Bilingual.model_validate(reason))
        for topic, event, before, after, on, reason in rows
    ]
