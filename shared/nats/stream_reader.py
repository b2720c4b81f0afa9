"""Messages of a stream read in order, once, to rebuild or check what derives from them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError

from shared.nats.direct_get import DirectMessage, messages_after
from shared.nats.library_seam import received_message

_BATCH = 2_000
_PAUSE_SECONDS = 0.1
_PATIENCE_SECONDS = 10


async def read_stream(nats: Client, stream: str, subject: str, after: int = 0) -> AsyncIterator[list[Msg]]:
    """Yield the messages that the stream holds now on a subject, behind a sequence number, in batches.

    It needs no consumer, and so no right to make any. NatsError where the last of them cannot be read within 10 s.
    """
    try:
        last = (await nats.jetstream().get_last_msg(stream, subject)).seq or 0  # the leader knows it
    except NotFoundError:
        return
    batch: list[Msg] = []
    waited = 0.0
    while after < last:
        async for message in messages_after(nats, stream, subject, after):
            batch.append(_received(nats, stream, message))
            after = message.sequence
            if len(batch) == _BATCH or after >= last:
                yield batch
                batch = []
            if after >= last:
                return
        if waited >= _PATIENCE_SECONDS:
            raise NatsError(f"{stream}: message {last} on {subject} cannot be read")
        await asyncio.sleep(_PAUSE_SECONDS)  # a server that follows the leader may have answered
        waited += _PAUSE_SECONDS


def _received(nats: Client, stream: str, message: DirectMessage) -> Msg:
    sequence = Msg.Metadata.SequencePair(consumer=0, stream=message.sequence)
    time = datetime.fromisoformat(message.headers["Nats-Time-Stamp"]).astimezone(UTC)
    metadata = Msg.Metadata(sequence, num_pending=0, num_delivered=1, timestamp=time, stream=stream, consumer="")
    return received_message(nats, message.subject, message.data, message.headers, metadata)
