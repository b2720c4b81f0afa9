"""A TCP proxy between the services and a server, which cuts, holds, delays or half-opens their connections."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum

_CHUNK = 65_536
_DELAY_SECONDS = 0.15


class Way(StrEnum):
    """The way in which the proxy treats connections."""

    OPEN = "open"
    CUT = "cut"
    """Connections are reset, new ones too."""
    HELD = "held"
    """Nothing passes; afterwards everything goes on as if it had only been slow."""
    HALF = "half-open"
    """Nothing passes, and afterwards the connections are reset: what was sent meanwhile is lost."""
    DEAF = "answers lost"
    """The requests arrive; their answers do not, and afterwards the connections are reset."""
    SLOW = "slow"
    """Everything arrives late."""


class Proxy:
    """A proxy at a port of its own; `port` returns the server's, which may change when that starts again."""

    def __init__(self, port: Callable[[], int]) -> None:
        self._server_port = port
        self._way = Way.OPEN
        self._one_at_a_time = asyncio.Lock()
        self._passes = asyncio.Event()
        self._passes.set()
        self._connections: set[asyncio.Transport] = set()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, port: int) -> None:
        """Listen at a port."""
        self._server = await asyncio.start_server(self._take, "127.0.0.1", port)

    async def stop(self) -> None:
        """Reset all connections and listen no more."""
        if self._server:
            self._server.close()
        self._reset()
        for task in list(self._tasks):
            task.cancel()

    async def treat(self, way: Way, seconds: float) -> None:
        """Treat all connections in a way for some time."""
        async with self._one_at_a_time:
            self._way = way
            self._passes.clear()
            if way is Way.CUT:
                self._reset()
            try:
                await asyncio.sleep(seconds)
            finally:
                self._way = Way.OPEN
                if way in (Way.HALF, Way.DEAF):
                    self._reset()
                self._passes.set()

    def _reset(self) -> None:
        for transport in self._connections:
            transport.abort()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        try:
            if self._way is Way.CUT:
                writer.transport.abort()
                return
            server = await asyncio.open_connection("127.0.0.1", self._server_port())
        except OSError:
            writer.transport.abort()
            return
        finally:
            self._tasks.discard(task)
        ends = (writer.transport, server[1].transport)
        self._connections.update(ends)
        self._tasks.add(task)
        try:
            await asyncio.gather(
                self._pass(reader, server[1], answers=False), self._pass(server[0], writer, answers=True)
            )
        finally:
            self._tasks.discard(task)
            for transport in ends:
                transport.abort()
                self._connections.discard(transport)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool) -> None:
        with suppress(OSError):
            while chunk := await reader.read(_CHUNK):
                if self._way is Way.SLOW:
                    await asyncio.sleep(_DELAY_SECONDS)
                elif self._way in (Way.HELD, Way.HALF) or (self._way is Way.DEAF and answers):
                    await self._passes.wait()
                writer.write(chunk)
                await writer.drain()
        writer.transport.abort()
