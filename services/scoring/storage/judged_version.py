"""The SQL of the version of the reference data by which the state was judged."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.storage.tables import ReferenceRow
from shared.postgres.statements import table_of

reference = table_of(ReferenceRow)


async def judged_version(connection: AsyncConnection) -> int | None:
    """Return the number of the version by which the state was judged; None where no process has recorded it yet."""
    number: int | None = await connection.scalar(select(reference.c.number))
    return number


async def digest_judged_by(connection: AsyncConnection) -> str | None:
    """Return the digest of the version by which the state was judged; None where nobody has recorded it."""
    digest: str | None = await connection.scalar(select(reference.c.digest))
    return digest


async def record_version(connection: AsyncConnection, number: int, digest: str | None, at: datetime) -> None:
    """Record by which version the state is judged from now on."""
    await connection.execute(delete(reference))
    await connection.execute(insert(reference), {"number": number, "digest": digest, "since": at})
