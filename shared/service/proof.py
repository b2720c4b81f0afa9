"""The proof that a message was written by who may write it: its signature, or its place in a stream's older part.

A message from before signing began counts as signed (`ntm migrate` records where that part ends). The broker sets
number and time of a message, so nobody who publishes can place one there. A stream that was made anew gives out the
same numbers again, at later times: of it nothing counts as signed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import RawStreamMsg
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.access.unsigned_parts import StreamEnd, unsigned_parts
from shared.contracts import subjects
from shared.nats.cloud_events import Message
from shared.nats.direct_get import DirectMessage
from shared.nats.signing_keys import MissingKeysError, SigningKeys, keys_of
from shared.signatures import HEADER, key_named, proves

UNSIGNED = "unsigned: "
"""The beginning of the reasons for which messages are parked that nobody has proved."""

_NOTHING: Mapping[str, str] = {}
_SHOWN = 16
"""The characters of a key's id that a reason shows."""


@dataclass(frozen=True, slots=True)
class Proof:
    """The means by which messages are proved: the keys of their streams, and the ends of the parts that need none."""

    keys: SigningKeys | None
    """None in a system whose broker has no users: everything counts as signed."""
    unsigned: Mapping[str, StreamEnd]

    @classmethod
    async def of(cls, engine: AsyncEngine, nats: Client) -> Self:
        """Return what proves the messages that a connection gets.

        MissingKeysError where the connection has no keys, though messages are signed.
        """
        async with engine.connect() as connection:
            unsigned = await unsigned_parts(connection)
        keys = keys_of(nats)
        if keys is None and unsigned:
            raise MissingKeysError(Path("NTM_SIGNING_KEYS_DIR"), "not set, nor NTM_NATS_SEED_FILE")
        return cls(keys, unsigned)

    def split(self, messages: Sequence[Msg]) -> tuple[list[Msg], list[tuple[Msg, str]]]:
        """Return the messages that are proved, and the others, each with the reason why it is not."""
        proved: list[Msg] = []
        unproved: list[tuple[Msg, str]] = []
        for message in messages:
            if reason := self.fault(message):
                unproved.append((message, reason))
            else:
                proved.append(message)
        return proved, unproved

    def proved(self, messages: Iterable[Msg]) -> list[Msg]:
        """Return the messages that are proved; the others were parked when they came."""
        return [message for message in messages if self.fault(message) is None]

    def fault(self, message: Msg) -> str | None:
        """Return why a message that was consumed or read is not proved; None where it is."""
        place = message.metadata
        end = StreamEnd(place.sequence.stream, place.timestamp)
        return self._fault(place.stream, end, message.subject, message.headers or _NOTHING, message.data)

    def fault_of_direct(self, stream: str, message: DirectMessage) -> str | None:
        """Return why a message that was read directly is not proved; None where it is."""
        return self._fault(
            stream, StreamEnd(message.sequence, message.stored_at), message.subject, message.headers, message.data
        )

    def fault_of_kept(self, stream: str, message: RawStreamMsg) -> str | None:
        """Return why a message that was read by its number is not proved; None where it is."""
        end = StreamEnd(message.seq or 0, message.time or datetime.max.replace(tzinfo=UTC))
        return self._fault(stream, end, message.subject or "", message.headers or _NOTHING, message.data or b"")

    def is_signed(self, stream: str, message: Message, at: datetime) -> bool:
        """Say whether a message to be published has no signature yet, or one that proves it.

        That of a retired key proves what was received before, at `at`; it is replaced as the message is published.
        """
        return HEADER not in message.headers or not self._signature_fault(
            stream, message.subject, message.headers, message.body, at
        )

    def _fault(
        self, stream: str, place: StreamEnd, subject: str, headers: Mapping[str, str], body: bytes
    ) -> str | None:
        if self.keys is None or stream not in subjects.SIGNED:
            return None
        end = self.unsigned.get(stream)
        if end is not None and place.sequence <= end.sequence and place.at <= end.at:
            return None
        return self._signature_fault(stream, subject, headers, body, place.at)

    def _signature_fault(
        self, stream: str, subject: str, headers: Mapping[str, str], body: bytes, at: datetime
    ) -> str | None:
        """Return why a signature proves nothing, of a message that the broker stored at this moment."""
        if self.keys is None:
            return None
        if (named := key_named(headers)) is None:
            return f"{UNSIGNED}the message has no signature"
        if (key := self.keys.find(stream, named)) is None:
            return f"{UNSIGNED}no key of {stream} has the id {named[:_SHOWN]!r}"
        if not proves(key, subject, headers, body):
            return f"{UNSIGNED}the signature is not that of this message"
        if key.until is not None and at >= key.until:
            return f"{UNSIGNED}the key {key.id} was retired at {key.until.isoformat()}, before the message came"
        return None
