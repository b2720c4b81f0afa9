"""People answer mails: by a real mail server into a mailbox that notify reads from a real IMAP server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client
from sqlalchemy import update

from services.notify.storage.tables import NoticeRow
from shared.contracts.status import Event
from shared.postgres.statements import table_of
from shared.time import utc_now
from tests.changes import DISTRICT_OFFICE, a_contact, a_status_change
from tests.integration.answers_mailbox import AnswersMailbox, answers_mailbox
from tests.integration.notify_service import NotifyService, notify_service
from tests.integration.providers import Receiver
from tests.servers import NatsServer
from tests.waiting import eventually

[OFFICE] = DISTRICT_OFFICE.emails


@pytest.fixture
async def mailbox(tmp_path: Path) -> AsyncIterator[AnswersMailbox]:
    async with answers_mailbox(tmp_path / "answers") as mailbox:
        yield mailbox


@pytest.fixture
async def notify(
    tmp_path: Path, nats: Client, nats_server: NatsServer, migrated_database_url: str, mailbox: AnswersMailbox
) -> AsyncIterator[NotifyService]:
    contacts = [DISTRICT_OFFICE, a_contact("poverty_division", "20", emails=["btxh@example.vn"])]
    async with notify_service(tmp_path, nats, nats_server, migrated_database_url, contacts) as notify:
        notify.env.update(mailbox.env)
        await notify.start()
        yield notify


async def told(notify: NotifyService) -> EmailMessage:
    """Publish that a commune falls behind; return the mail of it to the district's office."""
    await notify.publish(a_status_change())
    await notify.settled()
    [number] = [sent.n for sent in notify.mails if sent.to == [OFFICE]]
    mail = message_from_bytes(notify.postbox.outbox.raw_mail(number), policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def an_answer(to: EmailMessage, words: str, attached: bytes = b"", **headers: str) -> bytes:
    """Return the answer that a mail program makes: to the address for answers, quoting the mail."""
    answer = EmailMessage()
    known = {"From": OFFICE, "To": str(to["Reply-To"]), "Subject": f"Re: {to['Subject']}"} | headers
    for name, value in known.items():
        answer[name.replace("_", "-")] = value
    quoted = "\n".join(f"> {line}" for line in to.get_body(("plain",)).get_content().splitlines())
    answer.set_content(f"{words}\n\nVào Th 6, 30 thg 6, 2023 Điều phối NTM đã viết:\n{quoted}")
    if attached:
        answer.add_attachment(attached, maintype="image", subtype="jpeg", filename="ảnh.jpg")
    return answer.as_bytes()


async def answers(notify: NotifyService, number: int) -> list[Any]:
    """Wait until this number of answers was taken; return their meanings and words, oldest first."""

    async def taken() -> bool:
        return len(await notify.rows("SELECT 1 FROM notify.answer")) == number

    await eventually(taken, explain=lambda: notify.log)
    return [tuple(row) for row in await notify.rows("SELECT meaning, words FROM notify.answer ORDER BY at, digest")]


async def the_alert(notify: NotifyService) -> dict[str, Any]:
    [alert] = (await notify.get("/v1/alerts", await notify.key("184"))).json()["items"]
    assert isinstance(alert, dict)
    return alert


async def test_ok_in_the_first_line_acknowledges_as_the_recipient_and_stops_the_climbing(
    notify: NotifyService, mailbox: AnswersMailbox, nats: Client
) -> None:
    said = await nats.jetstream().subscribe("ntm.v1.alerts.06280.acknowledged", ordered_consumer=True)
    mail = await told(notify)
    assert "trả lời thư này, dòng đầu chỉ ghi: OK" in mail.get_body(("plain",)).get_content()
    await mailbox.send(an_answer(mail, "OK.\nĐang rà soát."))
    assert [meaning for meaning, _ in await answers(notify, 1)] == ["acknowledged"]
    alert = await the_alert(notify)
    assert alert["acknowledged_by"].startswith("district_office@184")
    assert "huyện Văn Quan" in alert["acknowledged_name"]
    assert (alert["acknowledged_note"], alert["notes"]) == ("Đang rà soát.", [])
    entry = json.loads((await said.next_msg(timeout=60)).data)
    assert (entry["alert"], entry["by"]) == (alert["id"], alert["acknowledged_by"])
    assert await notify.rows("SELECT 1 FROM notify.escalation") == []
    await eventually(lambda: mailbox.flags == ["R"])


async def test_anything_else_is_a_note_at_the_alert_and_acknowledges_nothing(
    notify: NotifyService, mailbox: AnswersMailbox
) -> None:
    mail = await told(notify)
    await mailbox.send(an_answer(mail, "Việc này của xã.\n<b>OK</b>"))
    assert await answers(notify, 1) == [("note", "Việc này của xã.\n<b>OK</b>")]
    alert = await the_alert(notify)
    assert (alert["is_open"], alert["acknowledged_at"]) == (True, None)
    [note] = alert["notes"]
    assert note["words"] == "Việc này của xã.\n<b>OK</b>"
    assert note["by"].startswith(DISTRICT_OFFICE.name)
    assert await notify.rows("SELECT 1 FROM notify.escalation")
    [answer] = [answer for notice in await notify.notices() for answer in notice["answers"]]
    assert (answer["sender"], answer["meaning"], answer["words"]) == (OFFICE, "note", note["words"])
    theirs = (await notify.get("/v1/notices", await notify.key("184"))).json()["items"]
    [masked] = [answer["sender"] for notice in theirs for answer in notice["answers"]]
    assert "***@" in masked


async def test_what_is_no_answer_of_the_recipient_changes_nothing_and_is_recorded(
    notify: NotifyService, mailbox: AnswersMailbox
) -> None:
    mail = await told(notify)
    own = str(mail["Reply-To"])
    name, _, rest = own.partition("+")
    forged = f"{name}+{'a' * 42}@{rest.partition('@')[2]}"
    await mailbox.send(an_answer(mail, "OK", From="other@example.vn"))
    await mailbox.send(an_answer(mail, "OK", From=f"{OFFICE}, other@example.vn"))
    await mailbox.send(an_answer(mail, "OK", To=forged))
    await mailbox.send(an_answer(mail, "OK", To="traloi@langson.example.vn"))
    await mailbox.send(an_answer(mail, "OK", Auto_Submitted="auto-replied"))
    await mailbox.send(an_answer(mail, "1", X_Auto_Response_Suppress="All"))
    await mailbox.send(an_answer(mail, "1", Precedence="bulk"))
    await mailbox.send(an_answer(mail, ""))
    await mailbox.send(b"\xff\xfe: broken \x00\r\n" * 2000)
    found = [meaning for meaning, _ in await answers(notify, 9)]
    assert sorted(found) == sorted(["other_sender"] * 2 + ["unknown"] * 3 + ["automatic"] * 3 + ["unreadable"])
    alert = await the_alert(notify)
    assert (alert["acknowledged_at"], alert["notes"]) == (None, [])
    assert await notify.rows("SELECT 1 FROM notify.answer WHERE notice IS NULL AND words <> ''") == []
    await eventually(lambda: set(mailbox.flags) == {"R"})
    assert OFFICE not in notify.log


async def test_an_answer_after_thirty_days_changes_nothing(notify: NotifyService, mailbox: AnswersMailbox) -> None:
    mail = await told(notify)
    async with notify.engine.begin() as connection:
        await connection.execute(update(table_of(NoticeRow)).values(created_at=utc_now() - timedelta(days=31)))
    await mailbox.send(an_answer(mail, "OK"))
    assert [meaning for meaning, _ in await answers(notify, 1)] == ["expired"]
    assert (await the_alert(notify))["acknowledged_at"] is None


async def test_a_huge_answer_is_read_by_its_beginning(notify: NotifyService, mailbox: AnswersMailbox) -> None:
    mail = await told(notify)
    await mailbox.send(an_answer(mail, "đã nhận", attached=b"x" * 15_000_000))
    assert [meaning for meaning, _ in await answers(notify, 1)] == ["acknowledged"]


async def test_an_answer_waits_while_the_server_is_away_and_is_taken_once_after_a_crash(
    notify: NotifyService, mailbox: AnswersMailbox
) -> None:
    mail = await told(notify)
    await mailbox.stop()
    await eventually(lambda: "mailbox of answers cannot be read" in notify.log)
    await mailbox.send(an_answer(mail, "Cần thêm kinh phí"))
    await mailbox.start()
    assert await answers(notify, 1) == [("note", "Cần thêm kinh phí")]
    await eventually(lambda: mailbox.flags == ["R"])
    # a process that was killed between the record and the mark finds the mail again
    [kept] = list((mailbox.directory / "traloi").glob("*/*:2,R"))
    kept.rename(kept.with_name(kept.name.removesuffix("R")))
    await notify.kill()
    await notify.start()
    await eventually(lambda: mailbox.flags == ["R"])
    assert len((await the_alert(notify))["notes"]) == 1


async def test_operators_hear_that_the_mailbox_stays_away_and_that_it_is_back(
    notify: NotifyService, mailbox: AnswersMailbox
) -> None:
    async with Receiver().serve() as receiver:
        await notify.stop()
        notify.env.update(NTM_OPERATORS=f"{receiver.url}/hook", NTM_OPERATORS_WEBHOOK_SECRET="whsec_" + "c2VjcmV0" * 6)
        await notify.start()
        await mailbox.stop()
        await eventually(lambda: standings(receiver) == ["raised"], explain=lambda: notify.log)
        await mailbox.start()
        await eventually(lambda: standings(receiver) == ["raised", "ended"], explain=lambda: notify.log)


def standings(receiver: Receiver) -> list[str]:
    """Return what the operators' webhook was told of the mailbox of answers, oldest first."""
    items = [item for body in receiver.bodies for item in json.loads(body)["data"]]
    return [item["standing"] for item in items if item["code"] == "answers"]


async def test_a_server_that_proves_itself_by_nobody_we_know_is_not_told_the_password(
    notify: NotifyService, mailbox: AnswersMailbox
) -> None:
    await notify.stop()
    notify.env["NTM_MAIL_ANSWERS_CA_FILE"] = ""
    await notify.start()
    await eventually(lambda: "mailbox of answers cannot be read" in notify.log)
    assert "CERTIFICATE_VERIFY_FAILED" in notify.log
    assert "with marks" not in notify.log


async def test_a_mail_that_asks_for_nothing_asks_for_no_answer(notify: NotifyService) -> None:
    await notify.publish(a_status_change(Event.MET))
    await notify.settled()
    assert all("trả lời thư này" not in mail.text for mail in notify.mails)
