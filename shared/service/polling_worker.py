"""Work that waits in a table: done at once when somebody says so, each second or so for what others left behind."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import structlog

from shared.service.transient_errors import is_transient

log = structlog.get_logger()

_REST_SECONDS = 0.8, 1.2
"""Each time another: all that rests would else work at the same moment, in the way of what comes just then."""


class PollingWorker:
    """Calls `work` again and again: while that returns something true, and then whenever it is woken, after a pause in
    which more may come.
    """

    def __init__(self, name: str, work: Callable[[], Awaitable[object]], pause_seconds: float = 0) -> None:
        self._name = name
        self._work = work
        self._pause_seconds = pause_seconds
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Say that there is something to do."""
        self._woken.set()

    async def run(self) -> None:
        """Work until cancelled. A database or broker that is away is waited for."""
        while True:
            try:
                async with asyncio.timeout(random.uniform(*_REST_SECONDS)):  # noqa: S311 - spreads load
                    await self._woken.wait()
            except TimeoutError:
                pass
            await asyncio.sleep(self._pause_seconds)
            self._woken.clear()
            try:
                while await self._work():
                    pass
            except Exception as error:
                if not is_transient(error):
                    raise
                log.warning(f"{self._name} waits", error=str(error))
