"""The history of statuses of this process, which catches up with the table of changes when it is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sqlalchemy.ext.asyncio import AsyncEngine

from services.scoring.following.change_feed import ChangeFeed
from services.scoring.following.status_history import StatusHistory
from services.scoring.storage.changes import statuses_behind
from shared.reference.load import Plans

_AT_ONCE = 5000
"""Changes that are read by one statement; between two the process goes on with its work."""


class PublishedStatuses:
    """Keeps the history at hand. A process reads all changes once, and later only those that have come."""

    def __init__(self, engine: AsyncEngine, feed: ChangeFeed) -> None:
        self._engine = engine
        self._feed = feed
        self._history = StatusHistory()
        self._asked = asyncio.Lock()

    async def ask[Answer](self, plans: Plans, question: Callable[[StatusHistory], Answer]) -> Answer:
        """Return the answer to a question about everything that is published by now, worked out beside the loop."""
        newest = await self._feed.newest()
        async with self._asked:
            if newest < self._history.number:  # the table is another one than before
                self._history = StatusHistory()
            async with self._engine.connect() as connection:
                while self._history.number < newest:
                    until = min(self._history.number + _AT_ONCE, newest)
                    changes = await statuses_behind(connection, self._history.number, until)
                    await asyncio.to_thread(self._history.take, changes, plans)
                    self._history.number = until
            return await asyncio.to_thread(question, self._history)
