"""Slots for heavy work: a few requests work at once, some more wait, and the others are asked to come again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.problems import Problem, Problems


class WorkSlots:
    """Slots for `at_once` requests; `limit` counts these and those that wait for a slot."""

    def __init__(self, at_once: int, limit: int) -> None:
        self._at_work = asyncio.Semaphore(at_once)
        self._left = limit

    @asynccontextmanager
    async def in_hand(self) -> AsyncIterator[None]:
        """Count a request during the block, before its body is read; problem 429 when there are too many already."""
        if self._left <= 0:
            raise Problem(Problems.BUSY, headers={"Retry-After": "5"})
        self._left -= 1
        try:
            yield
        finally:
            self._left += 1

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Let a request that is in hand wait for a slot, and hold it during the block."""
        async with self._at_work:
            yield

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Wait for a slot and hold it during the block; problem 429 when too many wait already."""
        async with self.in_hand(), self.at_work():
            yield
