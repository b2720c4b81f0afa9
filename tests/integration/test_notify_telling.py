"""Notify as people meet it: storms, silences, links, escalation, webhooks, contacts and the ledger, on real parts."""

from __future__ import annotations

import asyncio
import csv
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from nats.aio.client import Client
from openpyxl import Workbook
from sqlalchemy import func, update
from standardwebhooks import Webhook
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy.local.system import free_port
from services.notify.storage.tables import EscalationRow, GatheringRow, NoticeRow
from shared.contracts.status import Event
from shared.postgres.statements import table_of
from shared.time import utc_now
from tests.changes import DISTRICT_OFFICE, a_contact, a_status_change, a_target_change, changes_of_communes
from tests.integration.notify_service import NotifyService, notify_service
from tests.servers import NatsServer
from tests.waiting import eventually

CONTACTS = [
    DISTRICT_OFFICE,
    a_contact("poverty_division", "20", emails=["btxh@example.vn"]),
    a_contact("district_committee", "184", emails=["ubnd.vanquan@example.vn"]),
]


@pytest.fixture
async def notify(
    tmp_path: Path, nats: Client, nats_server: NatsServer, database_url: str
) -> AsyncIterator[NotifyService]:
    async with notify_service(tmp_path, nats, nats_server, database_url, CONTACTS) as notify:
        notify.env.update(
            NTM_SMS_REPORT_TOKEN="report-token", NTM_SMS_PRICE_DONG="800", NTM_SMS_DAILY_BUDGET_DONG="1600"
        )
        await notify.start()
        yield notify


def texts(notify: NotifyService, to: str) -> list[str]:
    return [mail.text for mail in notify.mails if mail.to == [to]]


async def link_of(notify: NotifyService) -> str:
    [text] = texts(notify, "ldtbxh.vanquan@example.vn")
    [path] = re.findall(r"https://bao\.example\.vn(/a/[\w-]{22})", text)
    return f"{notify.url}{path}"


async def make_due(notify: NotifyService, table: str) -> None:
    """Let time pass for what waits for days."""
    async with notify.engine.begin() as connection:
        timers = {"escalation": table_of(EscalationRow), "gathering": table_of(GatheringRow)}[table]
        await connection.execute(update(timers).where(timers.c.due_at.is_not(None)).values(due_at=func.now()))


async def test_a_storm_is_told_to_an_office_in_one_mail_and_one_sms(notify: NotifyService) -> None:
    await notify.stop()
    await notify.publish(*changes_of_communes(30))
    await notify.start()
    await notify.settled(alerts=30)
    notices = [item for item in await notify.notices(recipient="district_office@184") if item["status"] == "sent"]
    told = [alert["alert"] for item in notices if item["channel"] == "email" for alert in item["alerts"]]
    assert len(told) == len(set(told)) == 30
    assert len(notices) <= 6, "one mail and one SMS for each batch that came together"
    assert all("tin" in item["subject"] for item in notices if item["channel"] == "email")


async def test_a_link_acknowledges_once_by_its_button_and_stops_the_climbing(
    notify: NotifyService, nats: Client
) -> None:
    said = await nats.jetstream().subscribe("ntm.v1.alerts.06280.acknowledged", ordered_consumer=True)
    change = a_status_change()
    await notify.publish(change)
    await notify.settled()
    link = await link_of(notify)
    async with httpx.AsyncClient() as client:
        for _ in range(2):
            page = await client.get(link)
            assert (page.status_code, "Điềm He" in page.text, "<form" in page.text) == (200, True, True)
        [alert] = (await notify.get("/v1/alerts", await notify.key("184"))).json()["items"]
        assert (alert["is_open"], alert["acknowledged_at"]) == (True, None)

        done = await client.post(link, data={"note": "Đang xử lý <b>"})
        assert "<form" not in done.text
        assert "Đang xử lý &lt;b&gt;" in done.text
        assert (await client.post(link, data={"note": "lần nữa"})).status_code == 200
        assert (await client.get(link[:-2] + "xx")).status_code == 404
        assert "default-src 'none'" in done.headers["content-security-policy"]
    [alert] = (await notify.get("/v1/alerts", await notify.key("184"), acknowledged=True)).json()["items"]
    assert alert["acknowledged_by"].startswith("district_office@184")
    assert alert["acknowledged_note"] == "Đang xử lý <b>"
    entry = json.loads((await said.next_msg(timeout=10)).data)
    assert (entry["alert"], entry["by"]) == (str(change.id), alert["acknowledged_by"])
    assert await notify.rows("SELECT 1 FROM notify.escalation") == []
    # what is kept and listed does not hold the link
    assert not await notify.rows("SELECT 1 FROM notify.notice WHERE text LIKE '%/a/%' OR html LIKE '%/a/%'")


