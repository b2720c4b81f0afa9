"""A trial write: whether the broker stores what is published. That it answers does not tell: it does so on a full disk,
without quorum, and when a stream was deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.api import DiscardPolicy, StreamInfo
from nats.js.errors import APIError
from nats.js.errors import Error as JetStreamError

from shared.contracts import subjects
from shared.nats.publishing import STORE_FULL, STREAM_FULL

_SECONDS = 1.5
_NOT_FOUND = 404
_DISABLED = {10039, 10076}
"""Error codes of a server that has switched JetStream off: it does so when a write met a full disk."""

_ROOM_BYTES = 16_384
"""A stream with less room than this refuses some messages already."""


class Cause(StrEnum):
    """The reason why the broker does not store."""

    AWAY = "away"
    NO_QUORUM = "no_quorum"
    FULL = "full"
    SWITCHED_OFF = "switched_off"
    """A write has met a full disk, and the server stores nothing until it is started again."""
    NO_STREAM = "no_stream"


class NotStoredError(Exception):
    """The broker does not store what is published."""

    def __init__(self, cause: Cause, reason: str) -> None:
        super().__init__(f"{cause}: {reason}")
        self.cause = cause


async def try_writing(nats: Client, program: str, streams: Sequence[str] = ()) -> None:
    """Store a message on the program's own subject, and look for streams that it needs; NotStoredError if it fails."""
    if not nats.is_connected:
        raise NotStoredError(Cause.AWAY, "no connection")
    js = nats.jetstream(timeout=_SECONDS)
    try:
        await js.publish(subjects.trial(program), b"", timeout=_SECONDS)
        for stream in streams:
            _look_for_room(await js.stream_info(stream))
    except APIError as error:
        if error.err_code in (STREAM_FULL, *STORE_FULL):
            raise NotStoredError(Cause.FULL, str(error)) from error
        if error.code == _NOT_FOUND:
            raise NotStoredError(Cause.NO_STREAM, str(error)) from error
        raise NotStoredError(Cause.NO_QUORUM, str(error)) from error
    except (NatsError, JetStreamError, OSError, TimeoutError) as error:
        raise NotStoredError(await _cause(nats), str(error) or type(error).__name__) from error


def _look_for_room(info: StreamInfo) -> None:
    """Raise NotStoredError where a stream that drops nothing has reached its limit."""
    config, limit = info.config, info.config.max_bytes or 0
    if config.discard == DiscardPolicy.NEW and 0 < limit < info.state.bytes + _ROOM_BYTES:
        raise NotStoredError(Cause.FULL, f"{config.name}: {info.state.bytes} of {limit} bytes")


async def _cause(nats: Client) -> Cause:
    """Return why a write got no answer. A server that still answers has no quorum, or lacks the stream."""
    js = nats.jetstream(timeout=_SECONDS)
    try:
        await js.account_info()
        await js.stream_info(subjects.TRIAL_STREAM)
    except APIError as error:
        if error.err_code in _DISABLED:
            return Cause.SWITCHED_OFF
        return Cause.NO_STREAM if error.code == _NOT_FOUND else Cause.NO_QUORUM
    except (NatsError, JetStreamError, OSError, TimeoutError):
        return Cause.AWAY
    return Cause.NO_QUORUM
