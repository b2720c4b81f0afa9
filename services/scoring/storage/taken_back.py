"""The SQL of submissions that were taken back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.judging.taken_back import NOTHING, TakenBack, Taking
from services.scoring.storage.tables import TakenBackRow
from shared.postgres.statements import table_of

taken_back = table_of(TakenBackRow)
COLUMNS = [taken_back.c[name] for name in Taking._fields]


class TakenBackValues(TypedDict):
    """A new row of table `taken_back`."""

    id: UUID
    submission: UUID
    unit: int
    at: datetime
    withdrawn: bool
    agency: str
    reason: str


async def record_taken_back(connection: AsyncConnection, rows: Sequence[TakenBackValues]) -> set[UUID]:
    """Store what takes submissions back; return the ids that were new."""
    statement = insert(taken_back).values(list(rows)).on_conflict_do_nothing().returning(taken_back.c.id)
    return set((await connection.scalars(statement)).all()) if rows else set()


async def taken_back_of(
    connection: AsyncConnection,
    units: Collection[int],
    until: datetime | None = None,
    without: Collection[UUID] = frozenset(),
) -> TakenBack:
    """Return which submissions for these units were taken back, at any time or before a moment.

    `without`: ids of withdrawals and returns that are left out.
    """
    query = select(*COLUMNS).where(taken_back.c.unit == func.any(list(units)))
    if until is not None:
        query = query.where(taken_back.c.at < until)
    if without:
        query = query.where(taken_back.c.id.not_in(without))
    return read(await connection.execute(query))


async def taken_back_ids(connection: AsyncConnection, ids: Collection[UUID]) -> set[UUID]:
    """Return which of these messages, by their ids, are stored already."""
    return set((await connection.scalars(select(taken_back.c.id).where(taken_back.c.id == func.any(list(ids))))).all())


def read(rows: Iterable[Sequence[Any]]) -> TakenBack:
    """Read rows of `COLUMNS`."""
    takings = [Taking(*row) for row in rows]
    return TakenBack.by(takings) if takings else NOTHING
