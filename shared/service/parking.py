"""Messages that a service could not process: it parks them in a table with the reason, and goes on with the others.

A message stays parked until it is processed after all (`shared.service.replay`) or an operator drops it. Its row stays.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, NamedTuple

from nats.aio.msg import Msg
from sqlalchemy import TIMESTAMP, BigInteger, Identity, Select, func, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlmodel import Field, SQLModel

from shared.contracts import subjects
from shared.contracts.bilingual import Bilingual
from shared.contracts.parked_message import REASON_LIMIT, Parked, ParkedState, Replayed
from shared.nats.cloud_events import Message, cloud_event, new_trace
from shared.operations.catalogue import Code
from shared.postgres.statements import table_of
from shared.service.outbox import OUTBOX, OutboxColumns, StoredMessage, put
from shared.service.proof import UNSIGNED
from shared.stable_id import stable_id
from shared.texts import filled, phrase
from shared.time import utc_now

PARKING_CODES = (Code.PARKED, Code.UNSIGNED)
"""The troubles of which a service's parking place tells."""

_moment: Any = TIMESTAMP(timezone=True)


class ParkedColumns(SQLModel):
    """The columns of a service's table of parked messages."""

    stream: str = Field(primary_key=True)
    sequence: int = Field(primary_key=True, sa_type=BigInteger, description="Its number in the stream.")
    number: int = Field(
        sa_type=BigInteger,
        sa_column_args=(Identity(),),
        unique=True,
        description="Its number among the service's parked messages.",
    )
    subject: str
    reason: str
    headers: dict[str, str] = Field(sa_type=JSONB, sa_column_kwargs={"server_default": "{}"})
    body: str
    parked_at: datetime = Field(sa_type=_moment)
    state: str = Field(sa_column_kwargs={"server_default": "parked"})
    settled_at: datetime | None = Field(default=None, sa_type=_moment, description="When it was replayed or dropped.")
    dropped_by: str | None = None
    drop_reason: str | None = None


class ParkedMessage(NamedTuple):
    """A parked message, read from its row."""

    number: int
    stream: str
    sequence: int
    subject: str
    reason: str
    headers: dict[str, str]
    body: str
    parked_at: datetime
    state: ParkedState
    settled_at: datetime | None
    dropped_by: str | None
    drop_reason: str | None


type ProcessAgain = Callable[[ParkedMessage], Awaitable[str | None]]
"""Processes a parked message once more; returns the reason when that fails."""


