"""The way to the broker: connection, streams, CloudEvents headers, and publishing in order and at once."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import batched, groupby
from typing import Any
from uuid import UUID

import structlog
from nats.aio.client import Client
from nats.errors import ConnectionReconnectingError, MaxPayloadError
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import Header, StreamConfig
from nats.js.errors import APIError, NoStreamResponseError

from shared.contracts import subjects
from shared.settings import Settings

log = structlog.get_logger()

BATCH_LIMIT = 1000
"""Messages that the server takes in one atomic batch."""

_DUPLICATE_IN_BATCH = 10201
_DUPLICATE_WINDOW_SECONDS = 3600
_YEAR_SECONDS = 366 * 24 * 3600
_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class BrokerUnavailableError(Exception):
    """JetStream did not acknowledge: what was to be published may or may not be on disk."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be published."""

    subject: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stored:
    """Where in its stream a published message stands, and whether it stood there already."""

    sequence: int
    duplicate: bool = False


def cloud_event(
    subject: str,
    body: bytes,
    *,
    event_id: UUID,
    kind: str,
    source: str,
    at: datetime,
    trace: str | None = None,
) -> Message:
    """A CloudEvent 1.0 in the NATS binding's binary mode; its id is also JetStream's deduplication id."""
    own_id = str(event_id)
    return Message(
        subject,
        body,
        {
            Header.MSG_ID.value: own_id,
            "ce-specversion": "1.0",
            "ce-id": own_id,
            "ce-type": f"vn.ntm.{kind}.v1",
            "ce-source": f"/ntm/{source}",
            "ce-subject": subject,
            "ce-time": at.isoformat(),
            "content-type": "application/json",
            "traceparent": trace or new_trace(),
        },
    )


def new_trace(given: str | None = None) -> str:
    """The caller's W3C trace context where it is one, else a new one."""
    if given and _TRACEPARENT.fullmatch(given):
        return given
    token = secrets.token_hex(24)
    return f"00-{token[:32]}-{token[32:]}-01"


_process_msg = Client._process_msg


async def _process_or_skip(client: Client, *parts: Any) -> None:
    """nats-py stops reading, without a word, at the first message whose headers or reply subject it cannot read:
    anybody who may publish could make a service deaf. Such a message is skipped, and its sender hears nothing.
    """
    try:
        await _process_msg(client, *parts)
    except (ValueError, LookupError) as error:
        log.warning("message not readable", error=f"{type(error).__name__}: {error}"[:200])


Client._process_msg = _process_or_skip  # type: ignore[assignment,method-assign] # FastStream makes its own connections


def _header_lines(raw: bytes) -> dict[str, str]:
    """What nats-py reads from a message's headers, in a third of the time: it looks at every letter of every name."""
    found = {}
    for line in raw.decode("utf-8", "replace").split("\r\n"):
        name, colon, value = line.partition(":")
        name = name.strip()
        if colon and name.isascii() and len(name.split()) == 1:
            found[name] = value.strip()
    return found


Client._parse_header_lines = staticmethod(_header_lines)  # type: ignore[method-assign]


class _Connection(Client):
    """Knows who closed it."""

    closed_by_us = False

    async def close(self) -> None:
        self.closed_by_us = True
        await super().close()


async def connect(settings: Settings, name: str) -> Client:
    """A connection that waits for the broker and comes back for ever. The process ends where the server closes it."""
    token = settings.nats_token.get_secret_value() if settings.nats_token else None

    async def closed() -> None:
        if not connection.closed_by_us:
            end_process(name)

    while True:
        connection = _Connection()
        try:
            await connection.connect(
                settings.nats_url,
                name=name,
                token=token,
                max_reconnect_attempts=-1,
                reconnect_time_wait=0.2,  # type: ignore[arg-type] # parts of a second are taken as well
                connect_timeout=2,
                ping_interval=10,
                error_cb=_log_error,
                closed_cb=closed,
            )
        except (OSError, NatsError, TimeoutError) as error:
            log.warning("waiting for NATS", error=str(error) or type(error).__name__)
            await asyncio.sleep(0.5)
        else:
            return connection


def end_process(connection: str) -> None:
    """End this process, so that it is started anew: nats-py does not open again what the server closed with an error.

    Without its connection a service would look alive and do nothing.
    """
    log.error("NATS closed the connection for good", connection=connection)
    signal.raise_signal(signal.SIGTERM)