async def test_a_link_that_has_expired_or_is_unknown_says_so_on_a_page(notify: NotifyService) -> None:
    await notify.publish(a_status_change())
    await notify.settled()
    link = await link_of(notify)
    async with notify.engine.begin() as connection:
        rows = table_of(NoticeRow)
        await connection.execute(update(rows).values(created_at=utc_now() - timedelta(days=31)))
    async with httpx.AsyncClient() as client:
        for answer in (await client.get(link), await client.post(link)):
            assert (answer.status_code, "30 ngày" in answer.text) == (410, True)
            assert "holds for 30 days" in answer.text
        for unknown in (f"{link[:-22]}{'x' * 22}", link[:-5], f"{link}."):
            answer = await client.get(unknown)
            assert (answer.status_code, "Hãy sao chép trọn liên kết" in answer.text) == (404, True)
            assert answer.headers["content-type"].startswith("text/html")
    assert await notify.rows("SELECT 1 FROM notify.alert WHERE acknowledged_at IS NOT NULL") == []


async def test_who_is_told_by_digests_may_end_them_by_the_link_and_it_stays_so(notify: NotifyService) -> None:
    key = await notify.key("184")
    [office] = (await notify.get("/v1/contacts", key, role="district_office")).json()["items"]
    daily = DISTRICT_OFFICE.model_copy(update={"digest": "daily"}).model_dump(mode="json")
    assert (await notify.post(f"/v1/contacts/{office['id']}", key, "PUT", json=daily)).is_success
    await notify.publish(a_status_change(Event.MET))  # asks for nothing: there is nothing to acknowledge
    await notify.settled()
    link = await link_of(notify)
    [mail] = [mail for mail in notify.mails if mail.to == DISTRICT_OFFICE.emails]
    assert "Xác nhận" not in mail.text
    assert "Không muốn nhận bản tổng hợp nữa" in mail.text

    async def digest() -> str:
        [found] = (await notify.get("/v1/contacts", key, role="district_office")).json()["items"]
        return str(found["digest"])

    async with httpx.AsyncClient() as client:
        page = await client.get(link)
        assert 'value="no-digest"' in page.text
        assert await digest() == "daily"
        done = await client.post(link, data={"do": "no-digest"})
    assert "Từ nay báo ngay từng việc" in done.text
    assert await digest() == "none"


async def test_what_people_make_of_the_contacts_of_the_file_outlives_a_restart(notify: NotifyService) -> None:
    province = await notify.key("20")
    known = {one["role"]: one for one in (await notify.get("/v1/contacts", province)).json()["items"]}
    renamed = DISTRICT_OFFICE.model_copy(update={"name": "Bà B"}).model_dump(mode="json")
    path = f"/v1/contacts/{known['district_office']['id']}"
    assert (await notify.post(path, await notify.key("184"), "PUT", json=renamed)).is_success
    gone = f"/v1/contacts/{known['poverty_division']['id']}"
    assert (await notify.post(gone, province, "DELETE")).status_code == 204
    await notify.stop()
    await notify.start()  # with the file that it was begun with
    items = (await notify.get("/v1/contacts", province)).json()["items"]
    assert {(one["role"], one["name"]) for one in items} == {
        ("district_office", "Bà B"),
        ("district_committee", known["district_committee"]["name"]),
    }


async def test_a_notice_is_sent_again_once_to_a_mailbox_that_two_contacts_share(notify: NotifyService) -> None:
    key = await notify.key("20")
    await notify.publish(a_target_change())
    await notify.settled()
    [lost] = await notify.notices(recipient="department_leadership@20")
    role, _, unit = lost["recipient"].partition("@")
    for name in ("Ông A", "Bà B"):
        contact = a_contact(role, unit, name=name, emails=["chung@example.vn", "chung@example.vn"])
        assert (await notify.post("/v1/contacts", key, json=contact.model_dump(mode="json"))).status_code == 201
    assert (await notify.post(f"/v1/notices/{lost['id']}/resend", key)).status_code == 202
    await notify.settled()
    assert len([mail for mail in notify.mails if mail.to == ["chung@example.vn"]]) == 1


