"""The pace and the cost of several workers: `make bench`, or `python -m tests.bench.workers [intake|scoring|notify …]`.

Each worker is held to a fifth of a core by Debian's `cpulimit`, so that workers and not cores are the limit. One, two
and four of them do the same work: intake's are processes on one port, those of scoring and notify share a stream. Each
row has the pace (goals: two 1.6 x one, four 2.8 x), the cost of an item (at most 1.1 x one's), and the part of the
workers' time in which a connection of theirs waits for a lock, as `pg_stat_activity` tells ten times a second.

A held worker stands still for most of the time, also where it has a lock: others then wait longer than in life.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date
from functools import partial
from pathlib import Path

import asyncpg
import psutil

from deploy.local.supervisor import end, spawn
from shared.access.agency_keys import Terms, add_key
from shared.access.caller import EVERYTHING
from shared.contracts.submission import AcceptedSubmission
from shared.contracts.verdict_change import StatusChanged
from shared.reference.load import load
from tests.bench import country
from tests.bench import load as load_of
from tests.bench.costs import note
from tests.bench.intake import CLIENTS, settled, submissions
from tests.bench.notify import all_heard, changes, ours, receiving
from tests.bench.scoring import all_serving, codes_of, fill, made_from_stream, scored, system
from tests.bench.usage import Programs
from tests.integration.notify_service import NotifyService
from tests.running import Service, afresh
from tests.waiting import eventually

PERCENT = 20
"""Of a core, for each worker."""
WORKERS, ROUNDS = (1, 2, 4), 3
COMMUNES, POSTS, EVENTS = 4_000, 6_000, 8_000
"""Scoring's work for a measure is a month of the communes, four submissions each. Workers take batches of 500: with few
batches for each the last one would decide."""
_SAMPLE_SECONDS = 0.1
_IDLE = 0.15
"""The seconds of the processor that all workers together may take in a second, and are idle: each looks for work."""


@asynccontextmanager
async def held(directory: Path, *pids: int) -> AsyncIterator[None]:
    """Hold each of these processes to its part of a core while the block runs."""
    async with AsyncExitStack() as stack:
        with (directory / "cpulimit.log").open("ab") as log:
            for pid in pids:
                command = ["cpulimit", "--pid", str(pid), "--limit", str(PERCENT), "--lazy"]
                stack.push_async_callback(end, await spawn(command, {}, log))
        yield


class Waiting:
    """Watches a service's connections, and says for which part of the time they wait for locks."""

    def __init__(self, database_url: str, service: str) -> None:
        self._url, self._name = database_url.replace("+asyncpg", ""), f"ntm-{service}"
        self.samples: list[int] = []
        """The connections that waited, each time."""

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Watch while the block runs."""
        connection = await asyncpg.connect(self._url)
        watching = asyncio.create_task(self._watch(connection))
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await connection.close()

    async def _watch(self, connection: asyncpg.Connection) -> None:
        query = await connection.prepare(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND wait_event_type = 'Lock'"
        )
        while True:
            self.samples.append(await query.fetchval(self._name))
            await asyncio.sleep(_SAMPLE_SECONDS)


def waiting_share(samples: Sequence[int], workers: int) -> float:
    """Return the connections that wait at a time for each worker, by what was seen each time."""
    return sum(samples) / (len(samples) * workers) if samples else 0


def path_of(work: str, workers: int) -> str:
    """Return the name of a row."""
    return f"{work}, {workers} worker{'s' if workers > 1 else ''} held to {PERCENT} % of a core"


async def measured(
    directory: Path, work: str, services: Sequence[Service], url: str, do: Callable[[], Awaitable[int]]
) -> None:
    """Note what the workers of a service do, held, while `do` has them work and returns the number of items."""
    pids = [pid for service in services for pid in workers_of(service)]
    workers, programs, waiting = len(pids), Programs(*services), Waiting(url, services[0].name)
    await at_rest(programs)
    async with held(directory, *pids), waiting.watched():
        before, began = programs.usage(), time.perf_counter()
        count = await do()
        seconds, took = time.perf_counter() - began, programs.usage().since(before)
    base, share = path_of(work, 1) if workers > 1 else None, waiting_share(waiting.samples, workers)
    note(path_of(work, workers), took, count, base=base, rate=count / seconds, waiting=share)


async def at_rest(programs: Programs) -> None:
    """Wait until services have done what each does once after its start, such as to look which reports are due."""
    before = programs.usage()
    while True:
        await asyncio.sleep(1)
        after = programs.usage()
        if after.since(before).services < _IDLE:
            return
        before = after


def workers_of(service: Service) -> list[int]:
    """Return the processes that do a service's work: itself, or those that uvicorn has begun for its port."""
    assert service.process
    begun = psutil.Process(service.process.pid).children()
    return [one.pid for one in begun if "--multiprocessing-fork" in one.cmdline()] or [service.process.pid]


