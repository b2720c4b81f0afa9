"""Work that waits in a table: done at once when somebody says so, and every second for what others left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from shared.transient import is_transient

log = structlog.get_logger()

_REST_SECONDS = 1


class Woken:
    """Calls `work` again and again: while that returns something true, and then whenever it is woken."""

    def __init__(self, name: str, work: Callable[[], Awaitable[object]]) -> None:
        self._name = name
        self._work = work
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Say that there is something to do."""
        self._woken.set()

    async def run(self) -> None:
        """Work until cancelled. A database or broker that is away is waited for."""
        while True:
            try:
                async with asyncio.timeout(_REST_SECONDS):
                    await self._woken.wait()
            except TimeoutError:
                pass
            self._woken.clear()
            try:
                while await self._work():
                    pass
            except Exception as error:
                if not is_transient(error):
                    raise
                log.warning(f"{self._name} waits", error=str(error))
