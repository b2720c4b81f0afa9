"""Reading after writing: the tables follow the streams by some milliseconds, and a reader waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError

from shared.contracts import subjects
from shared.nats.direct_get import last_sequences
from shared.problems import Problem, Problems
from shared.service.unavailable import unavailable

_PATIENCE_SECONDS = 2
_PAUSE_SECONDS = 0.05


async def find_after_projection[T](nats: Client, family: str, look: Callable[[], Awaitable[T | None]]) -> T | None:
    """Return the row that `look` finds, at the latest when the tables hold what the family's stream holds by now.

    Problem 503 when that takes longer than two seconds: until then nobody knows whether the row exists.
    """
    if (row := await look()) is not None:
        return row
    newest = await newest_of(nats, family)
    deadline = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
    while asyncio.get_running_loop().time() < deadline:
        has_come = await is_projected(nats, family, newest)
        if (row := await look()) is not None or has_come:
            return row
        await asyncio.sleep(_PAUSE_SECONDS)
    raise Problem(Problems.UNAVAILABLE, headers={"Retry-After": "2"})


async def newest_projected(nats: Client, family: str, subject: str) -> int:
    """Return the number of the newest message on a subject of a family, once the tables hold it; 0 where there is none.

    What is published behind this number was decided by everything on the subject. Problem 503 after two seconds.
    """
    try:
        newest = (await last_sequences(nats, _stream(family), [subject])).get(subject, 0)
    except NatsError as error:
        raise unavailable(error) from error
    deadline = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
    while newest and not await is_projected(nats, family, newest):
        if asyncio.get_running_loop().time() > deadline:
            raise Problem(Problems.UNAVAILABLE, headers={"Retry-After": "2"})
        await asyncio.sleep(_PAUSE_SECONDS)
    return newest


async def newest_of(nats: Client, subject: str) -> int:
    """Return the number of the newest message on a subject, or a family of subjects; 0 where there is none.

    The stream's leader answers: other servers of a cluster may not have yet what was published.
    """
    try:
        return (await nats.jetstream().get_last_msg(_stream(subject), subject)).seq or 0
    except NotFoundError:
        return 0


async def is_projected(nats: Client, family: str, sequence: int) -> bool:
    """Say whether the tables hold all of a family's messages up to this number, but for those that were parked."""
    # what is pending is no measure: the broker counts a message as pending some time after it has stored it
    info = await nats.jetstream().consumer_info(_stream(family), subjects.CONSUMERS["intake"][family])
    return (info.ack_floor.stream_seq if info.ack_floor else 0) >= sequence


def _stream(family: str) -> str:
    return subjects.stream_of(family) or ""
