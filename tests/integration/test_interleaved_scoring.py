"""Another transaction of scoring commits between what one reads and what it writes: nothing is lost or left untold."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from functools import partial
from random import Random
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.scoring.judging.changes import Moment
from services.scoring.storage.locks import hold_off_rebuild, lock_units
from services.scoring.storage.tables import ChangeRow, OutboxRow, ParkedRow, StatusRow, TickRow
from services.scoring.storage.targets import mark_moved, outdated_targets
from services.scoring.update.arrivals import Arrival
from services.scoring.update.daily_tick import DailyTick
from services.scoring.update.rebuild import rebuild
from services.scoring.update.score import score, score_free
from services.scoring.update.take_back import take_back, taking_back_of
from services.scoring.update.targets import begin_targets, judge_targets, judge_targets_if_free
from services.scoring.update.transaction import Transaction
from shared.contracts import subjects
from shared.contracts.submission import AcceptedSubmission
from shared.nats.closed_streams import closed
from shared.nats.cloud_events import Message
from shared.nats.consumers import acknowledged_until
from shared.nats.publishing import publish
from shared.postgres.statements import table_of
from shared.reference.load import follow_each_other
from shared.service.clock import Clock
from shared.service.parking import ParkedMessage, ParkingPlace
from shared.service.proof import Proof
from shared.time import VIETNAM
from tests.binding_plan import binding_reference
from tests.integration.test_scoring import BORDER, count, poverty_report, put_on_stream
from tests.integration.test_withdrawals import a_withdrawal
from tests.interleaving import Work, engine_of, hesitate, interleaved
from tests.running import START, Service, Surroundings
from tests.runtimes import a_relay, a_runtime
from tests.waiting import eventually

REFERENCE = binding_reference()
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


def scoring_in_parts(*submissions: AcceptedSubmission, on: date) -> Work[None]:
    """Return the work of a worker that scores a batch, as the service does: first what nobody else holds."""

    async def work(engine: AsyncEngine) -> None:
        async with begun(engine, on) as transaction:
            _, waiting = await score_free(transaction, [Arrival(submission) for submission in submissions])
        async with begun(engine, on) as transaction:
            await score(transaction, waiting)

    return work


def withdrawing(message: Message, on: date) -> Work[int]:
    taking = taking_back_of(message.subject, message.body)
    assert taking

    async def work(engine: AsyncEngine) -> int:
        async with begun(engine, on) as transaction:
            return await take_back(transaction, [taking])

    return work


async def judged_targets(engine: AsyncEngine) -> int:
    async with begun(engine) as transaction:
        return await judge_targets(transaction)


def passing_to(around: Surroundings, day: date) -> Work[None]:
    """Return the work of a worker whose clock comes to a day."""

    async def work(engine: AsyncEngine) -> None:
        proof = await Proof.of(engine, around.nats)
        runtime = a_runtime(around, engine, REFERENCE, proof, _FixedClock(day))
        await DailyTick(runtime, a_relay(around, engine)).catch_up()

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


def rebuilding(around: Surroundings, day: date = START) -> Work[Any]:
    async def work(engine: AsyncEngine) -> Any:
        return await rebuild(engine, around.nats, follow_each_other([REFERENCE]), day, switch=True)

    return work


async def untold(engine: AsyncEngine) -> Sequence[Any]:
    """Return the statuses whose last published change says something else; without a row there are no data."""
    query = text("""
        WITH told AS (SELECT DISTINCT ON (unit, topic) unit, topic, after FROM scoring.change
                      ORDER BY unit, topic, number DESC),
             held AS (SELECT unit, criterion AS topic, status FROM scoring.status
                      UNION ALL SELECT unit, commitment, status FROM scoring.target)
        SELECT * FROM held FULL JOIN told USING (unit, topic)
        WHERE coalesce(status, 'no_data') <> coalesce(after, 'no_data')
    """)
    async with engine.connect() as connection:
        return (await connection.execute(query)).all()


async def test_figures_of_one_unit_that_come_at_once_are_merged(around: Surroundings) -> None:
    lower, higher = poverty_report("2023-06", 300), poverty_report("2023-06", 100, revision=2)
    await put_on_stream(around, lower, higher)
    await interleaved(around.settings, scoring_of(lower), scoring_of(higher), before=WRITES_FIGURES)
    await is_as_rebuilt(around)


@pytest.mark.parametrize("is_in_order", [True, False])
async def test_a_submission_that_is_withdrawn_while_it_is_scored_counts_no_longer(
    around: Surroundings, is_in_order: bool
) -> None:
    before, mistaken = poverty_report("2023-06", 300), poverty_report("2023-06", 20, revision=2)
    withdrawal = a_withdrawal(mistaken)
    await put_on_stream(around, before, mistaken)
    await publish(around.nats, [withdrawal])
    await scoring_of(before)(around.engine)
    if is_in_order:
        work = scoring_of(mistaken), withdrawing(withdrawal, START)
        await interleaved(around.settings, *work, before=WRITES_STATUSES)
    else:
        work = withdrawing(withdrawal, START), scoring_of(mistaken)
        await interleaved(around.settings, *work, before="SELECT scoring.submission")
    async with around.engine.connect() as connection:
        value = await connection.scalar(text("SELECT value FROM scoring.reading WHERE element = 'poor_households'"))
    assert value == 300
    await is_as_rebuilt(around)


async def test_a_worker_scores_what_no_other_one_holds_and_leaves_the_rest(around: Surroundings) -> None:
    held = poverty_report("2022-12", 200), poverty_report("2023-06", 100)
    free = poverty_report("2022-12", 90, unit="06280", district="184")
    await put_on_stream(around, *held, free)
    border = REFERENCE.units.find(BORDER, START)
    assert border
    async with around.engine.begin() as holder, asyncio.timeout(30):
        await lock_units(holder, [border.key])
        async with begun(around.engine) as transaction:
            _, left = await score_free(transaction, [Arrival(one) for one in (held[0], free, held[1])])
        assert [arrival.submission for arrival in left] == [*held]
        async with around.engine.connect() as connection:
            assert await status_of(connection, "06280")
            assert await status_of(connection) is None
    await scoring_of(*held)(around.engine)
    await is_as_rebuilt(around)


async def test_the_service_scores_the_rest_of_a_batch_when_the_other_worker_has_ended(
    around: Surroundings, scoring: Service
) -> None:
    free, held = poverty_report("2022-12", 90, unit="06280", district="184"), poverty_report("2022-12", 200)
    border = REFERENCE.units.find(BORDER, START)
    assert border

    async def is_scored(unit: str) -> bool:
        async with around.engine.connect() as connection:
            return await status_of(connection, unit) is not None

    async def has_judged_the_day() -> bool:
        return bool(await scoring.fact("ticked"))

    await eventually(has_judged_the_day)  # it locks the units of all communes, and would wait for the holder with them
    async with around.engine.begin() as holder:
        await lock_units(holder, [border.key])
        await put_on_stream(around, free, held)
        await eventually(partial(is_scored, "06280"))
        assert not await is_scored(BORDER)
    await eventually(partial(is_scored, BORDER))

    async def is_acknowledged() -> bool:
        end = await acknowledged_until(around.nats.jetstream(), subjects.SUBMISSIONS_STREAM, subjects.SCORING_CONSUMER)
        return end == 2

    await eventually(is_acknowledged)
    assert await count(around, ParkedRow) == 0


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


async def test_a_worker_does_not_wait_for_another_one_that_judges_targets(around: Surroundings) -> None:
    report = poverty_report("2022-12", 200)
    await put_on_stream(around, report)
    await scoring_of(report)(around.engine)

    async def pass_by(engine: AsyncEngine) -> tuple[int, set[tuple[str, int]]]:
        async with begun(engine) as transaction:
            return await judge_targets_if_free(transaction), await moved(around)

    _, (passed, left) = await interleaved(around.settings, judged_targets, pass_by, before=WRITES_TARGETS)
    assert passed == 0
    assert left, "it ended after the other one"
    assert not await moved(around)
    await is_as_rebuilt(around)


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
        return await a_relay(around, engine).relay()

    published, others = await interleaved(around.settings, relay, relay, before="COMMIT")
    assert published > 1
    assert others == 0
    messages = await around.published(subjects.ALL_STATUSES)
    async with around.engine.connect() as connection:
        change = table_of(ChangeRow)
        ids = [str(key) for key in await connection.scalars(select(change.c.id).order_by(change.c.number))]
    assert [json.loads(message.data)["id"] for message in messages] == ids


async def test_what_a_killed_relay_has_published_is_not_published_again_when_its_id_is_forgotten(
    around: Surroundings,
) -> None:
    await scoring_of(poverty_report("2022-12", 200))(around.engine)
    outbox, js = table_of(OutboxRow), around.nats.jetstream()
    async with around.engine.connect() as connection:
        rows = [row._asdict() for row in await connection.execute(outbox.select())]
    assert await a_relay(around).relay() == len(rows) > 0
    stored = await around.stored(subjects.STATUS_STREAM)
    async with around.engine.begin() as connection:  # as if it had been killed before it deleted them
        await connection.execute(outbox.insert().values(rows))
    async with closed(js, subjects.STATUS_STREAM, window_seconds=0.1):  # as if an hour had passed
        await asyncio.sleep(0.5)
    assert await a_relay(around).relay() == 0
    assert await around.stored(subjects.STATUS_STREAM) == stored
    assert await count(around, OutboxRow) == 0


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


@pytest.mark.parametrize("seed", [1, 2])
async def test_workers_in_any_order_end_with_the_rebuilt_state_and_every_change_told(
    around: Surroundings, seed: int
) -> None:
    random = Random(seed)  # noqa: S311 - makes examples
    day = START
    scored: list[AcceptedSubmission] = []
    await passing_to(around, day)(around.engine)
    async with AsyncExitStack() as engines:
        workers = [await engines.enter_async_context(engine_of(around.settings, f"worker-{n}")) for n in range(3)]
        for engine in workers:
            hesitate(engine, random)
        for _ in range(6):
            reports = some_reports(random, day)
            withdrawn = random.sample(scored + reports, 1)
            await put_on_stream(around, *reports)
            await publish(around.nats, [a_withdrawal(report, day) for report in withdrawn])
            twice = random.choice(reports)
            work = [scoring_of(report, on=day) for report in (*reports, twice)]
            work.append(scoring_in_parts(*reports, on=day))
            work += [withdrawing(a_withdrawal(report, day), day) for report in withdrawn]
            work += [judged_targets, judged_targets]
            if random.random() < 0.5:
                day += timedelta(days=random.randint(1, 6))
                work += [passing_to(around, day), passing_to(around, day)]
            if random.random() < 0.2:
                work.append(rebuilding(around, day))
            random.shuffle(work)
            await asyncio.gather(*(_one_by_one(work[n::3], engine) for n, engine in enumerate(workers)))
            await passing_to(around, day)(around.engine)
            await is_as_rebuilt(around, day)
            scored += reports


async def _one_by_one(work: Sequence[Work[Any]], engine: AsyncEngine) -> None:
    for each in work:
        await each(engine)


def some_reports(random: Random, on: date) -> list[AcceptedSubmission]:
    """Build four reports of one or two communes for few periods, of which many correct one another."""
    places = [(BORDER, "180"), ("06280", "184"), ("06283", "184"), ("06121", "182"), (FREE, "178")]
    few = random.sample(places, random.randint(1, 2))
    reports = []
    for _ in range(4):
        unit, district = random.choice(few)
        where: dict[str, Any] = {"unit": unit, "district": district, "revision": random.randint(1, 3)}
        period = random.choice(["2022-12", "2023-04", "2023-05", "2023-06"])
        reports.append(poverty_report(period, random.randint(50, 300), on, **where))
    return reports
