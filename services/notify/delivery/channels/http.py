"""The client of the channels that speak HTTP, and the outcomes of failed requests."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import aiohttp

from services.notify.delivery.channels.channel import Outcome, Result, Session
from shared.user_agent import USER_AGENT

ANSWER_LIMIT = 16 * 1024
"""The most bytes of an answer that a channel reads."""

LONGEST_WAIT = 3600.0
"""The longest Retry-After in seconds that a channel heeds, so that an absurd answer does not end a notice."""

BUSY = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}


class Client:
    """An aiohttp session that is made at its first use and kept until the end."""

    def __init__(
        self, seconds: float, connector: Callable[[], aiohttp.BaseConnector] = lambda: aiohttp.TCPConnector(limit=0)
    ) -> None:
        self._seconds, self._connector = seconds, connector
        self._session: aiohttp.ClientSession | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """The session; it follows no redirects, keeps no cookies and trusts no proxy of the environment."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=self._connector(),
                # a connection that cannot be made fails in half the time, which tells it from a missing answer
                timeout=aiohttp.ClientTimeout(total=self._seconds, sock_connect=self._seconds / 2),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": USER_AGENT},
            )
        return self._session

    async def close(self) -> None:
        """Close the session."""
        if self._session:
            await self._session.close()


class Pooled:
    """A channel whose sessions share the kept connections of one client."""

    def __init__(self, client: Client, sessions: int, begin: Callable[[aiohttp.ClientSession], Session]) -> None:
        self.sessions = sessions
        self._client, self._begin = client, begin

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Session]:
        """Open a session over the kept connections."""
        yield self._begin(self._client.session)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


GATEWAY_SESSIONS = 8
"""The most messages that an SMS gateway is given at once."""


def unreachable(error: Exception) -> Outcome:
    """Return the outcome of a request without an answer: it is not known whether the message was accepted."""
    is_gateways = isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)
    return Outcome(Result.TEMPORARY, f"{type(error).__name__}: {error}".rstrip(": "), is_gateways=is_gateways)


def busy(response: aiohttp.ClientResponse) -> Outcome | None:
    """Return the outcome where a gateway answers that it cannot accept now; None where it answers anything else."""
    if response.status not in BUSY and response.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return None
    wait = retry_after(response.headers.get("retry-after", ""))
    return Outcome(Result.TEMPORARY, f"HTTP {response.status}", retry_after_seconds=wait, is_gateways=True)


def retry_after(text: str) -> float:
    """Return the seconds that a Retry-After (a number or a date) asks to wait; 0 where it cannot be read."""
    try:
        seconds = float(text) if text.isdecimal() else _seconds_until(parsedate_to_datetime(text))
    except (ValueError, OverflowError):
        return 0
    return min(max(seconds, 0), LONGEST_WAIT)


def _seconds_until(moment: datetime) -> float:
    return (moment.astimezone(UTC) - datetime.now(UTC)).total_seconds()


async def answer_object(response: aiohttp.ClientResponse) -> dict[str, Any]:
    """Return the JSON object of an answer, whatever its content type; an empty object where it has none."""
    try:
        answer = json.loads(await response.content.read(ANSWER_LIMIT))
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
