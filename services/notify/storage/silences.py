"""The SQL of silences: spans of time in which alerts that match are not told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Row,
    and_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.storage.tables import (
    SilenceRow,
)
from shared.postgres.statements import table_of

silence = table_of(SilenceRow)


async def silences_now(connection: AsyncConnection, now: datetime) -> Sequence[Row[Any]]:
    """The silences that hold at this moment."""
    return (await connection.execute(select(silence).where(silence.c.starts_at <= now, silence.c.ends_at > now))).all()


async def add_silence(connection: AsyncConnection, row: dict[str, Any]) -> None:
    """Keep a silence."""
    await connection.execute(insert(silence).values(row))


async def silences_since(connection: AsyncConnection, *, since: datetime) -> Sequence[Row[Any]]:
    """The silences that end after that moment, the newest first."""
    query = select(silence).where(silence.c.ends_at > since).order_by(silence.c.created_at.desc(), silence.c.id)
    return (await connection.execute(query)).all()


async def end_silence(connection: AsyncConnection, silence_id: UUID, by: str, now: datetime) -> Row[Any] | None:
    """End a silence now; None where there is none that still holds."""
    holds = and_(silence.c.id == silence_id, silence.c.ends_at > now)
    statement = update(silence).where(holds).values(ends_at=now, ended_by=by).returning(*silence.c)
    return (await connection.execute(statement)).one_or_none()
