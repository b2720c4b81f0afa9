"""Deadlines for clients that begin a request and do not go on, which uvicorn would wait for without end.

uvicorn takes the class by its option `--http`. Requests that are complete, answers that take long, and idle connections
that are kept for the next request are not its matter.
"""

from __future__ import annotations

import asyncio
from asyncio import AbstractEventLoop
from collections import Counter
from collections.abc import Set
from http import HTTPStatus
from weakref import WeakKeyDictionary

import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

log = structlog.get_logger()

HEAD_SECONDS = 30.0
"""The time for the first line and the headers of a request."""

BODY_SECONDS = 60.0
"""The time in which at least BODY_BYTES of a body have to come, or its rest. A stream may take as long as it likes."""

BODY_BYTES = 1024

UNREAD_SECONDS = 120.0
"""The time for which a client may leave an answer unread."""

INCOMPLETE_PER_ADDRESS = 500
"""Connections of one address whose request is incomplete; a proxy is one address too."""

_LOOK_SECONDS = 5.0


class Deadlines(HttpToolsProtocol):
    """uvicorn's protocol, which also closes the connections of clients that keep it waiting."""

    _waits_since: float | None = None
    """The loop's time at which we began to wait for a head, or for BODY_BYTES; None: we wait for nothing."""

    _unread_since: float | None = None
    _in_body = False
    _bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request, unless the address keeps too many connections waiting."""
        super().connection_made(transport)
        if self.server_state not in _WATCHES:
            _WATCHES[self.server_state] = _Watch(self.server_state.connections, self.loop)
        self._watch = _WATCHES[self.server_state]
        self._wait()
        if self._watch.incomplete[self._address] > INCOMPLETE_PER_ADDRESS:
            self._close(HTTPStatus.SERVICE_UNAVAILABLE)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._wait_no_more()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Begin to wait for the head."""
        super().on_message_begin()
        self._in_body = False
        self._wait()

    def on_headers_complete(self) -> None:
        """Begin to wait for the body."""
        super().on_headers_complete()
        self._in_body, self._bytes, self._waits_since = True, 0, self.loop.time()

    def on_body(self, body: bytes) -> None:
        """Count what has come."""
        super().on_body(body)
        self._bytes += len(body)

    def on_message_complete(self) -> None:
        """Wait for nothing any more."""
        super().on_message_complete()
        self._wait_no_more()

    def pause_writing(self) -> None:
        """Begin to wait until the client reads on."""
        super().pause_writing()
        self._unread_since = self.loop.time()

    def resume_writing(self) -> None:
        """Wait for nothing any more."""
        super().resume_writing()
        self._unread_since = None

    def look(self) -> None:
        """Close the connection of a client that is past a deadline."""
        now = self.loop.time()
        if self._unread_since is not None and now - self._unread_since > UNREAD_SECONDS:
            self._close(None)
        elif self._waits_since is None or self.flow.read_paused:  # it is us who do not take more for now
            pass
        elif not self._in_body:
            if now - self._waits_since > HEAD_SECONDS:
                self._close(HTTPStatus.REQUEST_TIMEOUT)
        elif now - self._waits_since > BODY_SECONDS:
            if self._bytes < BODY_BYTES:
                self._close(None)  # the request's handler hears of it as of a client that has left
            self._bytes, self._waits_since = 0, now

    @property
    def _address(self) -> str:
        return self.client[0] if self.client else ""

    def _wait(self) -> None:
        if self._waits_since is None:
            self._watch.incomplete[self._address] += 1
        self._waits_since = self.loop.time()

    def _wait_no_more(self) -> None:
        if self._waits_since is not None:
            self._waits_since = None
            incomplete = self._watch.incomplete
            incomplete[self._address] -= 1
            if not incomplete[self._address]:
                del incomplete[self._address]

    def _close(self, status: HTTPStatus | None) -> None:
        log.warning("client kept us waiting", client=self._address, in_body=self._in_body)
        if status:
            self.transport.write(f"HTTP/1.1 {status} {status.phrase}\r\nconnection: close\r\n\r\n".encode())
            self.transport.close()
        else:
            self.transport.abort()


class _Watch:
    """Looks through the connections of a server every few seconds."""

    def __init__(self, connections: Set[asyncio.Protocol], loop: AbstractEventLoop) -> None:
        self.incomplete: Counter[str] = Counter()
        """The connections of each address whose request is incomplete."""
        self._connections, self._loop = connections, loop
        self._look()

    def _look(self) -> None:
        for connection in tuple(self._connections):
            if isinstance(connection, Deadlines) and not connection.transport.is_closing():
                connection.look()
        self._loop.call_later(_LOOK_SECONDS, self._look)


_WATCHES: WeakKeyDictionary[ServerState, _Watch] = WeakKeyDictionary()
