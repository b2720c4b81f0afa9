"""The SQL of Zalo's tokens: one row for each app."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.storage.tables import ZaloTokenRow
from shared.postgres.statements import table_of

token = table_of(ZaloTokenRow)


class StoredToken(NamedTuple):
    """An app's tokens as their row has them."""

    app_id: str
    begun_with: bytes
    access_token: str
    refresh_token: str
    ends_at: datetime


async def locked(connection: AsyncConnection, app_id: str) -> StoredToken | None:
    """Return the tokens of an app; nobody else reads or renews them until the transaction ends."""
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"ntm-zalo/{app_id}", 0))))
    query = select(*(token.c[name] for name in StoredToken._fields)).where(token.c.app_id == app_id)
    row = (await connection.execute(query)).one_or_none()
    return StoredToken(*row) if row else None


async def keep(connection: AsyncConnection, new: StoredToken) -> None:
    """Keep an app's tokens in place of those before."""
    values = new._asdict()
    statement = insert(token).values(values).on_conflict_do_update(index_elements=["app_id"], set_=values)
    await connection.execute(statement)
