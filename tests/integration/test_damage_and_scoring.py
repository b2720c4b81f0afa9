"""Damage in each column that scoring's workers read: each of them works on, and what is sound is published."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from nats.aio.msg import Msg
from sqlalchemy import Table, func, literal_column, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection
from structlog.testing import capture_logs

from services.scoring.service import Scoring
from services.scoring.storage.tables import (
    ChangeRow,
    IncrementRow,
    OutboxRow,
    ParkedRow,
    RefillRow,
    StatusRow,
    SubmissionRow,
    TakenBackRow,
    TargetRow,
)
from services.scoring.update.arrivals import Arrival
from services.scoring.update.score import score
from shared.contracts import subjects
from shared.contracts.submission import AcceptedSubmission
from shared.nats.cloud_events import Message
from shared.nats.library_seam import received_message
from shared.nats.signing_keys import keys_of
from shared.postgres.statements import table_of
from shared.service.batch_processing import process
from shared.service.clock import Clock
from shared.service.proof import Proof
from shared.time import VIETNAM, utc_now
from tests.binding_plan import binding_reference
from tests.builders import as_published
from tests.damage import Damage, tables_of, worse_damages
from tests.integration.test_interleaved_scoring import begun
from tests.integration.test_scoring import BORDER, poverty_report
from tests.integration.test_withdrawals import a_return, a_withdrawal
from tests.running import START, Surroundings
from tests.runtimes import a_runtime
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("binding")

REFERENCE = binding_reference()
OTHER, ITS_DISTRICT = "06127", "182"
WHOLE = {"scoring.plan", "scoring.reference", "scoring.refill"}
"""Tables that say by what the whole state was judged: with other content there a process stops, and says so."""

_numbers = count(1)


class MovableClock(Clock):
    """A clock that stands at a day until it is moved."""

    def __init__(self) -> None:
        self.day = START

    def now(self) -> datetime:
        return datetime.combine(self.day, datetime.now(VIETNAM).timetz())


def key_of(unit: str) -> int:
    known = REFERENCE.units.find(unit, START)
    assert known
    return known.key


def a_report(unit: str, district: str, period: str, poor: int, **changes: Any) -> AcceptedSubmission:
    return poverty_report(period, poor, unit=unit, district=district, **changes)


class Worked(NamedTuple):
    """Scoring with what it was given, and its messages."""

    scoring: Scoring
    clock: MovableClock
    around: Surroundings
    withdrawn: Sequence[AcceptedSubmission]
    """For the commune with damage, and for the other one."""

    def received(self, message: Message) -> Msg:
        nats = self.around.nats
        if keys := keys_of(nats):
            keys.sign([message])
        number = next(_numbers)
        place = Msg.Metadata(Msg.Metadata.SequencePair(number, number), 0, 1, utc_now(), "SUBMISSIONS", "scoring")
        return received_message(nats, message.subject, message.body, message.headers, place)

    async def take(self, *messages: Message) -> None:
        """Have scoring process messages as it does when they come."""
        scoring = self.scoring
        handle = scoring.score if subjects.is_in(messages[0].subject, subjects.ALL_SUBMISSIONS) else scoring.take_back
        received = [self.received(message) for message in messages]
        await process("SUBMISSIONS", received, handle, scoring.parking.park, scoring.runtime.proof)

    async def work(self) -> Sequence[AcceptedSubmission]:
        """Run all that scoring's workers do in a day and the next; return the submissions that came."""
        scoring, next_day = self.scoring, self.clock.day + timedelta(days=1)
        await scoring.prepare()
        came = [a_report(BORDER, "180", "2023-06", 210), a_report(OTHER, ITS_DISTRICT, "2023-06", 210)]
        await self.take(*map(as_published, came))
        await scoring.judge_targets()
        await self.take(*map(a_withdrawal, self.withdrawn))
        await self.take(*map(a_return, came))
        self.clock.day = next_day
        async with self.around.engine.begin() as connection:
            await connection.execute(update(table_of(StatusRow)).values(holds_until=START))
        await scoring.daily_tick.catch_up()
        while await scoring.relay.relay():
            pass
        await scoring.reference_switch.look()
        await scoring.wholeness.look()
        await scoring.parking.troubles()
        await scoring.changes.newest()
        await scoring.statuses.ask(scoring.runtime.plans, lambda history: None)
        async with self.around.engine.begin() as connection:
            await connection.execute(table_of(RefillRow).insert().values(name="step"))
        await scoring.prepare()
        return came


