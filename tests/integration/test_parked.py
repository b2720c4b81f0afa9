"""`ntm parked` lists, shows, replays and drops the messages that a service could not process."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from services.intake.storage.tables import SubmissionRow as Receipts
from services.notify.storage.tables import AlertRow, OutboxRow, ParkedRow
from services.scoring.storage.tables import ReadingRow, SubmissionRow
from services.scoring.update.rebuild import rebuild
from shared.contracts import subjects
from shared.contracts.parked_message import Parked, ReplayRequest
from shared.contracts.refs import UnitRef
from shared.nats.cloud_events import Message, cloud_event
from shared.nats.publishing import publish
from shared.postgres.statements import table_of
from shared.reference.load import PACKAGED, follow_each_other, load
from shared.service.outbox import Relay, put
from shared.service.parking import ParkingPlace
from shared.time import utc_now
from tests.builders import a_posted_submission, an_accepted_submission
from tests.changes import a_status_change
from tests.integration.notify_service import as_message
from tests.running import START, Service, Surroundings
from tests.waiting import eventually

NEW = "99001"
"""A commune of Văn Quan that only the mended reference data know."""


@pytest.fixture(scope="session")
def mended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("reference") / "mended"
    shutil.copytree(PACKAGED, directory, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    with (directory / "units.csv").open("a", encoding="utf-8") as units:
        units.write(f"9001,{NEW},Xã Mới,commune,16,2020-01-01,2025-06-30\n")
    return directory


def new_report(**changes: Any) -> Message:
    submission = an_accepted_submission(unit=NEW, **changes)
    return Message(subjects.submission("184", NEW), submission.model_dump_json().encode())


async def listed(around: Surroundings, *options: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(await around.ntm("parked", "--json", *options))
    return found


async def parked(around: Surroundings, messages: int = 1) -> list[dict[str, Any]]:
    """Wait until this number of messages is parked; return them."""

    async def so_many() -> list[dict[str, Any]]:
        found = await listed(around)
        return found if len(found) == messages else []

    found: list[dict[str, Any]] = await eventually(so_many)
    return found


async def count(around: Surroundings, model: Any) -> int:
    async with around.engine.connect() as connection:
        return await connection.scalar(select(func.count()).select_from(table_of(model))) or 0


async def told(around: Surroundings) -> list[Parked]:
    return [Parked.model_validate_json(message.data) for message in await around.published(subjects.ALL_PARKED)]


async def restarted(around: Surroundings, service: Service, mended: Path) -> Service:
    await service.stop()
    return await around.start(service.name, NTM_REFERENCE_DIR=str(mended))


async def test_a_parked_submission_is_scored_once_the_reference_data_know_its_unit(
    around: Surroundings, mended: Path
) -> None:
    intake = await around.start("intake", NTM_REFERENCE_DIR=str(mended))
    scoring = await around.start("scoring")
    async with intake.client(await around.key("184")) as client:
        receipt = (await client.post("/v1/submissions", json=a_posted_submission(unit=NEW))).json()

        async def is_(status: str) -> bool:
            tracked = (await client.get(f"/v1/submissions/{receipt['id']}")).json()
            page = (await client.get("/v1/submissions", params={"status": status})).json()
            return bool(tracked["status"] == status and [one["receipt"] for one in page["items"]] == [receipt])

        await eventually(lambda: is_("parked"))
        (one,) = await parked(around)
        assert (one["service"], one["number"], one["stream"], one["sequence"]) == ("scoring", 1, "SUBMISSIONS", 1)
        assert (one["subject"], one["state"]) == (f"ntm.v1.submissions.184.{NEW}", "parked")
        assert NEW in one["reason"]

        again = await around.ntm("parked", "replay", "scoring", "1", status=1)
        assert "parked: KeyError" in again
        assert await is_("parked")

        await restarted(around, scoring, mended)
        assert "scoring 1: replayed" in await around.ntm("parked", "replay", "--all")
        await eventually(lambda: is_("scored"))

    assert await listed(around) == []
    (one,) = await listed(around, "--all")
    assert (one["state"], one["number"]) == ("replayed", 1)
    assert one["settled_at"]
    assert await count(around, SubmissionRow) == 1
    await eventually(lambda: _has_told(around, 2))
    assert [event.state for event in await told(around)] == ["parked", "replayed"]
    compared = await rebuild(around.engine, around.nats, follow_each_other([load(directory=mended)]), START)
    assert (compared.submissions, compared.differences) == (1, [])


async def test_figures_are_shown_with_the_message_only(around: Surroundings) -> None:
    await around.start("scoring")
    await publish(around.nats, [new_report(readings={"households": 471147})])
    await parked(around)
    table, as_json = await around.ntm("parked"), await around.ntm("parked", "--json")
    assert NEW in table
    assert "471147" not in table + as_json
    shown = await around.ntm("parked", "show", "scoring", "1")
    assert f"subject: ntm.v1.submissions.184.{NEW}" in shown
    assert "471147" in shown
    assert "no parked message 2" in await around.ntm("parked", "show", "scoring", "2", status=1)


async def test_replays_at_the_same_time_score_it_once(around: Surroundings, mended: Path) -> None:
    scoring = await around.start("scoring")
    await publish(around.nats, [new_report()])
    await parked(around)
    await restarted(around, scoring, mended)
    await around.start("scoring", NTM_REFERENCE_DIR=str(mended))
    request = ReplayRequest(number=1).model_dump_json().encode()
    answers = await asyncio.gather(
        *(around.nats.request(subjects.replay("scoring"), request, timeout=30) for _ in range(8))
    )
    assert {json.loads(answer.data)["outcome"] for answer in answers} == {"replayed"}
    assert await count(around, SubmissionRow) == 1
    await eventually(lambda: _has_told(around, 2))
    assert [event.state for event in await told(around)] == ["parked", "replayed"]


async def _has_told(around: Surroundings, events: int) -> bool:
    return len(await told(around)) >= events


async def test_what_was_dropped_is_kept_with_who_said_so_and_never_scored(around: Surroundings, mended: Path) -> None:
    scoring = await around.start("scoring")
    await publish(around.nats, [new_report()])
    await parked(around)
    drop = ("parked", "drop", "scoring", "1", "--reason", "Gửi nhầm", "--by", "an")
    assert "scoring 1: dropped" in await around.ntm(*drop)
    assert "was dropped before" in await around.ntm(*drop, status=1)
    assert await listed(around) == []
    (one,) = await listed(around, "--all", "--service", "scoring")
    assert (one["state"], one["dropped_by"], one["drop_reason"]) == ("dropped", "an", "Gửi nhầm")
    assert one["settled_at"]
    assert NEW in one["reason"]
    await eventually(lambda: _has_told(around, 2))
    assert [(event.state, event.reason) for event in await told(around)][1:] == [("dropped", "Gửi nhầm")]

    await restarted(around, scoring, mended)
    assert "dropped: Gửi nhầm" in await around.ntm("parked", "replay", "scoring", "1", status=1)
    assert await count(around, SubmissionRow) == 0


async def test_a_message_that_its_stream_has_lost_is_replayed_from_the_copy(around: Surroundings, mended: Path) -> None:
    scoring = await around.start("scoring")
    await publish(around.nats, [new_report()])
    await parked(around)
    await around.nats.jetstream().delete_msg(subjects.SUBMISSIONS_STREAM, 1)
    await restarted(around, scoring, mended)
    await around.ntm("parked", "replay", "scoring", "1")
    assert await count(around, ReadingRow) == 3


async def test_a_message_that_intake_could_not_project_gets_its_receipt(around: Surroundings, mended: Path) -> None:
    intake = await around.start("intake")
    sent = an_accepted_submission(unit=NEW)
    await publish(around.nats, [Message(subjects.submission("184", NEW), sent.model_dump_json().encode())])
    (one,) = await parked(around)
    assert one["service"] == "intake"
    await restarted(around, intake, mended)
    await around.ntm("parked", "replay", "intake", "1")
    async with around.engine.connect() as connection:
        assert (await connection.scalars(select(table_of(Receipts).c.id))).all() == [sent.id]
    assert await listed(around) == []


async def test_an_event_that_notify_could_not_tell_is_told(around: Surroundings, mended: Path) -> None:
    mail = {"NTM_SMTP_HOST": "127.0.0.1", "NTM_SMTP_PORT": "9", "NTM_SMTP_FROM": "ntm@example.vn"}
    notify = await around.start("notify", **mail)
    change = a_status_change(unit=UnitRef(code=NEW, name="xã Mới", kind="commune"))
    await publish(around.nats, [as_message(change)])
    (one,) = await parked(around)
    assert (one["service"], one["stream"]) == ("notify", subjects.STATUS_STREAM)
    await notify.stop()
    await around.start("notify", **mail, NTM_REFERENCE_DIR=str(mended))
    await around.ntm("parked", "replay", "notify", "1")
    async with around.engine.connect() as connection:
        alerts = select(table_of(AlertRow).c.id).where(table_of(AlertRow).c.kind == "status")
        assert (await connection.scalars(alerts)).all() == [change.id]

    async def the_operators_hear_of_it() -> bool:
        async with around.engine.connect() as connection:
            events = select(table_of(AlertRow).c.event).where(table_of(AlertRow).c.kind == "operation")
            return set((await connection.scalars(events)).all()) == {"messages_parked", "messages_settled"}

    await eventually(the_operators_hear_of_it)
    await eventually(lambda: _has_told(around, 2))
    assert [(event.service, event.state) for event in await told(around)] == [
        ("notify", "parked"),
        ("notify", "replayed"),
    ]


async def test_an_outbox_may_hold_what_belongs_to_two_streams(around: Surroundings) -> None:
    heard = [subjects.alert("06280", "raised"), subjects.parked("notify"), subjects.alert("06280", "sent")]
    async with around.engine.begin() as connection:
        messages = [
            cloud_event(subject, b"{}", event_id=uuid4(), kind="test", source="tests", at=utc_now())
            for subject in heard
        ]
        await put(connection, OutboxRow, messages)
    place = ParkingPlace(around.engine, ParkedRow, OutboxRow)
    assert await Relay(around.engine, around.nats, OutboxRow, place.set_aside).relay() == 3
    assert await around.stored(subjects.ALERTS_STREAM) == 2
    assert await around.stored(subjects.STATUS_STREAM) == 1


async def test_a_replay_that_nobody_can_do_says_why(around: Surroundings) -> None:
    assert "say --all" in await around.ntm("parked", "replay", "scoring", status=2)
    assert "say --all" in await around.ntm("parked", "replay", status=2)
    assert "scoring does not run" in await around.ntm("parked", "replay", "scoring", "1", status=1)
    await around.start("scoring")
    assert "scoring 1: unknown" in await around.ntm("parked", "replay", "scoring", "1", status=1)
    answer = await around.nats.request(subjects.replay("scoring"), b'{"number": "x"}', timeout=30)
    assert json.loads(answer.data)["outcome"] == "unknown"
    assert "Nothing is parked" in await around.ntm("parked")
