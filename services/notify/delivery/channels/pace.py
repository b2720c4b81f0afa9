"""Pacing: a paced channel gives its provider notices evenly, never in bursts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiolimiter import AsyncLimiter

from services.notify.alerts.notice import Notice
from services.notify.delivery.channels.channel import Channel, Outcome, Session

_LONGEST_WAIT_SECONDS = 10


def paced(channel: Channel, per_second: float | None) -> Channel:
    """Return the channel held to `per_second` notices (at least 0.1) in this process; None: no limit."""
    return channel if per_second is None else _Paced(channel, per_second, AsyncLimiter(1, 1 / per_second))


@dataclass(frozen=True, slots=True)
class _Paced:
    channel: Channel
    per_second: float
    limiter: AsyncLimiter

    @property
    def sessions(self) -> int:
        """The number of sessions that may be open, so small that no session waits longer for its turn than allowed."""
        return max(1, min(self.channel.sessions, int(self.per_second * _LONGEST_WAIT_SECONDS)))

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Session]:
        """Open a session that waits for its turn before each notice."""
        async with self.channel.open() as session:
            yield _PacedSession(session, self.limiter)

    async def close(self) -> None:
        """Close the channel."""
        await self.channel.close()


@dataclass(frozen=True, slots=True)
class _PacedSession:
    session: Session
    limiter: AsyncLimiter

    async def deliver(self, notice: Notice) -> Outcome:
        """Deliver the notice when its turn has come."""
        async with self.limiter:
            return await self.session.deliver(notice)
