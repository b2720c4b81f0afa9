"""The SQL of the days for which the daily tick has run.

A day is judged at a moment of that day. A row that says otherwise is damaged, and counts as none: by one far away
scoring would judge on a day that never came, or all the days since then.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Date, cast, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.storage.tables import TickRow
from shared.postgres.statements import table_of
from shared.time import VIETNAM

tick = table_of(TickRow)
_IS_SOUND = tick.c.day == cast(func.timezone(VIETNAM.key, tick.c.finished_at), Date)
LAST = select(func.max(tick.c.day).label("last")).where(_IS_SOUND)
"""The query for the newest day for which the daily tick has run."""


async def last_tick(connection: AsyncConnection) -> date | None:
    """Return the newest day for which the daily tick has run."""
    day: date | None = await connection.scalar(LAST)
    return day


async def take_day(connection: AsyncConnection, day: date, at: datetime) -> bool:
    """Note that a day is judged, at a moment of that day. Return False when that was noted before."""
    statement = insert(tick)
    statement = statement.on_conflict_do_update(
        index_elements=["day"], set_={"finished_at": statement.excluded.finished_at}, where=~_IS_SOUND
    )
    noted = await connection.execute(statement, {"day": day, "finished_at": at})
    return noted.rowcount > 0
