"""The speed of scoring, beside the raw limits in the same run: `make bench` or `python -m tests.bench.scoring [PART…]`.

The country's size: 8,000 communes, 4 criteria, 12 months, everything on this machine and everything included. Parts:
`filled` (a filled stream, with one worker and with two), `year` (the time of the processor that a submission takes in
the course of the plan's year), `history` (the same beside ten and a hundred times the history that the plan is judged
by), `latency` (a posted figure to its event), `targets` (a commitment judged when its sum moves, where figures have
come on a few days of the year and where they have come on most), `rebuild` (a year made again), `tick` (a day that
passes).
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import asyncpg
import psutil

from services.cli.migrate import prepare
from services.scoring.judging.changes import Moment
from services.scoring.judging.increments import Comparison, Increment
from services.scoring.judging.readings import Reading, readings_in
from services.scoring.storage.increments import add_increments, clear_increments
from services.scoring.storage.readings import reading_values
from services.scoring.update.daily_tick import tick
from services.scoring.update.rebuild import RebuildReport, rebuild
from services.scoring.update.targets import judge_targets
from services.scoring.update.transaction import Transaction
from shared.access.agency_keys import Terms, add_key
from shared.access.caller import EVERYTHING
from shared.contracts import subjects
from shared.contracts.submission import AcceptedSubmission
from shared.nats.consumers import ensure_consumers
from shared.nats.publishing import publish
from shared.reference.load import Reference, follow_each_other, load
from shared.service.runtime import collect_rarely
from tests.bench import country
from tests.bench.costs import note
from tests.bench.usage import Programs
from tests.builders import as_published
from tests.running import START, Service, Surroundings, settings_of, surroundings
from tests.servers import start_nats, start_postgres
from tests.waiting import eventually

RAW_BATCH = 1_000
POSTS = 200
YEAR_COMMUNES, YEAR_MONTHS, YEAR_BASE = 400, (1, 2, 6, 11, 12), 2
"""In the first month each figure is a change, and in the twelfth the plan's commitments end."""
HISTORY_COMMUNES, HISTORY_PERIODS, HISTORY_TIMES = 200, 3, (1, 10, 100)
START_OF_HISTORY = date(2022, 1, 1)
"""The packaged plan's horizon."""
PARTS_OF_A_MONTH = 3
"""Each is measured by itself, so that there is a median."""
AS_IN_OPERATION = {"NTM_LOG_FORMAT": "json", "NTM_WATCH_SECONDS": "10"}
"""Settings that the tests have otherwise: a look for troubles each second is a part of what a held worker may do."""
SUMMED_DAYS, SUMMED_BASE, SUMMED_PARTS, SUMMED_ROUNDS = (12, 300), 12, 3, 10
"""The days of the year on which the sums of the province's commitments moved, and how often each part judges them."""
MEGABYTE = 2**20


@asynccontextmanager
async def system(directory: Path, communes: int, today: date = START) -> AsyncIterator[tuple[Surroundings, Reference]]:
    """Servers of its own, and a country of so many communes."""
    server, postgres = await start_nats(directory, embedded=True), await start_postgres(directory, embedded=True)
    nats = await server.connect()
    try:
        reference = country.reference_directory(directory, communes)
        url = await postgres.create_database()
        await prepare(settings_of(url, server), today)
        async with surroundings(url, nats, server, directory) as around:
            around.env["NTM_REFERENCE_DIR"] = str(reference)
            around.env |= AS_IN_OPERATION
            yield around, load(directory=reference)
    finally:
        await nats.close()
        await server.remove()
        await postgres.remove()


def codes_of(reference: Reference) -> list[tuple[str, str]]:
    """District and commune of every commune that counts."""
    return [
        (district.code, unit.code)
        for unit in reference.units.communes(START, reference.plan.unit)
        if (district := reference.units.district(unit))
    ]


async def fill(around: Surroundings, found: Sequence[AcceptedSubmission]) -> None:
    """Put submissions on the stream as intake does."""
    for part in itertools.batched(found, 1_000):
        await publish(around.nats, [as_published(one) for one in part])