@pytest.fixture(scope="module")
async def filled(shared_around: Surroundings) -> Worked:
    """Scoring with two communes in two districts that have reported, and rows in each of its tables."""
    around, clock = shared_around, MovableClock()
    runtime = a_runtime(around, around.engine, REFERENCE, await Proof.of(around.engine, around.nats), clock)
    scoring = Scoring(runtime)
    first = [a_report(BORDER, "180", "2022-12", 200), a_report(OTHER, ITS_DISTRICT, "2022-12", 200)]
    later = [a_report(BORDER, "180", "2023-05", 150), a_report(OTHER, ITS_DISTRICT, "2023-05", 150)]
    returned = a_report(BORDER, "180", "2023-04", 150)
    worked = Worked(scoring, clock, around, later)
    await scoring.prepare()
    await scoring.daily_tick.catch_up()
    await worked.take(*map(as_published, (*first, *later, returned)))
    await worked.take(a_return(returned))
    await scoring.judge_targets()
    await scoring.parking.park(worked.received(as_published(a_report(BORDER, "180", "2023-03", 1))), "KeyError: unit")
    async with around.engine.begin() as connection:
        await connection.execute(text("CREATE SCHEMA saved"))
        for table in tables_of("scoring"):
            rows = await connection.scalar(select(func.count()).select_from(table))
            assert rows or table.fullname in WHOLE, table.fullname
            await connection.execute(text(f"CREATE TABLE saved.{table.name} AS TABLE {table.fullname}"))
    return worked


async def put_back(connection: AsyncConnection) -> None:
    tables = tables_of("scoring")
    await connection.execute(text("TRUNCATE " + ", ".join(table.fullname for table in tables)))
    for table in tables:
        columns = ", ".join(f'"{column.name}"' for column in table.columns)
        copied = f"INSERT INTO {table.fullname} ({columns}) SELECT {columns} FROM saved.{table.name}"  # noqa: S608
        await connection.execute(text(copied))


def of_damaged(table: Table, row: Mapping[str, Any]) -> list[Any]:
    return [column == row[column.name] for column in table.primary_key]


async def damage(connection: AsyncConnection, done: Damage) -> None:
    """Damage a row of the commune, or of its district."""
    table = done.column.table
    assert isinstance(table, Table)
    query = select(table).order_by(*table.primary_key).limit(1)
    if "unit" in table.c:
        query = query.where(table.c.unit.in_([key_of(code) for code in (BORDER, "180", "20")]))
    if "criterion" in table.c:
        query = query.where(table.c.criterion == "ntm-11")
    row = (await connection.execute(query)).mappings().one()
    spoilt = update(table).where(*of_damaged(table, row)).values({done.column: literal_column(done.value)})
    assert (await connection.execute(spoilt)).rowcount == 1


async def wrong_after(filled: Worked, came: Sequence[AcceptedSubmission]) -> list[str]:
    """Return what was not done of the work on sound rows."""
    wrong = []
    async with filled.around.engine.connect() as connection:
        parked, submission = table_of(ParkedRow), table_of(SubmissionRow)
        ids: set[UUID] = set((await connection.scalars(select(submission.c.id))).all())
        bodies = " ".join(
            (await connection.scalars(select(parked.c.body).where(parked.c.reason != "KeyError: unit"))).all()
        )
        if came[1].id not in ids or str(came[1].id) in bodies:
            wrong.append("the other commune's submission is not scored")
        if came[0].id not in ids and str(came[0].id) not in bodies:
            wrong.append("the commune's submission is neither scored nor parked")
        taken_back = table_of(TakenBackRow)
        taken = set((await connection.scalars(select(taken_back.c.submission))).all())
        if not {came[1].id, filled.withdrawn[1].id} <= taken:
            wrong.append("the other commune's submissions are not taken back")
        status, target, outbox = table_of(StatusRow), table_of(TargetRow), table_of(OutboxRow)
        judged = select(status.c.judged_on).where(status.c.unit == key_of(OTHER), status.c.criterion == "ntm-11")
        if await connection.scalar(judged) != START + timedelta(days=1):
            wrong.append("the other commune is not judged on the next day")
        district = REFERENCE.units.find(ITS_DISTRICT, START)
        assert district
        moved = select(func.count()).select_from(target).where(target.c.unit == district.key, target.c.moved)
        if await connection.scalar(moved):
            wrong.append("the other district is not judged")
        if await connection.scalar(select(func.count()).select_from(outbox)):
            wrong.append("changes wait in the outbox")
        change = table_of(ChangeRow)
        told = select(change.c.id).where(change.c.unit == key_of(OTHER), change.c.submission == came[1].id)
        ids_told = {str(one) for one in await connection.scalars(told)}
    published = {
        str((one.headers or {}).get("Nats-Msg-Id")) for one in await filled.around.published("ntm.v1.status.182.>")
    }
    if not ids_told or not ids_told <= published:
        wrong.append("the other commune's change is not published")
    return wrong


