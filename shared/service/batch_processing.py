"""Batches of messages: they are processed together, and those that cannot be processed are parked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from prometheus_client import Counter
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from shared.service.proof import Proof
from shared.service.tracing import each_traced, within
from shared.service.transient_errors import is_transient

log = structlog.get_logger()

PROCESSED = Counter("ntm_messages_processed", "Messages processed from a stream", ["stream"])
PARKED = Counter("ntm_messages_parked", "Messages put aside because they cannot be processed", ["stream"])

type Handle = Callable[[Sequence[Msg]], Awaitable[None]]
type Park = Callable[[Msg, str], Awaitable[None]]


_WORKING_SECONDS = 0.5
"""The time between two signs to the server that a batch is still in work; some of them before it comes again."""


async def process(stream: str, messages: Sequence[Msg], handle: Handle, park: Park, proof: Proof) -> None:
    """Handle a batch. If a message makes the batch fail, handle the messages one by one, and park those that fail.

    Messages that are not proved are parked, and never handled.
    A transient error (database or broker away, a deadlock) is raised: the messages stay unacknowledged and come again.
    While the batch takes long the server is told that it is in work, and gives it to no other process.
    """
    working = asyncio.create_task(_say_working(messages))
    try:
        proved, unproved = proof.split(messages)
        for message, reason in unproved:
            with within([message]):
                log.error("message parked", stream=stream, subject=message.subject, reason=reason)
                await park(message, reason)
            PARKED.labels(stream).inc()
        if proved:
            with each_traced(stream, proved):
                await _process(stream, proved, handle, park)
    finally:
        working.cancel()


async def _say_working(messages: Sequence[Msg]) -> None:
    while True:
        await asyncio.sleep(_WORKING_SECONDS)
        with suppress(NatsError, OSError):  # the server is away: its own waiting stands still as well
            for message in messages:
                await message.in_progress()


async def _process(stream: str, messages: Sequence[Msg], handle: Handle, park: Park) -> None:
    with within(messages):
        await _process_within(stream, messages, handle, park)


async def _process_within(stream: str, messages: Sequence[Msg], handle: Handle, park: Park) -> None:
    try:
        await handle(messages)
    except Exception as error:  # the consumer goes on whatever error a message causes
        if is_transient(error):
            log.warning("batch waits", stream=stream, messages=len(messages), error=str(error))
            await asyncio.sleep(0.5)
            raise
        if len(messages) > 1:
            for message in messages:
                await _process(stream, [message], handle, park)
            return
        log.exception("message parked", stream=stream, subject=messages[0].subject)
        await park(messages[0], reason_of(error))
        PARKED.labels(stream).inc()
        return
    PROCESSED.labels(stream).inc(len(messages))


def reason_of(error: Exception) -> str:
    """Return the text of an error, without the figures that it quotes."""
    words = str(error)
    if isinstance(error, ValidationError):
        details = error.errors(include_url=False, include_context=False, include_input=False)
        words = "; ".join(f"/{'/'.join(str(step) for step in detail['loc'])}: {detail['msg']}" for detail in details)
    elif isinstance(error, DBAPIError):
        words = str(error.orig).partition("\n")[0]  # the following lines quote the row's values and the statement
    return f"{type(error).__name__}: {words}"