async def fill_all(around: Surroundings, reference: Reference, months: Sequence[str]) -> None:
    """Put what sectors state at the end of the year before on the stream, and the figures of these months."""
    codes, counted = codes_of(reference), ("ntm-11", "ntm-12", "ntm-14", "ntm-18")
    criteria = [key for key in reference.criterion_keys if reference.set_of(key) == "ntm" and key not in counted]
    stated = [code for key in criteria for code in reference.criterion(key).element_codes]
    await fill(around, list(country.statements(codes, stated)))
    for part in itertools.batched(country.submissions(codes, list(months)), 20_000):
        await fill(around, part)


async def serving(around: Surroundings, day: date) -> Service:
    """Start scoring and wait until it has caught up with a day, and has nothing left to publish."""
    [service] = await all_serving(around, day, 1)
    return service


async def all_serving(around: Surroundings, day: date, workers: int) -> list[Service]:
    """Start so many workers and wait until they have caught up with a day, and have nothing left to publish."""
    started = await asyncio.gather(*(around.start("scoring") for _ in range(workers)))

    async def are_at_rest() -> bool:
        async with around.engine.connect() as connection:
            left = await connection.exec_driver_sql("SELECT count(*) FROM scoring.outbox")
            return not left.scalar() and {await one.fact("ticked") for one in started} == {str(day)}

    await eventually(are_at_rest, 900)
    await asyncio.sleep(2)
    return started


async def left(around: Surroundings) -> int:
    """Return how many submissions scoring has not acknowledged yet."""
    js = around.nats.jetstream()
    info = await js.consumer_info(subjects.SUBMISSIONS_STREAM, subjects.SCORING_CONSUMER)
    return (info.num_pending or 0) + (info.num_ack_pending or 0)


async def scored(around: Surroundings, count: int) -> float:
    """Submissions a second, from the first that scoring acknowledges to the last."""
    started, before = time.perf_counter(), await left(around)
    while remaining := await left(around):
        assert time.perf_counter() - started < 1200, remaining
        await asyncio.sleep(0.05)
    return min(before, count) / (time.perf_counter() - started)


async def raw_upserts(around: Surroundings, readings: Sequence[tuple[int, Reading]]) -> float:
    """Rows a second of the same readings by a bare `INSERT … SELECT unnest(…) ON CONFLICT`, 1,000 at a time."""
    url = around.settings.database_url.get_secret_value().replace("+asyncpg", "")
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("DROP TABLE IF EXISTS raw_reading")
        await connection.execute("CREATE TABLE raw_reading (LIKE scoring.reading INCLUDING ALL)")
        rows = [reading_values(unit, one) for unit, one in readings]
        names = [name for name in rows[0] if name != "warnings"]
        types = {"unit": "int", "ends": "date", "value": "numeric", "revision": "int", "known_from": "date"}
        types |= {"received_at": "timestamptz", "submission": "uuid"}
        arrays = ", ".join(f"${n}::{types.get(name, 'text')}[]" for n, name in enumerate(names, 1))
        statement = (
            f"INSERT INTO raw_reading ({', '.join(names)}) SELECT * FROM unnest({arrays}) "  # noqa: S608
            "ON CONFLICT (unit, element, ends, period) DO UPDATE SET value = excluded.value"
        )
        started = time.perf_counter()
        for part in itertools.batched(rows, RAW_BATCH):
            await connection.execute(statement, *([row[name] for row in part] for name in names))
        return len(rows) / (time.perf_counter() - started)
    finally:
        await connection.close()


