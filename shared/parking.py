"""The parking place for messages that cannot be processed: visible, with the reason; nothing else waits for them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from nats.aio.msg import Msg
from sqlalchemy import TIMESTAMP, BigInteger
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import Field, SQLModel

from shared.clock import utc_now
from shared.database import table_of
from shared.worker import Park

_moment: Any = TIMESTAMP(timezone=True)


class ParkedColumns(SQLModel):
    """The columns of a service's table of parked messages."""

    sequence: int = Field(primary_key=True, sa_type=BigInteger, description="Its number in the stream.")
    subject: str
    reason: str
    body: str
    parked_at: datetime = Field(sa_type=_moment)


def park_in(engine: AsyncEngine, parked: type[ParkedColumns]) -> Park:
    """A function that parks a message."""

    async def park(message: Msg, reason: str) -> None:
        row = {
            "sequence": message.metadata.sequence.stream,
            "subject": message.subject,
            "reason": _storable(reason)[:1000],
            "body": _storable(message.data.decode(errors="replace")),
            "parked_at": utc_now(),
        }
        async with engine.begin() as connection:
            await connection.execute(insert(table_of(parked)).on_conflict_do_nothing(), row)

    return park


def _storable(text: str) -> str:
    """PostgreSQL's text holds everything but NUL."""
    return text.replace("\x00", "�")
