"""Workers that look for work in a table: at once when they are woken, and each second for work of other processes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import structlog

from shared.service.transient_errors import is_transient

log = structlog.get_logger()

_WAIT_SECONDS = 0.8, 1.2
"""The wait between two looks, drawn at random, so that the workers of a process do not all work at the same moment."""


class PollingWorker:
    """Calls `work` until it finds nothing to do, and again when it is woken or a second has passed.

    It waits for `pause_seconds` before each look, so that more work may come and be done together.
    """

    def __init__(self, name: str, work: Callable[[], Awaitable[object]], pause_seconds: float = 0) -> None:
        self._name = name
        self._work = work
        self._pause_seconds = pause_seconds
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Make it look for work now."""
        self._woken.set()

    async def run(self) -> None:
        """Work until cancelled. While the database or the broker is away it tries again."""
        while True:
            try:
                async with asyncio.timeout(random.uniform(*_WAIT_SECONDS)):  # noqa: S311 - spreads load
                    await self._woken.wait()
            except TimeoutError:
                pass
            try:
                while await self._look():
                    pass
            except Exception as error:
                if not is_transient(error):
                    raise
                log.warning(f"{self._name} waits", error=str(error))

    async def _look(self) -> object:
        await asyncio.sleep(self._pause_seconds)
        self._woken.clear()
        return await self._work()
