"""FastStream's broker as the services use it: batches of a stream, and requests that are answered."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from weakref import WeakKeyDictionary

from faststream import AckPolicy
from faststream.message import StreamMessage
from faststream.nats import JStream, NatsBroker, PullSub
from faststream.nats.message import NatsBatchMessage, NatsMessage
from faststream.prometheus import ConsumeAttrs, PrometheusMiddleware
from faststream.response import PublishCommand
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy as ByConsumer
from nats.js.api import ConsumerConfig
from prometheus_client import REGISTRY

from shared.contracts import subjects
from shared.nats.connection import end_process
from shared.nats.library_seam import patch_faststream, patch_nats_py
from shared.settings import Settings

BATCH_SIZE = 500
"""Messages that a service takes at once, at most, unless it says otherwise."""

_NOTHING_SECONDS = 5
"""The time after which a request for messages ends when there are none; the consumer then makes it again."""

_ACK_SECONDS = 2.5
"""The time after which the batch of a killed process comes again; a process that is only slow says that it works on."""

_UNACKNOWLEDGED_LIMIT = 20_000
"""Messages of a consumer that all processes together have taken and not acknowledged."""

_CONSUMERS: WeakKeyDictionary[NatsBroker, list[tuple[str, ConsumerConfig]]] = WeakKeyDictionary()
"""The consumers of a broker's batches, each with its stream."""

type TakeBatch = Callable[[list[Msg]], Awaitable[None]]


def create_broker(settings: Settings, name: str) -> NatsBroker:
    """Return FastStream's broker, which connects again for ever after a lost connection.

    The process ends where the server closes the connection.
    """
    patch_nats_py()
    patch_faststream()
    token = settings.nats_token.get_secret_value() if settings.nats_token else None

    async def closed() -> None:
        if broker.running:
            end_process(f"ntm-{name}-worker")

    broker = NatsBroker(
        settings.nats_servers,
        name=f"ntm-{name}-worker",
        token=token,
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
        apply_types=False,  # handlers get raw messages
        logger=logging.getLogger("faststream"),
        log_level=logging.DEBUG,
        closed_cb=closed,
        middlewares=[
            PrometheusMiddleware(
                settings_provider_factory=lambda _message: _LABELS, registry=REGISTRY, app_name=f"ntm-{name}"
            )
        ],
    )
    return broker


async def start(broker: NatsBroker, nats: Client) -> None:
    """Make the consumers of the broker's batches, or bring their settings up to date, and start all subscribers.

    FastStream would leave a consumer as it was made.
    """
    for stream, config in _CONSUMERS.get(broker, ()):
        await nats.jetstream().add_consumer(stream, config)
    await broker.start()


def batches(broker: NatsBroker, family: str, durable: str, size: int = BATCH_SIZE) -> Callable[[TakeBatch], TakeBatch]:
    """Return the decorator that subscribes to all subjects of a family, such as `ntm.v1.status.>`, by batches.

    `size`: the most messages of a batch. `durable` names the consumer, which all processes of a service share. A batch
    is acknowledged when the decorated function returns, and comes again when it raises.
    """
    stream = subjects.stream_of(family) or ""
    config = ConsumerConfig(ack_wait=_ACK_SECONDS, max_ack_pending=_UNACKNOWLEDGED_LIMIT)
    own = replace(config, name=durable, durable_name=durable, filter_subject=family, ack_policy=ByConsumer.EXPLICIT)
    _CONSUMERS.setdefault(broker, []).append((stream, own))
    subscriber: Callable[[TakeBatch], TakeBatch] = broker.subscriber(
        family,
        durable=durable,
        stream=JStream(stream, declare=False),  # `ntm migrate` has made the stream
        pull_sub=PullSub(batch=True, batch_size=size, timeout=_NOTHING_SECONDS),
        config=config,
        ack_policy=AckPolicy.NACK_ON_ERROR,
        decoder=raw_batch,
    )
    return subscriber


async def raw_batch(message: NatsBatchMessage) -> list[Msg]:
    """Decode nothing: a handler parses each message of a batch by itself, so that none can spoil the others."""
    return message.raw_message


async def raw_message(message: NatsMessage) -> Msg:
    """Decode nothing: the handler of a request looks at its headers as well."""
    return message.raw_message


async def raw_body(message: NatsMessage) -> bytes:
    """Decode nothing: the handler of a request parses its body."""
    return message.raw_message.data


class LabelsByStream:
    """Labels FastStream's metrics by stream, or by the subject of requests.

    FastStream's own labels are subjects, of which there are as many as communes and criteria.
    """

    messaging_system = "nats"

    def get_consume_attrs_from_message(self, msg: StreamMessage[Msg | list[Msg]]) -> ConsumeAttrs:
        """Return the labels and sizes of one message, or of a batch."""
        messages = msg.raw_message if isinstance(msg.raw_message, list) else [msg.raw_message]
        return {
            "destination_name": _label(messages[0].subject),
            "message_size": sum(len(message.data) for message in messages),
            "messages_count": len(messages),
        }

    def get_publish_destination_name_from_cmd(self, cmd: PublishCommand) -> str:
        """Return the label of a message that FastStream publishes."""
        return _label(cmd.destination)


_LABELS = LabelsByStream()


def _label(subject: str) -> str:
    return subjects.stream_of(subject) or subject
