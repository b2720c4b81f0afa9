"""Several operators and services change the keys of one agency at the same time."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from shared.access.agency_keys import NotRotatableError, add_key, list_keys, note_uses, revoke_keys, rotate_key
from shared.time import utc_now
from tests.interleaving import engine_of, interleaved
from tests.running import Surroundings


async def rotated(engine: AsyncEngine) -> bool:
    try:
        await rotate_key(engine, "office", None, timedelta(days=1))
    except NotRotatableError:
        return False
    return True


async def revoked(engine: AsyncEngine) -> int:
    return await revoke_keys(engine, "office")


async def states(around: Surroundings) -> list[str]:
    return sorted(key.state for key in await list_keys(around.engine) if key.agency == "office")


async def test_a_key_that_is_rotated_while_all_are_revoked_has_no_successor_left(around: Surroundings) -> None:
    await add_key(around.engine, "office", "Office", ["184"], ["*"])
    assert await interleaved(around.settings, rotated, revoked, before="UPDATE access.access_key") == (True, 2)
    assert await states(around) == ["revoked", "revoked"]


async def test_a_revoked_key_is_not_rotated(around: Surroundings) -> None:
    await add_key(around.engine, "office", "Office", ["184"], ["*"])
    assert await interleaved(around.settings, revoked, rotated, before="UPDATE access.access_key") == (1, False)
    assert await states(around) == ["revoked"]


async def test_of_two_who_rotate_a_key_each_makes_the_successor_of_the_other(around: Surroundings) -> None:
    await add_key(around.engine, "office", "Office", ["184"], ["*"])
    assert await interleaved(around.settings, rotated, rotated, before="UPDATE access.access_key") == (True, True)
    assert await states(around) == ["active", "replaced", "replaced"]


async def test_one_agency_is_added_once_by_two_who_make_it_keys(around: Surroundings) -> None:
    async def add(engine: AsyncEngine) -> str:
        return await add_key(engine, "office", "Office", ["184"], ["*"])

    await interleaved(around.settings, add, add, before="INSERT INTO access.access_key")
    assert await states(around) == ["active", "active"]


async def test_services_that_note_the_use_of_keys_wait_for_nobody(around: Surroundings) -> None:
    keys = [(await add_key(around.engine, "office", "Office", ["184"], ["*"])).split("_")[1] for _ in range(2)]
    async with engine_of(around.settings, "noting") as engine, around.engine.begin() as connection:
        await connection.exec_driver_sql("SELECT * FROM access.access_key FOR UPDATE")
        async with asyncio.timeout(10):
            await note_uses(engine, keys, utc_now())
    await note_uses(around.engine, keys, utc_now())
    assert all(key.last_used_at for key in await list_keys(around.engine))
