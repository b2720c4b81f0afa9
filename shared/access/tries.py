"""The passwords that are tried for a name: five wrong ones in 15 minutes lock it for 15 minutes."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import case, delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.access.tables import SignInTries
from shared.postgres.statements import table_of

TRIES = 5
"""The tries that a name has in `WINDOW`."""

WINDOW = timedelta(minutes=15)
"""The time in which wrong passwords count, and that of the lock after the last of them."""

_tries = table_of(SignInTries)


async def take_try(connection: AsyncConnection, name: str, now: datetime) -> datetime | None:
    """Count a try before its password is looked at; return None, or the end of the lock that the name is under.

    A try counts first, so that many at once find no more passwords than one after the other. It is forgotten when the
    password was right. `since` moves with the last try that is left: the lock lasts from there.
    """
    await connection.execute(delete(_tries).where(_tries.c.since <= now - WINDOW))
    new = insert(_tries).values(name_hash=_hash(name), tries=1, since=now)
    taken = new.on_conflict_do_update(
        index_elements=["name_hash"],
        set_={
            "tries": _tries.c.tries + 1,
            "since": case((_tries.c.tries == TRIES - 1, new.excluded.since), else_=_tries.c.since),
        },
    ).returning(_tries.c.tries, _tries.c.since)
    tries, since = (await connection.execute(taken)).one()
    return since + WINDOW if tries > TRIES else None


async def forget_tries(connection: AsyncConnection, name: str) -> None:
    """Forget the tries of a name: somebody knew its password, or it was reset."""
    await connection.execute(delete(_tries).where(_tries.c.name_hash == _hash(name)))


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
