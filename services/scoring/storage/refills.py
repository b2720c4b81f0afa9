"""The SQL of tables that have to be filled again: a migration has left them so, or they are damaged."""

from __future__ import annotations

from sqlalchemy import Text, bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.storage.tables import RefillRow
from shared.postgres.driver import fetch
from shared.postgres.statements import table_of

refill = table_of(RefillRow)
_NAMED = select(refill.c.name).where(refill.c.name == bindparam("table", type_=Text))


async def is_to_be_filled(connection: AsyncConnection, table: str) -> bool:
    """Tell whether a table has to be filled again."""
    return bool(await fetch(connection, _NAMED, {"table": table}))


async def ask_to_fill(connection: AsyncConnection, table: str) -> None:
    """Ask that a table is filled again."""
    await connection.execute(insert(refill).on_conflict_do_nothing(), {"name": table})


async def note_filled(connection: AsyncConnection, table: str) -> None:
    """Note that a table has been filled again."""
    await connection.execute(delete(refill).where(refill.c.name == table))
