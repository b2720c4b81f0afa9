"""The memory that intake takes while a gigabyte of NDJSON comes in as one stream: `python -m tests.bench.memory`.

GB=0.1 sends less. Everything is as in operation, as in `tests.bench.intake`.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from services.cli.migrate import prepare
from shared.access.agency_keys import Terms, add_key
from shared.access.caller import EVERYTHING
from tests.running import START, Surroundings, settings_of, surroundings
from tests.servers import start_nats, start_postgres

SIZE = int(float(os.environ.get("GB", "1")) * 1_000_000_000)
LINE = 1000
"""Bytes; shorter lines are filled up with spaces."""
LIMIT_MEGABYTES = 300


def lines() -> Iterator[bytes]:
    """Submissions that are all different and all acceptable."""
    for number in range(SIZE // LINE):
        submission = {
            "unit": "06280",
            "period": f"2023-0{1 + number % 5}",
            "source_ref": str(number),
            "readings": {"households": 1204, "poor_households": 131, "near_poor_households": 88},
        }
        yield json.dumps(submission).encode().ljust(LINE - 1) + b"\n"


class Watch:
    """The most memory that a process has taken, in bytes."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self.first = self.peak = self._process.memory_info().rss

    async def run(self) -> None:
        """Look ten times a second, until cancelled."""
        while True:
            self.peak = max(self.peak, self._process.memory_info().rss)
            await asyncio.sleep(0.1)


async def measure(around: Surroundings) -> bool:
    key = await add_key(around.engine, "bench", "bench", ["20"], [EVERYTHING], Terms(rate_per_minute=10_000_000))
    intake = await around.start("intake", NTM_LOG_FORMAT="json")
    assert intake.process
    watch = Watch(intake.process.pid)
    watching = asyncio.create_task(watch.run())

    async def body() -> AsyncIterator[bytes]:
        part = bytearray()
        for line in lines():
            part += line
            if len(part) > 500_000:
                yield bytes(part)
                part.clear()
        yield bytes(part)

    started = time.perf_counter()
    last = b""
    async with (
        intake.client(key) as client,
        client.stream(
            "POST", "/v1/submissions", content=body(), headers={"Content-Type": "application/x-ndjson"}, timeout=None
        ) as answer,
    ):
        async for chunk in answer.aiter_bytes():
            last = (last + chunk)[-2000:]
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    seconds = time.perf_counter() - started
    summary = json.loads(last.splitlines()[-1])["summary"]
    print(
        f"{SIZE / 1e9:g} GB of NDJSON in {seconds:,.0f} s: {answer.status_code}, {summary['accepted']:,} accepted, "
        f"{summary['refused']:,} refused; memory {watch.first / 1e6:,.0f} MB before, "
        f"{watch.peak / 1e6:,.0f} MB at most (under {LIMIT_MEGABYTES})",
        flush=True,
    )
    return summary["accepted"] == SIZE // LINE and watch.peak < LIMIT_MEGABYTES * 1e6


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        server, postgres = await start_nats(directory, embedded=True), await start_postgres(directory, embedded=True)
        url = await postgres.create_database()
        nats = await server.connect()
        try:
            await prepare(settings_of(url, server), START)
            async with surroundings(url, nats, server, directory) as around:
                holds = await measure(around)
        finally:
            await nats.close()
            await server.remove()
            await postgres.remove()
    raise SystemExit(0 if holds else 1)


if __name__ == "__main__":
    asyncio.run(main())
