"""Servers that speak the providers' protocols and misbehave as providers do, and a way to hand notices to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session

from services.notify.alerts.notice import Notice
from services.notify.delivery.channels.channel import Channel, Outcome

type Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


async def deliver(channel: Channel, *notices: Notice) -> list[Outcome]:
    """Deliver the notices one after the other in a session; return the outcomes. The channel stays open."""
    async with channel.open() as session:
        return [await session.deliver(notice) for notice in notices]


async def deliver_and_close(channel: Channel, notice: Notice) -> Outcome:
    try:
        [outcome] = await deliver(channel, notice)
    finally:
        await channel.close()
    return outcome


@dataclass
class Mailbox:
    """A mail server whose answers to the recipient and to the content, and whose way to hang up, the test chooses."""

    recipient: list[str] = field(default_factory=list)
    content: list[str] = field(default_factory=list)
    drops: int = 0
    wait_seconds: float = 0
    subjects: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    connections: int = 0

    async def handle_RCPT(  # noqa: N802 - the name that aiosmtpd calls
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        answer = self.recipient.pop(0) if self.recipient else "250 OK"
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        await asyncio.sleep(self.wait_seconds)
        if self.content:
            return self.content.pop(0)
        assert isinstance(envelope.content, bytes)
        headers = envelope.content.decode("ascii", errors="replace").partition("\r\n\r\n")[0].splitlines()
        self.ids += [line for line in headers if line.startswith("Message-ID")]
        if self.drops:
            self.drops -= 1
            assert isinstance(server.transport, asyncio.WriteTransport)
            server.transport.abort()
        return "250 2.0.0 Taken"

    @asynccontextmanager
    async def serve(self, **options: Any) -> AsyncIterator[int]:
        loop = asyncio.get_running_loop()

        def converse() -> SMTP:
            self.connections += 1
            return SMTP(self, hostname="mail.test", loop=loop, **options)

        server = await loop.create_server(converse, "127.0.0.1", 0)
        async with server:
            yield server.sockets[0].getsockname()[1]


@dataclass
class Receiver:
    """An HTTP server that keeps the requests, and answers them with the given answers in order."""

    answers: list[web.Response | Answer] = field(default_factory=list)
    requests: list[web.BaseRequest] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    ports: set[int] = field(default_factory=set)
    url: str = ""

    async def take(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests.append(request)
        self.bodies.append(await request.text())
        assert request.transport
        self.ports.add(request.transport.get_extra_info("peername")[1])
        answer = self.answers.pop(0) if self.answers else web.Response()
        return answer if isinstance(answer, web.Response) else await answer(request)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[Receiver]:
        runner = web.ServerRunner(web.Server(self.take), shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()


async def never(_request: web.BaseRequest) -> web.StreamResponse:
    """Take the request and lose the answer."""
    await asyncio.sleep(30)
    return web.Response()


async def broken(request: web.BaseRequest) -> web.StreamResponse:
    assert request.transport
    request.transport.close()
    return web.Response()


@asynccontextmanager
async def receiving(*answers: web.Response | Answer) -> AsyncIterator[Receiver]:
    async with Receiver(list(answers)).serve() as receiver:
        yield receiver
