"""Streams that take no message for a while, so that a repair may change what they hold.

The settings from before stand in the stream's metadata meanwhile: where a repair is killed, the next one, or the next
`ntm migrate`, opens the stream as it was.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from nats.js import JetStreamContext
from nats.js.api import StreamConfig
from nats.js.errors import NotFoundError

CLOSED_BYTES = 1
"""The size of a message that a closed stream still takes: none of ours."""

_BEFORE = "ntm-before-closing"
_KEPT = ("max_msg_size", "duplicate_window")


@asynccontextmanager
async def closed(js: JetStreamContext, stream: str, window_seconds: float | None = None) -> AsyncIterator[None]:
    """Let a stream take no message until the block ends.

    `window_seconds`: the time for which it remembers messages' ids meanwhile.
    """
    await reopen(js, stream)
    before = (await js.stream_info(stream)).config
    noted = json.dumps({name: getattr(before, name) for name in _KEPT})
    window = before.duplicate_window if window_seconds is None else window_seconds
    metadata = {**(before.metadata or {}), _BEFORE: noted}
    await js.update_stream(before.evolve(max_msg_size=CLOSED_BYTES, duplicate_window=window, metadata=metadata))
    try:
        yield
    finally:
        await reopen(js, stream)


async def reopen(js: JetStreamContext, stream: str) -> bool:
    """Open a stream that was left closed, with the settings that it had; return whether it was closed."""
    try:
        config = (await js.stream_info(stream)).config
    except NotFoundError:
        return False
    if (before := _before(config)) is None:
        return False
    metadata = {name: value for name, value in (config.metadata or {}).items() if name != _BEFORE}
    await js.update_stream(config.evolve(**before, metadata=metadata))
    return True


def _before(config: StreamConfig) -> dict[str, Any] | None:
    """Return the settings from before a stream was closed; None where it is open."""
    if noted := (config.metadata or {}).get(_BEFORE):
        return {name: value for name, value in json.loads(noted).items() if name in _KEPT}
    return {"max_msg_size": -1} if config.max_msg_size == CLOSED_BYTES else None
