"""Locks of several tables at once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable

from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

_MILLISECONDS = 300
"""The wait for a table's lock: less than a second, after which PostgreSQL ends one of two that wait for each other."""

_TAKEN = ("55P03", "40P01")
"""The codes of PostgreSQL: a lock did not come in time, and two waited for each other."""


async def lock_all(connection: AsyncConnection, tables: Iterable[str], mode: str) -> None:
    """Lock tables for the transaction: all of them or none, again and again until nobody else holds any of them.

    Whoever has locked some of them would else wait for this transaction, and this one for him.
    """
    statement = text(f"LOCK TABLE {', '.join(tables)} IN {mode} MODE")
    await connection.execute(text(f"SET LOCAL lock_timeout TO '{_MILLISECONDS}ms'"))
    while True:
        try:
            async with connection.begin_nested():
                await connection.execute(statement)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in _TAKEN:
                raise
            await asyncio.sleep(random.uniform(0, _MILLISECONDS / 1000))  # noqa: S311 - lets the others go on
        else:
            await connection.execute(text("SET LOCAL lock_timeout TO DEFAULT"))
            return


async def may_repair(connection: AsyncConnection) -> bool:
    """Return whether nobody else repairs the streams; until the transaction ends nobody else may then."""
    return bool(await connection.scalar(select(func.pg_try_advisory_xact_lock(func.hashtext("ntm-repair")))))