async def filled(directory: Path) -> None:
    """A filled stream, with one worker and with two."""
    async with system(directory, country.COMMUNES) as (around, reference):
        codes = codes_of(reference)
        months = [list(country.submissions(codes, [month])) for month in country.MONTHS[:3]]
        units = {code: unit.key for _, code in codes if (unit := reference.units.find(code, START))}
        readings = [
            (units[one.unit], reading) for one in months[0] for reading in readings_in(one, one.id, one.received_at)
        ]
        raw = await raw_upserts(around, readings)
        first = await with_workers(around, 1, months[0], "scoring a submission, each a change with its event")
        print(f"first figures, each of them a change that is published: {first:,.0f} submissions/s", flush=True)
        rates = []
        for workers, month in enumerate(months[1:3], 1):
            path = f"scoring a submission of a filled stream, {workers} worker(s), 8,000 communes"
            rates.append(await with_workers(around, workers, month, path))
            print(
                f"filled stream, {workers} worker(s): {rates[-1]:,.0f} submissions/s; raw unnest upsert {raw:,.0f} "
                f"readings/s; ratio {rates[-1] / raw:.2f} (at least 0.25)",
                flush=True,
            )
        print(f"two workers: {rates[1] / rates[0]:.2f} x one (at least 1.5 where cores allow)", flush=True)


async def with_workers(around: Surroundings, workers: int, found: Sequence[AcceptedSubmission], path: str) -> float:
    """Submissions a second that so many workers score from a stream that was filled while none was there."""
    await fill(around, found)
    started = await asyncio.gather(*(around.start("scoring") for _ in range(workers)))
    programs = Programs(*started)
    number, before = await left(around), programs.usage()
    rate = await scored(around, len(found))
    note(path, programs.usage().since(before), number)
    for worker in started:
        await worker.stop()
    return rate


async def year(directory: Path) -> None:
    """Note what a submission takes, when so many months of the year are there already."""
    path = "scoring a submission in month {} of the year"
    async with system(directory, YEAR_COMMUNES, date(2023, 2, 1)) as (around, reference):
        codes, done = codes_of(reference), 0
        for number in YEAR_MONTHS:
            if former := country.MONTHS[: number - 1]:
                await fill(around, list(country.submissions(codes, former[done:])))
                await made_from_stream(around, reference, country.last_day(former), switch=True)
                await tidied(around)
            done = number
            base = path.format(YEAR_BASE) if number > YEAR_BASE else None
            await month_by_parts(around, codes, country.MONTHS[number - 1], path.format(number), base)


async def history(directory: Path) -> None:
    """Note what a submission takes beside so many figures of each element and commune that are there already.

    They are of days of the year before the plan's: that far back reaches what the plan is judged by, and no farther. Of
    months it has 24 at most, so that a hundred times the history of a few months is of days.
    """
    path = "scoring a submission beside {} earlier figures of each element"
    for times in HISTORY_TIMES:
        days = [str(START_OF_HISTORY + timedelta(days=number)) for number in range(times * HISTORY_PERIODS)]
        folder = directory / f"{times}"
        folder.mkdir()
        async with system(folder, HISTORY_COMMUNES, date(2023, 2, 1)) as (around, reference):
            assert reference.plan.horizon == START_OF_HISTORY
            codes, first = codes_of(reference), country.MONTHS[:1]
            await fill(around, list(country.submissions(codes, days)))
            await fill(around, list(country.submissions(codes, first)))
            await made_from_stream(around, reference, country.last_day(first), switch=True)
            base = path.format(HISTORY_PERIODS) if times > 1 else None
            await month_by_parts(around, codes, country.MONTHS[1], path.format(times * HISTORY_PERIODS), base)


async def month_by_parts(
    around: Surroundings, codes: list[tuple[str, str]], month: str, path: str, base: str | None
) -> None:
    """Note what a submission of a month takes, once for each part of the month's submissions."""
    found = list(country.submissions(codes, [month]))
    day = found[0].received_at.date()
    await around.set_day(day)
    scoring = await serving(around, day)
    programs = Programs(scoring)
    for part in itertools.batched(found, math.ceil(len(found) / PARTS_OF_A_MONTH)):
        before, told = programs.usage(), await changes_stored(around)
        await fill(around, part)
        await scored(around, len(part))
        took = programs.usage().since(before)
        note(path, took, len(part), base=base)
        print(f"  {await changes_stored(around) - told:,} changes by {len(part):,} submissions", flush=True)
    await scoring.stop()


async def tidied(around: Surroundings) -> None:
    """Have PostgreSQL tidy up what was just made now, as it has done long ago where the months came one by one."""
    async with around.engine.connect() as connection:
        await (await connection.execution_options(isolation_level="AUTOCOMMIT")).exec_driver_sql("VACUUM ANALYZE")


