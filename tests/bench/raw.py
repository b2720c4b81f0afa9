"""The raw limits: what the broker's own client reaches on the same store, with messages as large as intake's."""

from __future__ import annotations

import asyncio
import json
import secrets
import statistics
import time

from nats.aio.client import Client
from nats.js.api import StreamConfig

STREAM = "BENCH"
SUBJECT = "bench.raw"
IN_FLIGHT = 256
BATCH = 1000


async def publish(nats: Client, body: bytes, count: int) -> None:
    """Publish messages by `js.publish` with 256 in flight."""
    run = await _empty(nats)
    js = nats.jetstream()
    places = asyncio.Semaphore(IN_FLIGHT)

    async def one(number: int) -> None:
        async with places:
            await js.publish(SUBJECT, body, headers={"Nats-Msg-Id": f"{run}-{number}"})

    await asyncio.gather(*(one(number) for number in range(count)))


async def publish_latency(nats: Client, body: bytes, count: int) -> float:
    """Milliseconds that a `js.publish` takes (the median), one after the other."""
    run = await _empty(nats)
    js = nats.jetstream()
    seconds = []
    for number in range(count):
        started = time.perf_counter()
        await js.publish(SUBJECT, body, headers={"Nats-Msg-Id": f"{run}-{number}"})
        seconds.append(time.perf_counter() - started)
    return 1000 * statistics.median(seconds)


async def publish_batches(nats: Client, body: bytes, count: int) -> None:
    """Publish messages as atomic batches of 1,000, one after the other."""
    run = await _empty(nats)
    for first in range(0, count, BATCH):
        batch_id = secrets.token_hex(16)
        for number in range(1, BATCH + 1):
            headers = {
                "Nats-Msg-Id": f"{run}-{first + number}",
                "Nats-Batch-Id": batch_id,
                "Nats-Batch-Sequence": str(number),
            }
            if number == BATCH:
                answer = await nats.request(SUBJECT, body, headers={**headers, "Nats-Batch-Commit": "1"}, timeout=10)
                assert json.loads(answer.data)["count"] == BATCH, answer.data
            else:
                await nats.publish(SUBJECT, body, headers=headers)


async def _empty(nats: Client) -> str:
    """Empty the stream; returns a word that makes this run's ids its own."""
    js = nats.jetstream()
    await js.add_stream(StreamConfig(name=STREAM, subjects=[SUBJECT], allow_atomic=True, duplicate_window=3600))
    await js.purge_stream(STREAM)
    return secrets.token_hex(8)
