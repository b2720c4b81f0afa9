"""Agreement of a service's tables with the streams that fill them.

A consumer brings no message again that it has acknowledged. Where the database was lost, or restored from an older
copy, beside newer streams, the tables lack such messages, or what the service itself has published: the service then
takes nothing, answers nothing and tells nobody anything, until `ntm rebuild` has made the tables again. Where a stream
lacks what the tables hold, the service goes on and says so: `ntm audit repair` fills the stream again.
"""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import NamedTuple
from uuid import UUID

from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError
from pydantic import BaseModel, ValidationError
from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel

from shared.contracts import subjects
from shared.contracts.bilingual import Bilingual
from shared.nats.consumers import acknowledged_until
from shared.nats.stream_reader import newest_number
from shared.operations.catalogue import Code
from shared.postgres.statements import table_of
from shared.service.parking import ParkedColumns
from shared.service.runtime import Runtime, background
from shared.service.transient_errors import once_possible
from shared.texts import filled, phrase

_LOOKED_BACK = 50
"""The messages that are looked at, from the newest back, for one that can be read or is lacking."""

_AGAIN_SECONDS = 1.0
_WATCH_SECONDS = 60.0


class FilledTable(NamedTuple):
    """A table with a row of the same id for each message of a family of subjects."""

    family: str
    body: type[BaseModel]
    table: type[SQLModel]
    numbered: bool = False
    """It keeps each message's number in the stream, as `sequence`."""


class OwnLog(NamedTuple):
    """A stream on which the service records what its tables hold."""

    stream: str
    lack: Callable[[AsyncConnection, Sequence[bytes]], Awaitable[bool]]
    """Says whether the tables lack something of these messages."""


class Wholeness:
    """The agreement of a service's tables with their streams, as it was found last."""

    def __init__(
        self,
        runtime: Runtime,
        service: str,
        tables: Sequence[FilledTable],
        parked: type[ParkedColumns],
        log: OwnLog | None = None,
    ) -> None:
        self._runtime, self._consumers, self._tables = runtime, subjects.CONSUMERS[service], tables
        self._parked, self._log = table_of(parked), log

    async def look(self) -> None:
        """Look whether tables and streams agree, and note in the runtime what they lack of each other."""
        behind, damaged = [], []
        async with self._runtime.engine.connect() as connection:
            for one in self._tables:
                stream = subjects.stream_of(one.family) or ""
                if not await self._has_what_was_acknowledged(connection, stream, one):
                    behind.append(stream)
                if one.numbered and not await self._is_on_stream(connection, stream, table_of(one.table)):
                    damaged.append(stream)
            if self._log and await self._log.lack(connection, await self._newest_of(self._log.stream)):
                behind.append(self._log.stream)
        self._note(sorted(set(behind)), sorted(set(damaged)))

    @property
    def tables_are_whole(self) -> bool:
        """Return whether the tables had what the service has acknowledged."""
        return self._runtime.held_back is None

    def _note(self, behind: Sequence[str], damaged: Sequence[str]) -> None:
        runtime = self._runtime
        runtime.held_back = filled(phrase("wholeness.tables"), streams=", ".join(behind)) if behind else None
        noted = (
            ("tables_lack_messages_of", behind, Code.TABLES),
            ("streams_that_lack_messages", damaged, Code.STREAM),
        )
        for name, streams, code in noted:
            runtime.facts.pop(name, None)
            if streams:
                runtime.facts[name] = streams
                words = ", ".join(streams)
                runtime.operations.raised(code, Bilingual(vi=words, en=words))
            else:
                runtime.operations.cleared(code)

    async def _has_what_was_acknowledged(self, connection: AsyncConnection, stream: str, one: FilledTable) -> bool:
        """Return whether the newest message of a family that was acknowledged stands in its table, or is parked."""
        js = self._runtime.nats.jetstream()
        end = await acknowledged_until(js, stream, self._consumers[one.family])
        if not end:
            return True
        number = min(await newest_number(self._runtime.nats, stream, one.family), end)
        for sequence in range(number, max(0, number - _LOOKED_BACK), -1):
            message = await _message(js, stream, sequence)
            if message is None or not subjects.is_in(message.subject or "", one.family):
                continue
            if (own_id := self._id(stream, message, one.body)) is not None:
                return await self._is_known(connection, one, own_id, stream, sequence)
        return True

    def _id(self, stream: str, message: RawStreamMsg, body: type[BaseModel]) -> UUID | None:
        """Return a message's id; None where every service parks the message."""
        if self._runtime.proof.fault_of_kept(stream, message):
            return None
        try:
            return UUID(str(getattr(body.model_validate_json(message.data or b""), "id", None)))
        except (ValidationError, ValueError):
            return None

    async def _is_known(
        self, connection: AsyncConnection, one: FilledTable, own_id: UUID, stream: str, sequence: int
    ) -> bool:
        table, parked = table_of(one.table), self._parked
        known = select(table.c.id).where(table.c.id == own_id)
        is_parked = select(parked.c.sequence).where(parked.c.stream == stream, parked.c.sequence == sequence)
        return bool(await connection.scalar(select(known.exists() | is_parked.exists())))

    async def _is_on_stream(self, connection: AsyncConnection, stream: str, table: Table) -> bool:
        """Return whether the stream has the newest message of a table under its number."""
        js = self._runtime.nats.jetstream()
        newest = select(table.c.id, table.c.sequence).order_by(table.c.sequence.desc()).limit(1)
        row = (await connection.execute(newest)).one_or_none()
        if row is None:
            return True
        if stream in subjects.KEPT_A_YEAR:
            return bool((await js.stream_info(stream)).state.last_seq >= row.sequence)
        message = await _message(js, stream, row.sequence)
        try:
            on_stream = UUID(json.loads(message.data or b"")["id"]) if message else None
        except (ValueError, TypeError, KeyError, AttributeError):
            return False
        return bool(on_stream == row.id)

    async def _newest_of(self, stream: str) -> list[bytes]:
        """Return the newest messages of a stream."""
        js = self._runtime.nats.jetstream()
        end = (await js.stream_info(stream)).state.last_seq
        newest = [await _message(js, stream, sequence) for sequence in range(max(0, end - _LOOKED_BACK) + 1, end + 1)]
        return [message.data or b"" for message in newest if message]

    async def begin(self) -> None:
        """Look once, and wait while the broker or the database is away."""
        await once_possible(self.look)

    async def watch(self) -> None:
        """Look from time to time; where tables come to lack messages, end the process: its next start holds back."""
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            await self.begin()
            if not self.tables_are_whole:
                signal.raise_signal(signal.SIGTERM)
                return


async def _message(js: JetStreamContext, stream: str, sequence: int) -> RawStreamMsg | None:
    try:
        return await js.get_msg(stream, sequence)
    except NotFoundError:
        return None


@asynccontextmanager
async def once_whole(
    wholeness: Wholeness, work: Callable[[], AbstractAsyncContextManager[None]]
) -> AsyncIterator[None]:
    """Do a service's work beside the block, from when its tables have what it has acknowledged."""

    async def later() -> None:
        while not wholeness.tables_are_whole:
            await asyncio.sleep(_AGAIN_SECONDS)
            await wholeness.begin()
        async with work():
            await wholeness.watch()

    await wholeness.begin()
    if wholeness.tables_are_whole:
        async with work(), background(wholeness.watch()):
            yield
    else:
        async with background(later()):
            yield
