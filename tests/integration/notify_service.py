"""Notify as a process of its own, on real NATS and PostgreSQL, with a mail server and the gateway simulator."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn
import yaml
from aiosmtpd.smtp import SMTP, Envelope, Session
from nats.aio.client import Client
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from deploy.local.postbox import GatewayKeys, Postbox
from services.notify.alerts.alert import Occasion
from shared.access.agency_keys import add_key
from shared.contracts import subjects
from shared.contracts.difficulty import DifficultyLogged
from shared.contracts.verdict_change import StatusChanged
from shared.nats.cloud_events import Message, cloud_event
from shared.nats.publishing import publish
from shared.nats.streams import ensure_streams
from shared.nats.users import seed_file
from shared.reference.models import Contact
from tests.forked import copied
from tests.ports import free_port
from tests.running import Begin, Service, has_taken_all, has_to_publish
from tests.servers import NatsServer
from tests.waiting import eventually

_SILENCED = "Hệ thống tạm ngừng báo"
UNKNOWN_MAILBOX = "gone@example.vn"


class MailServer:
    """A mail server that can be away or slow to answer, and that refuses one unknown mailbox."""

    def __init__(self, postbox: Postbox) -> None:
        self.port = free_port()
        self._postbox = postbox
        self._server: asyncio.Server | None = None
        self.answers = asyncio.Event()
        self.answers.set()
        self.has_mail = asyncio.Event()

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: SMTP(self, hostname="mail.test", loop=loop, enable_SMTPUTF8=True), "127.0.0.1", self.port
        )

    async def stop(self) -> None:
        if self._server:
            self._server.close()
            self._server = None

    async def handle_RCPT(  # noqa: N802 - the name that aiosmtpd calls
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address == UNKNOWN_MAILBOX:
            return "550 5.1.1 No such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.has_mail.set()
        await self.answers.wait()
        return await self._postbox.handle_DATA(server, session, envelope)


@dataclass
class NotifyService:
    """The running service, with the servers and the connections that the tests use beside it."""

    service: Service
    nats: Client
    engine: AsyncEngine
    mail_server: MailServer
    postbox: Postbox

    @property
    def env(self) -> dict[str, str]:
        return self.service.env

    @property
    def url(self) -> str:
        return self.service.url

    @property
    def log(self) -> str:
        return self.service.log.read_text()

    async def start(self) -> None:
        await self.service.start()

    async def stop(self) -> None:
        await self.service.stop()

    async def kill(self) -> None:
        await self.service.kill()

    async def publish(self, *occasions: Occasion) -> None:
        await publish(self.nats, [as_message(occasion) for occasion in occasions])

    async def get(self, path: str, key: str, **parameters: Any) -> httpx.Response:
        async with self.service.client() as client:
            return await client.get(path, params=parameters, headers={"Authorization": f"Bearer {key}"})

    async def post(self, path: str, key: str, method: str = "POST", **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key}", **options.pop("headers", {})}
        async with self.service.client() as client:
            return await client.request(method, path, headers=headers, **options)

    async def key(self, *units: str, criteria: Sequence[str] = ("*",), agency: str | None = None) -> str:
        return await add_key(self.engine, agency or f"agency-{'-'.join(units)}", "Agency", list(units), list(criteria))

    async def notices(self, **parameters: Any) -> list[dict[str, Any]]:
        """Return all notices that the province's key sees."""
        response = await self.get("/v1/notices", await self.key("20"), **parameters)
        assert response.is_success, response.text
        items: list[dict[str, Any]] = response.json()["items"]
        return items

    async def rows(self, query: str) -> Sequence[Any]:
        async with self.engine.connect() as connection:
            return (await connection.execute(text(query))).all()

    async def leases_end(self) -> None:
        """Let the leases of a killed process end, as if their minute had passed."""
        async with self.engine.begin() as connection:
            await connection.execute(text("UPDATE notify.notice SET due_at = now() WHERE due_at IS NOT NULL"))

    async def settled(self, alerts: int = 1) -> None:
        """Wait until this number of alerts was raised and every notice was sent or has failed for good."""

        async def nothing_is_due() -> bool:
            [row] = await self.rows(
                "SELECT (SELECT count(*) FROM notify.alert WHERE kind <> 'operation'), "
                "(SELECT count(*) FROM notify.notice WHERE due_at IS NOT NULL), "
                "(SELECT count(*) FROM notify.gathered)"
            )
            return tuple(row) == (alerts, 0, 0)

        await eventually(nothing_is_due, explain=lambda: self.log)

    async def quiet(self) -> None:
        """Wait until notify has taken every event that scoring has to publish, and has told all of it."""

        async def nothing_is_left() -> bool:
            # in the order in which it flows: what had moved on behind a look would be seen nowhere
            if not await has_taken_all(self.nats, "scoring") or await has_to_publish(self.engine, "scoring"):
                return False
            if not await has_taken_all(self.nats, "notify") or await self.rows(
                "SELECT 1 FROM notify.gathered UNION ALL SELECT 1 FROM notify.notice WHERE due_at IS NOT NULL"
            ):
                return False
            return not await has_to_publish(self.engine, "notify")

        await eventually(nothing_is_left, explain=lambda: self.log)

    async def log_published(self) -> None:
        """Wait until all that notify has recorded in its log stands on the stream."""

        async def nothing_waits() -> bool:
            return not await has_to_publish(self.engine, "notify")

        await eventually(nothing_waits, explain=lambda: self.log)

    @property
    def mails(self) -> list[Any]:
        """The mails, but those that tell of silences (`silence_mails`)."""
        return [sent for sent in self._sent_mails if _SILENCED not in sent.subject]

    @property
    def silence_mails(self) -> list[Any]:
        """The mails that tell people that the coordinator silences alerts for them."""
        return [sent for sent in self._sent_mails if _SILENCED in sent.subject]

    @property
    def _sent_mails(self) -> list[Any]:
        return [sent for sent in self.postbox.outbox.items if sent.kind == "mail"]

    @property
    def messages(self) -> list[Any]:
        return [sent for sent in self.postbox.outbox.items if sent.kind == "sms"]


