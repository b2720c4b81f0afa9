"""Notify against real parts: it sends each event from NATS as mail and SMS once, whatever fails meanwhile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from uuid import uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from nats.aio.client import Client
from sqlalchemy import Connection

from shared.contracts import subjects
from shared.contracts.refs import UnitRef
from shared.contracts.status import Event
from shared.contracts.verdict_change import TargetChanged
from shared.nats.cloud_events import Message, cloud_event
from shared.nats.publishing import publish
from shared.postgres.migrations import schema_metadata
from shared.stable_id import stable_id
from tests.changes import (
    DISTRICT_OFFICE,
    POVERTY,
    a_contact,
    a_status_change,
    a_target_change,
    changes_of_communes,
)
from tests.integration.notify_service import UNKNOWN_MAILBOX, NotifyService, as_message, notify_service
from tests.servers import NatsServer, PostgresServer
from tests.waiting import eventually

CONTACTS = [
    DISTRICT_OFFICE,
    a_contact("poverty_division", "20", emails=["btxh@example.vn"]),
    a_contact("coordination_office", "20", emails=[UNKNOWN_MAILBOX]),
]


@pytest.fixture
async def notify(
    tmp_path: Path, nats: Client, nats_server: NatsServer, migrated_database_url: str
) -> AsyncIterator[NotifyService]:
    async with notify_service(tmp_path, nats, nats_server, migrated_database_url, CONTACTS) as service:
        yield service


@pytest.fixture
async def running(notify: NotifyService) -> NotifyService:
    await notify.start()
    return notify


async def test_a_change_on_nats_becomes_mail_and_sms(running: NotifyService) -> None:
    change = a_status_change()
    await running.publish(change)
    await running.settled()

    mailboxes = sorted(mail.to[0] for mail in running.mails)
    assert mailboxes == ["btxh@example.vn", "ldtbxh.vanquan@example.vn"], await running.notices()
    [sms] = running.messages
    assert (sms.sender, sms.to) == ("NTMLangSon", ["84912345678"])
    assert sms.text.startswith("NTM 06280 Diem He, Van Quan: tieu chi 11 cham tien do, con thieu 63 ho")

    [of_division] = [mail for mail in running.mails if mail.to == ["btxh@example.vn"]]
    raw = running.postbox.outbox.raw_mail(of_division.n)
    assert raw
    mail = message_from_bytes(raw, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert mail["Subject"] == "Điềm He (Văn Quan): tiêu chí 11 chậm tiến độ, còn thiếu 63 hộ"
    assert text
    assert html
    assert "còn thiếu 63 hộ" in text.get_content()
    assert "Nghèo đa chiều" in html.get_content()

    notices = await running.notices()
    assert {(item["recipient"], item["channel"], item["status"]) for item in notices} == {
        ("district_office@184", "email", "sent"),
        ("district_office@184", "sms", "sent"),
        ("poverty_division@20", "email", "sent"),
    }
    assert all([attempt["outcome"] for attempt in item["attempts"]] == ["sent"] for item in notices)


def of_plan(change: TargetChanged) -> Message:
    """Build the message by which a commitment's change goes out under its plan."""
    subject = subjects.target_of_plan(change.unit.code, change.plan or "", change.commitment.id)
    body, event_id = change.model_dump_json().encode(), stable_id(change.id, "v2")
    return cloud_event(subject, body, event_id=event_id, kind="target.changed", source="test", at=change.at)


async def test_a_commitments_change_is_told_once_though_it_comes_twice_and_also_where_its_plan_is_closing(
    running: NotifyService,
) -> None:
    in_force, closing = a_target_change(plan="lang-son-2023"), a_target_change(Event.MISSED, plan="lang-son-2022")

    async def told(mails: int) -> None:
        def is_told() -> bool:
            return len([mail for mail in running.mails if mail.to == ["btxh@example.vn"]]) == mails

        await eventually(is_told, explain=lambda: running.log)

    await publish(running.nats, [of_plan(in_force), as_message(in_force)])
    await told(1)
    await publish(running.nats, [of_plan(closing)])  # apart, since one mail would tell of both
    await told(2)
    await running.settled(2)
    topics = await running.rows("SELECT topic FROM notify.alert WHERE kind = 'target' ORDER BY topic")
    assert [row.topic for row in topics] == ["lang-son-2022/poverty-communes", "poverty-communes"]


