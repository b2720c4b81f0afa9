"""Locks that keep workers apart until a transaction ends."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ARRAY, Integer, and_, bindparam, func, not_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.postgres.driver import fetch

_UNIT_LOCKS, _TARGET_LOCKS, _ALL_LOCKS, _REBUILD_LOCKS, _ALL_UNITS_LOCKS = 1, 2, 3, 4, 5

_MOST_UNITS = 500
"""The most units that are locked one by one: a server's lock table holds 6,400 locks unless it is set larger."""

_HOLD_OFF_REBUILD = select(func.pg_advisory_xact_lock_shared(_ALL_LOCKS, 0))
TARGETS_LOCK = func.pg_advisory_xact_lock(_TARGET_LOCKS, 0)
"""The SQL that keeps other workers from judging the commitments until the transaction ends."""
FREE_TARGETS_LOCK = func.pg_try_advisory_xact_lock(_TARGET_LOCKS, 0)
"""The same where no other worker judges them; it says whether."""


async def hold_off_rebuild(connection: AsyncConnection) -> None:
    """Let a rebuild wait until this transaction ends; wait where a rebuild is replacing the state."""
    await connection.execute(_HOLD_OFF_REBUILD)


async def hold_off_workers(connection: AsyncConnection) -> None:
    """Wait until no worker changes the state, and let all of them wait until this transaction ends."""
    await connection.execute(select(func.pg_advisory_xact_lock(_ALL_LOCKS, 0)))


async def hold_off_other_rebuilds(connection: AsyncConnection) -> None:
    """Wait until no other rebuild runs, and let all others wait until this transaction ends."""
    await connection.execute(select(func.pg_advisory_xact_lock(_REBUILD_LOCKS, 0)))


async def lock_units(connection: AsyncConnection, units: Collection[int]) -> None:
    """Keep other workers from these units until the transaction ends; sorted, so that workers cannot deadlock.

    Many units are locked all at once by one lock, with which those that are locked one by one share another. A
    transaction may call it once: a shared lock that became an exclusive one could deadlock.
    """
    if len(in_order := sorted(units)) > _MOST_UNITS:
        await connection.execute(select(func.pg_advisory_xact_lock(_ALL_UNITS_LOCKS, 0)))
        return
    await fetch(connection, _LOCK_UNITS, {"units": in_order})


async def lock_free_units(connection: AsyncConnection, units: Collection[int]) -> set[int]:
    """Keep other workers from those of the units that are free, until the transaction ends; return the others.

    It waits for nobody, but as `lock_units` does where they are many. A transaction may call only one of the two.
    """
    if len(units) > _MOST_UNITS:
        await lock_units(connection, units)
        return set()
    return {unit for (unit,) in await fetch(connection, _LOCK_FREE_UNITS, {"units": list(units)})}


_UNITS = select(func.unnest(bindparam("units", type_=ARRAY(Integer, dimensions=1))).label("unit")).subquery()
_LOCK_UNITS = select(
    func.pg_advisory_xact_lock_shared(_ALL_UNITS_LOCKS, 0), func.pg_advisory_xact_lock(_UNIT_LOCKS, _UNITS.c.unit)
)
_LOCK_FREE_UNITS = select(_UNITS.c.unit).where(
    not_(
        and_(
            func.pg_try_advisory_xact_lock_shared(_ALL_UNITS_LOCKS, 0),
            func.pg_try_advisory_xact_lock(_UNIT_LOCKS, _UNITS.c.unit),
        )
    )
)


async def lock_days(connection: AsyncConnection) -> None:
    """Let no other worker judge a day until the transaction ends; a worker that waited here finds the day taken."""
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtext("scoring-tick"))))