async def test_roles_that_nobody_answers_for_are_named(notify: NotifyService) -> None:
    found = (await notify.get("/v1/contacts/gaps", await notify.key("20"))).json()["items"]
    recipients = {one["recipient"] for one in found}
    assert "labour_division@20" in recipients
    # by the real clock the districts have ended, and their offices' roles lie in the communes
    assert len([one for one in recipients if one.startswith("district_office@06")]) > 10
    assert not {"poverty_division@20"} & {one["recipient"] for one in found if one["channel"] == "email"}
    own = (await notify.get("/v1/contacts/gaps", await notify.key("184"))).json()["items"]
    assert "labour_division@20" not in {one["recipient"] for one in own}
    assert "roles without contact" in notify.log


async def test_what_nobody_acknowledges_climbs_and_is_told_again(notify: NotifyService) -> None:
    await notify.publish(a_status_change())
    await notify.settled()
    [climbing] = await notify.rows("SELECT step, due_at - since AS wait FROM notify.escalation")
    assert climbing.step == 0
    assert climbing.wait >= timedelta(days=5)

    await make_due(notify, "escalation")

    async def the_committee_is_told() -> bool:
        return len(texts(notify, "ubnd.vanquan@example.vn")) == 1

    await eventually(the_committee_is_told, explain=lambda: notify.log)
    assert "Chuyển cấp" in texts(notify, "ubnd.vanquan@example.vn")[0]
    await notify.settled()
    await make_due(notify, "gathering")

    async def it_is_told_again() -> bool:
        return len(texts(notify, "ldtbxh.vanquan@example.vn")) == 2

    await eventually(it_is_told_again, explain=lambda: notify.log)
    assert "Nhắc lại" in texts(notify, "ldtbxh.vanquan@example.vn")[-1]

    key = await notify.key("184")
    [alert] = (await notify.get("/v1/alerts", key)).json()["items"]
    assert (await notify.post(f"/v1/alerts/{alert['id']}/acknowledge", key)).json()["acknowledged_by"] == "agency-184"
    other = await notify.key("181")
    assert (await notify.post(f"/v1/alerts/{alert['id']}/acknowledge", other)).status_code == 404
    assert await notify.rows("SELECT 1 FROM notify.escalation") == []


async def test_what_is_over_neither_climbs_nor_is_told_again(notify: NotifyService) -> None:
    await notify.publish(a_status_change())
    await notify.settled()
    await notify.publish(a_status_change(Event.RECOVERED, at=a_status_change().at + timedelta(days=1)))
    await notify.settled(alerts=2)
    before = len(notify.mails)
    for table in ("escalation", "gathering"):
        await make_due(notify, table)

    async def nothing_is_due() -> bool:
        due = "SELECT 1 FROM notify.{} WHERE due_at <= now()"
        return not await notify.rows(due.format("escalation")) and not await notify.rows(due.format("gathering"))

    await eventually(nothing_is_due, explain=lambda: notify.log)
    assert len(notify.mails) == before
    alerts = (await notify.get("/v1/alerts", await notify.key("184"), open=True)).json()["items"]
    assert alerts == []


async def test_a_silence_holds_back_what_matches_and_says_so(notify: NotifyService) -> None:
    district, other = await notify.key("184"), await notify.key("181")
    ends_at = (utc_now() + timedelta(hours=1)).isoformat()
    wanted = {"match": {"under": ["06280"]}, "ends_at": ends_at, "reason": "Lũ lớn, đang khắc phục"}
    assert (await notify.post("/v1/silences", other, json=wanted)).status_code == 403
    assert (await notify.post("/v1/silences", district, json={**wanted, "match": {}})).status_code == 403
    past = {**wanted, "ends_at": "2020-01-01T00:00:00Z"}
    assert (await notify.post("/v1/silences", district, json=past)).status_code == 400
    made = await notify.post("/v1/silences", district, json=wanted)
    assert made.status_code == 201, made.text
    silence = made.json()
    assert silence["author"] == "agency-184"

    change = a_status_change()
    await notify.publish(change)
    await notify.settled()
    assert notify.mails == []
    notices = await notify.notices(alert=str(change.id))
    assert {item["status"] for item in notices} == {"withheld"}
    mentions = [alert for item in notices for alert in item["alerts"]]
    assert {one["because"] for one in mentions} == {silence["id"]}
    assert {one["left_out"]["en"] for one in mentions} == {"a silence covers it"}

    ended = await notify.post(f"/v1/silences/{silence['id']}", district, "DELETE")
    assert ended.json()["ended_by"] == "agency-184"
    await notify.publish(a_status_change(Event.MISSED, at=change.at + timedelta(days=1)))
    await notify.settled(alerts=2)
    assert texts(notify, "ldtbxh.vanquan@example.vn")


