"""Transactions in an order that a test chooses: one is paused before a statement while others run.

The services know nothing of it: the pause hangs on the engine through which a transaction runs.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import await_only

from shared.postgres.engine import create_engine
from shared.settings import Settings

type Work[T] = Callable[[AsyncEngine], Awaitable[T]]
"""The work of a worker, over an engine of its own."""

_PATIENCE_SECONDS = 30


@asynccontextmanager
async def engine_of(settings: Settings, name: str) -> AsyncIterator[AsyncEngine]:
    """Yield an engine of a worker's own, by whose name PostgreSQL tells what the worker waits for."""
    engine = create_engine(settings, name)
    try:
        yield engine
    finally:
        await engine.dispose()


class Pause:
    """A pause before the `nth` statement of an engine that matches a pattern, until it is released.

    The end of a transaction counts as the statement `COMMIT`.
    """

    def __init__(self, engine: AsyncEngine, before: str, nth: int = 1) -> None:
        self._pattern, self._left = re.compile(before, re.IGNORECASE | re.DOTALL), nth
        self.reached, self._released = asyncio.Event(), asyncio.Event()
        event.listen(engine.sync_engine, "before_cursor_execute", self._wait)
        event.listen(engine.sync_engine, "commit", lambda connection: self._wait(connection, None, "COMMIT"))

    def release(self) -> None:
        """Let the statement run."""
        self._released.set()

    def _wait(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if self._pattern.search(statement):
            self._left -= 1
            if self._left == 0:
                self.reached.set()
                await_only(self._released.wait())


async def interleaved[T, U](
    settings: Settings, first: Work[T], second: Work[U], *, before: str, nth: int = 1
) -> tuple[T, U]:
    """Run `second` while `first` stands before its `nth` statement that matches; return the results of both.

    `first` goes on when `second` has ended, or waits for a lock that `first` holds. An error of either is raised.
    """
    async with (
        engine_of(settings, "first") as first_engine,
        engine_of(settings, "second") as second_engine,
        asyncio.timeout(_PATIENCE_SECONDS),
    ):
        pause = Pause(first_engine, before, nth)
        reached = asyncio.create_task(pause.reached.wait())
        one = asyncio.ensure_future(first(first_engine))
        await asyncio.wait([one, reached], return_when=asyncio.FIRST_COMPLETED)
        if not pause.reached.is_set():
            reached.cancel()
            raise AssertionError(f"no statement {nth} like {before} before the end: {await one}")
        two = asyncio.ensure_future(second(second_engine))
        while not two.done() and not await _waits_for_a_lock(first_engine, "second"):
            await asyncio.wait([two], timeout=0.01)
        pause.release()
        first_result, second_result = await asyncio.gather(one, two)
        return first_result, second_result


async def _waits_for_a_lock(engine: AsyncEngine, name: str) -> bool:
    query = text(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND application_name = :name AND wait_event_type = 'Lock'"
    )
    async with engine.connect() as connection:
        return bool(await connection.scalar(query, {"name": f"ntm-{name}"}))


def hesitate(engine: AsyncEngine, random: Random, longest_seconds: float = 0.02) -> None:
    """Let every third statement of an engine wait for a time drawn at random."""

    def wait(*_: Any) -> None:
        if random.random() < 1 / 3:
            await_only(asyncio.sleep(random.uniform(0, longest_seconds)))

    event.listen(engine.sync_engine, "before_cursor_execute", wait)
