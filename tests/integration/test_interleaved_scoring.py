"""Another transaction of scoring commits between what one reads and what it writes: nothing is lost or left untold."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.scoring.judging.changes import Moment
from services.scoring.storage.locks import hold_off_rebuild
from services.scoring.storage.tables import ChangeRow, OutboxRow, ParkedRow, StatusRow, TickRow
from services.scoring.storage.targets import mark_moved, outdated_targets
from services.scoring.update.arrivals import Arrival
from services.scoring.update.daily_tick import DailyTick
from services.scoring.update.rebuild import rebuild
from services.scoring.update.score import score
from services.scoring.update.targets import begin_targets, judge_targets
from services.scoring.update.transaction import Transaction
from shared.contracts import subjects
from shared.contracts.submission import AcceptedSubmission
from shared.postgres.statements import table_of
from shared.reference.load import follow_each_other, load
from shared.service.clock import Clock
from shared.service.outbox import Relay
from shared.service.parking import ParkedMessage, ParkingPlace
from shared.service.runtime import Runtime
from shared.time import VIETNAM
from tests.integration.test_scoring import BORDER, poverty_report, put_on_stream
from tests.interleaving import Work, engine_of, hesitate, interleaved
from tests.running import START, Surroundings

REFERENCE = load()
FREE = "05986"  # xã Hoàng Đồng, thành phố Lạng Sơn: the plan binds it to no criterion
WRITES_FIGURES, WRITES_STATUSES = "INSERT INTO scoring.reading", "INSERT INTO scoring.status"
WRITES_TARGETS = "INSERT INTO scoring.target"


class _FixedClock(Clock):
    """A clock that stands at a day."""

    def __init__(self, day: date) -> None:
        self._day = day

    def now(self) -> datetime:
        return datetime.combine(self._day, datetime.now(VIETNAM).timetz())


@asynccontextmanager
async def begun(engine: AsyncEngine, on: date = START) -> AsyncIterator[Transaction]:
    """Begin a transaction as the service does, on a day."""
    async with engine.begin() as connection:
        await hold_off_rebuild(connection)
        yield Transaction(connection, REFERENCE, Moment(on, datetime(on.year, on.month, on.day, 9, tzinfo=UTC)))


def scoring_of(*submissions: AcceptedSubmission, on: date = START) -> Work[int]:
    async def work(engine: AsyncEngine) -> int:
        async with begun(engine, on) as transaction:
            return await score(transaction, [Arrival(submission) for submission in submissions])

    return work


async def judged_targets(engine: AsyncEngine) -> int:
    async with begun(engine) as transaction:
        return await judge_targets(transaction)


def passing_to(around: Surroundings, day: date) -> Work[None]:
    """Return the work of a worker whose clock comes to a day."""

    async def work(engine: AsyncEngine) -> None:
        runtime = Runtime(around.settings, engine, around.nats, _FixedClock(day), follow_each_other([REFERENCE]))
        await DailyTick(runtime, Relay(engine, around.nats, OutboxRow)).catch_up()

    return work


async def moved(around: Surroundings) -> set[tuple[str, int]]:
    async with around.engine.connect() as connection:
        return await outdated_targets(connection, REFERENCE.plan.id, START)


async def status_of(connection: AsyncConnection, unit: str = BORDER, criterion: str = "ntm-11") -> Any:
    known = REFERENCE.units.find(unit, START)
    assert known
    status = table_of(StatusRow)
    query = select(status).where(status.c.unit == known.key, status.c.criterion == criterion)
    return (await connection.execute(query)).one_or_none()


async def is_as_rebuilt(around: Surroundings, day: date = START) -> None:
    """Check that the state is the one that a rebuild makes, and that the last change of each status was published."""
    while await judged_targets(around.engine):
        pass
    compared = await rebuild(around.engine, around.nats, follow_each_other([REFERENCE]), day)
    assert compared.differences == []
    assert await untold(around.engine) == []


async def untold(engine: AsyncEngine) -> Sequence[Any]:
    """Return the statuses whose last published change says something else, and statuses without any change."""
    query = text("""
        WITH told AS (SELECT DISTINCT ON (unit, topic) unit, topic, after FROM scoring.change
                      ORDER BY unit, topic, number DESC),
             held AS (SELECT unit, criterion AS topic, status FROM scoring.status
                      UNION ALL SELECT unit, commitment, status FROM scoring.target)
        SELECT * FROM held FULL JOIN told USING (unit, topic)
        WHERE status IS DISTINCT FROM after AND NOT (after IS NULL AND status = 'no_data')
    """)
    async with engine.connect() as connection:
        return (await connection.execute(query)).all()


async def test_figures_of_one_unit_that_come_at_once_are_merged(around: Surroundings) -> None:
    lower, higher = poverty_report("2023-06", 300), poverty_report("2023-06", 100, revision=2)
    await put_on_stream(around, lower, higher)
    await interleaved(around.settings, scoring_of(lower), scoring_of(higher), before=WRITES_FIGURES)
    await is_as_rebuilt(around)


async def test_a_sum_that_moves_while_it_is_judged_is_judged_again(around: Surroundings) -> None:
    first, second = poverty_report("2022-12", 200), poverty_report("2022-12", 100, revision=2)
    await put_on_stream(around, first, second)
    await scoring_of(first)(around.engine)
    await interleaved(around.settings, judged_targets, scoring_of(second), before=WRITES_TARGETS)
    assert await moved(around), "the mark of the later move is lost"
    await is_as_rebuilt(around)


async def test_two_workers_judge_targets_one_after_the_other(around: Surroundings) -> None:
    report = poverty_report("2022-12", 200)
    await put_on_stream(around, report)
    await scoring_of(report)(around.engine)
    await interleaved(around.settings, judged_targets, judged_targets, before=WRITES_TARGETS)
    await is_as_rebuilt(around)
    async with around.engine.connect() as connection:
        change = table_of(ChangeRow)
        told = (await connection.execute(select(change.c.unit, change.c.topic, change.c.after))).all()
    assert len(told) == len(set(told))


async def test_a_status_that_is_stored_for_yesterday_while_the_day_is_judged_is_judged_on_the_day(
    around: Surroundings,
) -> None:
    report = poverty_report("2023-06", 164, unit=FREE, district="178")
    await put_on_stream(around, report)
    async with around.engine.connect() as connection:
        await score(Transaction(connection, REFERENCE, Moment(START, report.received_at)), [Arrival(report)])
        eve: date = (await status_of(connection, FREE)).holds_until
        await connection.rollback()
    await passing_to(around, START)(around.engine)
    await passing_to(around, eve)(around.engine)
    day = eve + timedelta(days=1)
    yesterday = scoring_of(report, on=eve)
    await interleaved(around.settings, yesterday, passing_to(around, day), before=WRITES_STATUSES)
    async with around.engine.connect() as connection:
        assert (await status_of(connection, FREE)).judged_on == eve, "nothing came between"
    await passing_to(around, day)(around.engine)  # the next look at the clock
    async with around.engine.connect() as connection:
        assert (await status_of(connection, FREE)).judged_on == day
    await is_as_rebuilt(around, day)


async def test_a_worker_whose_clock_is_behind_judges_by_the_day_that_was_judged_last(around: Surroundings) -> None:
    report = poverty_report("2023-06", 164, unit="06280", district="184")
    day = START + timedelta(days=1)
    await passing_to(around, day)(around.engine)
    async with around.engine.connect() as connection:
        assert await status_of(connection, "06280") is None
    await scoring_of(report, on=START)(around.engine)
    async with around.engine.connect() as connection:
        assert (await status_of(connection, "06280")).judged_on == day


async def test_workers_judge_a_day_one_after_the_other(around: Surroundings) -> None:
    day = START + timedelta(days=1)
    await interleaved(around.settings, passing_to(around, day), passing_to(around, day), before=WRITES_TARGETS)
    async with around.engine.connect() as connection:
        assert list(await connection.scalars(select(table_of(TickRow).c.day))) == [day]


async def test_a_day_and_submissions_lock_new_targets_in_the_same_order(around: Surroundings) -> None:
    targets = sorted((commitment.id, unit.key) for commitment, unit in REFERENCE.targets)
    middle = {targets[len(targets) // 2]}
    marking, beginning = asyncio.Event(), asyncio.Event()

    async def mark(engine: AsyncEngine) -> None:
        async with engine.begin() as connection:
            marking.set()
            await mark_moved(connection, REFERENCE.plan.id, set(targets), START)

    async def begin(engine: AsyncEngine) -> None:
        async with begun(engine) as transaction:
            beginning.set()
            await begin_targets(transaction)

    async with engine_of(around.settings, "one") as one, engine_of(around.settings, "two") as two:
        async with around.engine.begin() as connection:  # in whose way both come half way
            await mark_moved(connection, REFERENCE.plan.id, middle, START)
            work = [asyncio.create_task(mark(one)), asyncio.create_task(begin(two))]
            await asyncio.gather(marking.wait(), beginning.wait())
            await asyncio.sleep(0.3)
        await asyncio.gather(*work)


async def test_two_relays_publish_each_message_once_and_in_order(around: Surroundings) -> None:
    await scoring_of(poverty_report("2022-12", 200), poverty_report("2022-12", 90, unit="06280", district="184"))(
        around.engine
    )

    async def relay(engine: AsyncEngine) -> int:
        return await Relay(engine, around.nats, OutboxRow).relay()

    published, others = await interleaved(around.settings, relay, relay, before="DELETE FROM scoring.outbox")
    assert published > 1
    assert others == 0
    messages = await around.published(subjects.ALL_STATUSES)
    async with around.engine.connect() as connection:
        change = table_of(ChangeRow)
        ids = [str(key) for key in await connection.scalars(select(change.c.id).order_by(change.c.number))]
    assert [json.loads(message.data)["id"] for message in messages] == ids


async def a_parked_message(around: Surroundings, submission: AcceptedSubmission, sequence: int = 1) -> int:
    """Store a submission of the stream as parked; return the number under which it is."""
    row = {
        "stream": subjects.SUBMISSIONS_STREAM,
        "sequence": sequence,
        "subject": subjects.submission(submission.district, submission.unit),
        "reason": "KeyError: unit",
        "headers": {},
        "body": submission.model_dump_json(),
        "parked_at": submission.received_at,
    }
    parked = table_of(ParkedRow)
    async with around.engine.begin() as connection:
        number = await connection.scalar(parked.insert().values(row).returning(parked.c.number))
    assert number
    return int(number)


def replaying(number: int, submission: AcceptedSubmission) -> Work[str]:
    async def work(engine: AsyncEngine) -> str:
        async def again(_: ParkedMessage) -> None:
            await scoring_of(submission)(engine)

        return (await ParkingPlace(engine, ParkedRow, OutboxRow).replay(number, again)).outcome

    return work


async def test_a_parked_message_is_replayed_once_or_dropped(around: Surroundings) -> None:
    report = poverty_report("2022-12", 200)
    number = await a_parked_message(around, report)

    async def drop(engine: AsyncEngine) -> str | None:
        return await ParkingPlace(engine, ParkedRow, OutboxRow).drop(number, "a mistake", "tests")

    replayed, dropped = await interleaved(
        around.settings, replaying(number, report), drop, before="UPDATE scoring.parked"
    )
    assert (replayed, dropped) == ("replayed", "replayed")


async def test_a_message_that_is_replayed_while_the_state_is_rebuilt_is_in_the_rebuilt_state(
    around: Surroundings,
) -> None:
    first, report = poverty_report("2022-12", 200), poverty_report("2022-12", 90, unit="06280", district="184")
    await put_on_stream(around, report, first)
    await scoring_of(first)(around.engine)
    number = await a_parked_message(around, report)

    async def rebuilt(engine: AsyncEngine) -> Any:
        return await rebuild(engine, around.nats, follow_each_other([REFERENCE]), START, switch=True)

    compared, _ = await interleaved(
        around.settings, rebuilt, replaying(number, report), before="INSERT INTO scoring_rebuild.step"
    )
    assert compared.lacking == 0
    assert compared.switched
    await is_as_rebuilt(around)


async def test_two_rebuilds_follow_one_another(around: Surroundings) -> None:
    report = poverty_report("2022-12", 200)
    await put_on_stream(around, report)
    await scoring_of(report)(around.engine)
    await judged_targets(around.engine)

    async def rebuilt(engine: AsyncEngine) -> Any:
        return await rebuild(engine, around.nats, follow_each_other([REFERENCE]), START, switch=True)

    both = await interleaved(around.settings, rebuilt, rebuilt, before="INSERT INTO scoring_rebuild.status")
    assert [compared.differences for compared in both] == [[], []]
    await is_as_rebuilt(around)


@pytest.mark.parametrize("table", ["submission", "reading", "step", "status"])
async def test_readers_of_several_tables_and_the_switch_do_not_wait_for_one_another(
    around: Surroundings, table: str
) -> None:
    report = poverty_report("2022-12", 200)
    await put_on_stream(around, report)
    await scoring_of(report)(around.engine)

    async def rebuilt(engine: AsyncEngine) -> Any:
        return await rebuild(engine, around.nats, follow_each_other([REFERENCE]), START, switch=True)

    async def read(engine: AsyncEngine) -> None:
        async with engine.connect() as connection:
            for name in (table, "submission", "reading", "step", "status"):
                await connection.execute(text(f"SELECT count(*) FROM scoring.{name}"))  # noqa: S608 - names of ours
                await asyncio.sleep(0.05)

    compared, _ = await interleaved(around.settings, rebuilt, read, before="DROP TABLE scoring.reading")
    assert compared.switched
    await is_as_rebuilt(around)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_workers_in_any_order_end_with_the_rebuilt_state_and_every_change_told(
    around: Surroundings, seed: int
) -> None:
    random = Random(seed)  # noqa: S311 - makes examples
    days = [START + timedelta(days=passed) for passed in (0, 6, 7)]
    reports = [a_report(random, days[number // 30]) for number in range(90)]
    for report in reports:
        await put_on_stream(around, report)
    await passing_to(around, START)(around.engine)

    async def work(worker: int, engine: AsyncEngine) -> None:
        for number, report in enumerate(reports):
            if number % 30 == 0:
                await passing_to(around, days[number // 30])(engine)
            if number % 3 == worker or random.random() < 0.1:  # some are delivered twice
                await scoring_of(report, on=days[number // 30])(engine)
            if random.random() < 0.3:
                await judged_targets(engine)
            if number == 65 and worker == 0:
                await rebuild(engine, around.nats, follow_each_other([REFERENCE]), days[2], switch=True)

    async with AsyncExitStack() as engines:
        workers = [await engines.enter_async_context(engine_of(around.settings, f"worker-{n}")) for n in range(3)]
        for engine in workers:
            hesitate(engine, random)
        await asyncio.gather(*(work(worker, engine) for worker, engine in enumerate(workers)))
    await passing_to(around, days[-1])(around.engine)
    await is_as_rebuilt(around, days[-1])


def a_report(random: Random, on: date) -> AcceptedSubmission:
    """Build a report of one of five communes for one of four periods, of which many correct one another."""
    unit, district = random.choice(
        [(BORDER, "180"), ("06280", "184"), ("06283", "184"), ("06121", "182"), (FREE, "178")]
    )
    where: dict[str, Any] = {"unit": unit, "district": district, "revision": random.randint(1, 3)}
    return poverty_report(
        random.choice(["2022-12", "2023-04", "2023-05", "2023-06"]), random.randint(50, 300), on, **where
    )
