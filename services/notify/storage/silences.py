"""The SQL of silences: spans of time in which alerts that match are not told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    and_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.routing.key_scope import KeyScope
from services.notify.storage.tables import (
    SilenceRow,
)
from shared.postgres.statements import table_of

silence = table_of(SilenceRow)


class StoredSilence(NamedTuple):
    """A silence as its row has it."""

    id: UUID
    match: dict[str, Any]
    recipient: str | None
    starts_at: datetime
    ends_at: datetime
    reason: str
    author: str
    created_at: datetime
    ended_by: str | None
    own_units: list[str] | None = None
    own_criteria: list[str] | None = None
    given_on: date | None = None

    @property
    def own(self) -> KeyScope | None:
        """The key whose own offices it silences; None where a coordinator silences others."""
        return None if self.own_units is None else KeyScope(self.own_units, self.own_criteria or [])


SILENCE_COLUMNS = tuple(silence.c[name] for name in StoredSilence._fields)


async def silences_now(connection: AsyncConnection, now: datetime) -> Sequence[StoredSilence]:
    """Return the silences that hold at this moment."""
    query = select(*SILENCE_COLUMNS).where(silence.c.starts_at <= now, silence.c.ends_at > now)
    return [StoredSilence(*row) for row in await connection.execute(query)]


async def add_silence(connection: AsyncConnection, new: StoredSilence) -> None:
    """Store a silence."""
    await connection.execute(insert(silence).values(new._asdict()))


async def silences_since(connection: AsyncConnection, *, since: datetime) -> Sequence[StoredSilence]:
    """Return the silences that end after `since`, the newest first."""
    query = (
        select(*SILENCE_COLUMNS).where(silence.c.ends_at > since).order_by(silence.c.created_at.desc(), silence.c.id)
    )
    return [StoredSilence(*row) for row in await connection.execute(query)]


async def silence_of(connection: AsyncConnection, silence_id: UUID) -> StoredSilence | None:
    """Return the silence of this id, locked; None where there is none."""
    query = select(*SILENCE_COLUMNS).where(silence.c.id == silence_id).with_for_update()
    row = (await connection.execute(query)).one_or_none()
    return StoredSilence(*row) if row else None


async def end_silence(connection: AsyncConnection, silence_id: UUID, by: str, now: datetime) -> StoredSilence | None:
    """End a silence now and return it; None where there is none of this id that still holds."""
    holds = and_(silence.c.id == silence_id, silence.c.ends_at > now)
    statement = update(silence).where(holds).values(ends_at=now, ended_by=by).returning(*SILENCE_COLUMNS)
    row = (await connection.execute(statement)).one_or_none()
    return StoredSilence(*row) if row else None