class Receiver:
    """A system that is told: it checks every signature with a library of its own, and may be gone."""

    def __init__(self) -> None:
        self.secrets: list[str] = []
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.status = 204
        self.app = Starlette(routes=[Route("/hook", self._take, methods=["POST"])])

    async def _take(self, request: Request) -> Response:
        body = await request.body()
        if self.status != 204:
            return Response("not now", status_code=self.status)
        for secret in self.secrets:
            Webhook(secret).verify(body, dict(request.headers))
        self.heard.append((request.headers["webhook-id"], json.loads(body)))
        return Response(status_code=204)


@asynccontextmanager
async def listening(receiver: Receiver) -> AsyncIterator[str]:
    server = uvicorn.Server(uvicorn.Config(receiver.app, port=free_port(), log_level="warning"))
    task = asyncio.create_task(server.serve())
    try:
        yield f"http://127.0.0.1:{server.config.port}/hook"
    finally:
        server.should_exit = True
        await task


async def test_a_webhook_is_signed_rotated_replayed_and_disabled_when_it_is_gone(notify: NotifyService) -> None:
    key, receiver = await notify.key("184"), Receiver()
    async with listening(receiver) as url:
        made = await notify.post(
            "/v1/subscriptions", key, json={"url": url, "unit": "184", "match": {"events": ["fell_behind", "met"]}}
        )
        assert made.status_code == 201, made.text
        subscription = made.json()
        receiver.secrets = [subscription["secret"]]
        path = f"/v1/subscriptions/{subscription['id']}"
        assert "secret" not in (await notify.get("/v1/subscriptions", key)).json()["items"][0]
        assert (await notify.get("/v1/subscriptions", await notify.key("181"))).json()["items"] == []

        change = a_status_change()
        await notify.publish(change, a_status_change(Event.LOST))
        await notify.settled(alerts=2)
        [(first, body)] = receiver.heard
        assert body["type"] == "ntm.status.fell_behind"
        assert body["data"]["id"] == str(change.id)

        rotated = (await notify.post(f"{path}/rotate", key)).json()
        receiver.secrets = [subscription["secret"], rotated["secret"]]
        again = await notify.post(f"{path}/replay", key, json={"since": "2020-01-01T00:00:00Z"})
        assert again.json() == {"notices": 1}
        await notify.settled(alerts=2)
        assert [one for one, _ in receiver.heard] == [first, first]

        receiver.status = 410
        await notify.publish(a_status_change(Event.MET, at=change.at + timedelta(days=1)))
        await notify.settled(alerts=3)
        [disabled] = (await notify.get("/v1/subscriptions", key)).json()["items"]
        assert disabled["disabled_at"]
        alerts = (await notify.get("/v1/alerts", await notify.key("20"))).json()["items"]
        assert "endpoint_disabled" in {alert["event"] for alert in alerts}

        receiver.status = 204
        assert (await notify.post(f"{path}/enable", key)).json()["disabled_at"] is None
        assert (await notify.post(path, key, "DELETE")).status_code == 204


async def test_contacts_are_imported_whole_or_not_at_all_and_listed_masked(notify: NotifyService) -> None:
    province, district, other = await notify.key("20"), await notify.key("184"), await notify.key("181")
    book = Workbook()
    sheet = book.active
    assert sheet
    sheet.append(["Vai trò", "Mã đơn vị", "Tên", "E-mail", "Điện thoại", "Tổng hợp"])
    sheet.append(
        ["district_office", "184", "Bà Nguyễn Thị Hoa", "hoa@example.vn; hoa2@example.vn", "0912 345 678", "hằng ngày"]
    )
    sheet.append(["district_office", "184", "Ông X", "không phải e-mail", "12", None])
    sheet.append(["no_such_role", "184", "Y", None, None, None])

    async def imported(key: str, **parameters: Any) -> httpx.Response:
        body = BytesIO()
        book.save(body)
        return await notify.post("/v1/contacts/import", key, content=body.getvalue(), params=parameters)

    refused = await imported(district)
    assert refused.status_code == 422
    assert {(fault["cell"], fault["code"]) for fault in refused.json()["errors"]} == {
        ("D3", "bad_email"),
        ("E3", "bad_phone"),
        ("A4", "unknown_role"),
    }
    as_json = await notify.post("/v1/contacts/import", district, json={"contacts": [{"role": "district_office"}]})
    assert (as_json.status_code, as_json.json()["errors"][0]["pointer"]) == (422, "/contacts/0/unit")
    sheet.delete_rows(3, 2)
    assert (await imported(other)).status_code == 403
    assert (await imported(district, dry_run=True)).json()["added"] == 1
    assert len((await notify.get("/v1/contacts", province)).json()["items"]) == 3
    assert (await imported(district)).json() == {
        "dry_run": False, "added": 1, "changed": 0, "unchanged": 0, "removed": 0,
    }  # fmt: skip
    assert (await imported(district)).json()["unchanged"] == 1

    [mine] = [one for one in (await notify.get("/v1/contacts", district)).json()["items"] if "Hoa" in one["name"]]
    assert (mine["phones"], mine["digest"], mine["updated_by"]) == (["+84912345678"], "daily", "agency-184")
    commune = await notify.key("06280")
    [seen] = [
        one for one in (await notify.get("/v1/contacts", commune)).json()["items"] if one["role"] == "poverty_division"
    ]
    assert seen["emails"] == ["b***@example.vn"]
    changed = {**{name: mine[name] for name in ("role", "unit", "name", "emails")}, "digest": "none"}
    assert (await notify.post(f"/v1/contacts/{mine['id']}", other, "PUT", json=changed)).status_code == 403
    kept = await notify.post(f"/v1/contacts/{mine['id']}", district, "PUT", json=changed)
    assert (kept.json()["digest"], kept.json()["phones"]) == ("none", [])
    assert (await notify.post(f"/v1/contacts/{mine['id']}", district, "DELETE")).status_code == 204


