"""Messages by Apprise's services (Telegram, Zalo-like bots, Matrix, Slack, ...), which Apprise's URLs address."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import apprise

from services.notify.alerts.notice import Notice
from services.notify.contacts.public_addresses import is_public
from services.notify.contacts.service_urls import plugin_of
from services.notify.delivery.channels.channel import Outcome, Result, Session
from services.notify.delivery.channels.settings import DeliverySettings

_HOSTED = {"cloud", "t2bot", "official"}
"""Apprise's names for the modes in which a service's maker runs it; in other modes people run it themselves."""


class Apprise:
    """The channel that sends by the library Apprise, in threads, since Apprise blocks."""

    sessions = 4

    def __init__(self, settings: DeliverySettings) -> None:
        self._seconds, self._is_open = settings.send_timeout_seconds, settings.services_allow_private

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Session]:
        """Open a session, whose messages each have a connection of their own."""
        yield _AppriseSession(self._seconds, is_open=self._is_open)

    async def close(self) -> None:
        """Do nothing: the channel keeps no connection."""


class _AppriseSession:
    def __init__(self, seconds: float, *, is_open: bool) -> None:
        self._seconds, self._is_open = seconds, is_open

    async def deliver(self, notice: Notice) -> Outcome:
        """Send one message. Apprise answers only yes or no; its log may hold the URL's secrets."""
        plugin = plugin_of(notice.address)
        if plugin is None:
            return Outcome(Result.PERMANENT, "not a service that can be used", ends_address=True)
        if not self._is_open and await asyncio.to_thread(_is_inside, plugin):
            return Outcome(Result.PERMANENT, "not a public address")
        plugin.redirects = plugin.redirects and self._is_open  # a public address may redirect into our networks
        service = apprise.Apprise(plugin)
        sending = asyncio.to_thread(
            service.notify,
            body=notice.wording.text,
            title=notice.wording.subject or "",
            body_format=apprise.NotifyFormat.TEXT,
        )
        try:
            async with asyncio.timeout(self._seconds):
                taken = await sending
        except TimeoutError:
            return Outcome(Result.TEMPORARY, "no answer in time")
        return Outcome(Result.SENT, "taken") if taken else Outcome(Result.TEMPORARY, "not taken")


def _is_inside(plugin: apprise.NotifyBase) -> bool:
    """Say whether a service lies in a network of ours, where people who write contacts must reach nothing.

    Only services whose URL names a host can: all others have fixed addresses, and a key or topic in the host's place.
    """
    templates: tuple[str, ...] = plugin.templates
    if not any("{host}" in template for template in templates) or getattr(plugin, "mode", None) in _HOSTED:
        return False
    try:
        addresses = socket.getaddrinfo(plugin.host.strip("[]"), None)
    except (OSError, UnicodeError):
        return False  # a host without address cannot be reached either
    return not all(is_public(str(address[0])) for *_, address in addresses)
