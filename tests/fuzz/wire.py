"""Requests and answers: HTTP over connections that stay open, requests over NATS."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Self

PLAIN_REFUSAL = b"Invalid HTTP request received."
"""The HTTP server's answer to bytes that are no HTTP, which no program of ours sees."""


@dataclass(frozen=True, slots=True)
class Sent:
    """An input: a request, or the arguments of a function."""

    body: bytes = b""
    method: str = "POST"
    target: str = "/"
    headers: tuple[tuple[str, bytes], ...] = ()

    def with_headers(self, **headers: bytes) -> Self:
        """Return the input with more headers, whose names are written with underscores."""
        more = tuple((name.replace("_", "-"), value) for name, value in headers.items())
        return replace(self, headers=(*self.headers, *more))

    def header(self, name: str) -> bytes:
        """Return the last header of this name; empty where there is none."""
        return next((value for one, value in reversed(self.headers) if one.lower() == name), b"")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer. The answer of a function that returned has the status 200."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class Connection:
    """A client over HTTP/1.1, which connects again when the server has closed its connection."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, sent: Sent) -> Answer:
        """Send a request; return the answer. ConnectionError when the server closes without an answer."""
        is_fresh = self._streams is None
        try:
            return await self._ask(sent)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.close()
            if is_fresh:
                raise ConnectionError("closed without an answer") from None
        return await self._ask(sent)  # the server closed the idle connection meanwhile

    async def _ask(self, sent: Sent) -> Answer:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port, limit=2**20)
        reader, writer = self._streams
        head = b"".join(
            name.encode() + b": " + value + b"\r\n"
            for name, value in (("Host", b"fuzz"), ("Content-Length", b"%d" % len(sent.body)), *sent.headers)
        )
        writer.write(f"{sent.method} {sent.target} HTTP/1.1\r\n".encode() + head + b"\r\n" + sent.body)
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        status = int(first.split(" ", 2)[1])
        if headers.get("transfer-encoding") == "chunked":
            body = await _chunks(reader)
        elif status == 304 or sent.method == "HEAD":
            body = b""
        else:
            body = await reader.readexactly(int(headers.get("content-length", "0")))
        if headers.get("connection", "").lower() == "close":
            self.close()
        return Answer(status, body, headers)

    def close(self) -> None:
        """Hang up."""
        if self._streams:
            self._streams[1].close()
            self._streams = None


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return bytes(body)
