"""The world outside notify: a webhook's receiver, an SMS gateway and a mail server, which can be slow and can lie."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Any

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session

_LATE_SECONDS = 3.0
_GARBAGE = b"\x00\xff<html>\xc3(" * 400


class Manner(StrEnum):
    """The manner in which a gateway answers."""

    RIGHT = "right"
    LATE = "late"
    ERROR_BODY = "error in a 200"
    """HTTP 200 whose body says that nothing was taken. To a webhook's receiver this is a plain 500."""
    CLOSING = "closing"
    """The connection ends before an answer, and nothing was taken."""
    LOSING = "answer lost"
    """It was taken, and the connection ends before the answer."""
    GARBAGE = "garbage"


class Gateways:
    """The record of what each gateway has taken, and its present manner."""

    def __init__(self) -> None:
        self.manners = dict.fromkeys(("webhook", "sms", "mail"), Manner.RIGHT)
        self.calls: dict[str, list[str]] = {}
        """By event: the `webhook-id` of each call that was taken."""
        self.messages: Counter[str] = Counter()
        """By request id: how often the SMS gateway was given a message that it took."""
        self.mails: Counter[str] = Counter()
        """By Message-ID: how often a mail was taken."""

    @asynccontextmanager
    async def listening(self, host: str, http_port: int, mail_port: int) -> AsyncIterator[None]:
        """Serve webhooks and SMS at one port, and mail at another."""
        app = web.Application()
        app.router.add_post("/hook", self._take_call)
        app.router.add_post("/{path:.*}", self._take_message)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, host, http_port).start()
        loop = asyncio.get_running_loop()
        mail = await loop.create_server(
            lambda: SMTP(self, hostname="mail.test", loop=loop, enable_SMTPUTF8=True), host, mail_port
        )
        try:
            yield
        finally:
            mail.close()
            await runner.cleanup()

    async def behave(self, gateway: str, manner: Manner, seconds: float) -> None:
        """Have a gateway answer in a manner for some time."""
        self.manners[gateway] = manner
        try:
            await asyncio.sleep(seconds)
        finally:
            self.manners[gateway] = Manner.RIGHT

    async def _take_call(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        manner = self.manners["webhook"]
        if manner in (Manner.RIGHT, Manner.LATE, Manner.LOSING):
            self.calls.setdefault(body["data"]["id"], []).append(request.headers["webhook-id"])
        return await _answer(request, manner, {}, {"status": "not taken"}, error_status=500)

    async def _take_message(self, request: web.Request) -> web.StreamResponse:
        """Answer as eSMS does, which drops a `RequestId` that it knows."""
        sent = json.loads(await request.text())
        manner, known = self.manners["sms"], sent["RequestId"] in self.messages
        if manner in (Manner.RIGHT, Manner.LATE, Manner.LOSING):
            self.messages[sent["RequestId"]] += 1
        taken = {"CodeResult": "124" if known else "100", "CountRegenerate": 0, "SMSID": sent["RequestId"]}
        refused = {"CodeResult": "99", "CountRegenerate": 0, "ErrorMessage": "Unknown error"}
        return await _answer(request, manner, taken, refused, error_status=200)

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        manner = self.manners["mail"]
        if manner is Manner.LATE:
            await asyncio.sleep(_LATE_SECONDS)
        if manner is Manner.ERROR_BODY:
            return "451 4.3.0 Not now"
        assert isinstance(envelope.content, bytes)
        if manner not in (Manner.CLOSING, Manner.GARBAGE):
            self.mails[_message_id(envelope.content)] += 1
        if manner in (Manner.CLOSING, Manner.LOSING):
            assert isinstance(server.transport, asyncio.WriteTransport)
            server.transport.abort()
        return "banana" if manner is Manner.GARBAGE else "250 2.0.0 Taken"


def _message_id(content: bytes) -> str:
    head = content.partition(b"\r\n\r\n")[0].decode("ascii", errors="replace")
    [line] = [line for line in head.splitlines() if line.lower().startswith("message-id:")]
    return line.partition(":")[2].strip()


async def _answer(
    request: web.Request, manner: Manner, taken: dict[str, Any], refused: dict[str, Any], error_status: int
) -> web.StreamResponse:
    if manner in (Manner.CLOSING, Manner.LOSING):
        assert request.transport
        request.transport.abort()
    elif manner is Manner.ERROR_BODY:
        return web.Response(text=json.dumps(refused), status=error_status)
    elif manner is Manner.GARBAGE:
        return web.Response(body=_GARBAGE, status=502 if error_status != 200 else 200)
    elif manner is Manner.LATE:
        await asyncio.sleep(_LATE_SECONDS)
    return web.Response(text=json.dumps(taken))
