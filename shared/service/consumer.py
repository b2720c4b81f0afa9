"""A worker's edge: batches of messages, and what to do with those that cannot be processed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

import structlog
from faststream.nats import JStream, NatsBroker, PullSub
from faststream.nats.message import NatsBatchMessage, NatsMessage
from nats.aio.msg import Msg
from prometheus_client import Counter
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from shared.nats.connection import end_process
from shared.nats.library_seam import patch_faststream, patch_nats_py
from shared.service.transient_errors import is_transient
from shared.settings import Settings

log = structlog.get_logger()

PROCESSED = Counter("ntm_messages_processed", "Messages processed from a stream", ["stream"])
PARKED = Counter("ntm_messages_parked", "Messages put aside because they cannot be processed", ["stream"])

BATCHES = PullSub(batch=True, batch_size=500, timeout=5)
"""Whatever is there, up to 500 messages; nothing for five seconds is no error."""

type Handle = Callable[[Sequence[Msg]], Awaitable[None]]
type Park = Callable[[Msg, str], Awaitable[None]]


def create_broker(settings: Settings, name: str) -> NatsBroker:
    """FastStream's broker, which comes back for ever after a lost connection. The process ends where the server
    closes it.
    """
    patch_nats_py()
    patch_faststream()
    token = settings.nats_token.get_secret_value() if settings.nats_token else None

    async def closed() -> None:
        if broker.running:
            end_process(f"ntm-{name}-worker")

    broker = NatsBroker(
        settings.nats_url,
        name=f"ntm-{name}-worker",
        token=token,
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
        apply_types=False,  # handlers get raw messages
        logger=logging.getLogger("faststream"),
        log_level=logging.DEBUG,
        closed_cb=closed,
    )
    return broker


def existing(stream: str) -> JStream:
    """A stream that `ntm migrate` made."""
    return JStream(stream, declare=False)


async def raw(message: NatsBatchMessage) -> list[Msg]:
    """FastStream's decoder for handlers that parse each message on their own, so that one cannot spoil a batch."""
    return message.raw_message


async def content(message: NatsMessage) -> bytes:
    """FastStream's decoder for handlers that answer one request."""
    return message.raw_message.data


async def process(stream: str, messages: Sequence[Msg], handle: Handle, park: Park) -> None:
    """Handle the batch; if its content makes that fail, message by message, and park those that fail alone.

    A fault of the surroundings (database or broker away, a deadlock) is raised: the messages are not acknowledged
    and come again.
    """
    try:
        await handle(messages)
    except Exception as error:  # a worker's edge: whatever a message does, the consumer goes on
        if is_transient(error):
            log.warning("batch waits", stream=stream, messages=len(messages), error=str(error))
            await asyncio.sleep(0.5)
            raise
        if len(messages) > 1:
            for message in messages:
                await process(stream, [message], handle, park)
            return
        log.exception("message parked", stream=stream, subject=messages[0].subject)
        await park(messages[0], reason_of(error))
        PARKED.labels(stream).inc()
        return
    PROCESSED.labels(stream).inc(len(messages))


def reason_of(error: Exception) -> str:
    """What the error says, without the figures that it quotes."""
    words = str(error)
    if isinstance(error, ValidationError):
        found = error.errors(include_url=False, include_context=False, include_input=False)
        words = "; ".join(f"/{'/'.join(str(step) for step in one['loc'])}: {one['msg']}" for one in found)
    elif isinstance(error, DBAPIError):
        words = str(error.orig).partition("\n")[0]  # what follows are the row's values and the statement
    return f"{type(error).__name__}: {words}"
