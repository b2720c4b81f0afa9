"""Queries for refusals."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.storage.tables import RefusalRow
from shared.postgres.statements import table_of

refusal = table_of(RefusalRow)


class StoredRefusal(NamedTuple):
    """A refusal without the refused submission, which stands in the stream under this number."""

    id: UUID
    sequence: int
    agency: str
    received_at: datetime
    problem: dict[str, object]


_columns = select(*(refusal.c[name] for name in StoredRefusal._fields))


async def find(connection: AsyncConnection, refusal_id: UUID) -> StoredRefusal | None:
    """Return a refusal; None when there is none with this id."""
    row = (await connection.execute(_columns.where(refusal.c.id == refusal_id))).one_or_none()
    return None if row is None else StoredRefusal(*row)


async def newest(connection: AsyncConnection, agency: str, before: int | None, limit: int) -> list[StoredRefusal]:
    """Return an agency's refusals, the newest first; with `before`, those with a lower number in the stream."""
    query = _columns.where(refusal.c.agency == agency).order_by(refusal.c.sequence.desc()).limit(limit)
    if before is not None:
        query = query.where(refusal.c.sequence < before)
    return [StoredRefusal(*row) for row in await connection.execute(query)]
