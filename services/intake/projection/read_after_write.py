"""Reading what was just written: the tables follow the streams by some milliseconds, and who asks waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from nats.aio.client import Client

from shared.problems import Problem, Problems

SUBMISSIONS = "intake-submissions"
REFUSALS = "intake-refusals"
PROBLEMS = "intake-problems"
"""Durable consumers: what they have acknowledged stands in the tables."""

_PATIENCE_SECONDS = 2
_PAUSE_SECONDS = 0.05


async def projected[T](nats: Client, stream: str, consumer: str, look: Callable[[], Awaitable[T | None]]) -> T | None:
    """What `look` finds, once everything that the stream holds by now has come to the tables.

    Problem 503 when that takes longer than two seconds: until then nobody knows whether it is there.
    """
    if (found := await look()) is not None:
        return found
    js = nats.jetstream()
    newest = (await js.stream_info(stream)).state.last_seq
    deadline = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
    while asyncio.get_running_loop().time() < deadline:
        info = await js.consumer_info(stream, consumer)
        is_behind = info.num_pending or info.num_ack_pending
        has_come = not is_behind or (info.ack_floor is not None and info.ack_floor.stream_seq >= newest)
        if (found := await look()) is not None or has_come:
            return found
        await asyncio.sleep(_PAUSE_SECONDS)
    raise Problem(Problems.UNAVAILABLE, headers={"Retry-After": "2"})
