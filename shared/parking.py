"""The parking place for messages that cannot be processed: visible, with the reason; nothing else waits for them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from nats.aio.msg import Msg
from sqlalchemy import TIMESTAMP, BigInteger
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import Field, SQLModel

from shared.clock import utc_now
from shared.contracts import Parked, subjects
from shared.contracts.parked import REASON_LIMIT
from shared.database import table_of
from shared.messaging import Message, cloud_event
from shared.outbox import OutboxColumns, put
from shared.worker import Park

_moment: Any = TIMESTAMP(timezone=True)


class ParkedColumns(SQLModel):
    """The columns of a service's table of parked messages."""

    stream: str = Field(primary_key=True)
    sequence: int = Field(primary_key=True, sa_type=BigInteger, description="Its number in the stream.")
    subject: str
    reason: str
    body: str
    parked_at: datetime = Field(sa_type=_moment)


def park_in(engine: AsyncEngine, parked: type[ParkedColumns], outbox: type[OutboxColumns] | None = None) -> Park:
    """A function that parks a message and, where the service has an outbox, tells of it in the same transaction."""
    table = table_of(parked)
    service = table.schema or ""

    async def park(message: Msg, reason: str) -> None:
        stream, sequence = message.metadata.stream, message.metadata.sequence.stream
        told = Parked(
            id=uuid5(NAMESPACE_URL, f"parked/{service}/{stream}/{sequence}"),
            service=service,
            stream=stream,
            sequence=sequence,
            subject=message.subject,
            reason=_storable(reason)[:REASON_LIMIT],
            at=utc_now(),
        )
        row = {
            "stream": stream,
            "sequence": sequence,
            "subject": told.subject,
            "reason": told.reason,
            "body": _storable(message.data.decode(errors="replace")),
            "parked_at": told.at,
        }
        async with engine.begin() as connection:
            stored = await connection.execute(insert(table).on_conflict_do_nothing(), row)
            if outbox is not None and stored.rowcount:
                await put(connection, outbox, [_event(told, (message.headers or {}).get("traceparent"))])

    return park


def _event(told: Parked, trace: str | None) -> Message:
    return cloud_event(
        subjects.parked(told.service),
        told.model_dump_json().encode(),
        event_id=told.id,
        kind="message.parked",
        source=told.service,
        at=told.at,
        trace=trace,
    )


def _storable(text: str) -> str:
    """PostgreSQL's text holds everything but NUL."""
    return text.replace("\x00", "�")
