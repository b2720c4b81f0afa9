"""A database put back from yesterday's backup beside today's streams: nothing is lost, and nobody is told twice."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from nats.aio.client import Client

from services.notify.rebuild import lack_what_was_told
from shared.contracts import subjects
from shared.contracts.alert import AlertEvent, AlertLogged
from shared.time import utc_now
from tests.integration.notify_service import NotifyService, notify_service
from tests.integration.test_backup import Filled
from tests.integration.test_noticing import said_when_not_ready
from tests.integration.test_rebuild import contents
from tests.integration.test_rebuild_told import CONTACTS, open_alerts, sent
from tests.running import START, Surroundings
from tests.servers import NatsServer
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("binding")

COMMUNES = ("06280", "06004", "06283")


@dataclass
class Told:
    """A filled system whose notify tells real contacts."""

    filled: Filled
    notify: NotifyService

    async def settled(self) -> None:
        await self.filled.settled()
        await self.notify.quiet()

    async def start(self) -> None:
        for service in self.filled.around.services:
            await service.start()

    async def changes(self) -> list[dict[str, Any]]:
        published = await self.filled.around.published(subjects.ALL_STATUSES)
        return [json.loads(message.data) for message in published]

    async def receipts(self) -> dict[str, Any]:
        async with self.filled.service("intake").client(self.filled.key) as client:
            return {one: (await client.get(f"/v1/submissions/{one}")).json() for one in self.filled.receipts}

    async def verdicts(self) -> dict[str, Any]:
        async with self.filled.service("scoring").client(self.filled.key) as client:
            return {unit: (await client.get(f"/v1/communes/{unit}")).json()["statuses"] for unit in COMMUNES}

    async def state(self) -> dict[str, list[Any]]:
        """Return scoring's state, but for commitments of which there are no figures: these hold until they are due."""
        state = await contents(self.filled.around)
        return {**state, "target": [row for row in state["target"] if "no_data" not in row]}

    async def acknowledgements(self) -> list[Any]:
        query = "SELECT id, acknowledged_by, ended_at IS NULL FROM notify.alert WHERE kind <> 'operation' ORDER BY id"
        return [tuple(row) for row in await self.notify.rows(query)]

    async def told_twice(self) -> list[Any]:
        """Return the alerts that a recipient was told of more than once by the same channel."""
        query = (
            "SELECT m.alert, n.recipient, n.channel FROM notify.mention AS m JOIN notify.notice AS n "
            "ON n.id = m.notice GROUP BY m.alert, n.recipient, n.channel HAVING count(*) > 1"
        )
        return [tuple(row) for row in await self.notify.rows(query)]

    async def told(self) -> list[Any]:
        query = "SELECT id, recipient, channel, status FROM notify.notice ORDER BY id"
        return [tuple(row) for row in await self.notify.rows(query)]


def follows(changes: list[dict[str, Any]]) -> bool:
    """Say whether each change of a verdict begins with the status with which the one before it ended."""
    last: dict[tuple[str, str], str] = {}
    for change in changes:
        place = change["unit"]["code"], change["criterion"]["key"]
        if place in last and change["before"] != last[place]:
            return False
        last[place] = change["after"]
    return True


@pytest.fixture
async def told(
    around: Surroundings, tmp_path: Path, nats: Client, nats_server: NatsServer, migrated_database_url: str
) -> AsyncIterator[Told]:
    filled = Filled(around)
    for service in ("intake", "scoring"):
        await around.start(service)
    filled.key = await around.key("20", agency="province")
    async with notify_service(tmp_path, nats, nats_server, migrated_database_url, CONTACTS) as notify:
        await notify.start()
        around.services.append(notify.service)
        told = Told(filled, notify)
        await filled.post(COMMUNES, 31)
        await told.settled()
        yield told


async def yesterday_and_today(told: Told, backup: Path) -> None:
    """Back up, then have communes lose and win a criterion, time pass, and an office acknowledge an alert."""
    await told.filled.ntm("backup", str(backup))
    await told.filled.post(COMMUNES[:2], 240, revision=2)
    await told.settled()
    day = START + timedelta(days=6)
    await told.filled.around.set_day(day)

    async def is_judged() -> bool:
        return bool(await told.filled.service("scoring").fact("ticked") == day.isoformat())

    await eventually(is_judged)
    await told.settled()
    [alert, *_] = await told.notify.rows("SELECT id FROM notify.alert WHERE opens AND ended_at IS NULL ORDER BY id")
    answer = await told.notify.post(f"/v1/alerts/{alert.id}/acknowledge", told.filled.key, json={"note": "đã xem"})
    assert answer.is_success, answer.text
    await told.filled.post(COMMUNES[:1], 31, revision=3)
    await told.settled()


async def test_only_the_database_put_back_tells_nobody_again(told: Told, tmp_path: Path) -> None:
    await yesterday_and_today(told, tmp_path / "b")
    before, heard = sent(told.notify), await told.changes()
    assert follows(heard)
    receipts, verdicts, alerts = await told.receipts(), await told.verdicts(), await open_alerts(told.notify)
    acknowledged, notices = await told.acknowledgements(), await told.told()
    state = await told.state()

    await told.filled.stop()
    await told.filled.destroy_database()
    said = await told.filled.restore(str(tmp_path / "b"), "--only", "database")
    assert "of which nobody is told again" in said
    await told.start()
    await told.settled()
    assert await told.receipts() == receipts
    assert await told.verdicts() == verdicts
    assert await told.changes() == heard
    assert await open_alerts(told.notify) == alerts
    assert await told.acknowledgements() == acknowledged
    assert await told.told() == notices
    assert sent(told.notify) == before
    assert await told.state() == state
    await told.filled.ntm("rebuild", "--verify")

    await told.filled.post(COMMUNES[1:2], 31, revision=3)
    await told.settled()
    assert follows(await told.changes())
    assert [one for one in sent(told.notify) if one not in before], "what is new is told"
    assert await told.told_twice() == []


