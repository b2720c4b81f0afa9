"""The postbox: an SMTP server and an SMS gateway for one machine, which keep mails and SMS and send nothing on.

The gateway speaks the public HTTP contracts of eSMS and SpeedSMS; a page shows mails and messages. Start it by
`python -m deploy.local.postbox --dir DIR`, with the gateway's keys in NTM_SMS_API_KEY and NTM_SMS_SECRET_KEY.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import uvicorn
from aiosmtpd.smtp import SMTP, Envelope, Session
from jinja2 import Environment, FileSystemLoader
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from uvicorn.config import LOGGING_CONFIG

from deploy.local.gateways import GatewayKeys, SmsGateways
from deploy.local.outbox import Outbox, Sent, body, header, parsed

PAGE_LENGTH = 50
_PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; form-action 'none'; base-uri 'none'"
_MAIL_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"

_templates = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True)
_templates.filters["local"] = lambda at: at.astimezone(ZoneInfo("Asia/Ho_Chi_Minh")).strftime("%d/%m/%Y %H:%M:%S")


class Postbox:
    """The SMTP handler and the HTTP application over one outbox."""

    def __init__(self, directory: Path, keys: GatewayKeys) -> None:
        self.outbox = Outbox(directory)
        self.gateways = SmsGateways(self.outbox, keys)
        self.app = Starlette(
            routes=[
                Route("/", self.show_all),
                Route("/mail/{n:int}", self.show_mail),
                Route("/mail/{n:int}.html", self.show_mail_html),
                Route("/mail/{n:int}.eml", self.download_mail),
                Route("/outbox.json", self.list_sent),
                Route("/healthz", self.tell_health),
                *self.gateways.routes,
            ]
        )

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep a mail (called by aiosmtpd)."""
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        try:
            sent = self.outbox.keep_mail(envelope.mail_from or "", list(envelope.rcpt_tos), content)
        except OSError as error:
            return f"452 4.3.1 Not kept: {error.strerror}"
        return f"250 2.0.0 Kept as {sent.n}"

    async def list_sent(self, request: Request) -> Response:
        """List at most `?limit=` (by default 100, at most 1000) mails and SMS, oldest first.

        With `?since=`: those that came first after this number; without it: the newest.
        """
        since = _number(request, "since", -1)
        limit = min(max(_number(request, "limit", 100), 1), 1000)
        later = [sent for sent in self.outbox.items if sent.n > since]
        items = later[:limit] if since >= 0 else later[-limit:]
        return JSONResponse(
            {
                "items": [sent.model_dump(mode="json") for sent in items],
                "next": items[-1].n if items else max(since, 0),
                "total": len(self.outbox.items),
            }
        )

    async def show_all(self, request: Request) -> Response:
        """Show mails and SMS, newest first. The first page renews itself."""
        before = _number(request, "before", 0)
        older = [sent for sent in reversed(self.outbox.items) if not before or sent.n < before]
        mails = sum(sent.kind == "mail" for sent in self.outbox.items)
        return _page(
            "postbox.html",
            items=older[:PAGE_LENGTH],
            next_before=older[PAGE_LENGTH - 1].n if len(older) > PAGE_LENGTH else None,
            is_first=not before,
            mails=mails,
            messages=len(self.outbox.items) - mails,
        )

    async def show_mail(self, request: Request) -> Response:
        """Show one mail: headers, HTML part in a frame that can run nothing, text part."""
        n, raw = self._mail(request)
        message = parsed(raw)
        shown = {name: header(message, name) for name in ("From", "To", "Cc", "Date", "Message-ID")}
        return _page(
            "mail.html",
            sent=next((sent for sent in self.outbox.items if sent.n == n), None),
            subject=header(message, "Subject"),
            headers={name: text for name, text in shown.items() if text},
            has_html=body(message, "html") is not None,
            text=body(message, "plain"),
            n=n,
        )

    async def show_mail_html(self, request: Request) -> Response:
        """Return the HTML part of a mail alone, for the frame."""
        _, raw = self._mail(request)
        return HTMLResponse(body(parsed(raw), "html") or "", headers={"Content-Security-Policy": _MAIL_POLICY, **_SAFE})

    async def download_mail(self, request: Request) -> Response:
        """Return the mail as it came."""
        n, raw = self._mail(request)
        name = f'attachment; filename="{n:06}.eml"'
        return Response(raw, media_type="message/rfc822", headers={"Content-Disposition": name, **_SAFE})

    async def tell_health(self, _: Request) -> Response:
        """Answer that the process is up."""
        return PlainTextResponse("ok")

    def _mail(self, request: Request) -> tuple[int, bytes]:
        n = int(request.path_params["n"])
        raw = self.outbox.raw_mail(n)
        if raw is None:
            raise HTTPException(404, "Không có thư này. / No such mail.")
        return n, raw


_SAFE = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}


def _page(template: str, **values: Any) -> HTMLResponse:
    content = _templates.get_template(template).render(**values)
    return HTMLResponse(content, headers={"Content-Security-Policy": _PAGE_POLICY, **_SAFE})


def _number(request: Request, name: str, otherwise: int) -> int:
    text = request.query_params.get(name, "")
    if not text:
        return otherwise
    if not re.fullmatch(r"[0-9]{1,12}", text):
        raise HTTPException(400, f"{name} phải là số. / {name} must be a number.")
    return int(text)


async def serve(postbox: Postbox, host: str, smtp_port: int, http_port: int) -> None:
    """Run both servers until a signal."""
    loop = asyncio.get_running_loop()

    def converse() -> SMTP:
        return SMTP(postbox, hostname="postbox.local", ident="postbox", enable_SMTPUTF8=True, loop=loop)

    smtp = await loop.create_server(converse, host, smtp_port)
    async with smtp:
        form = os.environ.get("UVICORN_LOG_CONFIG", LOGGING_CONFIG)
        await uvicorn.Server(
            uvicorn.Config(postbox.app, host=host, port=http_port, access_log=False, log_config=form)
        ).serve()


def main() -> None:
    """Read the options and serve."""
    options = argparse.ArgumentParser(prog="postbox", description="Keeps mail and SMS on this machine, and shows them.")
    options.add_argument("--dir", type=Path, required=True, help="where mails and messages are kept")
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--smtp-port", type=int, default=1025)
    options.add_argument("--http-port", type=int, default=8025)
    given = options.parse_args()
    try:
        keys = GatewayKeys(os.environ["NTM_SMS_API_KEY"], os.environ["NTM_SMS_SECRET_KEY"])
    except KeyError as missing:
        options.error(f"set {missing.args[0]}: the gateway refuses callers without it")
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(Postbox(given.dir, keys), given.host, given.smtp_port, given.http_port))


if __name__ == "__main__":
    main()


__all__ = ["GatewayKeys", "Postbox", "Sent", "serve"]
