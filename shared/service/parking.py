"""The parking place for messages that cannot be processed: visible, with the reason; nothing else waits for them.

A message stays parked until it is processed after all (`shared.service.replay`) or an operator drops it. Its row stays.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from nats.aio.msg import Msg
from sqlalchemy import TIMESTAMP, BigInteger, Identity, Row, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlmodel import Field, SQLModel

from shared.contracts import subjects
from shared.contracts.parked_message import REASON_LIMIT, Parked, ParkedState, Replayed
from shared.nats.cloud_events import Message, cloud_event, new_trace
from shared.postgres.statements import table_of
from shared.service.outbox import OutboxColumns, put
from shared.stable_id import stable_id
from shared.time import utc_now

_moment: Any = TIMESTAMP(timezone=True)

type Again = Callable[[Row[Any]], Awaitable[str | None]]
"""Processes a parked message once more; returns why it cannot be, if so."""


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


class ParkingPlace:
    """A service's parked messages. Where it has an outbox, what happens to them is told in the same transaction."""

    def __init__(
        self, engine: AsyncEngine, parked: type[ParkedColumns], outbox: type[OutboxColumns] | None = None
    ) -> None:
        self._engine = engine
        self._table = table_of(parked)
        self._outbox = outbox

    async def park(self, message: Msg, reason: str) -> None:
        """Put a message aside; one that is known here already stays as it is."""
        row = {
            "stream": message.metadata.stream,
            "sequence": message.metadata.sequence.stream,
            "subject": message.subject,
            "reason": storable(reason)[:REASON_LIMIT],
            "headers": {storable(name): storable(value) for name, value in (message.headers or {}).items()},
            "body": as_text(message.data),
            "parked_at": utc_now(),
        }
        statement = insert(self._table).on_conflict_do_nothing().returning(self._table)
        async with self._engine.begin() as connection:
            stored = (await connection.execute(statement, row)).one_or_none()
            if stored:
                await self._tell(connection, stored, "parked", stored.reason, stored.parked_at)

    async def listed(self, *, settled: bool = False) -> Sequence[Row[Any]]:
        """What is parked, oldest first; `settled`: also what was replayed or dropped since."""
        query = select(self._table).order_by(self._table.c.number)
        if not settled:
            query = query.where(self._table.c.state == "parked")
        async with self._engine.connect() as connection:
            return (await connection.execute(query)).all()

    async def find(self, number: int) -> Row[Any] | None:
        """One message, whatever its state."""
        async with self._engine.connect() as connection:
            return (await connection.execute(self._one(number))).one_or_none()

    async def replay(self, number: int, again: Again) -> Replayed:
        """Have a message processed again. Who asks meanwhile waits, and hears what became of it."""
        async with self._held(number) as (connection, row):
            if row is None:
                return Replayed(outcome="unknown")
            if row.state != "parked":
                return Replayed(outcome=row.state, reason=row.drop_reason)
            if reason := await again(row):
                reason = storable(reason)[:REASON_LIMIT]
                await self._change(connection, row, {"reason": reason})
                return Replayed(outcome="parked", reason=reason)
            at = utc_now()
            await self._change(connection, row, {"state": "replayed", "settled_at": at})
            await self._tell(connection, row, "replayed", row.reason, at)
            return Replayed(outcome="replayed")

    async def drop(self, number: int, reason: str, by: str) -> str | None:
        """Give a message up. Returns the state it had, None where it is unknown: only what was `parked` is dropped."""
        reason, at = storable(reason)[:REASON_LIMIT], utc_now()
        async with self._held(number) as (connection, row):
            if row is None:
                return None
            if row.state == "parked":
                dropped = {"state": "dropped", "settled_at": at, "dropped_by": storable(by), "drop_reason": reason}
                await self._change(connection, row, dropped)
                await self._tell(connection, row, "dropped", reason, at)
            state: str = row.state
            return state

    def _one(self, number: int) -> Any:
        return select(self._table).where(self._table.c.number == number)

    @asynccontextmanager
    async def _held(self, number: int) -> AsyncIterator[tuple[AsyncConnection, Row[Any] | None]]:
        """A message that nobody else replays or drops until the block ends."""
        async with self._engine.begin() as connection:
            yield connection, (await connection.execute(self._one(number).with_for_update())).one_or_none()

    async def _change(self, connection: AsyncConnection, row: Row[Any], values: dict[str, Any]) -> None:
        await connection.execute(update(self._table).where(self._table.c.number == row.number).values(values))

    async def _tell(
        self, connection: AsyncConnection, row: Row[Any], state: ParkedState, reason: str, at: datetime
    ) -> None:
        service = self._table.schema or ""
        if self._outbox is None or row.subject == subjects.parked(service):
            return  # who cannot tell what it parked would park that, and tell it, for ever
        words = ("parked", service, row.stream, row.sequence)
        told = Parked(
            id=stable_id(*words) if state == "parked" else stable_id(*words, state),
            service=service,
            stream=row.stream,
            sequence=row.sequence,
            subject=row.subject,
            reason=reason,
            at=at,
            state=state,
        )
        await put(connection, self._outbox, [_event(told, row.headers.get("traceparent"))])


def _event(told: Parked, trace: str | None) -> Message:
    return cloud_event(
        subjects.parked(told.service),
        told.model_dump_json().encode(),
        event_id=told.id,
        kind="message.parked",
        source=told.service,
        at=told.at,
        trace=new_trace(trace),
    )


def as_text(body: bytes) -> str:
    """A message's body as it is kept: what is no text in it is replaced."""
    return storable(body.decode(errors="replace"))


def storable(text: str) -> str:
    """PostgreSQL's text holds everything but NUL."""
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