async def _log_error(error: Exception) -> None:
    log.warning("NATS connection", error=str(error) or type(error).__name__)


async def ensure_streams(js: JetStreamContext, replicas: int = 1) -> None:
    """Create the streams, or bring their settings up to date. What is kept, is kept: no limit of age or size."""
    for name, listens_to in {**subjects.KEPT, **subjects.KEPT_A_YEAR}.items():
        config = StreamConfig(
            name=name,
            subjects=listens_to,
            num_replicas=replicas,
            duplicate_window=_DUPLICATE_WINDOW_SECONDS,
            allow_atomic=True,
            allow_direct=True,
            max_age=_YEAR_SECONDS if name in subjects.KEPT_A_YEAR else None,
        )
        try:
            await js.add_stream(config)
        except APIError:
            await js.update_stream(config)


async def publish(nats: Client, messages: Sequence[Message], wait_seconds: float = 5) -> list[Stored]:
    """Publish in order and return when JetStream has all of it on disk: where in the stream each message stands.

    Several messages go out as atomic batches of up to 1,000. A batch that holds a message which the stream has
    already is refused whole, so its messages follow one by one: the stream keeps one of each. A batch belongs to one
    stream. BrokerUnavailableError when an acknowledgement does not come.
    """
    stored: list[Stored] = []
    try:
        for _, of_stream in groupby(messages, key=lambda message: subjects.stream_of(message.subject)):
            for batch in batched(of_stream, BATCH_LIMIT):
                async with asyncio.timeout(wait_seconds):  # a broker that stands still does not even take what is sent
                    together = await _publish_atomically(nats, batch, wait_seconds) if len(batch) > 1 else None
                stored += together or await _publish_singly(nats, batch, wait_seconds)
    except (NatsError, NoStreamResponseError, APIError, OSError, TimeoutError) as error:
        raise BrokerUnavailableError(str(error) or type(error).__name__) from error
    return stored


async def _publish_atomically(nats: Client, batch: Sequence[Message], wait_seconds: float) -> list[Stored] | None:
    """Where the batch stands in the stream; None when the stream holds one of its messages already."""
    if not nats.is_connected:
        raise ConnectionReconnectingError
    if max(len(message.body) for message in batch) > nats.max_payload:
        raise MaxPayloadError
    batch_id, last = secrets.token_hex(16), len(batch)
    headers = [
        {**message.headers, "Nats-Batch-Id": batch_id, "Nats-Batch-Sequence": str(number)}
        for number, message in enumerate(batch, 1)
    ]
    await nats._send_command(b"".join(map(_command, batch[:-1], headers[:-1])))
    commit = {**headers[-1], "Nats-Batch-Commit": "1"}
    answer = await nats.request(batch[-1].subject, batch[-1].body, timeout=wait_seconds, headers=commit)
    acknowledged = json.loads(answer.data)
    if error := acknowledged.get("error"):
        if error.get("err_code") == _DUPLICATE_IN_BATCH:
            return None
        raise BrokerUnavailableError(error.get("description", "batch refused"))
    if acknowledged.get("count") != last:
        raise BrokerUnavailableError(f"{acknowledged.get('count')} of {last} messages acknowledged")
    first = acknowledged["seq"] - last + 1
    return [Stored(first + number) for number in range(last)]


def _command(message: Message, headers: Mapping[str, str]) -> bytes:
    """What tells the broker to publish a message. nats-py's own takes as long over eleven headers as all rules take
    over a submission: it looks in each for characters that none of ours has.
    """
    head = "\r\n".join(["NATS/1.0", *map(": ".join, headers.items()), "\r\n"]).encode()
    sizes = f"HPUB {message.subject} {len(head)} {len(head) + len(message.body)}\r\n"
    return b"%b%b%b\r\n" % (sizes.encode(), head, message.body)


async def _publish_singly(nats: Client, batch: Sequence[Message], wait_seconds: float) -> list[Stored]:
    js = nats.jetstream(timeout=wait_seconds)
    acknowledged = [await js.publish(message.subject, message.body, headers=dict(message.headers)) for message in batch]
    return [Stored(ack.seq, ack.duplicate or False) for ack in acknowledged]
