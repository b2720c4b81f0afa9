"""Rebuild: intake's tables filled again from the streams, beside the running service, and compared with what they were.

All of it is one transaction. Projections wait for it; who reads sees the tables as they were until it is committed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic import ValidationError
from pydantic_core import from_json
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.intake.projection import project
from services.intake.service import Projection
from services.intake.storage import made_again
from services.intake.storage.made_again import ComparedTable
from shared.contracts import subjects
from shared.nats.consumers import acknowledged_until
from shared.nats.stream_reader import read_stream
from shared.reference.load import Reference
from shared.service.proof import Proof

_NUMBERS_END = 2**63
"""PostgreSQL has no column for such a number."""


class _Family(NamedTuple):
    """A family of subjects with what brings its messages to the tables, and the table and column that name each."""

    subject: str
    projection: Projection
    table: str
    key: str = "id"


# Withdrawals come first: no figure of a withdrawn submission is then projected.
_FAMILIES = [
    _Family(subjects.ALL_WITHDRAWALS, project.withdrawals_alone, "withdrawal"),
    _Family(subjects.ALL_SUBMISSIONS, project.submissions, "submission"),
    _Family(subjects.ALL_REVIEWS, project.reviews, "review"),
    _Family(subjects.ALL_EVIDENCE, project.evidence, "evidence"),
    _Family(subjects.ALL_REFUSALS, project.refusals, "refusal"),
    _Family(subjects.ALL_STATUSES, project.changes, "change"),
    _Family(subjects.ALL_PARKED, project.parked, "unscored", "sequence"),
    _Family(subjects.ALL_PROBLEMS, project.difficulties, "problem_event"),
    _Family(subjects.ALL_DOSSIERS, project.dossiers, "dossier_step"),
]


@dataclass
class RebuiltTables:
    """The outcome: each table compared, the messages that could not be projected, and whether it was put in place."""

    tables: Sequence[ComparedTable] = ()
    unreadable: list[str] = field(default_factory=list)
    switched: bool = False

    @property
    def lacking(self) -> int:
        """The number of rows whose messages the streams lack: they would be lost."""
        return sum(table.lacking for table in self.tables)

    @property
    def is_same(self) -> bool:
        """Return whether the tables were as the streams make them."""
        return not any(table.differing for table in self.tables)


@dataclass(frozen=True, slots=True)
class _Sources:
    nats: Client
    reference: Reference
    proof: Proof


async def rebuild(
    engine: AsyncEngine, nats: Client, reference: Reference, *, switch: bool, accept_loss: bool = False
) -> RebuiltTables:
    """Fill intake's tables again from the streams and compare; with `switch` they stay so.

    They stay as they were where the streams lack messages that a table holds, unless with `accept_loss`. Refusals do
    not count: they are on their stream for a year. Messages that the service has not acknowledged yet come to the
    tables by its own consumers.
    """
    result, sources = RebuiltTables(), _Sources(nats, reference, await Proof.of(engine, nats))
    async with engine.connect() as connection, connection.begin() as transaction:
        await made_again.empty(connection)
        for family in _FAMILIES:
            stream = subjects.stream_of(family.subject) or ""
            end = await acknowledged_until(nats.jetstream(), stream, subjects.CONSUMERS["intake"][family.subject])
            async for batch in read_stream(nats, stream, family.subject):
                taken = await _taken(connection, family, sources.proof.proved(batch), end)
                result.unreadable += await _project(connection, family, taken, sources)
        await made_again.keep_what_streams_dropped(connection)
        result.tables = await made_again.compare(connection)
        result.switched = switch and (accept_loss or not result.lacking)
        if not result.switched:
            await transaction.rollback()
    return result


async def _taken(connection: AsyncConnection, family: _Family, batch: Sequence[Msg], end: int | None) -> list[Msg]:
    """Return the messages that intake has acknowledged, and of the others those that its tables have already."""
    if end is None:
        return list(batch)
    keys = {key for message in batch if _number(message) > end and (key := _key(family, message)) is not None}
    known = await made_again.were_there(connection, family.table, family.key, keys) if keys else set()
    return [message for message in batch if _number(message) <= end or _key(family, message) in known]


def _number(message: Msg) -> int:
    return message.metadata.sequence.stream


def _key(family: _Family, message: Msg) -> object:
    """Return what names a message in its table; None where it cannot be read."""
    try:
        value = from_json(message.data)[family.key]
        if family.key != "sequence":
            return UUID(value)
        return int(value) if 0 < int(value) < _NUMBERS_END else None
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError):
        return None


async def _project(
    connection: AsyncConnection, family: _Family, messages: Sequence[Msg], sources: _Sources
) -> list[str]:
    """Bring messages to the tables; return those that cannot be, which the service has parked."""
    if not messages:
        return []
    try:
        async with connection.begin_nested():
            await family.projection(connection, messages, sources)
    except (ValidationError, LookupError, ValueError, DBAPIError) as error:
        if getattr(error, "connection_invalidated", False):
            raise
        if len(messages) == 1:
            return [f"{_number(messages[0])} {messages[0].subject}"]
        half = len(messages) // 2
        first = await _project(connection, family, messages[:half], sources)
        return first + await _project(connection, family, messages[half:], sources)
    return []
