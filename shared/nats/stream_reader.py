"""Messages of a stream read in order, once, to rebuild or check what derives from them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
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
    last = await newest_number(nats, stream, subject)
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


async def newest_number(nats: Client, stream: str, subject: str) -> int:
    """Return the number of the last message on a subject, or a family of subjects, that can be read; 0: there is none.

    The stream's leader answers: other servers of a cluster may not have yet what was published.
    """
    js = nats.jetstream()
    with suppress(NotFoundError):
        return (await js.get_last_msg(stream, subject)).seq or 0
    # where the last message is damaged on its disk, the server says that there is none, whatever lies before it (2.15)
    found = await _number_from(js, stream, subject, 1)
    beyond = (await js.stream_info(stream)).state.last_seq + 1 if found else 0
    while found + 1 < beyond:
        middle = (found + beyond) // 2
        if number := await _number_from(js, stream, subject, middle):
            found = number
        else:
            beyond = middle
    return found


async def _number_from(js: JetStreamContext, stream: str, subject: str, sequence: int) -> int:
    """Return the number of the first message with this number or a higher one that can be read; 0: there is none."""
    try:
        return (await js.get_msg(stream, sequence, subject, next=True)).seq or 0
    except NotFoundError:
        return 0


def _received(nats: Client, stream: str, message: DirectMessage) -> Msg:
    sequence = Msg.Metadata.SequencePair(consumer=0, stream=message.sequence)
    time = message.stored_at.astimezone(UTC)
    metadata = Msg.Metadata(sequence, num_pending=0, num_delivered=1, timestamp=time, stream=stream, consumer="")
    return received_message(nats, message.subject, message.data, message.headers, metadata)
