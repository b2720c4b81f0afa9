"""The SQL of what is noted and looked up once the units of arriving submissions are locked, by one statement."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.judging.taken_back import TakenBack
from services.scoring.storage.figure_versions import COUNT, counted
from services.scoring.storage.taken_back import COLUMNS, read, taken_back
from services.scoring.storage.ticks import LAST
from shared.postgres.driver import fetch

_LAST = LAST.subquery()
_IS_ASKED = taken_back.c.submission == func.any(bindparam("submissions", type_=ARRAY(Uuid, dimensions=1)))
_NOTE_AND_LOOK = (
    select(*_LAST.c, *COLUMNS).select_from(_LAST.outerjoin(taken_back, _IS_ASKED)).add_cte(COUNT.cte("counted"))
)


async def note_and_look(
    connection: AsyncConnection, units: Collection[int], submissions: Collection[UUID]
) -> tuple[date | None, TakenBack]:
    """Count up the versions of the units' figures, as `count_versions`.

    Return the newest day for which the daily tick has run, as `last_tick`, and which submissions were taken back.
    """
    asked = {**counted(units), "submissions": list(submissions)}
    rows = await fetch(connection, _NOTE_AND_LOOK, asked)
    return rows[0][0], read(row[1:] for row in rows if row[1])