async def changes_stored(around: Surroundings) -> int:
    """The number of changes that were stored until now."""
    async with around.engine.connect() as connection:
        return int((await connection.exec_driver_sql("SELECT count(*) FROM scoring.change")).scalar() or 0)


async def latency(directory: Path) -> None:
    """From a posted submission to its status event on NATS, one at a time."""
    async with system(directory, 300) as (around, reference):
        terms = Terms(rate_per_minute=1_000_000)
        key = await add_key(around.engine, "bench", "bench", [reference.plan.unit], [EVERYTHING], terms)
        intake, scoring = await around.start("intake"), await around.start("scoring")
        heard = await around.nats.subscribe(subjects.ALL_STATUSES)
        milliseconds: list[float] = []
        programs = Programs(intake, scoring)
        before = programs.usage()
        commune = codes_of(reference)[0][1]
        async with intake.client(key) as client:
            for number in range(POSTS):
                poor = 10 if number % 2 else 500
                body = {
                    "unit": commune,
                    "period": "2023-05",
                    "revision": number + 1,
                    "confirmed": True,
                    "readings": {"households": 1000, "poor_households": poor, "near_poor_households": 0},
                }
                started = time.perf_counter()
                answer = await client.post("/v1/submissions", json=body)
                assert answer.status_code == 202, answer.text
                await heard.next_msg(timeout=10)
                milliseconds.append(1000 * (time.perf_counter() - started))
                await asyncio.sleep(0.02)
        cuts = statistics.quantiles(milliseconds[10:], n=100)
        note("a lone post to its status event", programs.usage().since(before), POSTS)
        print(f"post to status event: p50 {cuts[49]:.1f} ms (under 15), p99 {cuts[98]:.1f} ms (under 50)", flush=True)


