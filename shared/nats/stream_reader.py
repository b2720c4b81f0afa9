"""Messages of a stream read in order, once, to rebuild or check what derives from them."""

from __future__ import annotations

from collections.abc import AsyncIterator

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

_BATCH = 2_000


async def read_stream(nats: Client, stream: str, subject: str, after: int = 0) -> AsyncIterator[list[Msg]]:
    """Yield the messages that the stream holds now on a subject, behind a sequence number, in batches."""
    config = ConsumerConfig(
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=after + 1,
        ack_policy=AckPolicy.NONE,
        inactive_threshold=600,
    )
    subscription = await nats.jetstream().pull_subscribe(subject, stream=stream, config=config)
    try:
        pending = (await subscription.consumer_info()).num_pending
        while pending:
            batch = await subscription.fetch(min(pending, _BATCH), timeout=10)
            pending = batch[-1].metadata.num_pending
            yield batch
    finally:
        await subscription.unsubscribe()
