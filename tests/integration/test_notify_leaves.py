"""A contact on leave: its notices go to its substitute, by the services' clock, and come back by themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client
from sqlalchemy import text

from shared.contracts.status import Event
from shared.reference.models import Contact
from shared.service.clock import clock_stream, set_day
from tests.changes import DISTRICT_OFFICE, LABOUR, a_contact, a_status_change
from tests.integration.notify_service import NotifyService, notify_service
from tests.servers import NatsServer
from tests.waiting import eventually

BINH = a_contact("district_committee", "184", name="Trần Thị Bình", emails=["binh.vanquan@example.vn"])
[AN_MAIL], [BINH_MAIL] = DISTRICT_OFFICE.emails, BINH.emails
FIRST, LAST = date(2023, 6, 26), date(2023, 7, 7)


@pytest.fixture
async def notify(
    tmp_path: Path, nats: Client, nats_server: NatsServer, migrated_database_url: str
) -> AsyncIterator[NotifyService]:
    contacts = [DISTRICT_OFFICE, BINH]
    async with notify_service(tmp_path, nats, nats_server, migrated_database_url, contacts) as notify:
        notify.env.update(NTM_CLOCK="simulated")
        await nats.jetstream().add_stream(clock_stream())
        await set_day(nats.jetstream(), date(2023, 6, 30))
        await notify.start()
        yield notify


async def stored(notify: NotifyService, contact: Contact = DISTRICT_OFFICE) -> dict[str, Any]:
    items = (await notify.get("/v1/contacts", await notify.key("184"), unit="184")).json()["items"]
    return next(item for item in items if item["role"] == contact.role)


async def go_on_leave(notify: NotifyService, key: str | None = None, **fields: Any) -> Any:
    leave = {"away_from": FIRST.isoformat(), "away_until": LAST.isoformat(), "substitute": BINH.name}
    changed = DISTRICT_OFFICE.model_dump(mode="json") | leave | fields
    path = f"/v1/contacts/{(await stored(notify))['id']}"
    return await notify.post(path, key or await notify.key("184"), "PUT", json=changed)


def mails(notify: NotifyService, to: str) -> list[str]:
    return [mail.text for mail in notify.mails if mail.to == [to]]


async def test_notices_go_to_the_substitute_while_it_stands_in_and_come_back_by_themselves(
    notify: NotifyService, nats: Client
) -> None:
    answer = await go_on_leave(notify)
    assert answer.is_success, answer.text
    assert answer.json()["leave"]["state"] == "not_reached"  # the substitute has no phone, and the office has
    await notify.publish(a_status_change())
    await notify.settled()
    [told] = mails(notify, BINH_MAIL)
    assert f"Kính gửi: Trần Thị Bình (thay {DISTRICT_OFFICE.name} đến 07/07/2023)" in told
    assert mails(notify, AN_MAIL) == []
    [sms] = notify.messages
    assert sms.to == [DISTRICT_OFFICE.phones[0]] or DISTRICT_OFFICE.phones[0][3:] in str(sms.to)
    # the stage goes on: the alert climbs as ever unless somebody takes care of it
    assert await notify.rows("SELECT 1 FROM notify.escalation")
    await set_day(nats.jetstream(), LAST + timedelta(days=1))
    await eventually(lambda: is_back(notify))
    await notify.publish(a_status_change(criterion=LABOUR, event=Event.FELL_BEHIND))
    await notify.settled(alerts=2)
    [back] = mails(notify, AN_MAIL)
    assert back.startswith(f"Kính gửi: {DISTRICT_OFFICE.name}\r\n")
    assert len(mails(notify, BINH_MAIL)) == 1


async def is_back(notify: NotifyService) -> bool:
    return (await stored(notify))["leave"] is None


async def test_the_substitute_acknowledges_in_the_name_of_who_is_away(notify: NotifyService) -> None:
    assert (await go_on_leave(notify)).is_success
    await notify.publish(a_status_change())
    await notify.settled()
    [row] = [one for one in await notify.notices(recipient="district_office@184") if one["channel"] == "email"]
    assert (row["name"], row["status"]) == (f"Trần Thị Bình (thay {DISTRICT_OFFICE.name} đến 07/07/2023)", "sent")


async def test_where_the_substitute_is_gone_the_holder_is_told_and_it_is_said_aloud(notify: NotifyService) -> None:
    assert (await go_on_leave(notify)).is_success
    key = await notify.key("184")
    gone = await stored(notify, BINH)
    assert (await notify.post(f"/v1/contacts/{gone['id']}", key, "DELETE")).status_code == 204
    await notify.publish(a_status_change())
    await notify.settled()
    [told] = mails(notify, AN_MAIL)
    assert "(đang nghỉ đến 07/07/2023; không gửi được cho người thay Trần Thị Bình)" in told
    [gap] = (await notify.get("/v1/contacts/gaps", key)).json()["not_handed_over"]
    assert (gap["role"], "không còn trong danh bạ" in gap["words"]["vi"]) == ("district_office", True)


async def test_what_waits_when_a_leave_begins_goes_to_the_substitute(notify: NotifyService) -> None:
    await notify.stop()
    notify.env["NTM_WAIT_SHARE"] = "1"
    await notify.start()
    await notify.publish(a_status_change())

    async def gathered() -> bool:
        return bool(await notify.rows("SELECT 1 FROM notify.gathered"))

    await eventually(gathered)
    assert (await go_on_leave(notify)).is_success
    async with notify.engine.begin() as connection:  # the time of the group's wait is over
        await connection.execute(text("UPDATE notify.gathering SET due_at = now(), waits = 'group'"))

    async def no_mail_waits() -> bool:  # a text message does, from evening to morning
        gathered = "SELECT 1 FROM notify.gathered JOIN notify.gathering ON id = gathering WHERE channel = 'email'"
        due = "SELECT 1 FROM notify.notice WHERE due_at IS NOT NULL AND channel = 'email'"
        return not await notify.rows(gathered) and not await notify.rows(due)

    await eventually(no_mail_waits, explain=lambda: notify.log)
    assert len(mails(notify, BINH_MAIL)) == 1
    assert mails(notify, AN_MAIL) == []


async def test_a_leave_that_is_not_whole_and_a_substitute_that_is_none_are_refused(notify: NotifyService) -> None:
    for fields, pointer in (
        ({"away_until": None}, "/away_until"),
        ({"away_until": "2023-06-01"}, "/away_until"),
        ({"substitute": None}, "/away_until"),
        ({"substitute": "Không Có Ai"}, "/substitute"),
        ({"substitute": DISTRICT_OFFICE.name}, "/substitute"),
        ({"away_from": "hôm nay"}, "/away_from"),
    ):
        answer = await go_on_leave(notify, **fields)
        assert answer.is_client_error, answer.text
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert (await stored(notify))["substitute"] is None
    assert (await go_on_leave(notify, await notify.key("181"))).status_code == 403


async def test_a_file_gives_leaves_and_is_refused_where_a_substitute_is_unknown(notify: NotifyService) -> None:
    key = await notify.key("20")
    header = "vai trò;mã đơn vị;tên;e-mail;nghỉ từ ngày;nghỉ đến ngày;người thay"
    line = f"district_office;184;{DISTRICT_OFFICE.name};{AN_MAIL};26/06/2023;7/7/2023;"
    refused = await notify.post("/v1/contacts/import", key, content=f"{header}\n{line}Ai Đó".encode())
    assert refused.status_code == 422
    [error] = refused.json()["errors"]
    assert (error["code"], error["cell"], "Trần Thị Bình" in error["detail"]) == ("unknown_substitute", "G2", True)
    taken = await notify.post("/v1/contacts/import", key, content=f"{header}\n{line}Trần Thị Bình".encode())
    assert taken.is_success, taken.text
    now = await stored(notify)
    assert (now["away_from"], now["away_until"], now["substitute"]) == ("2023-06-26", "2023-07-07", BINH.name)
    assert now["leave"]["state"] == "handed_over"
