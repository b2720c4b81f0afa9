"""Messages of a stream read directly, several by one request (ADR-31), without a consumer.

nats-py can ask for one message at a time: https://github.com/nats-io/nats.py has no batched direct get yet.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import suppress
from datetime import datetime
from itertools import batched
from typing import Any, NamedTuple

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import ConnectionClosedError
from nats.errors import Error as NatsError

_BATCH = 1000
_WAIT_SECONDS = 5
_NOT_FOUND, _END = "404", "204"


class DirectMessage(NamedTuple):
    """A message as the stream holds it."""

    sequence: int
    subject: str
    data: bytes
    headers: Mapping[str, str]

    @property
    def stored_at(self) -> datetime:
        """The moment at which the broker stored it."""
        return datetime.fromisoformat(self.headers["Nats-Time-Stamp"])


async def messages_after(nats: Client, stream: str, family: str, after: int) -> AsyncIterator[DirectMessage]:
    """Yield the messages on a subject, or a family of subjects, behind a number, in order."""
    pending = True
    while pending:
        pending = False
        wanted = {"seq": after + 1, "next_by_subj": family, "batch": _BATCH}
        async for message in _answers(nats, stream, wanted):
            if isinstance(message, int):
                pending = message > 0
            else:
                after = message.sequence
                yield message


async def first_after(nats: Client, stream: str, family: str, after: int) -> DirectMessage | None:
    """Return the first message on a subject, or a family of subjects, behind a number; None where there is none."""
    async for message in _answers(nats, stream, {"seq": after + 1, "next_by_subj": family, "batch": 1}):
        if isinstance(message, DirectMessage):
            return message
    return None


async def last_sequences(nats: Client, stream: str, wanted: Collection[str]) -> dict[str, int]:
    """Return the number of the last message on each subject that has one."""
    found: dict[str, int] = {}
    for some in batched(wanted, _BATCH):
        async for message in _answers(nats, stream, {"multi_last": list(some), "batch": _BATCH}):
            if isinstance(message, DirectMessage):
                found[message.subject] = message.sequence
    return found


async def _answers(nats: Client, stream: str, wanted: Mapping[str, Any]) -> AsyncIterator[DirectMessage | int]:
    """Yield the messages of one request, and at last how many more there are."""
    inbox = nats.new_inbox()
    subscription = await nats.subscribe(inbox, pending_msgs_limit=2 * _BATCH)
    try:
        await nats.publish(f"$JS.API.DIRECT.GET.{stream}", json.dumps(wanted).encode(), reply=inbox)
        while True:
            answer = await subscription.next_msg(timeout=_WAIT_SECONDS)
            headers = answer.headers or {}
            status = headers.get("Status")
            if status == _NOT_FOUND:
                return
            if status == _END:
                yield int(headers.get("Nats-Num-Pending", "0"))
                return
            if status is not None:
                raise NatsError(f"direct get: {status} {headers.get('Description', '')}")
            yield _message(answer, headers)
    finally:
        with suppress(ConnectionClosedError):  # who leaves off early may have closed it before this ends
            await subscription.unsubscribe()


def _message(answer: Msg, headers: Mapping[str, str]) -> DirectMessage:
    return DirectMessage(int(headers["Nats-Sequence"]), headers["Nats-Subject"], answer.data, headers)