def as_message(occasion: Occasion) -> Message:
    match occasion:
        case StatusChanged() as change:
            district = change.district.code if change.district else None
            subject = subjects.status(district, change.unit.code, change.criterion.key)
        case DifficultyLogged() as logged:
            subject = subjects.problem(logged.unit.code)
        case change:
            subject = subjects.target(change.unit.code, change.commitment.id)
    body = occasion.model_dump_json().encode()
    return cloud_event(subject, body, event_id=occasion.id, kind="test", source="test", at=occasion.at)


@asynccontextmanager
async def notify_service(
    directory: Path,
    nats: Client,
    nats_server: NatsServer,
    database_url: str,
    contacts: Sequence[Contact],
    begin: Begin = copied,
) -> AsyncIterator[NotifyService]:
    """Start everything that notify needs; the test starts notify itself by `start`."""
    engine = create_async_engine(database_url)
    await ensure_streams(nats.jetstream())
    (directory / "contacts.yaml").write_text(
        yaml.safe_dump({"contacts": [contact.model_dump(mode="json") for contact in contacts]}), encoding="utf-8"
    )
    postbox = Postbox(directory / "postbox", GatewayKeys("api-key", "secret-key"))
    mail_server = MailServer(postbox)
    await mail_server.start()
    gateway = uvicorn.Server(uvicorn.Config(postbox.app, port=free_port(), log_level="warning"))
    gateway_task = asyncio.create_task(gateway.serve())
    env = {
        "NTM_DATABASE_URL": database_url,
        "NTM_NATS_URL": nats_server.url,
        "NTM_NATS_SEED_FILE": str(seed_file(nats_server.users, "notify")),
        "NTM_CONTACTS": str(directory / "contacts.yaml"),
        "NTM_SMTP_HOST": "127.0.0.1",
        "NTM_SMTP_PORT": str(mail_server.port),
        "NTM_SMTP_FROM": "Điều phối NTM <ntm@langson.example.vn>",
        "NTM_SMTP_STARTTLS": "false",
        "NTM_SMS_URL": f"http://127.0.0.1:{gateway.config.port}",
        "NTM_SMS_API_KEY": "api-key",
        "NTM_SMS_SECRET_KEY": "secret-key",
        "NTM_SMS_BRANDNAME": "NTMLangSon",
        "NTM_SMS_PRICE_DONG": "800",
        "NTM_RETRY_FIRST_SECONDS": "0.2",
        "NTM_RETRY_LONGEST_SECONDS": "0.5",
        "NTM_WAIT_SHARE": "0",
        "NTM_WATCH_SECONDS": "1",
        "NTM_WEBHOOK_ALLOW_PRIVATE": "true",
        "NTM_LINK_SECRET": "a secret of the tests, long enough to be one",
        "NTM_PUBLIC_URL": "https://bao.example.vn",
    }
    notify = NotifyService(Service("notify", env, directory / "notify.log", begin), nats, engine, mail_server, postbox)
    try:
        yield notify
    finally:
        await notify.stop()
        gateway.should_exit = True
        await gateway_task
        await mail_server.stop()
        await engine.dispose()


def texts(notify: NotifyService, to: str) -> list[str]:
    """Return the texts of the mails to this address alone."""
    return [mail.text for mail in notify.mails if mail.to == [to]]


async def link_of(notify: NotifyService) -> str:
    """Return the link in the one mail that the office of Văn Quan gets; wait until the mail is there."""
    await eventually(lambda: texts(notify, "ldtbxh.vanquan@example.vn"), explain=lambda: notify.log)
    [text] = texts(notify, "ldtbxh.vanquan@example.vn")
    [path] = set(re.findall(r"https://bao\.example\.vn(/a/[\w-]{22})", text))
    return f"{notify.url}{path}"
