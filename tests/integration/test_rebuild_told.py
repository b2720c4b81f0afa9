"""A rebuild tells nobody what is no news, and nobody a second time; open alerts agree with the state that it finds."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from nats.aio.client import Client
from sqlalchemy import text

from services.cli.migrate import prepare
from services.notify.rebuild import rebuild as rebuild_alerts
from services.scoring.storage.tables import ChangeRow
from services.scoring.update.rebuild import rebuild
from shared.backup.streams import reset_consumers
from shared.contracts import subjects
from shared.contracts.status import Event
from shared.nats.consumers import acknowledged_until
from tests.binding_plan import binding_plans
from tests.changes import DISTRICT_OFFICE, a_contact, a_problem, a_status_change, a_target_change, changes_of_communes
from tests.integration.notify_service import NotifyService, notify_service
from tests.integration.test_noticing import said_when_not_ready
from tests.integration.test_rebuild import a_history, contents, scored
from tests.integration.test_scoring import changes, count, poverty_report, put_on_stream
from tests.integration.webhook_receiver import Receiver, listening
from tests.ports import free_port
from tests.running import START, Service, Surroundings
from tests.servers import NatsServer
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("binding")

OFFICE = "vpdp@example.vn"
CONTACTS = [
    DISTRICT_OFFICE,
    a_contact("district_office", "180", emails=["bd@example.vn"]),
    a_contact("district_committee", "184", emails=["ubnd.vanquan@example.vn"]),
    a_contact("poverty_division", "20", emails=["btxh@example.vn"]),
    a_contact("coordination_office", "20", emails=[OFFICE]),
]


@pytest.fixture
async def told(
    around: Surroundings, tmp_path: Path, nats: Client, nats_server: NatsServer, migrated_database_url: str
) -> AsyncIterator[NotifyService]:
    """Notify beside the other services, with a real mail server and contacts."""
    async with notify_service(tmp_path, nats, nats_server, migrated_database_url, CONTACTS) as service:
        await service.start()
        yield service


async def open_alerts(told: NotifyService) -> list[tuple[object, ...]]:
    query = "SELECT unit, topic, event FROM notify.alert WHERE opens AND ended_at IS NULL AND kind <> 'operation'"
    return sorted(tuple(row) for row in await told.rows(query))


def sent(told: NotifyService) -> list[tuple[list[str], str]]:
    return sorted((mail.to, mail.subject) for mail in told.mails) + sorted((sms.to, sms.text) for sms in told.messages)


async def test_the_office_alone_hears_of_what_a_rebuild_finds(
    around: Surroundings, scoring: Service, told: NotifyService
) -> None:
    history = a_history()
    await put_on_stream(around, *history)
    await scored(around, len(history))
    await told.quiet()
    before, stand = sent(told), await open_alerts(told)
    assert stand, "some commune is behind"
    heard = len(await changes(around))
    async with around.engine.begin() as connection:
        await connection.execute(text("UPDATE scoring.status SET status = 'met', since = '2020-01-01'"))
    compared = await rebuild(around.engine, around.nats, binding_plans(), START, switch=True)
    assert compared.switched
    await eventually(scoring.is_ready)

    async def has_told() -> bool:
        return len(sent(told)) > len(before)

    await eventually(has_told, explain=lambda: told.log)
    await told.quiet()
    new = [one for one in sent(told) if one not in before]
    assert [to for to, _ in new] == [[OFFICE]], new
    assert "dựng lại" in new[0][1]
    assert await open_alerts(told) == stand
    marked = (await changes(around))[heard:]
    assert marked
    assert {one["cause"] for one in marked} == {"rebuild"}


async def test_nobody_hears_of_a_lost_database_that_is_made_again(
    around: Surroundings, scoring: Service, told: NotifyService
) -> None:
    history = a_history()
    await put_on_stream(around, *history)
    await scored(around, len(history))
    await told.quiet()
    before, stand, heard = sent(told), await open_alerts(told), await changes(around)
    state, published = await contents(around), await count(around, ChangeRow)
    await scoring.stop()
    async with around.engine.begin() as connection:
        await connection.execute(text("DROP SCHEMA scoring CASCADE"))
    await prepare(around.settings, None)
    await scoring.spawn()
    await said_when_not_ready(scoring)
    compared = await rebuild(around.engine, around.nats, binding_plans(), START, switch=True)
    assert compared.switched
    await eventually(scoring.is_ready)
    await put_on_stream(around, poverty_report("2023-06", 10, START))
    await scored(around, len(history) + 1)
    await told.quiet()
    now = await changes(around)
    assert now[: len(heard)] == heard
    assert now[len(heard) :], "what is new follows the last change that was published"
    assert {one["cause"] for one in now[len(heard) :]} == {"figure"}
    assert await count(around, ChangeRow) > published
    rebuilt = await contents(around)
    assert len(rebuilt["status"]) == len(state["status"])
    assert await open_alerts(told) == stand
    assert all(one in sent(told) for one in before)
    assert len([one for one in sent(told) if one in before]) == len(before)


async def test_an_alert_that_the_wrong_state_had_hidden_opens_in_silence(
    around: Surroundings, scoring: Service, told: NotifyService
) -> None:
    history = a_history()
    await put_on_stream(around, *history)
    await scored(around, len(history))
    await told.quiet()
    stand, before = await open_alerts(told), sent(told)
    async with around.engine.begin() as connection:  # as if somebody had been told that it is met
        await connection.execute(text("UPDATE notify.alert SET ended_at = now() WHERE opens"))
        await connection.execute(text("UPDATE scoring.status SET status = 'met'"))
    await rebuild(around.engine, around.nats, binding_plans(), START, switch=True)
    of_status = [one for one in stand if one[2] in ("fell_behind", "missed")]

    async def are_open() -> bool:
        return [one for one in await open_alerts(told) if one[2] in ("fell_behind", "missed")] == of_status

    await eventually(are_open, explain=lambda: told.log)
    await told.quiet()
    assert {tuple(to) for to, _ in sent(told)[len(before) :]} <= {(OFFICE,)} or len(sent(told)) == len(before) + 1


async def test_nobody_is_told_a_second_time_after_notify_lost_its_tables(
    told: NotifyService, around: Surroundings
) -> None:
    first, problem = a_status_change(), a_problem()
    await told.publish(first, problem)
    await told.settled(2)
    key = await told.key("20")
    acknowledged = await told.post(f"/v1/alerts/{first.id}/acknowledge", key, json={"note": "đã xem"})
    assert acknowledged.is_success, acknowledged.text
    await told.quiet()
    before = sent(told)
    query = "SELECT id, unit, topic, event, opens, ended_at IS NULL, acknowledged_by FROM notify.alert ORDER BY id"
    alerts = [tuple(row) for row in await told.rows(query)]
    recipients = "SELECT id, recipient, channel, status FROM notify.notice ORDER BY id"
    notices = [tuple(row) for row in await told.rows(recipients)]
    climbing = "SELECT alert, branch, step FROM notify.escalation ORDER BY alert, branch"
    climbs = [tuple(row) for row in await told.rows(climbing)]
    await told.stop()
    await lose_alerts(told)
    await told.service.spawn()
    await said_when_not_ready(told.service)
    answer = await told.get("/v1/alerts", key)
    assert answer.status_code == 503, "no empty list"
    rebuilt = await rebuild_alerts(around.engine, told.nats, binding_plans(), switch=True)
    assert (rebuilt.missing, rebuilt.untold) == (len(alerts), 0)
    await eventually(told.service.is_ready)
    assert [tuple(row) for row in await told.rows(query)] == alerts
    assert [tuple(row) for row in await told.rows(recipients)] == notices
    assert [tuple(row) for row in await told.rows(climbing)] == climbs
    second = a_status_change(criterion=first.criterion.model_copy(update={"key": "ntm-12", "number": 12}))
    await told.publish(second)
    await told.settled(3)
    assert [one for one in sent(told) if one not in before], "what is new is told"
    assert all(one in sent(told) for one in before)
    assert len([one for one in sent(told) if one in before]) == len(before), "what is old is not"
    assert (await rebuild_alerts(around.engine, told.nats, binding_plans(), switch=False)).is_same


async def test_what_an_older_copy_still_has_to_tell_is_not_told_again(
    told: NotifyService, around: Surroundings
) -> None:
    """The copy is from when one notice was due, and the alert of another one was gathered."""
    change = a_status_change()
    await told.publish(change)
    await told.settled()
    await told.log_published()
    before = sent(told)
    notices = await told.rows(
        "SELECT id, gathering FROM notify.notice WHERE status = 'sent' ORDER BY gathering NULLS LAST"
    )
    due, gathered = notices[-1], notices[0]
    assert gathered.gathering
    assert due.id != gathered.id
    await told.stop()
    async with told.engine.begin() as connection:
        for statement in (
            "UPDATE notify.notice SET status = 'created', due_at = now(), attempts = 0 WHERE id = :due",
            "DELETE FROM notify.attempt WHERE notice IN (:due, :gathered)",
            "DELETE FROM notify.mention WHERE notice = :gathered",
            "DELETE FROM notify.notice WHERE id = :gathered",
            "INSERT INTO notify.gathered VALUES (:gathering, :alert, 0)",
            "UPDATE notify.gathering SET due_at = now() - interval '1 minute', waits = 'group', told_at = NULL "
            "WHERE id = :gathering",
        ):
            ids = {"due": due.id, "gathered": gathered.id, "gathering": gathered.gathering, "alert": change.id}
            used = {name: value for name, value in ids.items() if re.search(rf":{name}\b", statement)}
            await connection.execute(text(statement), used)
    rebuilt = await rebuild_alerts(around.engine, told.nats, binding_plans(), switch=True)
    assert (rebuilt.settled, rebuilt.notices) == (2, 1)
    await told.start()
    await told.settled()
    assert sent(told) == before
    assert {row.status for row in await told.rows("SELECT status FROM notify.notice")} <= {"sent", "permanent_failure"}
    assert (await rebuild_alerts(around.engine, told.nats, binding_plans(), switch=False)).is_same


async def test_what_was_not_told_yet_is_told_after_the_rebuild(told: NotifyService, around: Surroundings) -> None:
    await told.mail_server.stop()  # the mails wait for their next attempt
    target = a_target_change()  # its owners are told by mail alone
    await told.publish(target)

    async def is_recorded() -> bool:
        [row] = await told.rows("SELECT (SELECT count(*) FROM notify.notice), (SELECT count(*) FROM notify.outbox)")
        return row[0] > 0 and row[1] == 0

    await eventually(is_recorded)
    await told.stop()
    assert not told.mails
    await lose_alerts(told)
    await told.mail_server.start()
    await told.service.spawn()
    await said_when_not_ready(told.service)
    around.services.append(told.service)
    said = await around.ntm("rebuild", status=1)
    assert "notify tells the others" in said
    assert "keys, contacts, silences" in said
    await eventually(lambda: any(mail.to == ["btxh@example.vn"] for mail in told.mails), explain=lambda: told.log)
    await told.settled()
    assert len([mail for mail in told.mails if mail.to == ["btxh@example.vn"]]) == 1
    assert len(set(map(str, sent(told)))) == len(sent(told)), "nobody is told the same twice"


@pytest.mark.parametrize("is_restored", [False, True], ids=["lost", "restored"])
async def test_only_those_who_were_not_told_yet_are_told_after_the_rebuild(
    told: NotifyService, around: Surroundings, is_restored: bool
) -> None:
    """The mail had gone out; the gateway and a subscribed system had not answered yet."""
    receiver, gateway = Receiver(), told.env["NTM_SMS_URL"]
    receiver.status = 503
    async with listening(receiver) as url:
        await told.stop()
        told.env["NTM_SMS_URL"] = f"http://127.0.0.1:{free_port()}"
        await told.start()
        hook = {"url": url, "unit": "184", "match": {"events": ["fell_behind", "missed"]}}
        made = await told.post("/v1/subscriptions", await told.key("184"), json=hook)
        assert made.status_code == 201, made.text
        consumer = await acknowledged_until(told.nats.jetstream(), subjects.STATUS_STREAM, "notify-status")
        change = a_status_change(Event.MISSED)
        await told.publish(change)

        async def mails_are_sent() -> bool:
            rows = await told.rows("SELECT status FROM notify.notice WHERE channel = 'email' AND address <> ''")
            [logged] = await told.rows("SELECT count(*) FROM notify.outbox")
            return bool(rows) and {row.status for row in rows} == {"sent"} and logged[0] == 0

        await eventually(mails_are_sent, explain=lambda: told.log)
        waiting = await told.rows(
            "SELECT DISTINCT channel FROM notify.notice WHERE due_at IS NOT NULL ORDER BY channel"
        )
        assert [row.channel for row in waiting] == ["sms", "webhook"]
        before = sent(told)
        await told.stop()
        await lose_alerts(told)
        if is_restored:  # the consumer begins where the database ends
            await reset_consumers(told.nats, {subjects.STATUS_STREAM: {"notify-status": consumer or 0}})
        receiver.status = 204
        told.env["NTM_SMS_URL"] = gateway
        rebuilt = await rebuild_alerts(around.engine, told.nats, binding_plans(), switch=True)
        assert (rebuilt.missing, rebuilt.untold) == (1, 1)
        await told.start()
        await told.settled(1)
        await eventually(lambda: receiver.heard, explain=lambda: told.log)
        await eventually(lambda: told.messages, explain=lambda: told.log)
        await told.settled(1)
    assert [json["data"]["id"] for _, json in receiver.heard] == [str(change.id)]
    assert [one for one in sent(told) if one not in before] == [(sms.to, sms.text) for sms in told.messages]
    assert len(told.messages) == 1
    assert len(told.mails) == len([one for one in before if isinstance(one[0], list)])
    assert not await told.rows("SELECT 1 FROM notify.parked WHERE state = 'parked'")
    assert (await rebuild_alerts(around.engine, told.nats, binding_plans(), switch=False)).is_same


async def test_what_was_raised_while_the_log_was_behind_is_told_after_the_rebuild(
    told: NotifyService, around: Surroundings
) -> None:
    """The log's entries of an event were never published; that of another alert came into the log after the event."""
    events, js = changes_of_communes(3, Event.MISSED), told.nats.jetstream()
    for number, event in enumerate(events, 1):
        await told.publish(event)
        await told.settled(number)
    await told.quiet()
    before = sent(told)
    _, lost, _ = events
    await told.stop()
    for message in await around.published(subjects.ALL_ALERTS):
        if json.loads(message.data)["alert"] == str(lost.id):
            await js.delete_msg(subjects.ALERTS_STREAM, message.metadata.sequence.stream)
    await lose_alerts(told)
    rebuilt = await rebuild_alerts(around.engine, told.nats, binding_plans(), switch=True)
    assert (rebuilt.missing, rebuilt.untold) == (3, 1)
    await told.start()
    await told.settled(3)
    again = sent(told)
    for one in before:
        again.remove(one)
    assert again, "nobody knows whether it was told, so it is told"
    names = lost.unit.code, lost.unit.name.removeprefix("xã ")  # an SMS has the code, a mail's subject the name
    assert all(any(name in text for name in names) for _, text in again), again
    assert (await rebuild_alerts(around.engine, told.nats, binding_plans(), switch=False)).is_same


async def lose_alerts(told: NotifyService) -> None:
    names = ("alert", "notice", "mention", "escalation", "gathering", "gathered", "attempt", "parked")
    async with told.engine.begin() as connection:
        await connection.execute(text(f"TRUNCATE {', '.join(f'notify.{name}' for name in names)}"))