async def test_who_would_hear_of_it_is_explained(notify: NotifyService) -> None:
    key = await notify.key("20")
    answer = await notify.get("/v1/routes:explain", key, event="missed", unit="06280", criterion="ntm-11")
    found = answer.json()
    assert found["severity"] == "urgent"
    hears = {
        (one["branch"], one["recipient"], one["channel"], one["reason"] and one["reason"]["en"])
        for one in found["hears"]
    }
    assert ("status-district", "district_office@184", "sms", None) in hears
    assert ("status-missed", "district_committee@184", "email", None) in hears
    assert ("status-missed", "coordination_office@20", "email", "no contact is known") in hears
    assert {one["id"] for one in found["branches"] if not one["takes"]} >= {"target-owner", "operation"}
    assert (await notify.get("/v1/routes:explain", key, event="missed", unit="06280")).status_code == 400
    assert (await notify.get("/v1/routes:explain", key, event="met", unit="06280", on="problem")).status_code == 400


async def test_an_sms_is_reported_delivered_once_and_a_spent_budget_stops_the_next(notify: NotifyService) -> None:
    for days, event in enumerate((Event.FELL_BEHIND, Event.LOST, Event.MISSED)):
        await notify.publish(a_status_change(event, at=a_status_change().at + timedelta(days=days)))
        await notify.settled(alerts=days + 1)
    third, second, first = await notify.notices(channel="sms", recipient="district_office@184")
    assert (first["cost_dong"], second["cost_dong"]) == (800, 800)
    assert third["reason"]["en"] == "the unit's SMS budget of the day is spent"
    told = {alert["event"] for alert in (await notify.get("/v1/alerts", await notify.key("20"))).json()["items"]}
    assert {"budget_near", "budget_spent"} <= told

    [attempt] = first["attempts"]
    fields = {"SMSID": attempt["provider_id"], "SendStatus": "5", "SendSuccess": "1", "SendFailed": "0"}
    async with httpx.AsyncClient(base_url=notify.url) as client:
        path = "/v1/delivery-reports/esms"
        assert (await client.get(path, params=fields)).status_code == 401
        report = {**fields, "token": "report-token"}
        assert [(await client.get(path, params=report)).json()["notices"] for _ in range(2)] == [1, 0]
    [delivered] = await notify.notices(status="delivered")
    assert delivered["id"] == first["id"]


async def test_the_ledger_is_exported_for_excel_without_formulas(notify: NotifyService) -> None:
    await notify.publish(a_status_change())
    await notify.settled()
    answer = await notify.get("/v1/notices.csv", await notify.key("184"), unit="06280")
    assert answer.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(StringIO(answer.content.decode("utf-8-sig"))))
    assert {(row["recipient"], row["channel"], row["status"]) for row in rows} == {
        ("district_office@184", "email", "sent"),
        ("district_office@184", "sms", "sent"),
        ("poverty_division@20", "email", "sent"),
    }
    assert {row["address"] for row in rows} == {"l***@example.vn", "***678", "b***@example.vn"}
    assert {row["unit"] for row in rows} == {"06280"}
