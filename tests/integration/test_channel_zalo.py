"""Zalo before SMS: by eSMS and directly, against gateways that answer as they say, and in a running notify."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import uvicorn
from aiohttp import web
from sqlalchemy import func, update
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from deploy.local.gateways import GatewayKeys
from deploy.local.postbox import Postbox
from services.notify.alerts.notice import Notice, Wording
from services.notify.delivery.channels.channel import Outcome, Result
from services.notify.delivery.channels.configured import configured_channels
from services.notify.settings import NotifySettings
from services.notify.storage.tables import NoticeRow
from shared.contracts.status import Event
from shared.postgres.statements import table_of
from shared.time import utc_now
from tests.changes import a_status_change
from tests.integration.notify_service import NotifyService
from tests.integration.providers import Answer, Receiver, deliver, never, receiving
from tests.ports import free_port
from tests.unit.notify.test_channels import a_notice, some_settings
from tests.waiting import eventually

TEMPLATE = """
id: "300001"
text: "Kính gửi <nguoi_nhan>. <noi_dung>. Xác nhận: <lien_ket>"
data: {nguoi_nhan: "{name}", noi_dung: "{headline}", lien_ket: "{link}"}
longest: {nguoi_nhan: 30}
"""
SMS_TAKEN = {"CodeResult": "100", "SMSID": "sms-1"}


@pytest.fixture
def template(tmp_path: Path) -> Path:
    path = tmp_path / "zalo.yaml"
    path.write_text(TEMPLATE, encoding="utf-8")
    return path


@pytest.fixture
async def engine(migrated_database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(migrated_database_url)
    yield engine
    await engine.dispose()


def a_message(**fields: Any) -> Notice:
    wording = Wording("NTM 06280 Diem He cham tien do", "Điềm He: tiêu chí 11 chậm tiến độ, còn thiếu 31 hộ")
    known = {"channel": "sms", "address": "+84912345678", "wording": wording, "link": "https://bao.example.vn/a/x"}
    return a_notice(**{**known, "retry_until": utc_now() + timedelta(days=1), **fields})


def zalo_settings(url: str, template: Path, **fields: Any) -> NotifySettings:
    known: dict[str, Any] = {
        "sms_url": url,
        "sms_api_key": "api-key",
        "sms_secret_key": "secret-key",
        "sms_brandname": "NTM-LANGSON",
        "send_timeout_seconds": 3,
        "zalo_via": "esms",
        "zalo_oa_id": "4097311281936189049",
        "zalo_template": template,
        "zalo_wait_seconds": 600,
    }
    return some_settings(**{**known, **fields})


async def told(settings: NotifySettings, engine: AsyncEngine, *notices: Notice) -> list[Outcome]:
    channel = configured_channels(settings, engine)["sms"]
    try:
        return await deliver(channel, *notices)
    finally:
        await channel.close()


def paths(gateway: Receiver) -> list[str]:
    return [request.path.strip("/").rpartition("/")[2] for request in gateway.requests]


async def test_esms_gets_the_template_its_data_and_the_request_id(template: Path, engine: AsyncEngine) -> None:
    async with receiving(web.json_response({"CodeResult": "100", "SMSID": "z1"})) as gateway:
        settings = zalo_settings(
            gateway.url, template, sms_report_url="https://bao.example.vn/v1/delivery-reports/esms"
        )
        [outcome] = await told(settings, engine, a_message())
    assert paths(gateway) == ["SendZaloMessage_V6"]
    assert json.loads(gateway.bodies[0]) == {
        "ApiKey": "api-key",
        "SecretKey": "secret-key",
        "OAID": "4097311281936189049",
        "Phone": "84912345678",
        "TempID": "300001",
        "TempData": {
            "nguoi_nhan": "Phòng Lao động huyện Văn Quan",
            "noi_dung": "Điềm He: tiêu chí 11 chậm tiến độ, còn thiếu 31 hộ",
            "lien_ket": "https://bao.example.vn/a/x",
        },
        "RequestId": str(a_message().request_id),
        "Sandbox": "0",
        "CallbackUrl": "https://bao.example.vn/v1/delivery-reports/esms",
    }
    assert (outcome.result, outcome.provider_id, outcome.next_way_seconds) == (Result.SENT, "z1", 600)


@pytest.mark.parametrize(
    ("answer", "result", "next_way"),
    [
        (web.json_response({"CodeResult": "124", "SMSID": "z1"}), Result.SENT, 600),
        (web.json_response({"CodeResult": "789", "ErrorMessage": "TemplateId is not config"}), Result.PERMANENT, 0),
        (web.json_response({"CodeResult": "101", "ErrorMessage": "Authorize Failed"}), Result.PERMANENT, 0),
        (web.json_response({"CodeResult": "108", "ErrorMessage": "Phone not valid"}), Result.PERMANENT, 0),
        (web.json_response({"CodeResult": "99"}), Result.TEMPORARY, None),
        (web.Response(status=503), Result.TEMPORARY, None),
        (never, Result.TEMPORARY, None),
    ],
    ids=["known", "unknown template", "keys", "bad number", "later", "503", "lost answer"],
)
async def test_what_zalo_refuses_is_final_for_zalo_alone(
    template: Path, engine: AsyncEngine, answer: web.Response | Answer, result: Result, next_way: float | None
) -> None:
    async with receiving(answer) as gateway:
        [outcome] = await told(zalo_settings(gateway.url, template), engine, a_message())
    assert (outcome.result, outcome.next_way_seconds) == (result, next_way)
    assert not outcome.ends_address, "the number may well get SMS"
    assert not outcome.is_gateways, "SMS go on"


async def test_after_zalo_and_after_its_time_it_is_an_sms(template: Path, engine: AsyncEngine) -> None:
    async with receiving(web.json_response(SMS_TAKEN), web.json_response(SMS_TAKEN)) as gateway:
        settings = zalo_settings(gateway.url, template)
        begun = utc_now() - timedelta(seconds=601)
        late = a_message(attempts=3, retry_until=begun + timedelta(seconds=settings.retry_for_seconds))
        outcomes = await told(settings, engine, a_message(is_after_zalo=True), late)
    assert paths(gateway) == ["SendMultipleMessage_V4_post_json"] * 2
    assert [(one.result, one.next_way_seconds) for one in outcomes] == [(Result.SENT, None)] * 2


@asynccontextmanager
async def simulated(directory: Path) -> AsyncIterator[tuple[Postbox, str]]:
    """Serve the postbox with its contract of Zalo."""
    postbox = Postbox(directory / "postbox", GatewayKeys("api-key", "secret-key"))
    server = uvicorn.Server(uvicorn.Config(postbox.app, port=free_port(), log_level="warning"))
    task = asyncio.create_task(server.serve())
    try:
        await eventually(lambda: server.started)
        yield postbox, f"http://127.0.0.1:{server.config.port}"
    finally:
        server.should_exit = True
        await task


def direct_settings(url: str, template: Path, **fields: Any) -> NotifySettings:
    known = {
        "zalo_via": "zalo",
        "zalo_url": url,
        "zalo_oauth_url": url,
        "zalo_app_id": "31415",
        "zalo_app_secret": "secret-key",
        "zalo_refresh_token": "secret-key",
    }
    return zalo_settings(url, template, **{**known, **fields})


async def test_zalo_itself_gets_messages_by_tokens_that_are_renewed_once_for_all_processes(
    tmp_path: Path, template: Path, engine: AsyncEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    async with simulated(tmp_path) as (postbox, url):
        settings = direct_settings(url, template)
        [first] = await told(settings, engine, a_message())
        token = postbox.gateways.access_token
        [second] = await told(settings, engine, a_message(request_id=uuid4()))  # another process, the same database
        assert postbox.gateways.access_token == token, "the second one took the token that is kept"
        postbox.gateways.access_token = "Zalo has ended the one before"
        [third] = await told(settings, engine, a_message(request_id=uuid4()))
        assert postbox.gateways.access_token not in (token, "Zalo has ended the one before")
        texts = [sent.text for sent in postbox.outbox.items]
    assert [one.result for one in (first, second, third)] == [Result.SENT] * 3
    assert len(texts) == 3
    assert "noi_dung: Điềm He: tiêu chí 11 chậm tiến độ, còn thiếu 31 hộ" in texts[0]
    said = "".join(capsys.readouterr())
    assert not [secret for secret in (token, postbox.gateways.refresh_token, "84912345678") if secret in said]


async def test_a_refresh_token_that_is_used_up_makes_an_sms_until_another_one_is_set(
    tmp_path: Path, template: Path, engine: AsyncEngine
) -> None:
    async with simulated(tmp_path) as (_, url):
        [refused] = await told(direct_settings(url, template, zalo_refresh_token="used up"), engine, a_message())
        [taken] = await told(direct_settings(url, template), engine, a_message())
        [unknown] = await told(direct_settings(url, other_template(template)), engine, a_message())
    assert (refused.result, refused.next_way_seconds) == (Result.TECHNICAL, 0)
    assert "used up" not in refused.detail
    assert taken.result is Result.SENT
    assert (unknown.result, unknown.next_way_seconds) == (Result.PERMANENT, 0)


def other_template(template: Path) -> Path:
    path = template.with_name("other.yaml")
    path.write_text(template.read_text(encoding="utf-8").replace("300001", "999999"), encoding="utf-8")
    return path


async def with_zalo(notify: NotifyService, template: Path, **env: str) -> None:
    """Start notify again with Zalo before SMS by the simulated eSMS, and let it tell of a change."""
    await notify.stop()
    notify.env.update(NTM_ZALO_VIA="esms", NTM_ZALO_OA_ID="4097311281936189049", NTM_ZALO_TEMPLATE=str(template), **env)
    await notify.start()
    await notify.publish(a_status_change(Event.FELL_BEHIND))


async def the_notice(notify: NotifyService, status: str, attempts: int) -> dict[str, Any]:
    """Return the notice to the phone of the office, once it has this status after so many attempts."""
    found: list[dict[str, Any]] = []

    async def has_come() -> bool:
        found[:] = await notify.notices(channel="sms", recipient="district_office@184")
        return [(one["status"], len(one["attempts"])) for one in found] == [(status, attempts)]

    await eventually(has_come, explain=lambda: f"{found}\n{notify.log}")
    return found[0]


async def report(notify: NotifyService, notice: dict[str, Any], attempt: int, **counts: str) -> int:
    fields = {"SMSID": notice["attempts"][attempt]["provider_id"], "SendStatus": "5", "token": "report-token", **counts}
    async with httpx.AsyncClient(base_url=notify.url) as client:
        return int((await client.get("/v1/delivery-reports/esms", params=fields)).json()["notices"])


def senders(notify: NotifyService) -> list[str]:
    return [message.sender for message in notify.messages]


async def test_what_zalo_brings_is_delivered_and_no_sms_follows(notify: NotifyService, template: Path) -> None:
    await with_zalo(notify, template)
    notice = await the_notice(notify, "sent", 1)
    assert await report(notify, notice, 0, SendSuccess="1", SendFailed="0") == 1
    notice = await the_notice(notify, "delivered", 1)
    assert await notify.rows("SELECT id FROM notify.notice WHERE channel = 'sms' AND due_at IS NOT NULL") == []
    assert senders(notify) == ["Zalo"]
    [message] = notify.messages
    assert "Điềm He: tiêu chí 11 chậm tiến độ" in message.text
    assert "https://bao.example.vn/a/" in message.text


async def test_what_zalo_does_not_bring_is_an_sms_at_once(notify: NotifyService, template: Path) -> None:
    await with_zalo(notify, template)
    notice = await the_notice(notify, "sent", 1)
    assert await report(notify, notice, 0, SendSuccess="0", SendFailed="1") == 1
    notice = await the_notice(notify, "sent", 2)
    assert senders(notify) == ["Zalo", "NTMLangSon"]
    assert await report(notify, notice, 0, SendSuccess="0", SendFailed="1") == 0, "it says nothing of the SMS"
    assert (await the_notice(notify, "sent", 2))["id"] == notice["id"]


async def test_without_a_report_an_sms_follows_when_the_time_has_passed(notify: NotifyService, template: Path) -> None:
    await with_zalo(notify, template)
    await the_notice(notify, "sent", 1)
    notices = table_of(NoticeRow)
    async with notify.engine.begin() as connection:
        await connection.execute(update(notices).where(notices.c.due_at.is_not(None)).values(due_at=func.now()))
    await the_notice(notify, "sent", 2)
    assert senders(notify) == ["Zalo", "NTMLangSon"]


async def test_a_message_whose_report_is_waited_for_is_none_that_the_database_has_lost(
    notify: NotifyService, template: Path
) -> None:
    await with_zalo(notify, template)
    await the_notice(notify, "sent", 1)
    await notify.log_published()
    await notify.stop()
    await notify.start()
    assert (await notify.get("/readyz", await notify.key("20"))).status_code == 200
    assert senders(notify) == ["Zalo"]


async def test_an_unknown_template_is_tried_once_and_an_sms_goes_out(notify: NotifyService, template: Path) -> None:
    await with_zalo(notify, other_template(template))
    notice = await the_notice(notify, "sent", 2)
    assert [one["outcome"] for one in notice["attempts"]] == ["permanent_failure", "sent"]
    assert "789" in notice["attempts"][0]["detail"]
    assert senders(notify) == ["NTMLangSon"]


async def test_zalo_reports_by_its_own_signed_call(notify: NotifyService, template: Path) -> None:
    await with_zalo(notify, template, NTM_ZALO_APP_ID="31415", NTM_ZALO_OA_SECRET="of the account")
    notice = await the_notice(notify, "sent", 1)
    message = {"msg_id": notice["attempts"][0]["provider_id"], "delivery_time": "1688091300000"}
    event = {"event_name": "user_received_message", "app_id": "31415", "timestamp": "1688091300001", "message": message}
    body = json.dumps(event)
    right = sha256(f"31415{body}1688091300001of the account".encode()).hexdigest()
    answers = []
    async with httpx.AsyncClient(base_url=notify.url, params={"token": "report-token"}) as client:
        for signature in ("", "0" * 64, f"mac={right}", right):
            headers = {"x-zevent-signature": signature}
            answers.append(await client.post("/v1/delivery-reports/zalo", content=body, headers=headers))
    assert [answer.status_code for answer in answers] == [401, 401, 200, 200]
    assert [answer.json()["notices"] for answer in answers[2:]] == [1, 0]
    await the_notice(notify, "delivered", 1)