def orders() -> list[tuple[int, ...]]:
    """Return the numbers of workers of each round, each in another order: what grows meanwhile strikes all alike."""
    return [WORKERS[at % len(WORKERS) :] + WORKERS[: at % len(WORKERS)] for at in range(ROUNDS)]


def have_begun(service: Service, workers: int) -> bool:
    """Say whether so many processes of a port are ready; the port answers when the first of them is."""
    return service.log.read_text().count("Application startup complete") >= workers


async def intake(directory: Path) -> None:
    """Post by 64 clients for each process of intake, all on one port, with the projection."""
    async with system(directory, COMMUNES) as (around, reference):
        url = around.env["NTM_DATABASE_URL"]
        terms = Terms(rate_per_minute=10_000_000)
        key = await add_key(around.engine, "bench", "bench", ["20"], [EVERYTHING], terms)
        source = submissions([code for _, code in codes_of(reference)])
        for workers in itertools.chain(*orders()):
            service = await around.start("intake", UVICORN_WORKERS=f"{workers}")
            await eventually(partial(have_begun, service, workers))

            async def posted(port: int = service.port, clients: int = CLIENTS * workers) -> int:
                requests = (load_of.post("/v1/submissions", key, body) for body in itertools.islice(source, POSTS))
                done = await load_of.run(port, requests, clients)
                assert done.statuses == {202: POSTS}, done.statuses
                await settled(around)
                return POSTS

            await measured(directory, "one post of many, with its projection", [service], url, posted)
            await service.stop()


async def scoring(directory: Path) -> None:
    """Score a filled stream."""
    async with system(directory, COMMUNES, date(2023, 2, 1)) as (around, reference):
        url, codes, months = around.env["NTM_DATABASE_URL"], codes_of(reference), iter(country.MONTHS)
        first = next(months)
        await fill(around, list(country.submissions(codes, [first])))
        await made_from_stream(around, reference, country.last_day([first]), switch=True)
        for workers, month in zip(itertools.chain(*orders()), months, strict=False):
            found = list(country.submissions(codes, [month]))
            await around.set_day(day := found[0].received_at.date())
            started = await all_serving(around, day, workers)

            async def all_scored(found: Sequence[AcceptedSubmission] = found) -> int:
                await fill(around, found)
                await scored(around, len(found))
                return len(found)

            await measured(directory, "scoring a submission of a filled stream", started, url, all_scored)
            for service in started:
                await service.stop()


async def notify(directory: Path) -> None:
    """Tell events to a webhook."""
    for number, workers in enumerate(itertools.chain(*orders())):
        folder = directory / f"{number}"
        folder.mkdir()
        async with receiving(b'"data":{"id":"') as hook, ours(folder, hook) as one, AsyncExitStack() as stack:
            started = [one.service]
            for other in range(1, workers):
                started.append(Service("notify", one.env, folder / f"notify-{other}.log", afresh))
                stack.push_async_callback(started[-1].stop)
                await started[-1].start()
            found = changes(load(), EVENTS)

            async def all_told(one: NotifyService = one, found: Sequence[StatusChanged] = found) -> int:
                await one.publish(*found)
                assert await all_heard(EVENTS)
                return EVENTS

            await asyncio.sleep(1.5)  # the subscription is known to every worker within a second
            await measured(folder, "an event to its webhook call", started, one.env["NTM_DATABASE_URL"], all_told)


PARTS: dict[str, Callable[[Path], Awaitable[None]]] = {"intake": intake, "scoring": scoring, "notify": notify}


async def main(part: str) -> None:
    """Measure the workers of a service."""
    with tempfile.TemporaryDirectory() as folder:
        await PARTS[part](Path(folder))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS])
    wanted = parser.parse_args().parts or [*PARTS]
    if not shutil.which("cpulimit"):
        print("several workers are not measured; install cpulimit (Debian: apt-get install cpulimit)", flush=True)
    else:
        for one in wanted:
            asyncio.run(main(one))
