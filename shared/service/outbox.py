"""The outbox: messages are stored in the transaction of their cause, and published in order afterwards.

A crash between commit and publishing delays a message. A crash after publishing undoes the deletion and repeats the
message, and JetStream drops the repetition by `Nats-Msg-Id`, or who comes after an hour finds it on the stream. A
message that was damaged where it is stored is set aside, so that it holds up no other one.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError
from pydantic_core import from_json
from sqlalchemy import (
    ARRAY,
    TIMESTAMP,
    BigInteger,
    Identity,
    Select,
    Table,
    Text,
    bindparam,
    case,
    delete,
    func,
    select,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.sql.dml import ReturningDelete, ReturningInsert
from sqlmodel import Field, SQLModel

from shared.contracts import subjects
from shared.nats.cloud_events import MESSAGE_ID, SUBJECT, Message
from shared.nats.publishing import BATCH_LIMIT, publish
from shared.nats.stream_reader import read_stream
from shared.postgres.driver import fetch
from shared.postgres.statements import columns_of, insert_rows, table_of, unnested
from shared.service.polling_worker import PollingWorker

log = structlog.get_logger()

OUTBOX = "outbox"
"""What stands for the stream of a message that never came to one."""

_moment: Any = TIMESTAMP(timezone=True)

_SUBJECT = re.compile(r"[^\s*>.]+(\.[^\s*>.]+)+")


class OutboxColumns(SQLModel):
    """The columns of a service's outbox table."""

    id: int | None = Field(default=None, sa_type=BigInteger, primary_key=True, sa_column_args=(Identity(),))
    subject: str
    body: str
    headers: dict[str, str] = Field(sa_type=JSONB)
    stored_at: datetime | None = Field(
        default=None,
        sa_type=_moment,
        sa_column_kwargs={"server_default": func.now()},
        description="Real time, by the database: since when it waits.",
    )


class StoredMessage(NamedTuple):
    """A message of an outbox as it is stored."""

    id: int
    subject: str
    body: str
    headers: object

    @property
    def damage(self) -> str | None:
        """Say which part is damaged; None where it can be published as it was stored."""
        headers = self.headers
        if not isinstance(headers, dict) or not all(map(_is_header, headers.items())) or MESSAGE_ID not in headers:
            return "headers"
        is_subject = _SUBJECT.fullmatch(self.subject) and subjects.stream_of(self.subject)
        if not is_subject or headers.get(SUBJECT) != self.subject:
            return "subject"
        try:
            return None if isinstance(from_json(self.body), dict) else "body"
        except ValueError:
            return "body"

    @property
    def message(self) -> Message:
        """The message; only one without damage has it."""
        return Message(self.subject, self.body.encode(), dict(self.headers))  # type: ignore[call-overload]


type _Known = dict[tuple[int, str], Message]
"""Messages by their number in the outbox and their id."""

_KNOWN: WeakKeyDictionary[AsyncEngine, dict[type[OutboxColumns], _Known]] = WeakKeyDictionary()
"""By the engine of a relay, and its outbox: the messages that were put there lately, some of them maybe in vain.

The relay does not read them back, nor looks for damage: of a message it knows the row says only that its transaction
was committed, and when its turn is. The number alone would not do, since a database that is put back from a copy
gives it out again.
"""

type SetAside = Callable[[AsyncConnection, StoredMessage], Awaitable[None]]
"""Keeps a damaged message where people see it, in the transaction that removes it from the outbox."""


def _read(stored: StoredMessage) -> Message | StoredMessage:
    return stored if stored.damage else stored.message


def _is_header(named: tuple[object, object]) -> bool:
    return all(isinstance(word, str) and word.isprintable() for word in named)


async def put(connection: AsyncConnection, outbox: type[OutboxColumns], messages: Sequence[Message]) -> None:
    """Store messages that are to be published once the transaction is committed."""
    if not messages:
        return
    rows = [{"subject": m.subject, "body": m.body.decode(), "headers": m.headers} for m in messages]
    stored = await fetch(connection, _putting(table_of(outbox), tuple(rows[0])), columns_of(rows))
    known = _KNOWN.get(connection.engine, {}).get(outbox)
    if known is not None and len(known) < BATCH_LIMIT:
        named = {message.headers[MESSAGE_ID]: message for message in messages}
        known.update({(own_id, message_id): named[message_id] for own_id, message_id in stored})


@lru_cache
def _putting(table: Table, names: tuple[str, ...]) -> ReturningInsert[Any]:
    return insert_rows(table, names).returning(table.c.id, table.c.headers[MESSAGE_ID].astext)


async def unpublished(connection: AsyncConnection, outbox: type[OutboxColumns]) -> set[str]:
    """Return the ids of the messages that are still to be published."""
    return set((await connection.scalars(select(table_of(outbox).c.headers[MESSAGE_ID].astext))).all())


