"""The speed of intake, beside the raw limits in the same run: `make bench`.

Everything is as in operation: signing in with a key, validation, the look at what stands, NATS with
`sync_interval: always`, the projection that runs meanwhile. One process each, all on this machine.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from services.cli.migrate import prepare
from shared.access.agency_keys import Terms, add_key
from shared.access.caller import EVERYTHING
from tests.bench import load, raw
from tests.bench.costs import note
from tests.bench.usage import Programs
from tests.running import START, Service, Surroundings, settings_of, surroundings
from tests.servers import start_nats, start_postgres
from tests.waiting import eventually
from tests.workbooks import a_workbook

CLIENTS = 64
SINGLES = 20_000
LINES = 60_000
ALONE = 500
ROWS = 200
RAW_SINGLES = 10_000
ROUNDS = 3
MONTHS = [f"{year}-{month:02}" for year in range(2020, 2023) for month in range(1, 13)]


def submissions(communes: list[str]) -> Iterator[bytes]:
    """Submissions that are all different and all acceptable."""
    for revision in itertools.count(1):
        for month in MONTHS:
            for commune in communes:
                yield json.dumps(
                    {
                        "unit": commune,
                        "period": month,
                        "revision": revision,
                        "readings": {"households": 1204, "poor_households": 131, "near_poor_households": 88},
                    }
                ).encode()


async def settled(around: Surroundings) -> None:
    """Wait until the projection has caught up, so that one measurement does not pay for another."""

    async def is_settled() -> bool:
        return not (await around.nats.jetstream().consumer_info("SUBMISSIONS", "intake-submissions")).num_pending

    await eventually(is_settled, 300)


async def singles(around: Surroundings, intake: Service, key: str, source: Iterator[bytes]) -> None:
    programs, rates = Programs(intake), []
    for _ in range(ROUNDS):
        requests = [load.post("/v1/submissions", key, body) for body in itertools.islice(source, SINGLES)]
        before = programs.usage()
        await raw.publish(around.nats, BODY, RAW_SINGLES)
        bare = 1e6 * programs.usage().since(before).broker / RAW_SINGLES
        before = programs.usage()
        measured = await load.run(intake.port, iter(requests), CLIENTS)
        assert measured.statuses == {202: SINGLES}, measured.statuses
        await settled(around)
        note(
            "one post of many, 64 clients, with its projection",
            programs.usage().since(before),
            SINGLES,
            bare,
            "`js.publish`",
        )
        rates.append(measured.rate)
    half = statistics.median(rates) / 2
    requests = [load.post("/v1/submissions", key, body) for body in itertools.islice(source, int(half * 5))]
    measured = await load.run(intake.port, iter(requests), CLIENTS, rate=half)
    print(
        f"  {statistics.median(rates):,.0f}/s; at half that load ({half:,.0f}/s): "
        f"p50 {measured.percentile(50):.1f} ms, "
        f"p99 {measured.percentile(99):.1f} ms (under 50)",
        flush=True,
    )
    await settled(around)


async def one_client(around: Surroundings, port: int, key: str, source: Iterator[bytes]) -> None:
    """Measure the wait of a single post for signing in, checking, grouping and the disk, beside a bare publish."""
    requests = [load.post("/v1/submissions", key, body) for body in itertools.islice(source, ALONE)]
    bare = await raw.publish_latency(around.nats, BODY, ALONE)
    measured = await load.run(port, iter(requests), 1)
    print(
        f"one post at a time: p50 {measured.percentile(50):.1f} ms; raw js.publish: {bare:.1f} ms "
        "(no more than 5 added)",
        flush=True,
    )


async def workbook(around: Surroundings, key: str, communes: list[str]) -> None:
    """The preview of a workbook, with what scoring says to it."""
    rows = [(commune, period, 1204, 131, 88) for period in ("5/2023", "4/2023") for commune in communes][:ROWS]
    seconds = []
    async with around.services[0].client(key) as client:
        for _ in range(ROUNDS):
            started = time.perf_counter()
            preview = await client.post("/v1/uploads", params={"dry_run": True}, content=a_workbook(*rows), timeout=60)
            seconds.append(time.perf_counter() - started)
            found = preview.json()
            assert (found["rows"], found["acceptable"], len(found["statuses"]) > ROWS // 2) == (ROWS, True, True), found
    print(f"preview of a workbook of {ROWS} rows: {statistics.median(seconds):.2f} s (under 1 s)", flush=True)


async def lines(around: Surroundings, intake: Service, key: str, source: Iterator[bytes]) -> None:
    programs = Programs(intake)
    for _ in range(ROUNDS):
        body = b"\n".join(itertools.islice(source, LINES))
        before = programs.usage()
        await raw.publish_batches(around.nats, BODY, LINES)
        bare = 1e6 * programs.usage().since(before).broker / LINES
        stored, before = await around.stored("SUBMISSIONS"), programs.usage()
        async with intake.client(key) as client:
            answer = await client.post(
                "/v1/submissions", content=body, headers={"Content-Type": "application/x-ndjson"}, timeout=600
            )
        assert answer.status_code == 202, answer.text[-300:]
        assert await around.stored("SUBMISSIONS") - stored == LINES, answer.text[-300:]
        await settled(around)
        took = programs.usage().since(before)
        note("a line of NDJSON, with its projection", took, LINES, bare, "atomic batches of 1,000")


BODY = b"x" * 600
"""As long as the message of the submissions above."""


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        server, postgres = await start_nats(directory, embedded=True), await start_postgres(directory, embedded=True)
        url = await postgres.create_database()
        nats = await server.connect()
        try:
            await prepare(settings_of(url, server), START)
            async with surroundings(url, nats, server, directory) as around:
                terms = Terms(rate_per_minute=10_000_000)
                key = await add_key(around.engine, "bench", "bench", ["20"], [EVERYTHING], terms)
                intake = await around.start("intake", NTM_LOG_FORMAT="json")
                async with intake.client(key) as client:
                    units = (await client.get("/v1/catalogue")).json()["units"]
                communes = sorted(unit["code"] for unit in units if unit["kind"] == "commune")
                source = submissions(communes)
                await around.start("scoring", NTM_LOG_FORMAT="json")
                await workbook(around, key, communes)
                await around.services.pop().stop()
                await one_client(around, intake.port, key, source)
                await singles(around, intake, key, source)
                await lines(around, intake, key, source)
        finally:
            await nats.close()
            await server.remove()
            await postgres.remove()


if __name__ == "__main__":
    asyncio.run(main())