async def test_what_became_of_an_alert_is_published_without_addresses(running: NotifyService, nats: Client) -> None:
    subscription = await nats.jetstream().subscribe("ntm.v1.alerts.06280.>", ordered_consumer=True)
    change = a_status_change()
    await running.publish(change)
    bodies = [json.loads((await subscription.next_msg(timeout=60)).data) for _ in range(4)]
    assert sorted(body["event"] for body in bodies) == ["raised", "sent", "sent", "sent"]
    assert {body["alert"] for body in bodies} == {str(change.id)}
    assert "example.vn" not in json.dumps(bodies)
    assert "912345678" not in json.dumps(bodies)


async def test_the_same_event_again_doubles_nothing(running: NotifyService, nats: Client) -> None:
    change = a_status_change()
    await running.publish(change)
    await running.settled()
    again = as_message(change)
    await publish(nats, [Message(again.subject, again.body, {**again.headers, "Nats-Msg-Id": str(uuid4())})])
    await running.publish(a_status_change(Event.MET, at=change.at + timedelta(hours=1)))
    await running.settled(alerts=2)
    assert len(running.mails) == 4
    assert len(running.messages) == 1, "an SMS is for what asks for something"


async def test_while_the_mail_server_is_away_notices_wait_and_outlive_the_service(notify: NotifyService) -> None:
    await notify.mail_server.stop()
    await notify.start()
    await notify.publish(a_status_change())

    async def tried_in_vain() -> bool:
        waiting = await notify.notices(channel="email", status="temporary_failure")
        return len(waiting) == 2 and all(len(item["attempts"]) > 1 for item in waiting)

    await eventually(lambda: notify.notices(channel="sms", status="sent"), explain=lambda: notify.log)
    await eventually(tried_in_vain, explain=lambda: notify.log)
    await notify.kill()
    await notify.leases_end()
    await notify.mail_server.start()
    await notify.start()
    await notify.settled()
    assert len(notify.mails) == 2
    assert len(notify.messages) == 1
    assert {item["status"] for item in await notify.notices()} == {"sent"}


async def test_what_came_while_the_service_was_away_is_told_when_it_is_back(running: NotifyService) -> None:
    await running.stop()
    changes = changes_of_communes(30)
    await running.publish(*changes)
    await running.start()
    await running.settled(alerts=30)
    told = {
        (str(item["recipient"]), alert["alert"])
        for item in await running.notices(channel="email")
        for alert in item["alerts"]
        if item["status"] == "sent" and not alert["left_out"]
    }
    assert told >= {("district_office@184", str(change.id)) for change in changes}
    assert told >= {("poverty_division@20", str(change.id)) for change in changes if change.criterion == POVERTY}
    assert len({mail.id for mail in running.mails}) == len(running.mails) < 30


async def with_many_desks(notify: NotifyService) -> None:
    """Add three contacts of an office, each with twenty addresses."""
    for office in range(3):
        emails = [f"office{office}.{desk}@example.vn" for desk in range(20)]
        contact = a_contact("district_office", "184", name=f"Phòng {office}", emails=emails)
        answer = await notify.post("/v1/contacts", await notify.key("184"), json=contact.model_dump(mode="json"))
        assert answer.status_code == 201, answer.text


async def test_a_service_that_is_stopped_leaves_nothing_leased(running: NotifyService) -> None:
    await with_many_desks(running)
    running.mail_server.answers.clear()
    await running.publish(a_status_change())
    await asyncio.wait_for(running.mail_server.has_mail.wait(), 60)
    stopping = asyncio.create_task(running.stop())
    await eventually(lambda: "Waiting for application shutdown" in running.log)
    await asyncio.sleep(0.5)  # by now its workers wait for the attempts that they have begun
    running.mail_server.answers.set()
    await stopping
    standing = await running.rows("SELECT status, count(*) FROM notify.notice GROUP BY status")
    assert {row.status for row in standing} == {"created", "sent"}
    await running.start()
    await running.settled()
    assert len(running.mails) == len({mail.id for mail in running.mails}) == 62


async def test_while_a_gateway_rests_nothing_stays_leased(notify: NotifyService) -> None:
    await notify.mail_server.stop()
    await notify.start()
    await with_many_desks(notify)
    await notify.publish(a_status_change())

    async def it_rests() -> bool:
        standing = await notify.rows("SELECT status FROM notify.notice WHERE channel = 'email'")
        return len(standing) >= 62 and {row.status for row in standing} == {"created", "temporary_failure"}

    await eventually(it_rests, explain=lambda: notify.log)


