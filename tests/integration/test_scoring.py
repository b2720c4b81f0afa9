"""Scoring against a real NATS and PostgreSQL: its messages, its answers, and the failures that it survives."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select, text

from services.cli.migrate import SCHEMAS
from services.scoring.judging.changes import Moment
from services.scoring.storage.tables import ChangeRow, OutboxRow, ParkedRow, ReadingRow, SubmissionRow
from services.scoring.update.arrivals import Arrival
from services.scoring.update.daily_tick import tick
from services.scoring.update.rebuild import rebuild
from services.scoring.update.score import score
from services.scoring.update.transaction import Transaction
from shared.contracts import subjects
from shared.contracts.parked_message import Parked
from shared.contracts.submission import AcceptedSubmission
from shared.nats.cloud_events import Message
from shared.nats.publishing import BrokerUnavailableError, publish
from shared.postgres.migrations import undrafted_changes
from shared.postgres.statements import table_of
from tests.binding_plan import binding_plans, binding_reference
from tests.builders import a_warning, an_accepted_submission, as_published
from tests.running import START, Service, Surroundings
from tests.servers import NatsServer, PostgresServer
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("binding")

BORDER = "06004"  # xã Đào Viên, huyện Tràng Định: the plan of `binding` binds it to criterion 11


def poverty_report(period: str, poor: int, received: date = START, **changes: Any) -> AcceptedSubmission:
    counts = {"households": 1000, "poor_households": poor, "near_poor_households": 0}
    moment = datetime(received.year, received.month, received.day, 3, tzinfo=UTC)
    where = {"unit": BORDER, "district": "180", "period": period, "readings": counts}
    return an_accepted_submission(moment, **{**where, **changes})


async def put_on_stream(around: Surroundings, *submissions: AcceptedSubmission) -> None:
    await publish(around.nats, [as_published(submission) for submission in submissions])


async def changes(around: Surroundings, subject: str = subjects.ALL_STATUSES) -> list[dict[str, Any]]:
    """Return the bodies of all messages on a subject, as soon as the outbox of scoring is empty."""

    async def is_relayed() -> bool:
        return not await count(around, OutboxRow)

    await eventually(is_relayed)
    return [json.loads(message.data) for message in await around.published(subject)]


async def events(around: Surroundings, criterion: str = "ntm-11") -> list[str]:
    return [one["event"] for one in await changes(around) if one["criterion"]["key"] == criterion]


async def count(around: Surroundings, model: Any) -> int:
    async with around.engine.connect() as connection:
        return await connection.scalar(select(func.count()).select_from(table_of(model))) or 0


async def test_the_migrations_say_what_the_tables_say(around: Surroundings) -> None:
    for package in SCHEMAS.values():
        assert await undrafted_changes(around.engine, package) == []


async def test_a_submission_becomes_a_status_change_with_its_reason(around: Surroundings, scoring: Service) -> None:
    baseline = poverty_report("2022-12", 200)
    await put_on_stream(around, baseline)
    (change,) = await eventually(lambda: changes(around))
    assert (change["event"], change["before"], change["after"]) == ("fell_behind", "no_data", "behind")
    assert change["submission"] == str(baseline.id)
    assert change["unit"]["name"].startswith("xã ")
    assert change["district"]["code"] == "180"
    assert "border-2023" in change["cohorts"]
    assert "20 %" in change["assessment"]["reason"]["vi"]


async def test_the_same_submission_delivered_twice_counts_once(around: Surroundings, scoring: Service) -> None:
    report = poverty_report("2022-12", 200)
    await put_on_stream(around, report)
    again = as_published(report)
    await publish(around.nats, [Message(again.subject, again.body, {**again.headers, "Nats-Msg-Id": str(uuid4())})])
    await eventually(lambda: changes(around))
    assert await around.stored(subjects.SUBMISSIONS_STREAM) == 2
    await eventually(lambda: _has_taken(around, 2))
    assert len(await changes(around)) == 1
    assert await count(around, SubmissionRow) == 1


async def _has_taken(around: Surroundings, messages: int) -> bool:
    consumer = await around.nats.jetstream().consumer_info(subjects.SUBMISSIONS_STREAM, subjects.SCORING_CONSUMER)
    return bool(consumer.ack_floor and consumer.ack_floor.stream_seq >= messages)


async def no_target_moved(around: Surroundings) -> bool:
    async with around.engine.connect() as connection:
        return not await connection.scalar(text("SELECT count(*) FROM scoring.target WHERE moved"))


async def test_time_alone_makes_a_commune_fall_behind_and_then_miss(around: Surroundings, scoring: Service) -> None:
    await put_on_stream(around, poverty_report("2023-06", 164), poverty_report("2022-12", 200))
    await eventually(lambda: scored(around, 2))
    assert (await changes(around))[-1]["after"] == "on_track"

    await around.set_day(date(2023, 9, 30))
    await eventually(lambda: _has(around, "fell_behind"))
    fell = next(one for one in await changes(around) if one["event"] == "fell_behind")
    assert fell["submission"] is None
    assert START < date.fromisoformat(fell["on"]) < date(2023, 9, 30)

    await around.set_day(date(2024, 1, 2))
    await eventually(lambda: _has(around, "missed"))
    assert next(one["on"] for one in await changes(around) if one["event"] == "missed") == "2024-01-01"


async def _has(around: Surroundings, event: str) -> bool:
    return event in await events(around)


async def test_a_missing_report_is_overdue_until_it_arrives(around: Surroundings, scoring: Service) -> None:
    await put_on_stream(around, poverty_report("2023-06", 100))
    await eventually(lambda: changes(around))
    await around.set_day(date(2023, 8, 10))
    await eventually(lambda: _has(around, "overdue"))
    await put_on_stream(around, poverty_report("2023-07", 100, date(2023, 8, 10)))
    await eventually(lambda: _has(around, "report_arrived"))


async def test_a_correction_replaces_the_figure_whatever_the_order(around: Surroundings, scoring: Service) -> None:
    await put_on_stream(around, poverty_report("2023-06", 100, revision=2), poverty_report("2023-06", 300, revision=1))
    await eventually(lambda: scored(around, 2))
    async with around.engine.connect() as connection:
        value = await connection.scalar(
            select(table_of(ReadingRow).c.value).where(table_of(ReadingRow).c.element == "poor_households")
        )
    assert value == 100


async def test_a_message_that_cannot_be_scored_is_parked_and_stops_nothing(
    around: Surroundings, scoring: Service
) -> None:
    good, unknown = poverty_report("2022-12", 200), poverty_report("2022-12", 100, unit="99998")
    broken = Message("ntm.v1.submissions.180.06004", b"{not json", {})
    # a submission of its own: of two with one id in a batch the first stands, and nothing would be parked
    other = as_published(poverty_report("2022-11", 150))
    unstorable = Message(other.subject, other.body.replace(b"district-184", b"a\\u0000b"), {})
    await publish(around.nats, [broken, as_published(unknown), unstorable, as_published(good)])
    await eventually(lambda: changes(around))
    await eventually(lambda: _parked(around, 3), explain=scoring.log.read_text)
    assert await count(around, SubmissionRow) == 1
    await eventually(lambda: no_target_moved(around))
    compared = await rebuild(around.engine, around.nats, binding_plans(), START)
    assert compared.differences == []


async def _parked(around: Surroundings, messages: int) -> bool:
    return await count(around, ParkedRow) == messages


async def test_what_is_parked_is_told_once_without_its_figures(around: Surroundings, scoring: Service) -> None:
    report = as_published(poverty_report("2022-12", 200))
    broken = Message(report.subject, report.body.replace(b'"revision":1', b'"revision":"4711 dong"'), {})
    await publish(around.nats, [broken])
    (told,) = await eventually(lambda: changes(around, subjects.ALL_PARKED))
    parked = Parked.model_validate(told)
    assert (parked.service, parked.stream, parked.sequence) == ("scoring", subjects.SUBMISSIONS_STREAM, 1)
    assert parked.subject == report.subject
    assert parked.reason.startswith("ValidationError: /revision: ")
    assert "4711" not in parked.reason
    async with around.engine.connect() as connection:
        (row,) = (await connection.execute(select(table_of(ParkedRow)))).all()
    assert (row.stream, row.sequence, row.reason) == (parked.stream, parked.sequence, parked.reason)


async def test_warnings_are_shown_wherever_the_figure_is(around: Surroundings, scoring: Service) -> None:
    doubted, elsewhere = a_warning("poor_households"), a_warning("poor_households", pointer="/period")
    await put_on_stream(around, poverty_report("2022-12", 200, warnings=[doubted, elsewhere]))
    (change,) = await eventually(lambda: changes(around))
    shown = [doubted.model_dump(mode="json")]
    assert change["assessment"]["parts"][0]["warnings"] == shown
    async with scoring.client(await around.key("20")) as client:
        statuses = (await client.get(f"/v1/communes/{BORDER}")).json()["statuses"]
        targets = (await client.get("/v1/targets")).json()["items"]
    (poverty,) = [one for one in statuses if one["criterion"]["key"] == "ntm-11"]
    assert poverty["assessment"]["parts"][0]["warnings"] == shown
    assert all(part["warnings"] == [] for one in targets if one["assessment"] for part in one["assessment"]["parts"])
    await eventually(lambda: no_target_moved(around))
    assert (await rebuild(around.engine, around.nats, binding_plans(), START)).differences == []

    await put_on_stream(around, poverty_report("2022-12", 150, revision=2))
    await eventually(lambda: scored(around, 2))
    async with scoring.client(await around.key("20")) as client:
        statuses = (await client.get(f"/v1/communes/{BORDER}")).json()["statuses"]
    assert all(part["warnings"] == [] for one in statuses for part in one["assessment"]["parts"])


async def test_a_rebuild_passes_over_what_is_no_submission(around: Surroundings, scoring: Service) -> None:
    await put_on_stream(around, poverty_report("2022-12", 200))
    await eventually(lambda: changes(around))
    await publish(around.nats, [Message(subjects.review("180", BORDER), b"{}")])
    await around.nats.jetstream().purge_stream(subjects.SUBMISSIONS_STREAM, subject=subjects.ALL_SUBMISSIONS)
    compared = await rebuild(around.engine, around.nats, binding_plans(), START)
    assert compared.submissions == 0
    assert compared.differences


async def test_each_change_names_the_submission_that_caused_it(around: Surroundings) -> None:
    poor = poverty_report("2022-12", 100)
    equal = poverty_report("2022-12", 0, readings={"gender_equality_18_5": True})
    await put_on_stream(around, poor, equal)
    await around.start("scoring")
    await eventually(lambda: scored(around, 2))
    found = await eventually(lambda: _changes(around, 2))
    assert {one["criterion"]["key"]: one["submission"] for one in found} == {
        "ntm-11": str(poor.id),
        "ntm-18": str(equal.id),
    }


async def scored(around: Surroundings, submissions: int) -> bool:
    """Say whether scoring has stored so many submissions, and what they change: several may come in several batches."""
    return await count(around, SubmissionRow) == submissions


async def _changes(around: Surroundings, number: int) -> list[dict[str, Any]] | None:
    found = await changes(around)
    return found if len(found) == number else None


async def test_what_was_received_on_a_day_that_scoring_does_not_see_yet_counts(
    around: Surroundings, scoring: Service
) -> None:
    await put_on_stream(around, poverty_report("2023-06", 100, date(2023, 7, 1)))
    change, _arrived = await eventually(lambda: changes(around))
    assert (change["after"], change["on"]) == ("met", "2023-07-01")


async def test_a_consumer_that_somebody_deleted_is_made_again(around: Surroundings, scoring: Service) -> None:
    await put_on_stream(around, poverty_report("2022-12", 200))
    await eventually(lambda: scored(around, 1))
    await around.nats.jetstream().delete_consumer(subjects.SUBMISSIONS_STREAM, "scoring")
    await put_on_stream(around, poverty_report("2023-05", 200))
    await eventually(lambda: scored(around, 2))
    assert await count(around, ParkedRow) == 0


async def test_the_database_and_the_broker_may_go_and_come_back(
    around: Surroundings, scoring: Service, postgres_server: PostgresServer, nats_server: NatsServer
) -> None:
    await put_on_stream(around, poverty_report("2022-12", 200))
    await eventually(lambda: scored(around, 1))
    await postgres_server.kill()
    await put_on_stream(around, poverty_report("2023-04", 200))
    await asyncio.sleep(1.5)
    await postgres_server.restart()
    await eventually(lambda: scored(around, 2))
    await nats_server.kill()
    await asyncio.sleep(1.5)
    await nats_server.restart()
    await eventually(lambda: _put(around, poverty_report("2023-05", 200)))
    await eventually(lambda: scored(around, 3))
    await around.set_day(date(2023, 7, 2))
    await eventually(lambda: _ticked(scoring, "2023-07-02"))
    assert await count(around, ParkedRow) == 0


async def _put(around: Surroundings, submission: AcceptedSubmission) -> bool:
    try:
        await put_on_stream(around, submission)
    except BrokerUnavailableError:
        return False
    return True


async def _ticked(scoring: Service, day: str) -> bool:
    async with scoring.client() as client:
        return (await client.get("/healthz")).json()["ticked"] == day


async def _take(around: Surroundings, on: date, *submissions: AcceptedSubmission) -> None:
    moment = Moment(on=on, at=datetime(on.year, on.month, on.day, 9, tzinfo=UTC))
    async with around.engine.begin() as connection:
        await score(
            Transaction(connection, binding_reference(), moment), [Arrival(submission) for submission in submissions]
        )


async def test_a_day_that_is_caught_up_with_does_not_undo_what_was_judged_later(around: Surroundings) -> None:
    late = date(2023, 9, 30)
    await _take(around, START, poverty_report("2022-12", 200), poverty_report("2023-06", 164))
    await _take(around, late, poverty_report("2023-06", 164, late, revision=2))
    for number in range(1, (late - START).days + 1):
        day = START + timedelta(days=number)
        async with around.engine.begin() as connection:
            moment = Moment(on=day, at=datetime(day.year, day.month, day.day, 9, tzinfo=UTC))
            await tick(Transaction(connection, binding_reference(), moment))
    change = table_of(ChangeRow)
    query = select(change.c.event, change.c.on).where(
        change.c.topic == "ntm-11", change.c.event.in_(("fell_behind", "recovered"))
    )
    async with around.engine.connect() as connection:
        assert [tuple(row) for row in await connection.execute(query)] == [("fell_behind", late)]


async def test_a_figure_for_a_commune_that_has_ended_since_stays_that_communes(around: Surroundings) -> None:
    units = binding_reference().units
    ended = next(unit for unit in units.known("06040") if unit.kind == "commune")
    await _take(around, date(2025, 1, 10), poverty_report("2023-06", 100, date(2025, 1, 10), unit="06040"))
    async with around.engine.connect() as connection:
        keys = (await connection.scalars(select(table_of(ReadingRow).c.unit))).all()
    assert set(keys) == {ended.key}


async def test_the_province_is_judged_from_its_communes(around: Surroundings, scoring: Service) -> None:
    communes = binding_reference().units.communes(START, "20")
    await put_on_stream(
        around,
        *(
            poverty_report(period, 100 if number < 77 else 200, unit=unit.code, district=load_district(unit.code))
            for period in ("2022-12", "2023-05")
            for number, unit in enumerate(communes)
        ),
    )
    key = await around.key("20")

    async def target() -> Any:
        async with scoring.client(key) as client:
            items = (await client.get("/v1/targets")).json()["items"]
        wanted = [one for one in items if one["commitment"]["line"] == 35]
        # scoring may take the submissions in several batches
        whole = [one for one in wanted if one["assessment"] and one["assessment"]["reports_in"] == 181]
        return whole[0] if whole else None

    found = await eventually(target)
    (part,) = found["assessment"]["parts"]
    assert (part["value"], part["baseline"], part["goal"], part["units_counted"]) == (77, 77, 87, 181)
    assert found["status"] == "on_track", "no more than these is asked for at the end of March"

    async def both_are_published() -> bool:
        published = await changes(around, "ntm.v1.targets.20.>")
        return {one["commitment"]["line"] for one in published} >= {33, 35}

    await eventually(both_are_published)


def load_district(code: str) -> str:
    units = binding_reference().units
    unit = units.find(code, START)
    district = units.district(unit) if unit else None
    assert district
    return district.code


async def test_statuses_are_paged_and_filtered_and_kept_to_the_keys_scope(
    around: Surroundings, scoring: Service
) -> None:
    await put_on_stream(around, poverty_report("2022-12", 200))
    await eventually(lambda: changes(around))
    province, district = await around.key("20"), await around.key("184", agency="district-184")
    async with scoring.client(province) as client:
        first = (await client.get("/v1/statuses", params={"criterion": "ntm-11", "limit": 100})).json()
        second = (
            await client.get("/v1/statuses", params={"criterion": "ntm-11", "limit": 100, "cursor": first["next"]})
        ).json()
        behind = (await client.get("/v1/statuses", params={"status": "behind"})).json()["items"]
        earlier = (await client.get(f"/v1/communes/{BORDER}", params={"as_of": "2023-01-01"})).json()
        future = await client.get("/v1/statuses", params={"as_of": "2030-01-01"})
        before = await client.get(f"/v1/communes/{BORDER}", params={"as_of": "1990-01-01"})
        nonsense = await client.get("/v1/statuses", params={"cursor": "x", "limit": "many"})
    codes = [item["unit"]["code"] for item in first["items"] + second["items"]]
    assert len(codes) == len(set(codes)) == 181
    assert second["next"] is None
    assert [item["unit"]["code"] for item in behind] == [BORDER]
    (poverty,) = (item for item in earlier["statuses"] if item["criterion"]["key"] == "ntm-11")
    assert (poverty["status"], poverty["actual"]["status"]) == ("no_data", "on_track")
    assert future.status_code == before.status_code == nonsense.status_code == 400
    async with scoring.client(district) as client:
        assert len((await client.get("/v1/statuses", params={"criterion": "ntm-11"})).json()["items"]) == 16
        assert (await client.get(f"/v1/communes/{BORDER}")).status_code == 403
        assert (await client.get("/v1/communes/99999")).status_code == 404
        assert (await client.get("/v1/statuses", params={"district": "180"})).status_code == 403
    async with scoring.client() as client:
        assert (await client.get("/v1/statuses")).status_code == 401


async def test_a_kill_in_the_middle_of_a_flow_loses_and_doubles_nothing(around: Surroundings, scoring: Service) -> None:
    communes = [unit.code for unit in binding_reference().units.communes(START, "20")]
    reports = [
        poverty_report(f"2023-{month:02}", (month * 37 + number) % 300, unit=code, district=load_district(code))
        for month in range(1, 7)
        for number, code in enumerate(communes)
    ]
    for part in range(0, len(reports), 100):
        await put_on_stream(around, *reports[part : part + 100])
        if part in (200, 600):
            await scoring.kill()
            await scoring.start()

    async def all_scored() -> bool:
        return await count(around, SubmissionRow) == len(reports) and await no_target_moved(around)

    await eventually(all_scored, seconds=180)
    compared = await rebuild(around.engine, around.nats, binding_plans(), START)
    assert compared.submissions == len(reports)
    assert compared.differences == []
    published = await changes(around)
    assert len({one["id"] for one in published}) == len(published)


async def test_a_rebuild_notices_a_state_that_was_tampered_with(around: Surroundings, scoring: Service) -> None:
    await put_on_stream(around, poverty_report("2022-12", 200))
    await eventually(lambda: changes(around))
    readings = table_of(ReadingRow)
    async with around.engine.begin() as connection:
        await connection.execute(readings.update().where(readings.c.element == "poor_households").values(value=1))
    compared = await rebuild(around.engine, around.nats, binding_plans(), START)
    assert any("reading" in difference for difference in compared.differences)
