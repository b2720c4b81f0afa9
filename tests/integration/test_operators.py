"""Operators hear of troubles by notify, and by the services themselves where notify hears nothing."""

from __future__ import annotations

import json
from datetime import timedelta
from uuid import uuid4

import pytest
from nats import connect
from nats.aio.client import Client
from sqlalchemy import text
from standardwebhooks import Webhook as Verifier

from shared.contracts import subjects
from shared.contracts.bilingual import Bilingual
from shared.nats.cloud_events import cloud_event
from shared.nats.publishing import publish
from shared.operations import reporter
from shared.operations.catalogue import Code
from shared.operations.reporter import message_of, report_once
from shared.settings import Settings
from shared.time import utc_now
from tests.changes import a_status_change
from tests.damage import JSON_DAMAGES
from tests.integration.notify_service import UNKNOWN_MAILBOX, NotifyService
from tests.integration.providers import Receiver
from tests.running import Service, Surroundings
from tests.servers import NatsServer
from tests.waiting import eventually

SECRET = "whsec_" + "c2VjcmV0" * 6
OPERATOR = "it@example.vn"
FULL = Bilingual(vi="còn 3 %", en="3 % left")


def told(notify: NotifyService) -> list[str]:
    return [mail.subject for mail in notify.mails if OPERATOR in mail.to]


async def restart(notify: NotifyService, **env: str) -> None:
    """Start notify again, with other settings where some are given."""
    notify.env.update(env)
    await notify.stop()
    await notify.start()


def items(receiver: Receiver) -> list[tuple[str, str]]:
    """Return the services and standings that a webhook was told."""
    return [(item["service"], item["standing"]) for body in receiver.bodies for item in json.loads(body)["data"]]


async def test_a_trouble_is_told_once_by_mail_and_webhook_also_over_a_restart_and_so_is_its_end(
    notify: NotifyService,
) -> None:
    async with Receiver().serve() as receiver:
        await restart(notify, NTM_OPERATORS=f"{OPERATOR},{receiver.url}/hook", NTM_OPERATORS_WEBHOOK_SECRET=SECRET)
        for service in ("intake", "scoring", "intake"):
            await publish(notify.nats, [message_of(service, Code.DISK, is_raised=True, details=FULL)])
        await eventually(lambda: told(notify), explain=lambda: notify.log)
        await eventually(lambda: len(items(receiver)) == 2, explain=lambda: notify.log)
        await restart(notify)
        for service in ("intake", "scoring"):
            await report_once(notify.nats, service, Code.DISK, is_raised=False)
        await eventually(lambda: any("Đã hết" in subject for subject in told(notify)), explain=lambda: notify.log)
        await eventually(lambda: len(items(receiver)) == 4, explain=lambda: notify.log)
    assert sorted(items(receiver)) == sorted(
        (service, standing) for service in ("intake", "scoring") for standing in ("raised", "ended")
    )
    for request, body in zip(receiver.requests, receiver.bodies, strict=True):
        Verifier(SECRET).verify(body, dict(request.headers))
    [text, *_] = [mail.text for mail in notify.mails if OPERATOR in mail.to]
    assert "còn 3 %" in text
    assert "df -h" in text


async def test_parked_messages_are_told_until_none_is_parked(notify: NotifyService) -> None:
    await restart(notify, NTM_OPERATORS=OPERATOR)
    subject = subjects.target("20", "x")
    signed = cloud_event(subject, b"no event", event_id=uuid4(), kind="test", source="test", at=utc_now())
    await publish(notify.nats, [signed])
    await eventually(lambda: any("để riêng" in subject for subject in told(notify)), explain=lambda: notify.log)
    async with notify.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE notify.parked SET state = 'dropped'")
    await eventually(lambda: any("Đã hết" in subject for subject in told(notify)), explain=lambda: notify.log)


async def are_parked(notify: NotifyService, number: int) -> bool:
    return len(await notify.rows("SELECT 1 FROM notify.parked")) == number


