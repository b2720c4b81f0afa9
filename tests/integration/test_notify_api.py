"""Answers of a running notify that has told three changes of a commune and one change of the province."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator

import pytest

from tests.changes import DISTRICT_OFFICE, a_contact, a_status_change, a_target_change
from tests.integration.notify_service import UNKNOWN_MAILBOX, NotifyService, notify_service
from tests.servers import NatsServer, PostgresServer

CONTACTS = [
    DISTRICT_OFFICE,
    a_contact("poverty_division", "20", emails=["btxh@example.vn"]),
    a_contact("coordination_office", "20", emails=[UNKNOWN_MAILBOX]),
]


@pytest.fixture(scope="module")
async def notify(
    tmp_path_factory: pytest.TempPathFactory, nats_server: NatsServer, postgres_server: PostgresServer, migrated: str
) -> AsyncIterator[NotifyService]:
    nats = await nats_server.connect()
    for stream in await nats.jetstream().streams_info():
        await nats.jetstream().delete_stream(stream.config.name or "")
    url = await postgres_server.create_database(migrated)
    async with notify_service(tmp_path_factory.mktemp("notify"), nats, nats_server, url, CONTACTS) as service:
        await service.start()
        # one after the other, since notify tells changes together that come together
        for alerts, change in enumerate((*(a_status_change() for _ in range(3)), a_target_change()), 1):
            await service.publish(change)
            await service.settled(alerts)
        yield service
    await nats.close()
    await postgres_server.drop_database(url)


async def test_a_refused_recipient_and_an_unknown_one_are_visible_failures(notify: NotifyService) -> None:
    notices = {item["recipient"]: item for item in await notify.notices(status="permanent_failure")}
    refused, unknown = notices["coordination_office@20"], notices["department_leadership@20"]
    assert len(refused["attempts"]) == 1
    assert "550" in refused["attempts"][0]["detail"]
    assert unknown["attempts"] == []
    assert unknown["reason"]["en"] == "no contact is known"


async def test_a_key_sees_what_concerns_its_units(notify: NotifyService) -> None:
    district, other, province = await notify.key("184"), await notify.key("181"), await notify.key("20")
    for path, counts in (("/v1/alerts", (3, 0, 5)), ("/v1/notices", (9, 0, 13))):
        answers = [await notify.get(path, key) for key in (district, other, province)]
        assert tuple(len(answer.json()["items"]) for answer in answers) == counts
    items = (await notify.get("/v1/notices", district)).json()["items"]
    assert {alert["unit"]["code"] for item in items for alert in item["alerts"]} == {"06280"}
    [ended] = (await notify.get("/v1/alerts", province, severity="warning", unit="20")).json()["items"][:1]
    assert (ended["event"], "550" in ended["reason"]["en"]) == ("address_ended", True)


async def test_addresses_are_masked_for_keys_of_less_than_the_province(notify: NotifyService) -> None:
    seen = {item["address"] for item in (await notify.get("/v1/notices", await notify.key("184"))).json()["items"]}
    assert seen == {"***678", "l***@example.vn", "b***@example.vn"}
    assert "+84912345678" in {item["address"] for item in await notify.notices()}


async def test_who_asks_for_what_is_not_theirs_or_not_there_is_told_so(notify: NotifyService) -> None:
    other, province = await notify.key("181"), await notify.key("20")
    [notice, *_] = await notify.notices()
    assert (await notify.get("/v1/notices", other, unit="06280")).status_code == 403
    assert (await notify.get("/v1/notices", province, unit="77777")).status_code == 422
    assert (await notify.get("/v1/notices", "ntm_wrong")).status_code == 401
    assert (await notify.post(f"/v1/notices/{notice['id']}/resend", other)).status_code == 404
    assert (await notify.get("/v1/notices", province, cursor="x")).status_code == 400
    assert (await notify.get("/v1/notices", province, status="lost")).status_code == 400
    assert (await notify.get("/v1/notices", province, recipient="x\x00y")).status_code == 400
    assert (await notify.get("/v1/alerts", province, since="yesterday")).status_code == 400


async def test_since_the_first_moment_everything_is_told_and_since_the_last_one_nothing(notify: NotifyService) -> None:
    province = await notify.key("20")
    for path in ("/v1/alerts", "/v1/notices"):
        all_ = (await notify.get(path, province)).json()["items"]
        assert all_
        assert (await notify.get(path, province, since="0001-01-01T00:00:00+14:00")).json()["items"] == all_
        assert (await notify.get(path, province, since="9999-12-31T23:59:59-12:00")).json()["items"] == []


async def test_notices_come_in_pages_newest_first(notify: NotifyService) -> None:
    key = await notify.key("20")
    found, cursor = [], None
    while True:
        page = (await notify.get("/v1/notices", key, limit=5, **({"cursor": cursor} if cursor else {}))).json()
        found += page["items"]
        if (cursor := page["next"]) is None:
            break
    assert len({item["id"] for item in found}) == len(found) == 13
    assert [item["created_at"] for item in found] == sorted((item["created_at"] for item in found), reverse=True)


async def test_notices_are_found_by_unit_recipient_channel_and_time(notify: NotifyService) -> None:
    assert len(await notify.notices(channel="sms")) == 3
    assert len(await notify.notices(recipient="poverty_division@20")) == 4
    assert len(await notify.notices(unit="184")) == 9
    assert await notify.notices(since="2999-01-01T00:00:00Z") == []


async def test_the_totals_are_those_of_the_listed_notices(notify: NotifyService) -> None:
    for unit in ("184", "20"):
        key = await notify.key(unit)
        listed = (await notify.get("/v1/notices", key)).json()["items"]
        items = (await notify.get("/v1/notices/totals", key)).json()["items"]
        assert {(one["channel"], one["status"]): one["notices"] for one in items} == Counter(
            (one["channel"], one["status"]) for one in listed
        )
        for name in ("parts", "cost_dong"):
            assert sum(one[name] for one in items) == sum(one[name] or 0 for one in listed) > 0
    later = await notify.get("/v1/notices/totals", await notify.key("20"), since="2999-01-01T00:00:00Z")
    assert later.json() == {"items": [], "unreadable": 0}


async def test_a_notice_is_sent_again_when_somebody_asks(notify: NotifyService) -> None:
    before = len(notify.messages)
    sms = (await notify.notices(channel="sms"))[0]
    answer = await notify.post(f"/v1/notices/{sms['id']}/resend", await notify.key("184"))
    assert answer.status_code == 202
    await notify.settled(alerts=4)
    assert len(notify.messages) == before + 1
    [again] = [item for item in await notify.notices(channel="sms") if item["id"] == sms["id"]]
    assert [attempt["number"] for attempt in again["attempts"]] == [1, 2]
    assert again["resent_by"] == "agency-184"


async def test_what_has_no_address_cannot_be_sent_again(notify: NotifyService) -> None:
    [lost] = await notify.notices(recipient="department_leadership@20")
    answer = await notify.post(f"/v1/notices/{lost['id']}/resend", await notify.key("20"))
    assert answer.status_code == 409
    assert answer.json()["code"] == "no_address"