class ParkingPlace:
    """The parked messages of a service. A service with an outbox announces parked, replayed and dropped messages in the
    same transaction.
    """

    def __init__(
        self, engine: AsyncEngine, parked: type[ParkedColumns], outbox: type[OutboxColumns] | None = None
    ) -> None:
        self._engine = engine
        self._table = table_of(parked)
        self._columns = [self._table.c[name] for name in ParkedMessage._fields]
        self._outbox = outbox

    async def park(self, message: Msg, reason: str) -> None:
        """Park a message; a message that is parked already stays as it is."""
        row = {
            "stream": message.metadata.stream,
            "sequence": message.metadata.sequence.stream,
            "subject": message.subject,
            "reason": storable(reason)[:REASON_LIMIT],
            "headers": {storable(name): storable(value) for name, value in (message.headers or {}).items()},
            "body": as_text(message.data),
        }
        async with self._engine.begin() as connection:
            await self._park(connection, row)

    async def set_aside(self, connection: AsyncConnection, message: StoredMessage) -> None:
        """Park a message of the outbox that was damaged there, and that no stream has."""
        headers = message.headers if isinstance(message.headers, dict) else {}
        row = {
            "stream": OUTBOX,
            "sequence": message.id,
            "subject": message.subject,
            "reason": filled(phrase("parking.damaged"), part=message.damage).in_both,
            "headers": {name: str(value) for name, value in headers.items()},
            "body": message.body,
        }
        await self._park(connection, row)

    async def _park(self, connection: AsyncConnection, row: dict[str, Any]) -> None:
        statement = insert(self._table).on_conflict_do_nothing().returning(*self._columns)
        if stored := (await connection.execute(statement, {**row, "parked_at": utc_now()})).one_or_none():
            parked = ParkedMessage(*stored)
            await self._publish(connection, parked, "parked", parked.reason, parked.parked_at)

    async def listed(self, *, settled: bool = False) -> Sequence[ParkedMessage]:
        """Return the parked messages, oldest first; with `settled` also those that were replayed or dropped since."""
        query = select(*self._columns).order_by(self._table.c.number)
        if not settled:
            query = query.where(self._table.c.state == "parked")
        async with self._engine.connect() as connection:
            return [ParkedMessage(*row) for row in await connection.execute(query)]

    async def troubles(self) -> Mapping[Code, Bilingual | None]:
        """Return the troubles that something is parked, and that it was for want of a signature, with the numbers."""
        is_unsigned = self._table.c.reason.startswith(UNSIGNED, autoescape=True)
        query = select(is_unsigned, func.count()).where(self._table.c.state == "parked").group_by(is_unsigned)
        async with self._engine.connect() as connection:
            rows = (await connection.execute(query)).all()
        codes = {True: Code.UNSIGNED, False: Code.PARKED}
        return {codes[unsigned]: filled(phrase("operations.parked_count"), count=count) for unsigned, count in rows}

    async def find(self, number: int) -> ParkedMessage | None:
        """Return a message in any state; None where no message has this number."""
        async with self._engine.connect() as connection:
            row = (await connection.execute(self._query(number))).one_or_none()
            return ParkedMessage(*row) if row else None

    async def replay(self, number: int, again: ProcessAgain, *, announce: bool = True) -> Replayed:
        """Process a message again and return the outcome. Another call for the same message waits for this one.

        `announce`: publish that it was replayed, as it was published that it is parked.
        """
        async with self._locked(number) as (connection, message):
            if message is None:
                return Replayed(outcome="unknown")
            if message.state != "parked":
                return Replayed(outcome=message.state, reason=message.drop_reason)
            if reason := await again(message):
                reason = storable(reason)[:REASON_LIMIT]
                await self._update(connection, message, reason=reason)
                return Replayed(outcome="parked", reason=reason)
            at = utc_now()
            await self._update(connection, message, state="replayed", settled_at=at)
            if announce:
                await self._publish(connection, message, "replayed", message.reason, at)
            return Replayed(outcome="replayed")

    async def drop(self, number: int, reason: str, by: str) -> ParkedState | None:
        """Give a parked message up. Return its former state; None where no message has this number."""
        reason, at = storable(reason)[:REASON_LIMIT], utc_now()
        async with self._locked(number) as (connection, message):
            if message is None:
                return None
            if message.state == "parked":
                await self._update(
                    connection, message, state="dropped", settled_at=at, dropped_by=storable(by), drop_reason=reason
                )
                await self._publish(connection, message, "dropped", reason, at)
            return message.state

    def _query(self, number: int) -> Select[Any]:
        return select(*self._columns).where(self._table.c.number == number)

    @asynccontextmanager
    async def _locked(self, number: int) -> AsyncIterator[tuple[AsyncConnection, ParkedMessage | None]]:
        """Yield a message, and keep others from replaying or dropping it until the block ends."""
        async with self._engine.begin() as connection:
            row = (await connection.execute(self._query(number).with_for_update())).one_or_none()
            yield connection, ParkedMessage(*row) if row else None

    async def _update(self, connection: AsyncConnection, message: ParkedMessage, **values: object) -> None:
        await connection.execute(update(self._table).where(self._table.c.number == message.number).values(values))

    async def _publish(
        self, connection: AsyncConnection, message: ParkedMessage, state: ParkedState, reason: str, at: datetime
    ) -> None:
        service = self._table.schema or ""
        if self._outbox is None or message.subject == subjects.parked(service):
            return  # a service that cannot process its own events about parked messages would publish them without end
        words = ("parked", service, message.stream, message.sequence)
        event = Parked(
            id=stable_id(*words) if state == "parked" else stable_id(*words, state),
            service=service,
            stream=message.stream,
            sequence=message.sequence,
            subject=message.subject,
            reason=reason,
            at=at,
            state=state,
        )
        await put(connection, self._outbox, [_cloud_event(event, message.headers.get("traceparent"))])


def _cloud_event(event: Parked, trace: str | None) -> Message:
    return cloud_event(
        subjects.parked(event.service),
        event.model_dump_json().encode(),
        event_id=event.id,
        kind="message.parked",
        source=event.service,
        at=event.at,
        trace=new_trace(trace),
    )


def as_text(body: bytes) -> str:
    """Return a message's body as it is kept: bytes that are no UTF-8 are replaced."""
    return storable(body.decode(errors="replace"))


def storable(text: str) -> str:
    """Return the text without NUL, which PostgreSQL cannot store."""
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
