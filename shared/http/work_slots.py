"""Heavy work beside the loop: a little of it at once, some more waits, and the rest comes again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.problems import Problem, Problems


class WorkSlots:
    """So many may be at work at once; `limit` counts them with those that wait for their turn."""

    def __init__(self, at_once: int, limit: int) -> None:
        self._at_work = asyncio.Semaphore(at_once)
        self._left = limit

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """A seat, when it is its turn; problem 429 when too many wait for theirs."""
        if self._left <= 0:
            raise Problem(Problems.BUSY, headers={"Retry-After": "5"})
        self._left -= 1
        try:
            async with self._at_work:
                yield
        finally:
            self._left += 1
