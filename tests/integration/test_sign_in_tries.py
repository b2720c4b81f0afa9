"""Tries of passwords on a real database: which are counted, when a name is locked, and for how long."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from shared.access.tries import TRIES, WINDOW, forget_tries, take_try
from tests.running import Surroundings

NOW = datetime(2023, 6, 30, 8, tzinfo=UTC)
SECOND = timedelta(seconds=1)


async def tried(around: Surroundings, name: str, now: datetime) -> datetime | None:
    async with around.engine.begin() as connection:
        return await take_try(connection, name, now)


async def test_five_tries_are_free_and_then_the_name_is_locked_from_the_last_of_them(around: Surroundings) -> None:
    times = [NOW + number * timedelta(minutes=2) for number in range(TRIES)]
    assert [await tried(around, "lan", at) for at in times] == [None] * TRIES
    end = times[-1] + WINDOW
    assert await tried(around, "lan", times[-1] + SECOND) == end
    assert await tried(around, "lan", end - SECOND) == end, "a try during the lock does not make it longer"
    assert await tried(around, "minh", times[-1] + SECOND) is None, "another name is not locked"
    assert await tried(around, "lan", end) is None


async def test_many_at_once_have_no_more_tries_than_one_after_the_other(around: Surroundings) -> None:
    answers = await asyncio.gather(*(tried(around, "lan", NOW) for _ in range(4 * TRIES)))
    assert answers.count(None) == TRIES


async def test_tries_are_forgotten_once_the_password_was_right(around: Surroundings) -> None:
    for _ in range(TRIES + 1):
        last = await tried(around, "lan", NOW)
    assert last == NOW + WINDOW
    async with around.engine.begin() as connection:
        await forget_tries(connection, "lan")
    assert await tried(around, "lan", NOW + SECOND) is None


async def test_tries_that_lie_back_longer_than_the_window_count_no_more(around: Surroundings) -> None:
    for _ in range(TRIES - 1):
        await tried(around, "lan", NOW)
    later = NOW + WINDOW
    assert [await tried(around, "lan", later) for _ in range(TRIES)] == [None] * TRIES
