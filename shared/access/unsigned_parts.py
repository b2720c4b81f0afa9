"""The SQL of the parts of streams from before signing began."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.access.tables import UnsignedPart
from shared.postgres.statements import table_of

_table = table_of(UnsignedPart)


class StreamEnd(NamedTuple):
    """The end of a stream: the number of its last message, and the time at which the broker has stored it."""

    sequence: int
    at: datetime


async def unsigned_parts(connection: AsyncConnection) -> Mapping[str, StreamEnd]:
    """Return, by stream, the end of the part that counts as signed without signatures."""
    query = select(_table.c.stream, _table.c.sequence, _table.c.at)
    return {stream: StreamEnd(sequence, at) for stream, sequence, at in await connection.execute(query)}


async def record_unsigned_part(connection: AsyncConnection, stream: str, end: StreamEnd, *, again: bool) -> bool:
    """Record where a stream's unsigned part ends, once, or `again`; return whether anything changed."""
    statement = insert(_table).values(stream=stream, **end._asdict())
    if again:
        written = statement.on_conflict_do_update(index_elements=["stream"], set_=end._asdict())
    else:
        written = statement.on_conflict_do_nothing()
    return (await connection.execute(written)).rowcount > 0
