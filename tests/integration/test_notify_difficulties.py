"""Notify mails each difficulty once to the offices that can act on it, and never interprets its words as markup."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from nats.aio.client import Client

from shared.contracts.difficulty import DifficultyKind
from shared.nats.cloud_events import Message
from shared.nats.publishing import publish
from tests.changes import DISTRICT_OFFICE, a_contact, a_problem, an_answer
from tests.integration.notify_service import NotifyService, as_message, notify_service
from tests.servers import NatsServer
from tests.waiting import eventually

DIVISION, OFFICE, DISTRICT = "btxh@example.vn", "vpdp@example.vn", DISTRICT_OFFICE.emails[0]
CONTACTS = [
    DISTRICT_OFFICE,
    a_contact("poverty_division", "20", emails=[DIVISION], phones=["+84912000001"]),
    a_contact("coordination_office", "20", emails=[OFFICE]),
]
HOSTILE = "<script>alert('x')</script>\r\nBcc: evil@example.vn\r\n.\r\nQUIT\r\n\u202e" + "ệ" * 3000


@pytest.fixture
async def notify(
    tmp_path: Path, nats: Client, nats_server: NatsServer, migrated_database_url: str
) -> AsyncIterator[NotifyService]:
    async with notify_service(tmp_path, nats, nats_server, migrated_database_url, CONTACTS) as service:
        await service.start()
        yield service


def mailboxes(notify: NotifyService) -> list[str]:
    return sorted(mail.to[0] for mail in notify.mails)


def read(notify: NotifyService, number: int) -> EmailMessage:
    raw = notify.postbox.outbox.raw_mail(number)
    assert raw
    mail = message_from_bytes(raw, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


async def test_a_difficulty_reaches_the_right_mailboxes_once_with_its_words_escaped(notify: NotifyService) -> None:
    await notify.publish(a_problem(criterion="ntm-11", words=HOSTILE))
    await notify.settled()

    assert mailboxes(notify) == [DIVISION, OFFICE], await notify.notices()
    assert notify.messages == []
    for sent in notify.mails:
        mail = read(notify, sent.n)
        text, html = mail.get_body(("plain",)), mail.get_body(("html",))
        assert text
        assert html
        assert mail["Subject"] == "Điềm He (Văn Quan): phản ánh khó khăn về kinh phí, tiêu chí 11"
        assert mail["Bcc"] is None
        assert "<script" not in html.get_content()
        assert "&lt;script&gt;" in html.get_content()
        for body in (text.get_content(), html.get_content()):
            assert "ệ" * 3000 in body
            assert "\u202e" not in body
        assert "\n> Bcc: evil@example.vn\n> .\n> QUIT\n" in text.get_content().replace("\r\n", "\n")


async def test_a_difficulty_that_comes_again_reaches_nobody_twice(notify: NotifyService, nats: Client) -> None:
    logged = a_problem(criterion="ntm-11")
    await notify.publish(logged)
    await notify.settled()
    again = as_message(logged)
    await publish(nats, [Message(again.subject, again.body, {**again.headers, "Nats-Msg-Id": str(uuid4())})])
    await notify.kill()
    await notify.start()
    await notify.publish(an_answer(criterion="ntm-11"))
    await notify.settled(alerts=2)
    assert mailboxes(notify) == [DIVISION, DISTRICT, OFFICE]


async def test_a_report_and_its_answers_stand_in_one_thread_in_the_lists_and_on_the_broker(
    notify: NotifyService, nats: Client
) -> None:
    subscription = await nats.jetstream().subscribe("ntm.v1.alerts.06280.>", ordered_consumer=True)
    events = [a_problem(criterion=None), an_answer(criterion=None), an_answer(criterion=None, closes=True)]
    for alerts, logged in enumerate(events, 1):
        await notify.publish(logged)
        await notify.settled(alerts)

    assert mailboxes(notify) == [DISTRICT, DISTRICT, OFFICE, OFFICE]
    assert len({read(notify, sent.n)["References"] for sent in notify.mails}) == 1

    key = await notify.key("184")
    alerts = (await notify.get("/v1/alerts", key)).json()["items"]
    assert [item["event"] for item in alerts] == ["problem_closed", "problem_answered", "problem_reported"]
    assert {item["topic"] for item in alerts} == {str(events[0].problem)}
    assert alerts[-1]["reason"]["vi"] == events[0].words
    assert {item["status"] for item in await notify.notices()} == {"sent"}

    published = [json.loads((await subscription.next_msg(timeout=60)).data) for _ in range(7)]
    assert sorted(entry["event"] for entry in published) == ["raised"] * 3 + ["sent"] * 4
    assert {entry["alert"] for entry in published} == {str(logged.id) for logged in events}
    assert "kinh phí" not in json.dumps(published, ensure_ascii=False)


async def test_a_disaster_is_told_by_sms_without_the_words(notify: NotifyService) -> None:
    await notify.publish(a_problem(criterion="ntm-11", kind=DifficultyKind.DISASTER, words="Lũ cuốn trôi cầu"))
    await notify.settled()
    [sms] = notify.messages
    said = "NTM 06280 Diem He, Van Quan: phan anh kho khan ve thien tai, tieu chi 11 (Ngheo da chieu)."
    assert sms.text.startswith(said)
    assert "cau" not in sms.text
    [lost] = await notify.notices(channel="sms", status="permanent_failure")
    assert lost["recipient"] == "coordination_office@20"


async def test_a_mail_about_a_difficulty_is_sent_again_when_somebody_asks(notify: NotifyService) -> None:
    await notify.publish(an_answer())
    await notify.settled()
    [notice] = await notify.notices()
    answer = await notify.post(f"/v1/notices/{notice['id']}/resend", await notify.key("184"))
    assert answer.status_code == 202
    assert answer.json()["items"][0]["alerts"][0]["event"] == "problem_answered"
    await notify.settled()
    assert mailboxes(notify) == [DISTRICT, DISTRICT]


async def test_what_says_that_something_was_parked_and_cannot_be_read_is_parked_once(
    notify: NotifyService, nats: Client
) -> None:
    await publish(nats, [Message("ntm.v1.parked.notify", b'{"sequence": "x"}'), as_message(an_answer())])
    await notify.settled()

    async def is_parked() -> bool:
        return len(await notify.rows("SELECT 1 FROM notify.parked")) == 1

    await eventually(is_parked, explain=lambda: notify.log)
    await asyncio.sleep(1)  # time enough for a second parked message, if each caused another
    assert await is_parked()
    assert await notify.rows("SELECT 1 FROM notify.alert WHERE kind = 'operation'") == []


async def test_what_is_no_difficulty_is_parked_and_the_others_go_on(notify: NotifyService, nats: Client) -> None:
    await publish(nats, [Message("ntm.v1.problems.06280", b'{"problem": "x"}'), as_message(an_answer())])
    await notify.settled()

    async def is_parked() -> bool:
        return len(await notify.rows("SELECT 1 FROM notify.parked")) == 1

    async def notices_of_it() -> list[Any]:
        return [item for item in await notify.notices() if item["alerts"][0]["event"] == "messages_parked"]

    await eventually(is_parked, explain=lambda: notify.log)
    [parked] = await eventually(notices_of_it, explain=lambda: notify.log)
    assert parked["recipient"] == "coordination_office@20"
    assert DISTRICT in mailboxes(notify)
