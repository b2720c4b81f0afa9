"""A count of the changes that scoring publishes while the year plays."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from nats.aio.client import Client
from nats.aio.msg import Msg

from shared.contracts import subjects
from shared.contracts.status import Event


@dataclass
class Tally:
    """Numbers of changes by kind, each change counted once."""

    events: Counter[Event] = field(default_factory=Counter)
    _known: set[UUID] = field(default_factory=set)

    async def hear(self, message: Msg) -> None:
        """Count a change unless it was counted before."""
        change = json.loads(message.data)
        if (name := UUID(change["id"])) not in self._known:
            self._known.add(name)
            self.events[Event(change["event"])] += 1


@asynccontextmanager
async def listening(nats: Client) -> AsyncIterator[Tally]:
    """Yield a tally that counts changes while the block runs."""
    tally = Tally()
    subscriptions = [
        await nats.subscribe(subject, cb=tally.hear) for subject in (subjects.ALL_STATUSES, subjects.ALL_TARGETS)
    ]
    try:
        yield tally
    finally:
        for subscription in subscriptions:
            await subscription.unsubscribe()