async def targets(directory: Path) -> None:
    """Note what it takes to judge a commitment of the province once a figure of today has moved its sum."""
    path = "judging a commitment whose sum moved on {} days of the year"
    on = date(2023, 12, 20)
    moment = Moment(on=on, at=datetime(on.year, on.month, on.day, 3, tzinfo=UTC))
    communes = 300
    async with system(directory, communes, on) as (around, reference):
        of_province = [(one.id, unit.key) for one, unit in reference.targets if unit.code == reference.plan.unit]
        for days in SUMMED_DAYS:
            past = [on - timedelta(days=1 + number * (330 // days)) for number in range(days)]
            async with around.engine.begin() as connection:
                await clear_increments(connection)
                transaction = Transaction(connection, reference, moment, cause="plan")
                await moved(transaction, of_province, past[-1:], communes)
                await moved(transaction, of_province, past[:-1])
            programs = Programs()
            for _ in range(SUMMED_PARTS):
                before = programs.usage()
                for _ in range(SUMMED_ROUNDS):
                    async with around.engine.begin() as connection:
                        transaction = Transaction(connection, reference, moment, cause="figure")
                        await moved(transaction, of_province, [on])
                took, judged = programs.usage().since(before).in_this_process, SUMMED_ROUNDS * len(of_province)
                base = path.format(SUMMED_BASE) if days != SUMMED_BASE else None
                note(path.format(days), took, judged, base=base)


async def moved(
    transaction: Transaction, sums: Sequence[tuple[str, int]], days: Sequence[date], begun: int = 0
) -> None:
    """Move the sums on these days, as figures of communes do, of which so many (`begun`) are the first; judge them."""
    base = Comparison(begun, Decimal(2 * begun), Decimal(10 * begun))
    added = Increment(Decimal(begun or 1), Decimal(10 * begun), begun, reports=10 * begun, comparison=base)
    increments = {(*one, day): added for one in sums for day in days}
    await add_increments(transaction.connection, transaction.reference.plan.id, increments, transaction.moment.on)
    await judge_targets(transaction)


async def made_from_stream(around: Surroundings, reference: Reference, day: date, *, switch: bool) -> RebuildReport:
    """Make the state from everything on the stream, as if live workers had scored all of it by then."""
    js, stream = around.nats.jetstream(), subjects.SUBMISSIONS_STREAM
    await js.delete_consumer(stream, subjects.SCORING_CONSUMER)  # what it has acknowledged would be all that counts
    report = await rebuild(around.engine, around.nats, follow_each_other([reference]), day, switch=switch)
    if switch:
        await ensure_consumers(js, stream)
        await acknowledge_all(around)
    return report


async def acknowledge_all(around: Surroundings) -> None:
    """Acknowledge every submission on the stream in scoring's stead: the state has them all."""
    js = around.nats.jetstream(timeout=30)
    pulled = await js.pull_subscribe_bind(subjects.SCORING_CONSUMER, subjects.SUBMISSIONS_STREAM)
    left = (await js.consumer_info(subjects.SUBMISSIONS_STREAM, subjects.SCORING_CONSUMER)).num_pending or 0
    while left > 0:
        messages = await pulled.fetch(min(left, 1_000), timeout=30)
        for message in messages:
            await message.ack()
        left -= len(messages)
    await pulled.unsubscribe()
    await around.nats.flush()


async def rebuilding(directory: Path) -> None:
    """A country's year: made again beside an empty live state, in this process."""
    async with system(directory, country.COMMUNES) as (around, reference):
        for part in itertools.batched(country.submissions(codes_of(reference), country.MONTHS), 20_000):
            await fill(around, part)
        process, peak = psutil.Process(), 0
        done = asyncio.Event()

        async def watch() -> None:
            nonlocal peak
            while not done.is_set():
                peak = max(peak, process.memory_info().rss)
                await asyncio.sleep(0.1)

        watching = asyncio.create_task(watch())
        programs = Programs()
        before = programs.usage()
        compared = await made_from_stream(around, reference, country.last_day(country.MONTHS), switch=False)
        took = programs.usage().since(before)
        done.set()
        await watching
        note("rebuild, a submission of twelve months", took.in_this_process, compared.submissions)
        print(
            f"rebuild of {compared.submissions:,} submissions: {compared.seconds:.0f} s (under 60), "
            f"{compared.submissions / compared.seconds:,.0f}/s; memory {peak / MEGABYTE:.0f} MB (under 500)",
            flush=True,
        )


async def ticking(directory: Path) -> None:
    """The daily tick over 8,000 communes x 19 criteria, all of which have to be looked at."""
    async with system(directory, country.COMMUNES) as (around, reference):
        day = country.last_day(country.MONTHS[:1])
        await fill_all(around, reference, country.MONTHS[:1])
        await made_from_stream(around, reference, day, switch=True)
        url = around.settings.database_url.get_secret_value().replace("+asyncpg", "")
        connection = await asyncpg.connect(url)
        await connection.execute("UPDATE scoring.status SET holds_until = $1", day)
        count = await connection.fetchval("SELECT count(*) FROM scoring.status WHERE holds_until = $1", day)
        await connection.close()
        programs = Programs()
        started, before = time.perf_counter(), programs.usage()
        moment = Moment(on=day + timedelta(days=1), at=datetime.now(UTC))
        async with around.engine.begin() as live:
            changes = await tick(Transaction(live, reference, moment))
        note("daily tick, a status", programs.usage().since(before).in_this_process, count)
        print(
            f"tick over {count:,} statuses: {time.perf_counter() - started:.1f} s (under 10), {changes:,} changes",
            flush=True,
        )


PARTS: dict[str, Callable[[Path], Awaitable[None]]] = {
    "filled": filled,
    "year": year,
    "history": history,
    "latency": latency,
    "targets": targets,
    "rebuild": rebuilding,
    "tick": ticking,
}


async def main(part: str) -> None:
    collect_rarely()  # as the program does
    with tempfile.TemporaryDirectory() as folder:
        await PARTS[part](Path(folder))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS])
    wanted = parser.parse_args().parts or [*PARTS]
    if len(wanted) == 1:
        asyncio.run(main(wanted[0]))
    for one in wanted if len(wanted) > 1 else ():  # each in a process of its own: memory is measured
        subprocess.run([sys.executable, "-m", "tests.bench.scoring", one], check=True)
