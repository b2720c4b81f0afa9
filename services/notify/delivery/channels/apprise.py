"""Messages by Apprise's services (Telegram, Matrix, Slack, ...), which Apprise's URLs address."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio import BrokenWorkerProcess, CapacityLimiter, to_process

from services.notify.alerts.notice import Notice
from services.notify.contacts.service_urls import is_service, names_inside
from services.notify.delivery.channels.apprise_process import Answer, send
from services.notify.delivery.channels.channel import Outcome, Result, Session
from services.notify.delivery.channels.settings import DeliverySettings

_OUTCOMES: dict[Answer, Outcome] = {
    "taken": Outcome(Result.SENT, "taken"),
    "not taken": Outcome(Result.TEMPORARY, "not taken"),
    "not a service": Outcome(Result.PERMANENT, "not a service that can be used", ends_address=True),
    "not a public address": Outcome(Result.PERMANENT, "not a public address"),
}


class Apprise:
    """The channel that sends by the library Apprise, in a few processes of their own.

    Apprise blocks, and a server that answers byte by byte would keep a thread for ever: a process is killed when its
    time is over.
    """

    sessions = 4

    def __init__(self, settings: DeliverySettings) -> None:
        self._seconds, self._is_open = settings.send_timeout_seconds, settings.services_allow_private
        self._limiter: CapacityLimiter | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Session]:
        """Open a session, whose messages each have a connection of their own."""
        self._limiter = self._limiter or CapacityLimiter(self.sessions)
        yield _AppriseSession(self._seconds, self._limiter, is_open=self._is_open)

    async def close(self) -> None:
        """Do nothing: the channel keeps no connection, and its processes end with the service."""


class _AppriseSession:
    def __init__(self, seconds: float, limiter: CapacityLimiter, *, is_open: bool) -> None:
        self._seconds, self._limiter, self._is_open = seconds, limiter, is_open

    async def deliver(self, notice: Notice) -> Outcome:
        """Send one message."""
        if not is_service(notice.address):
            return _OUTCOMES["not a service"]
        if not self._is_open and names_inside(notice.address):
            return _OUTCOMES["not a public address"]
        message = (notice.address, notice.wording.subject or "", notice.wording.text, self._is_open)
        try:
            async with asyncio.timeout(self._seconds):
                answer = await to_process.run_sync(send, *message, cancellable=True, limiter=self._limiter)
        except TimeoutError:
            return Outcome(Result.TEMPORARY, "no answer in time")
        except BrokenWorkerProcess:
            return Outcome(Result.TEMPORARY, "the process that sends has ended")
        return _OUTCOMES[answer]
