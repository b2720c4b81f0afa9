"""Messages that a stream has lost, published again with the ids that they had."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import batched, chain
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic_core import from_json

from shared.contracts import subjects
from shared.nats.closed_streams import closed, reopen
from shared.nats.cloud_events import MESSAGE_ID, Message
from shared.nats.consumers import ensure_consumers
from shared.nats.publishing import BATCH_LIMIT, publish
from shared.nats.stream_reader import read_stream
from shared.nats.streams import ensure_stream
from shared.readable import RowsRead

_SHORT_WINDOW_SECONDS = 0.1
_FORGETTING_SECONDS = 0.5


async def publish_again(nats: Client, stream: str, messages: Sequence[Message]) -> None:
    """Publish messages that the stream has lost, or is to have once more, behind all others."""
    left: Sequence[Message] = messages
    while left := await _repeated(nats, left):
        await _forget_ids(nats, stream)


async def _repeated(nats: Client, messages: Sequence[Message]) -> list[Message]:
    """Publish messages; return those whose ids the stream remembers, for an hour, though it has lost the messages."""
    stored = await publish(nats, messages)
    return [message for message, place in zip(messages, stored, strict=True) if place.duplicate]


async def _forget_ids(nats: Client, stream: str) -> None:
    """Let the stream forget the ids by which it drops repeated messages."""
    async with closed(nats.jetstream(), stream, window_seconds=_SHORT_WINDOW_SECONDS):
        await asyncio.sleep(_FORGETTING_SECONDS)


@dataclass
class Refill:
    """The outcome of filling a stream again."""

    was_made: bool = False
    """The stream did not exist."""
    restored: dict[str, int] = field(default_factory=dict)
    """The number of messages that were published again, by the family of their subjects."""
    unreadable: int = 0
    """The number of rows that are damaged, of whose messages nobody knows whether the stream has them."""


class Refilling:
    """Fills a stream again with the messages that the database has of it, beside the running services.

    On each subject the messages come in their order: behind the first that is lost, those that are not lost are
    published once more, and the former ones deleted. So the last message on a subject is the newest one.
    """

    def __init__(self, nats: Client, stream: str, proved: Callable[[Iterable[Msg]], Sequence[Msg]]) -> None:
        self._nats, self._stream, self._proved = nats, stream, proved
        self._js = nats.jetstream()
        self._places: dict[str, int | None] = {}
        """By id: the number of each message that the stream holds; None: it is still to be published."""
        self._lost: set[str] = set()
        """The subjects that have lost a message."""
        self._former: list[int] = []
        self.result = Refill()

    async def begin(self, highest: int, families: Sequence[str], unpublished: Iterable[str]) -> None:
        """Make the stream where it is missing, and note what it holds, after the database was looked at.

        `highest`: the highest number in the tables, behind which a stream without messages goes on, so that no number
        names two messages. `unpublished`: the ids of messages that services are still to publish.
        """
        await reopen(self._js, self._stream)
        self.result.was_made = await ensure_stream(self._js, self._stream)
        if self.result.was_made:
            await ensure_consumers(self._js, self._stream)
        if await self._gives_numbers_again(highest):
            async with closed(self._js, self._stream):
                if await self._gives_numbers_again(highest):
                    await self._js.purge_stream(self._stream, seq=highest + 1)
        self._places = dict.fromkeys(unpublished)
        for family in families:
            async for batch in read_stream(self._nats, self._stream, family):
                for message in self._proved(batch):
                    self._places[_id(message)] = message.metadata.sequence.stream

    async def _gives_numbers_again(self, highest: int) -> bool:
        state = (await self._js.stream_info(self._stream)).state
        return not state.messages and state.last_seq < highest

    async def take(self, made: RowsRead[Any, Sequence[Message]]) -> None:
        """Publish those of the rows' messages that the stream lacks, and those behind them; all in their order."""
        self.result.unreadable += len(made.damaged)
        again = []
        for message in chain.from_iterable(made.items):
            own_id = message.headers[MESSAGE_ID]
            place = self._places.get(own_id)
            if own_id not in self._places:
                self._lost.add(message.subject)
                family = next(one for one in subjects.NEEDED[self._stream] if subjects.is_in(message.subject, one))
                self.result.restored[family] = self.result.restored.get(family, 0) + 1
            elif place is not None and message.subject in self._lost:
                self._former.append(place)
            else:
                continue
            again.append(message)
        for some in batched(again, BATCH_LIMIT):
            await publish_again(self._nats, self._stream, some)

    async def end(self) -> None:
        """Delete the former places of messages that were published once more."""
        for number in self._former:
            await self._js.delete_msg(self._stream, number)


def _id(message: Msg) -> str:
    headers = message.headers or {}
    if MESSAGE_ID in headers:
        return headers[MESSAGE_ID]
    try:
        return str(from_json(message.data)["id"])
    except (ValueError, TypeError, LookupError):  # nonsense: it is none of those that the tables have
        return f"{message.metadata.sequence.stream}"
