"""A load generator that costs little itself: prepared HTTP requests over connections that stay open."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Measured:
    """The outcome of a load."""

    seconds: float = 0
    latencies: list[float] = field(default_factory=list)
    """Seconds from the first byte out to the last byte in, of each request."""
    statuses: dict[int, int] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, percent: float) -> float:
        """Milliseconds within which so many percent were answered."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


class Connection(asyncio.Protocol):
    """One client: sends a request, waits for its answer."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._answer: asyncio.Future[int] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if not separator:
            return
        lower = bytes(head).lower()
        start = lower.index(b"content-length:") + 15
        if len(body) >= int(lower[start:].split(b"\r\n", 1)[0]):
            self._received.clear()
            assert self._answer
            self._answer.set_result(int(head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_exception(ConnectionError("closed"))

    async def ask(self, request: bytes) -> int:
        """The status that the request is answered with."""
        assert self._transport
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        assert self._transport
        self._transport.close()


async def run(port: int, requests: Iterator[bytes], clients: int, rate: float | None = None) -> Measured:
    """Send all requests, each client its next one when the last is answered, or at so many a second altogether."""
    measured = Measured()
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    sent = 0

    async def client() -> None:
        nonlocal sent
        _, connection = await loop.create_connection(Connection, "127.0.0.1", port)
        for request in requests:
            if rate:
                due = started + sent / rate
                sent += 1
                if (wait := due - time.perf_counter()) > 0:
                    await asyncio.sleep(wait)
                begun = max(due, started)  # a request that waits for its turn has waited
            else:
                begun = time.perf_counter()
            status = await connection.ask(request)
            measured.latencies.append(time.perf_counter() - begun)
            measured.statuses[status] = measured.statuses.get(status, 0) + 1
        connection.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    measured.seconds = time.perf_counter() - started
    return measured


def post(path: str, key: str, body: bytes, content_type: str = "application/json") -> bytes:
    """A request, ready to be sent."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
