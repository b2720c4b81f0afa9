"""Deadlines and limits for clients that begin a request and do not go on, or ask for more than a server can hold.

uvicorn alone would wait without end, and keep whatever comes. It takes the class by its option `--http`. Answers that
take long are not its matter.
"""

from __future__ import annotations

import asyncio
import resource
from asyncio import AbstractEventLoop
from collections import Counter, OrderedDict
from collections.abc import Set
from contextlib import suppress
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

HEAD_BYTES = 64 * 1024
"""The bytes of a head after which we wait for its end no longer."""

REQUESTS_AHEAD = 100
"""The requests that a client may send on a connection before it has the answers to earlier ones."""

INCOMPLETE_PER_ADDRESS = 500
"""Connections of one address whose request is incomplete; a proxy is one address too."""

CONNECTIONS_PER_ADDRESS = 1000
"""Connections of one address. A new one ends the one that has been idle for longest."""

_LOOK_SECONDS = 5.0


class Deadlines(HttpToolsProtocol):
    """uvicorn's protocol, which also closes the connections of clients that keep it waiting."""

    _waits_since: float | None = None
    """The loop's time at which we began to wait for a head, or for BODY_BYTES; None: we wait for nothing."""

    _unread_since: float | None = None
    _in_body = False
    _bytes = _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request, unless the address has too many connections or keeps too many waiting."""
        super().connection_made(transport)
        if self.server_state not in _WATCHES:
            _WATCHES[self.server_state] = _Watch(self.server_state.connections, self.loop)
        self._watch = _WATCHES[self.server_state]
        self._wait()
        is_one_too_many = not self._watch.has_room_for(self)
        if is_one_too_many or self._watch.incomplete[self.address] > INCOMPLETE_PER_ADDRESS:
            self._close(HTTPStatus.SERVICE_UNAVAILABLE)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._wait_no_more()
        self._watch.forget(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read what has come, but no head without end."""
        had_begun = self._is_in_head
        super().data_received(data)
        if had_begun and self._is_in_head and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self._close(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def send_400_response(self, msg: str) -> None:
        """Tell a client what is wrong, unless it was cut off for that."""
        if not self.transport.is_closing():
            super().send_400_response(msg)

    def on_message_begin(self) -> None:
        """Begin to wait for the head. A client that sends too many requests ahead is cut off."""
        if len(self.pipeline) >= REQUESTS_AHEAD:
            self._close(None)
            raise OverflowError("too many requests ahead")  # the parser stops
        super().on_message_begin()
        self._in_body, self._head_bytes = False, 0
        self._watch.is_used(self)
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
    def is_idle(self) -> bool:
        """True while the connection only waits for its next request."""
        return self._waits_since is None and (self.cycle is None or self.cycle.response_complete)

    @property
    def address(self) -> str:
        """The address of the client."""
        return self.client[0] if self.client else ""

    @property
    def _is_in_head(self) -> bool:
        return self._waits_since is not None and not self._in_body

    def _wait(self) -> None:
        if self._waits_since is None:
            self._watch.incomplete[self.address] += 1
        self._waits_since = self.loop.time()

    def _wait_no_more(self) -> None:
        if self._waits_since is not None:
            self._waits_since = None
            incomplete = self._watch.incomplete
            incomplete[self.address] -= 1
            if not incomplete[self.address]:
                del incomplete[self.address]

    def _close(self, status: HTTPStatus | None) -> None:
        log.warning("client kept us waiting", client=self.address, in_body=self._in_body)
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
        self._of_address: dict[str, OrderedDict[Deadlines, None]] = {}
        """The connections of each address, the one first whose last request is the longest ago."""
        self._connections, self._loop = connections, loop
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (most, most)
        )  # each connection is a file; many systems begin at 1,024
        self._look()

    def has_room_for(self, new: Deadlines) -> bool:
        """Say whether the address of a new connection may have it, for which an idle one of the address may end."""
        others = self._of_address.setdefault(new.address, OrderedDict())
        if len(others) >= CONNECTIONS_PER_ADDRESS:
            idle = next((other for other in others if other.is_idle), None)
            if idle is None:
                return False
            self.forget(idle)
            idle.transport.close()
        others[new] = None
        return True

    def is_used(self, connection: Deadlines) -> None:
        """Note that a request begins to come on a connection."""
        with suppress(KeyError):  # one that is being closed
            self._of_address[connection.address].move_to_end(connection)

    def forget(self, connection: Deadlines) -> None:
        """Count a connection no longer."""
        others = self._of_address.get(connection.address)
        if others is not None:
            others.pop(connection, None)
            if not others:
                del self._of_address[connection.address]

    def _look(self) -> None:
        for connection in tuple(self._connections):
            if isinstance(connection, Deadlines) and not connection.transport.is_closing():
                connection.look()
        self._loop.call_later(_LOOK_SECONDS, self._look)


_WATCHES: WeakKeyDictionary[ServerState, _Watch] = WeakKeyDictionary()
