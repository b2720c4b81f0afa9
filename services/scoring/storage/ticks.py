"""The SQL of the days for which the daily tick has run."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.storage.tables import TickRow
from shared.postgres.statements import table_of

tick = table_of(TickRow)


async def last_tick(connection: AsyncConnection) -> date | None:
    """Return the newest day for which the daily tick has run."""
    day: date | None = await connection.scalar(select(func.max(tick.c.day)))
    return day


async def take_day(connection: AsyncConnection, day: date, at: datetime) -> bool:
    """Note that a day is judged, at a moment. Return False when that was noted before."""
    noted = await connection.execute(insert(tick).on_conflict_do_nothing(), {"day": day, "finished_at": at})
    return noted.rowcount > 0
