"""The link of a mail: a person acknowledges an alert or ends digests by it, on real parts."""

from __future__ import annotations

import json
from datetime import timedelta

import httpx
from nats.aio.client import Client
from sqlalchemy import update

from services.notify.storage.tables import NoticeRow
from shared.contracts.status import Event
from shared.postgres.statements import table_of
from shared.time import utc_now
from tests.changes import DISTRICT_OFFICE, LABOUR, a_status_change
from tests.integration.notify_service import NotifyService, link_of, texts


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
    assert "@" not in alert["acknowledged_name"]
    assert "huyện Văn Quan" in alert["acknowledged_name"]
    assert alert["acknowledged_note"] == "Đang xử lý <b>"
    entry = json.loads((await said.next_msg(timeout=60)).data)
    assert (entry["alert"], entry["by"]) == (str(change.id), alert["acknowledged_by"])
    office = "Phòng Lao động, Thương binh, Xã hội - Dân tộc huyện Văn Quan"
    assert entry["by_name"] == f"{DISTRICT_OFFICE.name} ({office})"
    assert await notify.rows("SELECT 1 FROM notify.escalation") == []
    # the stored and listed texts do not hold the link
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
    await notify.publish(a_status_change())
    await notify.settled()
    link = await link_of(notify)
    [mail] = [mail for mail in notify.mails if mail.to == DISTRICT_OFFICE.emails]
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


async def test_news_that_asks_for_nothing_is_switched_off_by_its_link(notify: NotifyService) -> None:
    key = await notify.key("184")
    await notify.publish(a_status_change(Event.MET))
    await notify.settled()
    link = await link_of(notify)
    [mail] = [mail for mail in notify.mails if mail.to == DISTRICT_OFFICE.emails]
    assert "Xác nhận" not in mail.text
    assert "chỉ nhận việc phải xử lý" in mail.text
    assert notify.messages == []

    async def news() -> str:
        [found] = (await notify.get("/v1/contacts", key, role="district_office")).json()["items"]
        return str(found["news"])

    async with httpx.AsyncClient() as client:
        assert 'value="no-news"' in (await client.get(link)).text
        assert await news() == "weekly"
        done = await client.post(link, data={"do": "no-news"})
    assert "Từ nay chỉ báo việc phải xử lý" in done.text
    assert await news() == "none"
    later = utc_now() + timedelta(hours=1)
    await notify.publish(a_status_change(Event.LOST, at=later), a_status_change(Event.MET, criterion=LABOUR))
    await notify.settled(alerts=3)
    told = texts(notify, "ldtbxh.vanquan@example.vn")
    assert ["không còn đạt" in text for text in told[1:]] == [True]
