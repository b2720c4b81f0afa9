"""Zalo before SMS: a notice goes out by Zalo first, and by SMS where Zalo does not bring it in time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from services.notify.alerts.notice import Notice
from services.notify.delivery.channels.channel import Channel, Outcome, Result, Session
from shared.time import utc_now

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ZaloBeforeSms:
    """A channel to phones. `wait_seconds`: how long Zalo is tried, and how long its report is waited for.

    `retry_for_seconds`: the time from a notice's beginning to its last retry, by which its beginning is known.
    """

    zalo: Channel
    sms: Channel | None
    wait_seconds: float
    retry_for_seconds: float

    @property
    def sessions(self) -> int:
        """The number of sessions that may be open at once."""
        return min(self.zalo.sessions, self.sms.sessions) if self.sms else self.zalo.sessions

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Session]:
        """Open a session by both ways."""
        async with self.zalo.open() as zalo:
            if self.sms is None:
                yield zalo
            else:
                async with self.sms.open() as sms:
                    yield _Session(zalo, sms, self)

    async def close(self) -> None:
        """Close the connections of both ways."""
        await self.zalo.close()
        if self.sms:
            await self.sms.close()


@dataclass(frozen=True, slots=True)
class _Session:
    zalo: Session
    sms: Session
    channel: ZaloBeforeSms

    async def deliver(self, notice: Notice) -> Outcome:
        """Deliver by the notice's present way. What Zalo refuses goes by SMS at once, what it took after the wait."""
        begun_at = notice.retry_until - timedelta(seconds=self.channel.retry_for_seconds)
        is_late = utc_now() > begun_at + timedelta(seconds=self.channel.wait_seconds)
        if notice.is_after_zalo or (is_late and notice.attempts):
            return await self.sms.deliver(notice)
        outcome = await self.zalo.deliver(notice)
        # what is wrong with Zalo hinders no SMS: it counts neither against the number nor against the SMS gateway
        outcome = replace(outcome, detail=f"Zalo: {outcome.detail}", ends_address=False, is_gateways=False)
        if outcome.result is Result.SENT:
            return replace(outcome, next_way_seconds=self.channel.wait_seconds)
        if outcome.result is Result.TEMPORARY:
            return outcome
        log.warning("Zalo refuses a notice, an SMS follows", notice=str(notice.id), result=outcome.result.value)
        return replace(outcome, next_way_seconds=0)
