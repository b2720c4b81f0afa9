"""Notify tells whoever's turn it is in a dossier once, and reminds them once when the step is due."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from nats.aio.client import Client

from shared.contracts import subjects
from shared.contracts.dossier import DossierLogged, DossierStep
from shared.nats.cloud_events import Message, cloud_event
from shared.nats.publishing import publish
from shared.time import utc_now
from tests.changes import STEP_AT, a_contact, a_dossier_step, a_turn
from tests.integration.notify_service import NotifyService, notify_service, texts
from tests.integration.test_notify_telling import make_due
from tests.servers import NatsServer
from tests.waiting import eventually

COMMITTEE, DIVISION, OFFICE = "ubnd.vanquan@example.vn", "btxh@example.vn", "vpdp@example.vn"
CONTACTS = [
    a_contact("district_committee", "184", emails=[COMMITTEE]),
    a_contact("poverty_division", "20", emails=[DIVISION]),
    a_contact("coordination_office", "20", emails=[OFFICE]),
]


@pytest.fixture
async def notify(
    tmp_path: Path, nats: Client, nats_server: NatsServer, migrated_database_url: str
) -> AsyncIterator[NotifyService]:
    async with notify_service(tmp_path, nats, nats_server, migrated_database_url, CONTACTS) as service:
        await service.start()
        yield service


def as_message(logged: DossierLogged) -> Message:
    body = logged.model_dump_json().encode()
    subject = subjects.dossier("184", logged.unit.code)
    return cloud_event(subject, body, event_id=logged.id, kind="test", source="test", at=logged.at)


async def test_whoevers_turn_it_is_hears_of_it_once_and_is_reminded_once(notify: NotifyService, nats: Client) -> None:
    logged = a_dossier_step()
    await publish(nats, [as_message(logged)])
    await notify.settled()
    again = as_message(logged)
    await publish(nats, [Message(again.subject, again.body, {**again.headers, "Nats-Msg-Id": "again"})])
    [[wait]] = await notify.rows("SELECT due_at - since FROM notify.escalation")
    assert wait >= timedelta(days=15)
    assert len(texts(notify, COMMITTEE)) == 1
    assert "chờ thẩm tra" in texts(notify, COMMITTEE)[0]

    await make_due(notify, "escalation")

    async def is_reminded() -> bool:
        return len(texts(notify, COMMITTEE)) == 2

    await eventually(is_reminded, explain=lambda: notify.log)
    assert "Nhắc việc" in texts(notify, COMMITTEE)[1]
    await notify.settled()
    assert await notify.rows("SELECT 1 FROM notify.escalation") == []
    assert len(notify.mails) == 2


async def test_a_step_that_was_taken_is_not_reminded_of_and_the_next_office_hears(
    notify: NotifyService, nats: Client
) -> None:
    await publish(nats, [as_message(a_dossier_step())])
    await notify.settled()
    later = STEP_AT + timedelta(days=1)
    turn = a_turn(DossierStep.APPRAISED, sector="labour", criteria=["ntm-11"], since=later)
    verified = a_dossier_step(step=DossierStep.VERIFIED, at=later, turns=[turn], ended=[a_turn()])
    await publish(nats, [as_message(verified)])
    await notify.settled(alerts=3)
    await make_due(notify, "escalation")

    async def is_reminded() -> bool:
        return len(texts(notify, DIVISION)) == 2

    await eventually(is_reminded, explain=lambda: notify.log)
    await notify.settled(alerts=3)
    assert len(texts(notify, COMMITTEE)) == 1
    items = (await notify.get("/v1/alerts", await notify.key("184"), open=True)).json()["items"]
    assert [(one["kind"], one["event"], one["topic"]) for one in items] == [
        ("status", "changed", "ntm/appraised/labour")
    ]
    assert items[0]["turn"]["criteria"] == ["ntm-11"]
    assert items[0]["what"]["vi"] == "hồ sơ công nhận chờ thẩm định"


async def test_routing_explains_who_hears_of_a_step_and_a_silence_may_name_it(
    notify: NotifyService, nats: Client
) -> None:
    key = await notify.key("20")
    explained = await notify.get("/v1/routes:explain", key, unit="06280", dossier="decided")
    assert [one["recipient"] for one in explained.json()["hears"]] == ["coordination_office@20"]
    assert (await notify.get("/v1/routes:explain", key, unit="06280")).status_code == 400
    ends_at = (utc_now() + timedelta(days=1)).isoformat()
    silence = {"match": {"dossiers": ["verified"]}, "ends_at": ends_at, "reason": "Nghỉ."}
    answer = await notify.post("/v1/silences", key, json=silence)
    assert answer.is_success, answer.text
    await publish(nats, [as_message(a_dossier_step())])
    await notify.settled()
    assert notify.mails == []
