"""Publishing in order, signed by the connection's keys, with the acknowledgement of JetStream."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import batched, groupby
from time import monotonic
from weakref import WeakKeyDictionary

from nats.aio.client import Client
from nats.errors import ConnectionReconnectingError, MaxPayloadError
from nats.errors import Error as NatsError
from nats.js.errors import APIError, NoStreamResponseError

from shared.contracts import subjects
from shared.nats.cloud_events import Message
from shared.nats.library_seam import send_commands
from shared.nats.signing_keys import keys_of

BATCH_LIMIT = 1000
"""Messages that the server takes in one atomic batch."""

EXPECTED_LAST = "Nats-Expected-Last-Subject-Sequence"
"""The header with the number of the last message on a message's subject: with another one JetStream refuses it.

In an atomic batch the first message on each subject may have it.
"""

EXPECTED_LAST_OF = "Nats-Expected-Last-Subject-Sequence-Subject"
"""The header with another subject than the message's own, about which `EXPECTED_LAST` then speaks."""

_DUPLICATE_IN_BATCH = 10201
_WRONG_LAST = (10071, 10164)
_TOO_LARGE = 10054
"""The code for a message that is larger than the stream takes: what is too large for all streams is refused before."""


_REFUSED = (NatsError, NoStreamResponseError, APIError, OSError, TimeoutError)

STREAM_FULL = 10077
STORE_FULL = (10002, 10023, 10047)
"""Error codes of the server: the limit of the account, no resources, the limit of the store."""


class BrokerUnavailableError(Exception):
    """JetStream did not acknowledge: the messages may or may not be on disk."""


class ClosedStreamError(BrokerUnavailableError):
    """The stream takes nothing for a while, since it is being repaired."""


class StoreFullError(BrokerUnavailableError):
    """A stream has reached its limit, and nothing was stored; or the server's store has, and a part may be stored."""

    def __init__(self, stream: str | None, reason: str) -> None:
        super().__init__(f"{stream or 'store'}: {reason}")
        self.stream = stream
        """The stream that is full; None: the store as a whole."""


class SubjectMovedError(Exception):
    """Another message came on the subject than the one that a message was to follow."""


class OvertakenError(BrokerUnavailableError):
    """A subject has a newer message than the publisher expected, or one of the messages already: nothing was stored."""


@dataclass(frozen=True, slots=True)
class Stored:
    """The place of a published message in its stream; `duplicate`: the stream had the message already."""

    sequence: int
    duplicate: bool = False


async def publish(nats: Client, messages: Sequence[Message], wait_seconds: float = 5) -> list[Stored]:
    """Publish in order, and return the places of the messages once JetStream has all of them on disk.

    Several messages of one stream go out as atomic batches of up to 1,000. JetStream refuses a batch whole when its
    stream has one of the messages already; then the messages follow one by one, and the stream drops the repeated ones.
    BrokerUnavailableError when an acknowledgement does not come within `wait_seconds`.
    """
    _sign(nats, messages)
    stored: list[Stored] = []
    try:
        for _, of_stream in groupby(messages, key=lambda message: subjects.stream_of(message.subject)):
            for batch in batched(of_stream, BATCH_LIMIT):
                async with asyncio.timeout(wait_seconds):  # a broker that hangs takes no data at all
                    together = await _publish_atomically(nats, batch, wait_seconds) if len(batch) > 1 else None
                stored += together or await _publish_singly(nats, batch, wait_seconds)
    except _REFUSED as error:
        raise _unavailable(nats, error, messages) from error
    _answered(nats, messages)
    return stored


async def publish_next(nats: Client, message: Message, after: int, wait_seconds: float = 5) -> Stored:
    """Publish a message that follows the message number `after` on its subject; 0: it is the first there.

    SubjectMovedError when another message has come on the subject meanwhile; BrokerUnavailableError as in `publish`.
    """
    following = Message(message.subject, message.body, {**message.headers, EXPECTED_LAST: str(after)})
    try:
        (stored,) = await publish_as_expected(nats, [following], wait_seconds)
    except OvertakenError as error:
        raise SubjectMovedError(message.subject) from error
    return stored


async def publish_as_expected(nats: Client, messages: Sequence[Message], wait_seconds: float = 5) -> list[Stored]:
    """Publish up to 1,000 messages of one stream whose headers say what they expect (`EXPECTED_LAST`), all or none.

    OvertakenError where an expectation is wrong, and where the stream has one of several messages already; a single
    one is then said to be a duplicate. BrokerUnavailableError as in `publish`.
    """
    _sign(nats, messages)
    try:
        async with asyncio.timeout(wait_seconds):
            if len(messages) > 1:
                if (stored := await _publish_atomically(nats, messages, wait_seconds)) is None:
                    raise OvertakenError("duplicate")
            else:
                stored = await _publish_singly(nats, messages, wait_seconds)
    except _REFUSED as error:
        if isinstance(error, APIError) and error.err_code in _WRONG_LAST:
            raise OvertakenError(str(error)) from error
        raise _unavailable(nats, error, messages) from error
    _answered(nats, messages)
    return stored


