"""Reading after writing: the tables follow the streams by some milliseconds, and a reader waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from nats.aio.client import Client

from shared.contracts import subjects
from shared.problems import Problem, Problems

SUBMISSIONS = subjects.INTAKE_CONSUMER
REFUSALS = "intake-refusals"
PROBLEMS = "intake-problems"
DOSSIERS = "intake-dossiers"
"""Durable consumers: the messages that they have acknowledged stand in the tables."""

_PATIENCE_SECONDS = 2
_PAUSE_SECONDS = 0.05


async def find_after_projection[T](
    nats: Client, stream: str, consumer: str, look: Callable[[], Awaitable[T | None]]
) -> T | None:
    """Return the row that `look` finds, at the latest when the tables hold everything that the stream holds by now.

    Problem 503 when that takes longer than two seconds: until then nobody knows whether the row exists.
    """
    if (row := await look()) is not None:
        return row
    js = nats.jetstream()
    newest = (await js.stream_info(stream)).state.last_seq
    deadline = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
    while asyncio.get_running_loop().time() < deadline:
        info = await js.consumer_info(stream, consumer)
        is_behind = info.num_pending or info.num_ack_pending
        has_come = not is_behind or (info.ack_floor is not None and info.ack_floor.stream_seq >= newest)
        if (row := await look()) is not None or has_come:
            return row
        await asyncio.sleep(_PAUSE_SECONDS)
    raise Problem(Problems.UNAVAILABLE, headers={"Retry-After": "2"})
