"""Locks that keep workers apart until a transaction ends."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ARRAY, Integer, cast, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

_UNIT_LOCKS, _TARGET_LOCKS, _ALL_LOCKS, _REBUILD_LOCKS = 1, 2, 3, 4


async def hold_off_rebuild(connection: AsyncConnection) -> None:
    """Let a rebuild wait until this transaction ends; wait where a rebuild is replacing the state."""
    await connection.execute(select(func.pg_advisory_xact_lock_shared(_ALL_LOCKS, 0)))


async def hold_off_workers(connection: AsyncConnection) -> None:
    """Wait until no worker changes the state, and let all of them wait until this transaction ends."""
    await connection.execute(select(func.pg_advisory_xact_lock(_ALL_LOCKS, 0)))


async def hold_off_other_rebuilds(connection: AsyncConnection) -> None:
    """Wait until no other rebuild runs, and let all others wait until this transaction ends."""
    await connection.execute(select(func.pg_advisory_xact_lock(_REBUILD_LOCKS, 0)))


async def lock_units(connection: AsyncConnection, units: Iterable[int]) -> None:
    """Keep other workers from these units until the transaction ends; sorted, so that workers cannot deadlock."""
    in_order = select(func.unnest(cast(sorted(units), ARRAY(Integer))).label("unit")).subquery()
    await connection.execute(select(func.pg_advisory_xact_lock(_UNIT_LOCKS, in_order.c.unit)))


async def lock_targets(connection: AsyncConnection) -> None:
    """Keep other workers from judging the commitments until the transaction ends."""
    await connection.execute(select(func.pg_advisory_xact_lock(_TARGET_LOCKS, 0)))


async def lock_days(connection: AsyncConnection) -> None:
    """Let no other worker judge a day until the transaction ends; a worker that waited here finds the day taken."""
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtext("scoring-tick"))))