_unanswered: WeakKeyDictionary[Client, dict[str, float]] = WeakKeyDictionary()
"""By connection: the streams that did not answer the last message, and when."""

_REMEMBERED_SECONDS = 60


def silent_streams(nats: Client) -> list[str]:
    """Return the streams that have not answered the last messages on this connection, within the last minute.

    After a write that failed on a full disk a stream answers nothing, also with room again, while others go on.
    """
    since = monotonic() - _REMEMBERED_SECONDS
    return [stream for stream, at in _unanswered.get(nats, {}).items() if at > since]


def _answered(nats: Client, messages: Sequence[Message]) -> None:
    if silent := _unanswered.get(nats):
        for message in messages:
            silent.pop(subjects.stream_of(message.subject) or "", None)


def _unavailable(nats: Client, error: Exception, messages: Sequence[Message]) -> BrokerUnavailableError:
    if isinstance(error, TimeoutError) and nats.is_connected and messages:
        stream = subjects.stream_of(messages[-1].subject) or ""
        _unanswered.setdefault(nats, {})[stream] = monotonic()
    if isinstance(error, APIError):
        return _refused(error.err_code, error.description, messages)
    return BrokerUnavailableError(str(error) or type(error).__name__)


def _refused(code: int | None, reason: str | None, messages: Sequence[Message]) -> BrokerUnavailableError:
    """Return the error for a refusal of the server."""
    if code == _TOO_LARGE:
        return ClosedStreamError(reason or "")
    if code == STREAM_FULL:
        return StoreFullError(subjects.stream_of(messages[-1].subject), reason or "")
    if code in STORE_FULL:
        return StoreFullError(None, reason or "")
    return BrokerUnavailableError(reason or "refused")


def _sign(nats: Client, messages: Sequence[Message]) -> None:
    if keys := keys_of(nats):
        keys.sign(messages)


async def _publish_atomically(nats: Client, batch: Sequence[Message], wait_seconds: float) -> list[Stored] | None:
    """Publish one batch and return its places; None when the stream has one of its messages already."""
    if not nats.is_connected:
        raise ConnectionReconnectingError
    if max(len(message.body) for message in batch) > nats.max_payload:
        raise MaxPayloadError
    batch_id, last = secrets.token_hex(16), len(batch)
    headers = [
        {**message.headers, "Nats-Batch-Id": batch_id, "Nats-Batch-Sequence": str(number)}
        for number, message in enumerate(batch, 1)
    ]
    await send_commands(nats, b"".join(map(_command, batch[:-1], headers[:-1])))
    commit = {**headers[-1], "Nats-Batch-Commit": "1"}
    answer = await nats.request(batch[-1].subject, batch[-1].body, timeout=wait_seconds, headers=commit)
    acknowledged = json.loads(answer.data)
    if error := acknowledged.get("error"):
        if error.get("err_code") == _DUPLICATE_IN_BATCH:
            return None
        if error.get("err_code") in _WRONG_LAST:
            raise OvertakenError(error.get("description"))
        raise _refused(error.get("err_code"), error.get("description"), batch)
    if acknowledged.get("count") != last:
        raise BrokerUnavailableError(f"{acknowledged.get('count')} of {last} messages acknowledged")
    first = acknowledged["seq"] - last + 1
    return [Stored(first + number) for number in range(last)]


def _command(message: Message, headers: Mapping[str, str]) -> bytes:
    """Return the command of the NATS protocol that publishes a message.

    nats-py takes as long for eleven headers as intake takes for all rules of a submission: it looks in each header for
    characters that ours never have.
    """
    head = "\r\n".join(["NATS/1.0", *map(": ".join, headers.items()), "\r\n"]).encode()
    sizes = f"HPUB {message.subject} {len(head)} {len(head) + len(message.body)}\r\n"
    return b"%b%b%b\r\n" % (sizes.encode(), head, message.body)


async def _publish_singly(nats: Client, batch: Sequence[Message], wait_seconds: float) -> list[Stored]:
    js = nats.jetstream(timeout=wait_seconds)
    acknowledged = [await js.publish(message.subject, message.body, headers=dict(message.headers)) for message in batch]
    return [Stored(ack.seq, ack.duplicate or False) for ack in acknowledged]