async def test_messages_without_a_signature_are_a_trouble_of_their_own(
    notify: NotifyService, nats_server: NatsServer
) -> None:
    """Three come at once: one mail."""
    await restart(notify, NTM_OPERATORS=f"{UNKNOWN_MAILBOX},{OPERATOR}")
    other = Service("notify", notify.env, notify.service.log.with_name("other.log"), notify.service.begin)
    await other.start()
    try:
        forger = await connect(nats_server.url, **nats_server.login)
        for _ in range(3):
            await forger.jetstream().publish(subjects.target("20", "x"), b"{}")
        await forger.close()
        await eventually(lambda: are_parked(notify, 3), explain=lambda: notify.log)
        await eventually(lambda: told(notify), explain=lambda: notify.log)
        async with notify.engine.begin() as connection:
            await connection.exec_driver_sql("UPDATE notify.parked SET state = 'dropped'")
        await eventually(lambda: any("Đã hết" in subject for subject in told(notify)), explain=lambda: notify.log)
    finally:
        await other.stop()
    raised = [subject for subject in told(notify) if "Cần xử lý" in subject]
    assert len(raised) == 1
    assert "chữ ký" in raised[0]


async def test_a_gateway_that_is_away_is_told_by_the_other_way_until_it_takes_notices_again(
    notify: NotifyService,
) -> None:
    async with Receiver().serve() as receiver:
        await restart(notify, NTM_OPERATORS=f"{OPERATOR},{receiver.url}/hook", NTM_OPERATORS_WEBHOOK_SECRET=SECRET)
        await notify.mail_server.stop()
        await notify.publish(a_status_change())
        await eventually(lambda: items(receiver), explain=lambda: notify.log)
        await notify.mail_server.start()
        await eventually(lambda: len(items(receiver)) > 1, explain=lambda: notify.log)
    assert [standing for _, standing in items(receiver)] == ["raised", "ended"]
    [first, *_] = [json.loads(body)["data"][0] for body in receiver.bodies]
    assert (first["code"], first["details"]["en"]) == ("gateway", "email")


async def test_a_service_tells_by_itself_what_notify_does_not_take(
    notify: NotifyService, nats: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Notify is away; the report stands on the broker, and nobody takes it."""
    await notify.stop()
    monkeypatch.setattr(reporter, "_TAKEN_WITHIN", timedelta(0))
    names = ("database_url", "nats_url", "smtp_host", "smtp_port", "smtp_from", "smtp_starttls")
    values = {name: notify.env[f"NTM_{name.upper()}"] for name in names}
    settings = Settings.model_validate({**values, "operators": OPERATOR})
    for _ in range(2):  # two processes of a service
        operations = reporter.Operations("intake", settings)
        operations.attach(nats)
        operations.raised(Code.PARKED, FULL)
        await operations._report(operations._reports[Code.PARKED])
    assert len(told(notify)) == 1
    await operations._report(operations._reports[Code.PARKED])  # reported again as told
    stored = await nats.jetstream().get_last_msg(subjects.OPERATIONS_STREAM, subjects.trouble("intake", "parked"))
    assert json.loads(stored.data or b"")["told_at"]


async def test_a_command_prints_what_is_open(around: Surroundings) -> None:
    await report_once(around.nats, "cli", Code.BACKUP, is_raised=True, details=FULL)
    await report_once(around.nats, "scoring", Code.PARKED, is_raised=False)
    answer = await around.ntm("operations")
    assert "ntm backup" in answer
    assert "scoring" not in answer


async def test_a_damaged_trouble_keeps_no_other_from_being_told(notify: NotifyService) -> None:
    await restart(notify, NTM_OPERATORS=OPERATOR)
    await report_once(notify.nats, "intake", Code.BACKUP, is_raised=True)
    await eventually(lambda: told(notify), explain=lambda: notify.log)
    others = (Code.BROKER, Code.DATABASE, Code.DISK, Code.GATEWAY, Code.MIRROR, Code.QUORUM)
    for damage, other in zip(JSON_DAMAGES, others, strict=True):
        async with notify.engine.begin() as connection:
            spoilt = text("UPDATE notify.operation SET words = CAST(:damage AS jsonb) WHERE code = 'backup'")
            await connection.execute(spoilt, {"damage": damage})
        before = len(told(notify))
        await report_once(notify.nats, "scoring", other, is_raised=True)
        await eventually(lambda before=before: len(told(notify)) > before, explain=lambda: notify.log)
