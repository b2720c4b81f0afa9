"""The time until another process of intake or scoring has done what a killed one had taken: `make bench`.

The killed one is in the middle of its batch: it waits for a table that is locked.
"""

from __future__ import annotations

import asyncio
import signal
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import text

from shared.contracts import subjects
from shared.contracts.submission import AcceptedSubmission
from shared.nats.publishing import publish
from tests.bench import country
from tests.bench.scoring import codes_of, system
from tests.builders import as_published
from tests.running import Service, Surroundings
from tests.waiting import eventually

TAKEOVERS, BATCH = 10, 500
CONSUMERS = {"intake": subjects.INTAKE_CONSUMER, "scoring": subjects.SCORING_CONSUMER}


async def takeover(around: Surroundings, service: str, batches: Sequence[Sequence[AcceptedSubmission]]) -> list[float]:
    """Return the seconds from each kill of one process until all is done."""
    js, waits = around.nats.jetstream(), list[float]()

    async def state() -> tuple[int, int, int]:
        info = await js.consumer_info(subjects.SUBMISSIONS_STREAM, CONSUMERS[service])
        return info.num_pending or 0, info.num_ack_pending or 0, info.num_waiting or 0

    async def is_done() -> bool:
        pending, unacknowledged, _ = await state()
        return not pending + unacknowledged

    async def has_taken() -> bool:
        return (await state())[1] > 0

    async def both_ask() -> bool:
        return (await state())[2] == 2

    async def one_asks() -> bool:
        return (await state())[2] == 1

    dying, other = await around.start(service), await around.start(service)
    for batch in batches:
        await eventually(both_ask)
        freeze(other)
        await eventually(one_asks)
        async with around.engine.begin() as connection:
            await connection.execute(text(f"LOCK TABLE {service}.submission IN ACCESS EXCLUSIVE MODE"))
            await publish(around.nats, [as_published(one) for one in batch])
            await eventually(has_taken)
            await asyncio.sleep(1.5)  # so long that it has said that it works on
            await dying.kill()
            killed = time.perf_counter()
        thaw(other)
        while not await is_done():
            assert time.perf_counter() - killed < 60
            await asyncio.sleep(0.02)
        waits.append(time.perf_counter() - killed)
        await dying.start()
    return waits


def freeze(service: Service) -> None:
    assert service.process
    service.process.send_signal(signal.SIGSTOP)


def thaw(service: Service) -> None:
    assert service.process
    service.process.send_signal(signal.SIGCONT)


async def main() -> None:
    for service in CONSUMERS:
        with tempfile.TemporaryDirectory() as folder:
            async with system(Path(folder), 300) as (around, reference):
                codes = codes_of(reference)
                months = country.MONTHS[:TAKEOVERS]
                batches = [list(country.submissions(codes, [month]))[:BATCH] for month in months]
                waits = await takeover(around, service, batches)
        print(
            f"{service}: takeover after a kill -9 in the middle of a batch: median {statistics.median(waits):.1f} s, "
            f"longest {max(waits):.1f} s of {len(waits)} (under 3)",
            flush=True,
        )


if __name__ == "__main__":
    asyncio.run(main())
