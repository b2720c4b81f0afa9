"""The durable consumers from which the services pull batches."""

from __future__ import annotations

from collections.abc import Sequence

from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig
from nats.js.errors import APIError, NotFoundError

from shared.contracts import subjects
from shared.nats.roles import STREAMS_ACCOUNT

ACK_SECONDS = 2.0
"""The time after which the batch of a killed process comes again; a process that is only slow says that it works on."""

UNACKNOWLEDGED_LIMIT = 20_000
"""Messages of a consumer that all processes together have taken and not acknowledged."""


NO_STORE = 10012
"""The error code of a consumer whose file the broker cannot read."""


class DamagedConsumersError(Exception):
    """The broker cannot read the files in which it keeps how far consumers are, and makes none of these names either.

    `directories` are those of the consumers, in the broker's store.
    """

    def __init__(self, directories: Sequence[str]) -> None:
        super().__init__(f"damaged consumers: {', '.join(directories)}")
        self.directories = directories


def consumer_config(family: str, durable: str) -> ConsumerConfig:
    """Return the settings of the consumer of a family of subjects."""
    return ConsumerConfig(
        name=durable,
        durable_name=durable,
        filter_subject=family,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=ACK_SECONDS,
        max_ack_pending=UNACKNOWLEDGED_LIMIT,
    )


async def ensure_consumers(js: JetStreamContext, of_stream: str | None = None) -> None:
    """Make the services' consumers, those of one stream or of all, or bring their settings up to date.

    Each service would make its own. Those that are there already nobody can make again as one that pushes messages onto
    a subject of its choice. DamagedConsumersError where the broker's files stand in the way of some, and all others
    are made.
    """
    damaged = []
    for families in subjects.CONSUMERS.values():
        for family, durable in families.items():
            stream = subjects.stream_of(family) or ""
            if of_stream in (None, stream):
                try:
                    await js.add_consumer(stream, consumer_config(family, durable))
                except APIError as error:
                    if error.err_code != NO_STORE:
                        raise
                    damaged.append(directory_of(stream, durable))
    if damaged:
        raise DamagedConsumersError(damaged)


def directory_of(stream: str, durable: str) -> str:
    """Return the directory of a consumer in the broker's data."""
    return f"jetstream/{STREAMS_ACCOUNT}/streams/{stream}/obs/{durable}"


async def acknowledged_until(js: JetStreamContext, stream: str, durable: str) -> int | None:
    """Return the number up to which a consumer has acknowledged everything; None where there is no such consumer."""
    try:
        floor = (await js.consumer_info(stream, durable)).ack_floor
    except NotFoundError:
        return None
    return floor.stream_seq if floor else 0


async def missing_consumers(js: JetStreamContext, service: str) -> list[str]:
    """Return the consumers that a service needs and the broker has not."""
    families = subjects.CONSUMERS.get(service, {})
    return [
        durable
        for family, durable in families.items()
        if await acknowledged_until(js, subjects.stream_of(family) or "", durable) is None
    ]