async def test_a_kill_while_notices_go_out_loses_none(running: NotifyService) -> None:
    await with_many_desks(running)
    await running.publish(a_status_change())

    async def some_are_out() -> bool:
        return len(running.mails) > 5

    await eventually(some_are_out, explain=lambda: running.log)
    await running.kill()
    await running.leases_end()
    await running.start()

    async def all_are_told() -> bool:
        return len(await running.rows("SELECT 1 FROM notify.notice WHERE status = 'sent'")) == 63

    await eventually(all_are_told, explain=lambda: running.log)
    assert len({mail.id for mail in running.mails}) == 62
    assert len(running.mails) - 62 <= 4, "at most one mail a session is repeated, under its Message-ID"


async def test_a_mail_that_is_sent_while_the_database_is_away_is_not_sent_twice(
    running: NotifyService, postgres_server: PostgresServer
) -> None:
    running.mail_server.answers.clear()
    await running.publish(a_status_change())
    await running.mail_server.has_mail.wait()
    await postgres_server.kill()
    running.mail_server.answers.set()

    async def both_mails_are_out() -> bool:
        return len(running.mails) == 2

    await eventually(both_mails_are_out, explain=lambda: running.log)
    await postgres_server.restart()
    await running.engine.dispose()
    await running.settled()
    assert len(running.mails) == 2
    assert running.service.process
    assert running.service.process.returncode is None


async def test_a_message_that_nobody_can_read_is_parked_and_the_others_go_on(
    running: NotifyService, nats: Client
) -> None:
    good = as_message(a_status_change())
    nowhere = as_message(a_status_change(unit=UnitRef(code="99999", name="xã X", kind="commune")))
    poison = Message("ntm.v1.status.184.06280.ntm-11", b'{"\x00": ')
    await publish(nats, [poison, good, nowhere])
    await running.settled()

    async def both_are_parked() -> bool:
        return len(await running.rows("SELECT 1 FROM notify.parked")) == 2

    await eventually(both_are_parked, explain=lambda: running.log)
    await running.settled()
    told = await running.notices(status="sent", channel="email")
    assert len([item for item in told if item["alerts"][0]["event"] == "fell_behind"]) == 2


async def test_an_address_that_became_known_is_used_when_a_notice_is_sent_again(notify: NotifyService) -> None:
    await notify.start()
    await notify.publish(a_target_change())
    await notify.settled()
    [lost] = await notify.notices(recipient="department_leadership@20")
    await notify.stop()
    path = notify.service.log.parent / "contacts.yaml"
    path.write_text(path.read_text() + "- {role: department_leadership, unit: '20', name: L, emails: [l@example.vn]}\n")
    await notify.start()
    answer = await notify.post(f"/v1/notices/{lost['id']}/resend", await notify.key("20"))
    assert answer.status_code == 202
    await notify.settled()
    assert "l@example.vn" in [mail.to[0] for mail in notify.mails]


async def test_wrong_keys_of_the_gateway_are_a_technical_failure_that_is_tried_again(notify: NotifyService) -> None:
    notify.env["NTM_SMS_SECRET_KEY"] = "wrong"
    await notify.start()
    await notify.publish(a_status_change())

    async def refused_twice() -> bool:
        [sms] = await notify.notices(channel="sms") or [{"attempts": [], "status": ""}]
        return sms["status"] == "technical_failure" and len(sms["attempts"]) > 1

    await eventually(refused_twice, explain=lambda: notify.log)
    await notify.stop()
    notify.env["NTM_SMS_SECRET_KEY"] = "secret-key"
    await notify.start()
    await notify.settled()
    assert len(notify.messages) == 1


async def test_neither_phones_nor_keys_reach_the_log(notify: NotifyService) -> None:
    await notify.mail_server.stop()
    await notify.start()
    await notify.publish(a_status_change())

    async def tried() -> bool:
        return "notice not sent" in notify.log

    await eventually(tried, explain=lambda: notify.log)
    seed = await asyncio.to_thread(Path(notify.env["NTM_NATS_SEED_FILE"]).read_text)
    for secret in ("912345678", "secret-key", "api-key", seed):
        assert secret not in notify.log


async def test_the_migrations_make_the_tables_that_the_code_has(notify: NotifyService) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "include_name": lambda name, kind, _: kind != "schema" or name == "notify",
                "include_object": lambda _, name, kind, *__: (kind, name) != ("table", "alembic_version"),
            },
        )
        return list(compare_metadata(context, schema_metadata("notify")))

    async with notify.engine.connect() as connection:
        assert await connection.run_sync(differences) == []