async def test_a_database_put_back_by_others_is_made_again_and_nobody_is_told_again(told: Told, tmp_path: Path) -> None:
    """Without the files by which the state was judged, `ntm restore` leaves the rest to `ntm rebuild`."""
    await yesterday_and_today(told, tmp_path / "b")
    before, heard = sent(told.notify), await told.changes()
    receipts, verdicts, notices = await told.receipts(), await told.verdicts(), await told.told()
    await told.filled.stop()
    await told.filled.destroy_database()
    await told.filled.ntm("restore", str(tmp_path / "b"), "--only", "database", user="migrate", NTM_PLAN="other")
    for service in told.filled.around.services:
        await service.spawn()
    for held_back in (told.filled.service("scoring"), told.notify.service):
        await said_when_not_ready(held_back)
    await told.filled.ntm("rebuild", status=1)
    for service in told.filled.around.services:
        await eventually(service.is_ready)
    await told.settled()
    assert await told.receipts() == receipts
    assert await told.verdicts() == verdicts
    assert await told.changes() == heard
    assert await told.told() == notices
    assert sent(told.notify) == before


_NEWEST = "CREATE TEMPORARY TABLE newest AS SELECT id FROM notify.notice ORDER BY created_at DESC, id LIMIT 1"
_OLDER_NOTIFY = {
    "the newest notice had not gone out yet": [
        _NEWEST,
        "DELETE FROM notify.attempt WHERE notice IN (TABLE newest)",
        "UPDATE notify.notice SET status = 'created', due_at = now(), attempts = 0 WHERE id IN (TABLE newest)",
    ],
    "the newest notice was not made yet": [
        _NEWEST,
        "DELETE FROM notify.attempt WHERE notice IN (TABLE newest)",
        "DELETE FROM notify.mention WHERE notice IN (TABLE newest)",
        "DELETE FROM notify.notice WHERE id IN (TABLE newest)",
    ],
    "nobody had acknowledged yet": ["UPDATE notify.alert SET acknowledged_at = NULL, acknowledged_by = NULL"],
}


@pytest.mark.parametrize("case", _OLDER_NOTIFY)
async def test_a_notify_put_back_to_before_its_last_notices_tells_nobody_again(told: Told, case: str) -> None:
    """All events are as they were: only what notify itself has done since is missing."""
    [alert, *_] = await told.notify.rows("SELECT id FROM notify.alert WHERE kind <> 'operation' ORDER BY id")
    answer = await told.notify.post(f"/v1/alerts/{alert.id}/acknowledge", told.filled.key, json={})
    assert answer.is_success, answer.text
    await told.settled()
    before, notices, acknowledged = sent(told.notify), await told.told(), await told.acknowledgements()
    await told.notify.stop()
    async with told.filled.around.engine.begin() as connection:
        for statement in _OLDER_NOTIFY[case]:
            await connection.exec_driver_sql(statement)
    await told.notify.service.spawn()
    assert "ALERTS" in await said_when_not_ready(told.notify.service)
    await told.filled.ntm("rebuild", status=1)
    await eventually(told.notify.service.is_ready)
    await told.settled()
    assert sent(told.notify) == before
    assert await told.told() == notices
    assert await told.acknowledgements() == acknowledged


@pytest.mark.parametrize(("event", "lack"), [("sent", True), ("withheld", True), ("failed", False)])
async def test_a_notice_that_failed_and_is_lacking_holds_nobody_back(told: Told, event: AlertEvent, lack: bool) -> None:
    """A rebuild does not bring it back: it has its alert told again."""
    [alert, *_] = await told.notify.rows("SELECT id FROM notify.alert WHERE kind <> 'operation' ORDER BY id")
    entry = AlertLogged(
        id=uuid4(), alert=alert.id, event=event, at=utc_now(), unit="06280", notice=uuid4(), channel="email"
    )
    async with told.filled.around.engine.connect() as connection:
        assert await lack_what_was_told(connection, [entry.model_dump_json().encode(), b"no entry"]) is lack


async def test_only_the_streams_put_back_are_filled_up_and_nobody_is_told_again(told: Told, tmp_path: Path) -> None:
    await yesterday_and_today(told, tmp_path / "b")
    before, heard, state = sent(told.notify), await told.changes(), await told.state()
    receipts, verdicts, notices = await told.receipts(), await told.verdicts(), await told.told()
    submissions = await told.filled.around.published(subjects.ALL_SUBMISSIONS)

    await told.filled.stop()
    await told.filled.destroy_streams()
    assert "audit repair" in await told.filled.restore(str(tmp_path / "b"), "--only", "streams")
    await told.filled.around.set_day(START + timedelta(days=6))  # a simulated clock is one of the streams
    await told.start()
    await told.settled()
    assert len(await told.changes()) < len(heard)
    await told.filled.around.ntm("audit", "repair")
    await told.settled()
    assert await told.changes() == heard
    filled = await told.filled.around.published(subjects.ALL_SUBMISSIONS)
    assert {one.data for one in filled} == {one.data for one in submissions}
    assert len(filled) == len(submissions)
    assert await told.receipts() == receipts
    assert await told.verdicts() == verdicts
    assert await told.state() == state
    assert await told.told() == notices
    assert sent(told.notify) == before
    assert "All of it agrees" in await told.filled.around.ntm("audit", "verify")

    await told.filled.post(COMMUNES[1:2], 31, revision=3)
    await told.settled()
    assert follows(await told.changes())
    assert len(sent(told.notify)) > len(before)
