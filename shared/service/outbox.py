"""What is to be published is written in the transaction of its cause and relayed afterwards, in order.

A crash between commit and publishing delays a message; a crash between publishing and deletion repeats it, and
JetStream's deduplication by `Nats-Msg-Id` drops the repetition.
"""

from __future__ import annotations

from collections.abc import Sequence

from nats.aio.client import Client
from sqlalchemy import BigInteger, Identity, delete, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlmodel import Field, SQLModel

from shared.nats.cloud_events import Message
from shared.nats.publishing import BATCH_LIMIT, publish
from shared.postgres.statements import columns_of, commit_lazily, insert_rows, table_of
from shared.service.polling_worker import PollingWorker


class OutboxColumns(SQLModel):
    """The columns of a service's outbox table."""

    id: int | None = Field(default=None, sa_type=BigInteger, primary_key=True, sa_column_args=(Identity(),))
    subject: str
    body: str
    headers: dict[str, str] = Field(sa_type=JSONB)


async def put(connection: AsyncConnection, outbox: type[OutboxColumns], messages: Sequence[Message]) -> None:
    """Leave messages to be published once the transaction is committed."""
    if messages:
        rows = [{"subject": m.subject, "body": m.body.decode(), "headers": m.headers} for m in messages]
        await connection.execute(insert_rows(table_of(outbox), tuple(rows[0])), columns_of(rows))


class Relay(PollingWorker):
    """Publishes what the outbox holds. Any number may run: one at a time works, so the order stays."""

    def __init__(
        self, engine: AsyncEngine, nats: Client, outbox: type[OutboxColumns], pause_seconds: float = 0
    ) -> None:
        super().__init__("outbox", self.relay, pause_seconds)
        self._engine = engine
        self._nats = nats
        self._table = table_of(outbox)

    async def relay(self) -> int:
        """Publish the oldest messages and remove them; how many there were."""
        async with self._engine.begin() as connection:
            lock = func.pg_try_advisory_xact_lock(func.hashtext(f"outbox-{self._table.schema}"))
            if not await connection.scalar(select(lock)):
                return 0
            await commit_lazily(connection)  # a deletion that is undone is a repetition, too
            rows = (await connection.execute(select(self._table).order_by(self._table.c.id).limit(BATCH_LIMIT))).all()
            await publish(self._nats, [Message(row.subject, row.body.encode(), row.headers) for row in rows])
            if rows:
                await connection.execute(
                    delete(self._table).where(self._table.c.id == func.any([row.id for row in rows]))
                )
            return len(rows)


__all__ = ["OutboxColumns", "Relay", "put"]
