"""FastStream's broker as the services use it: batches of a stream, and requests that are answered."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from weakref import WeakKeyDictionary

from faststream import AckPolicy
from faststream.message import StreamMessage
from faststream.nats import JStream, NatsBroker, PullSub
from faststream.nats.message import NatsBatchMessage, NatsMessage
from faststream.nats.security import NatsNKey, NatsSecurity
from faststream.prometheus import ConsumeAttrs, PrometheusMiddleware
from faststream.response import PublishCommand
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import ConsumerConfig
from prometheus_client import REGISTRY

from shared.contracts import subjects
from shared.nats.connection import end_process, inbox_prefix
from shared.nats.consumers import consumer_config
from shared.nats.library_seam import patch_faststream, patch_nats_py
from shared.service.transient_errors import once_possible
from shared.settings import Settings

BATCH_SIZE = 500
"""Messages that a service takes at once, at most, unless it says otherwise."""

_MAKING_SECONDS = 30
_NOTHING_SECONDS = 5
"""The time after which a request for messages ends when there are none; the consumer then makes it again."""

_CONSUMERS: WeakKeyDictionary[NatsBroker, list[tuple[str, ConsumerConfig]]] = WeakKeyDictionary()
"""The consumers of a broker's batches, each with its stream."""

_INBOXES: WeakKeyDictionary[NatsBroker, bytes] = WeakKeyDictionary()
"""The prefix of a broker's inboxes: FastStream's subscribers do not take that of the connection."""

type TakeBatch = Callable[[list[Msg]], Awaitable[None]]


def create_broker(settings: Settings, name: str) -> NatsBroker:
    """Return FastStream's broker, which connects again for ever after a lost connection.

    The process ends where the server closes the connection.
    """
    patch_nats_py()
    patch_faststream()

    async def closed() -> None:
        if broker.running:
            end_process(f"ntm-{name}-worker")

    inbox = inbox_prefix(settings)
    broker = NatsBroker(
        settings.nats_servers,
        name=f"ntm-{name}-worker",
        security=_security(settings),
        inbox_prefix=inbox,
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
    _INBOXES[broker] = inbox + b"."
    return broker


def _security(settings: Settings) -> NatsSecurity:
    seed, tls = settings.nats_seed_file, settings.nats_tls
    return NatsSecurity(ssl_context=tls) if seed is None else NatsNKey.from_file(seed, ssl_context=tls)


async def start(broker: NatsBroker, nats: Client) -> None:
    """Make the consumers of the broker's batches, or bring their settings up to date, and start all subscribers.

    FastStream would leave a consumer as it was made. Three nodes elect a leader for one that is new. It waits while the
    broker makes none, such as where the consumer's files are damaged: operators hear of that by the code `consumer`.
    """
    js = nats.jetstream(timeout=_MAKING_SECONDS)
    for stream, config in _CONSUMERS.get(broker, ()):
        await once_possible(partial(js.add_consumer, stream, config))
    await broker.start()
    await (await broker.connect()).flush()  # who is ready hears requests: the server knows the subscriptions


def batches(broker: NatsBroker, family: str, durable: str, size: int = BATCH_SIZE) -> Callable[[TakeBatch], TakeBatch]:
    """Return the decorator that subscribes to all subjects of a family, such as `ntm.v1.status.>`, by batches.

    `size`: the most messages of a batch. `durable` names the consumer, which all processes of a service share. A batch
    is acknowledged when the decorated function returns, and comes again when it raises.
    """
    stream = subjects.stream_of(family) or ""
    config = consumer_config(family, durable)
    _CONSUMERS.setdefault(broker, []).append((stream, config))
    subscriber: Callable[[TakeBatch], TakeBatch] = broker.subscriber(
        family,
        durable=durable,
        stream=JStream(stream, declare=False),  # `ntm migrate` has made the stream
        pull_sub=PullSub(batch=True, batch_size=size, timeout=_NOTHING_SECONDS),
        config=config,
        ack_policy=AckPolicy.NACK_ON_ERROR,
        decoder=raw_batch,
        inbox_prefix=_INBOXES[broker],
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