@pytest.mark.parametrize("table", tables_of("scoring", WHOLE), ids=lambda table: table.name)
async def test_damage_in_any_column_stops_no_worker_of_scoring(filled: Worked, table: Table) -> None:
    wrong = {}
    for one in worse_damages(table):
        filled.clock.day = START
        async with filled.around.engine.begin() as connection:
            await put_back(connection)
            await damage(connection, one)
        try:
            with capture_logs():
                came = await filled.work()
        except Exception as error:  # noqa: BLE001 - what ends the process is what is looked for
            wrong[f"{one.column.name} = {one.value}"] = [repr(error)[:200]]
        else:
            if said := await wrong_after(filled, came):
                wrong[f"{one.column.name} = {one.value}"] = said
    assert wrong == {}


async def test_a_damaged_sum_is_filled_again_from_the_figures(filled: Worked) -> None:
    step = table_of(IncrementRow)
    sums = select(step).order_by(*step.primary_key)
    filled.clock.day = START
    async with filled.around.engine.begin() as connection:
        await put_back(connection)
        sound = (await connection.execute(sums)).all()
        assert sound
        await connection.execute(update(step).values(numerator=Decimal("NaN")))
        await connection.execute(update(table_of(TargetRow)).values(moved=True))
        before = (await connection.execute(select(table_of(ChangeRow).c.id))).all()
    await filled.scoring.judge_targets()
    async with filled.around.engine.connect() as connection:
        assert (await connection.execute(sums)).all() == sound
        assert (await connection.execute(select(table_of(ChangeRow).c.id))).all() == before  # nobody is told anything
        assert not await connection.scalar(
            select(func.count()).select_from(table_of(TargetRow)).where(table_of(TargetRow).c.moved)
        )


async def test_a_withdrawal_beside_a_damaged_submission_is_parked_and_says_so(filled: Worked) -> None:
    filled.clock.day = START
    submission, parked = table_of(SubmissionRow), table_of(ParkedRow)
    own = filled.withdrawn[0]
    async with filled.around.engine.begin() as connection:
        await put_back(connection)
        spoilt = update(submission).where(submission.c.unit == key_of(BORDER), submission.c.period == own.period.text)
        await connection.execute(spoilt.values(body="nonsense"))
    with capture_logs():
        await filled.take(*map(a_withdrawal, filled.withdrawn))
    async with filled.around.engine.connect() as connection:
        reasons = (await connection.scalars(select(parked.c.reason).order_by(parked.c.number))).all()
        taken = (await connection.scalars(select(table_of(TakenBackRow).c.submission))).all()
    assert "a stored submission of the same unit and period is damaged" in reasons[-1]
    assert filled.withdrawn[1].id in taken
    assert own.id not in taken


async def test_a_message_that_is_damaged_in_the_outbox_is_set_aside_and_repaired_from_the_changes(
    around: Surroundings,
) -> None:
    scoring = await around.start("scoring")
    await scoring.stop()
    outbox = table_of(OutboxRow)
    reports = [a_report(BORDER, "180", "2022-12", 200), a_report(OTHER, ITS_DISTRICT, "2022-12", 200)]
    async with begun(around.engine) as transaction:
        await score(transaction, [Arrival(report) for report in reports])
        first = await transaction.connection.scalar(select(func.min(outbox.c.id)))
        await transaction.connection.execute(update(outbox).where(outbox.c.id == first).values(headers=[None]))
    await scoring.start()
    [told] = await eventually(lambda: around.published(subjects.ALL_STATUSES))
    [parked] = json.loads(await around.ntm("parked", "--json"))
    assert (parked["service"], parked["stream"], parked["sequence"]) == ("scoring", "outbox", first)
    assert "headers" in parked["reason"]
    assert "ntm audit repair" in await around.ntm("parked", "replay", "--all", status=1)
    await around.ntm("audit", "repair", status=1)  # the submissions, whose digests are invented, stand on no stream
    both = await around.published(subjects.ALL_STATUSES)
    assert sorted(json.loads(one.data)["unit"]["code"] for one in both) == sorted((BORDER, OTHER))
    assert told.data in [one.data for one in both]
    await around.ntm("parked", "drop", "scoring", str(parked["number"]), "--reason", "repaired", "--by", "tests")
    assert json.loads(await around.ntm("parked", "--json")) == []
