"""A reader of some subjects of a stream that remembers where it was: each look reads only what is new."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from nats.aio.client import Client
from nats.aio.msg import Msg

from shared.contracts import subjects
from shared.nats.stream_reader import read_stream


class StreamFollower:
    """Hands on the messages of a family of subjects, each once; all of them again where the stream was made anew."""

    def __init__(
        self, nats: Client, family: str, take: Callable[[Sequence[Msg]], None], forget: Callable[[], None]
    ) -> None:
        self._nats = nats
        self._family = family
        self._stream = subjects.stream_of(family) or ""
        self._take = take
        self._forget = forget
        self._read_until = 0
        self._turn = asyncio.Lock()

    async def catch_up(self) -> None:
        """Hand on what is new. Raises NatsError while the broker is away."""
        async with self._turn:
            state = (await self._nats.jetstream().stream_info(self._stream)).state
            if state.last_seq < self._read_until:  # the stream was made anew
                self._forget()
                self._read_until = 0
            async for batch in read_stream(self._nats, self._stream, self._family, self._read_until):
                self._take(batch)
                self._read_until = batch[-1].metadata.sequence.stream
