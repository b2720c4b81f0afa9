"""The parking place for messages that nobody can be told of: visible, with the reason."""

from __future__ import annotations

from nats.aio.msg import Msg
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notify import queries
from shared.clock import utc_now
from shared.worker import Park


def park_in(engine: AsyncEngine) -> Park:
    """A function that parks a message."""

    async def park(message: Msg, reason: str) -> None:
        row = {
            "sequence": message.metadata.sequence.stream,
            "subject": message.subject,
            "reason": reason[:1000].replace("\x00", "�"),
            "body": message.data.decode(errors="replace").replace("\x00", "�"),
            "parked_at": utc_now(),
        }
        async with engine.begin() as connection:
            await queries.park(connection, row)

    return park