async def drop_published(
    connection: AsyncConnection, nats: Client, outbox: type[OutboxColumns], limit: int | None = None
) -> int:
    """Remove those of the oldest messages that their streams hold already; return their number.

    A stream drops a repeated message for an hour. What a process that was killed has published, or what a database has
    that was put back from a copy, may be older.
    """
    table = table_of(outbox)
    query = select(table.c.id, table.c.subject, table.c.headers[MESSAGE_ID].astext).order_by(table.c.id).limit(limit)
    rows = (await connection.execute(query)).all()
    published: set[str | None] = set()
    for subject in {row.subject for row in rows}:
        async for batch in read_stream(nats, subjects.stream_of(subject) or "", subject):
            published.update((message.headers or {}).get(MESSAGE_ID) for message in batch)
    ids = [own_id for own_id, _, message_id in rows if message_id is not None and message_id in published]
    if ids:
        await connection.execute(delete(table).where(table.c.id == func.any(ids)))
    return len(ids)


class _Statements(NamedTuple):
    """The statements that a relay executes again and again: made once, since making one takes as long."""

    lock: Select[Any]
    """Waits until no other relay works, and lets all others wait until the transaction ends."""

    try_lock: Select[Any]
    """The same without waiting: says whether no other relay works."""

    take: ReturningDelete[Any]
    """Locks, and takes the oldest messages out of the outbox.

    Those that another relay has taken while this one waited for it are passed over, as rows that are gone. What is
    undone when the transaction fails is only repeated, so that its commit need not wait for the disk. Of messages that
    are known already only number and id are returned.
    """

    @classmethod
    def of(cls, table: Table) -> _Statements:
        key = func.hashtext(f"outbox-{table.schema}")
        lock, try_lock = func.pg_advisory_xact_lock(key), func.pg_try_advisory_xact_lock(key)
        held = select(lock, func.set_config("synchronous_commit", "off", True)).cte("held").prefix_with("MATERIALIZED")
        oldest = select(table.c.id).join_from(table, held, true()).order_by(table.c.id).limit(BATCH_LIMIT)
        taken = delete(table).where(table.c.id == func.any(func.array(oldest.scalar_subquery())))
        message_id = table.c.headers[MESSAGE_ID].astext
        known = unnested(
            {
                "id": bindparam("numbers", type_=ARRAY(BigInteger, dimensions=1)),
                "message_id": bindparam("ids", type_=ARRAY(Text, dimensions=1)),
            }
        )
        is_known = tuple_(table.c.id, message_id).in_(known)
        unknown = (case((is_known, None), else_=table.c[name]).label(name) for name in ("body", "headers"))
        return cls(select(lock), select(try_lock), taken.returning(table.c.id, message_id, table.c.subject, *unknown))


class Relay(PollingWorker):
    """Publishes the messages of an outbox. Any number may run: one works at a time, so the order stays.

    A relay that pauses before each look, since nobody waits for its messages, passes by while another one works, and
    looks again after its pause. One that does not pause waits for its turn.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        nats: Client,
        outbox: type[OutboxColumns],
        set_aside: SetAside,
        pause_seconds: float = 0,
    ) -> None:
        super().__init__("outbox", self._relay_some, pause_seconds)
        self._engine = engine
        self._nats = nats
        self._set_aside = set_aside
        self._outbox, self._table = outbox, table_of(outbox)
        self._statements = _Statements.of(self._table)
        self._known = _KNOWN.setdefault(engine, {}).setdefault(outbox, {})
        self._is_begun = False

    async def relay(self) -> int:
        """Publish the oldest messages and remove them; set damaged ones aside. Return their number."""
        async with self._engine.begin() as connection:
            if self._pause_seconds and not await connection.scalar(self._statements.try_lock):
                self.wake()
                return 0
            if not self._is_begun:  # a process that was killed may have published its last batch
                await connection.execute(self._statements.lock)
                try:
                    await drop_published(connection, self._nats, self._outbox, BATCH_LIMIT)
                except NatsError as error:  # such as a user without the right: the stream drops what came lately
                    log.warning("outbox not compared with its streams", error=str(error))
                self._is_begun = True
            known = dict(self._known)
            taken = await self._take(connection, known)
            await publish(self._nats, [one for one in taken if isinstance(one, Message)])
            damaged = [one for one in taken if isinstance(one, StoredMessage)]
            for stored in damaged:
                log.error("stored message set aside", id=stored.id, damaged=stored.damage)
                await self._set_aside(connection, stored)
        for key in known:  # also of those that are not committed yet, or never: the few are read back
            self._known.pop(key, None)
        if damaged:
            self.wake()  # what tells of it waits in the outbox
        return len(taken)

    async def _take(self, connection: AsyncConnection, known: _Known) -> list[Message | StoredMessage]:
        """Take the oldest messages out of the outbox, in order; those that are damaged are returned as stored."""
        asked = {"numbers": [number for number, _ in known], "ids": [message_id for _, message_id in known]}
        rows = sorted(await connection.execute(self._statements.take, asked), key=lambda row: row.id)
        return [_read(StoredMessage(row.id, *row[2:])) if row.body is not None else known[row[:2]] for row in rows]

    async def _relay_some(self) -> bool:
        """Return whether more may wait: whoever stores a message later wakes the relay again."""
        return await self.relay() == BATCH_LIMIT
