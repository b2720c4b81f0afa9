"""Notify tells people: storms, escalation, silences, SMS budgets and the ledger, on real parts."""

from __future__ import annotations

import csv
from datetime import timedelta
from io import StringIO

import httpx
from sqlalchemy import func, update

from services.notify.storage.tables import EscalationRow, GatheringRow
from shared.contracts.status import Event
from shared.postgres.statements import table_of
from shared.time import utc_now
from tests.changes import a_status_change, changes_of_communes
from tests.integration.notify_service import NotifyService, texts
from tests.waiting import eventually


async def make_due(notify: NotifyService, table: str) -> None:
    """Make the waiting rows of a table due now, as if days had passed."""
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
    assert all("tiêu chí 11" in item["subject"] for item in notices if item["channel"] == "email")


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
    assert [mail.to for mail in notify.mails] == [["btxh@example.vn"]], "the province's division hears of it"
    notices = await notify.notices(alert=str(change.id), recipient="district_office@184")
    assert {item["status"] for item in notices} == {"withheld"}
    mentions = [alert for item in notices for alert in item["alerts"]]
    assert {one["because"] for one in mentions} == {silence["id"]}
    assert {one["left_out"]["en"] for one in mentions} == {"a silence covers it"}

    ended = await notify.post(f"/v1/silences/{silence['id']}", district, "DELETE")
    assert ended.json()["ended_by"] == "agency-184"
    await notify.publish(a_status_change(Event.MISSED, at=change.at + timedelta(days=1)))
    await notify.settled(alerts=2)
    assert texts(notify, "ldtbxh.vanquan@example.vn")


async def test_an_sms_is_reported_delivered_once_and_a_spent_budget_stops_the_next(notify: NotifyService) -> None:
    for days, event in enumerate((Event.FELL_BEHIND, Event.LOST, Event.MISSED)):
        await notify.publish(a_status_change(event, at=a_status_change().at + timedelta(days=days)))
        await notify.settled(alerts=days + 1)
    third, second, first = await notify.notices(channel="sms", recipient="district_office@184")
    assert (first["cost_dong"], second["cost_dong"]) == (800, 800)
    assert third["reason"]["en"] == "the unit's SMS budget of the day is spent"
    told = {alert["event"] for alert in (await notify.get("/v1/alerts", await notify.key("20"))).json()["items"]}
    assert {"budget_near", "budget_spent"} <= told
    again = await notify.post(f"/v1/notices/{third['id']}/resend", await notify.key("20"))
    assert (again.status_code, again.json()["code"]) == (409, "not_sendable")
    assert again.json()["detail"] == third["reason"]["vi"]
    assert len(notify.messages) == 2

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
    assert answer.content.startswith(b"\xef\xbb\xbfnotice;created_at;")
    rows = list(csv.DictReader(StringIO(answer.content.decode("utf-8-sig")), delimiter=";"))
    assert {(row["recipient"], row["channel"], row["status"]) for row in rows} == {
        ("district_office@184", "email", "sent"),
        ("district_office@184", "sms", "sent"),
        ("poverty_division@20", "email", "sent"),
    }
    assert {row["address"] for row in rows} == {"l***@example.vn", "***678", "b***@example.vn"}
    assert {row["unit"] for row in rows} == {"06280"}
    in_english = await notify.get("/v1/notices.csv", await notify.key("184"), delimiter=",")
    assert list(csv.DictReader(StringIO(in_english.content.decode("utf-8-sig")))) == rows
    assert (await notify.get("/v1/notices.csv", await notify.key("184"), delimiter="|")).status_code == 400
