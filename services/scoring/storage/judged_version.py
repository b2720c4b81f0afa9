"""The SQL of the versions of the reference data and of judging by which the state was judged."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.storage.tables import ReferenceRow
from shared.postgres.statements import table_of

reference = table_of(ReferenceRow)
NUMBER = select(reference.c.number)
"""The query for the number of the version by which the state was judged."""


async def judged_version(connection: AsyncConnection) -> int | None:
    """Return the number of the version by which the state was judged; None where no process has recorded it yet."""
    number: int | None = await connection.scalar(NUMBER)
    return number


async def digest_judged_by(connection: AsyncConnection) -> str | None:
    """Return the digest of the version by which the state was judged; None where nobody has recorded it."""
    digest: str | None = await connection.scalar(select(reference.c.digest))
    return digest


async def record_version(connection: AsyncConnection, number: int, digest: str | None, at: datetime) -> None:
    """Record by which version of the reference data the state is judged from now on."""
    values = {"number": number, "digest": digest, "since": at}
    if not (await connection.execute(update(reference).values(values))).rowcount:
        await connection.execute(insert(reference).values(values))


async def judging_of_state(connection: AsyncConnection) -> int | None:
    """Return the version of judging by which all of the state was judged; None: by programs that knew none."""
    version: int | None = await connection.scalar(select(reference.c.judging))
    return version


async def record_judging(connection: AsyncConnection, version: int, at: datetime) -> None:
    """Record that all of the state was judged by a version of judging; by the files where nothing is recorded yet."""
    if not (await connection.execute(update(reference).values(judging=version))).rowcount:
        await connection.execute(insert(reference).values(number=0, digest=None, since=at, judging=version))


async def lower_judging(connection: AsyncConnection, version: int) -> None:
    """Record that programs of this version of judging may judge a part of the state, where it was of a newer one."""
    await connection.execute(update(reference).values(judging=version).where(reference.c.judging > version))
