"""Reading after writing: the tables follow the streams by some milliseconds, and a reader waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from nats.aio.client import Client
from nats.errors import Error as NatsError

from shared.contracts import subjects
from shared.nats.direct_get import last_sequences
from shared.nats.stream_reader import newest_number
from shared.problems import Problem, Problems
from shared.service.unavailable import unavailable

_PATIENCE_SECONDS = 5
_PAUSE_SECONDS = 0.05


async def find_after_projection[T](nats: Client, family: str, look: Callable[[], Awaitable[T | None]]) -> T | None:
    """Return the row that `look` finds, at the latest when the tables hold what the family's stream holds by now.

    Problem 503 when that takes longer than five seconds: until then nobody knows whether the row exists.
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


async def newest_projected(nats: Client, subject: str, *others: str) -> int:
    """Return the number of the newest message on a subject, once the tables hold it; 0 where there is none.

    They then hold what the same stream has on the `others` as well: each family of subjects comes to the tables by
    itself, so that of two messages that were published together the later may be there first. What is published behind
    the number was decided by everything on these subjects. Problem 503 after five seconds.
    """
    try:
        newest = await last_sequences(nats, _stream(subject), [subject, *others])
    except NatsError as error:
        raise unavailable(error) from error
    deadline = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
    for one, sequence in newest.items():
        while not await is_projected(nats, _family(one), sequence):
            if asyncio.get_running_loop().time() > deadline:
                raise Problem(Problems.UNAVAILABLE, headers={"Retry-After": "2"})
            await asyncio.sleep(_PAUSE_SECONDS)
    return newest.get(subject, 0)


async def newest_review(nats: Client, district: str | None, unit: str) -> int:
    """Return the number of the newest review about a commune, as `newest_projected`: behind it an office may decide.

    The tables then hold the commune's submissions, those that reviews have made among them, and its withdrawals.
    """
    about = subjects.submission(district, unit), subjects.withdrawal(district, unit)
    return await newest_projected(nats, subjects.review(district, unit), *about)


async def newest_of(nats: Client, subject: str) -> int:
    """Return the number of the newest message on a subject, or a family of subjects; 0 where there is none."""
    return await newest_number(nats, _stream(subject), subject)


async def is_projected(nats: Client, family: str, sequence: int) -> bool:
    """Say whether the tables hold all of a family's messages up to this number, but for those that were parked."""
    # what is pending is no measure: the broker counts a message as pending some time after it has stored it
    info = await nats.jetstream().consumer_info(_stream(family), subjects.CONSUMERS["intake"][family])
    return (info.ack_floor.stream_seq if info.ack_floor else 0) >= sequence


def _family(subject: str) -> str:
    return next(family for family in subjects.CONSUMERS["intake"] if subjects.is_in(subject, family))


def _stream(family: str) -> str:
    return subjects.stream_of(family) or ""
