"""The SQL of published changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any, NamedTuple, TypedDict
from uuid import UUID

from sqlalchemy import BigInteger, Row, Select, case, cast, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningInsert

from services.scoring.storage.tables import ChangeRow
from shared.contracts.bilingual import Bilingual
from shared.contracts.status import Event, Status
from shared.postgres.driver import fetch
from shared.postgres.engine import WrittenJson
from shared.postgres.statements import columns_of, insert_rows, table_of
from shared.readable import RowsRead, read_rows
from shared.reference.models import CriterionKey

change = table_of(ChangeRow)
later = change.alias("later")

_ROWS_AT_ONCE = 1000

_BEHIND = (Status.BEHIND, Status.MISSED)


class StoredChange(NamedTuple):
    """A published change of a unit."""

    topic: str
    event: Event
    before: Status
    after: Status
    on: date
    reason: Bilingual


class NumberedChange(NamedTuple):
    """A published change with its number, and its message without the parts of its verdict."""

    number: int
    unit: int
    topic: str
    body: object
    reason: object


class ChangeOfStatus(NamedTuple):
    """A published change of a commune's criterion."""

    number: int
    unit: int
    criterion: CriterionKey
    on: date
    after: Status
    plan: str | None


class TopicOfChange(NamedTuple):
    """A published change, with the unit and the topic that it was about."""

    number: int
    id: UUID
    unit: int
    topic: str
    event: str
    on: date


class ChangesAsked(NamedTuple):
    """The published changes that are asked for; None: all."""

    units: Collection[int] | None = None
    topic: str | None = None
    cohort: str | None = None
    events: Collection[str] | None = None


class Looked(NamedTuple):
    """The published changes behind a number, and the transactions at the moment of looking."""

    changes: list[NumberedChange]
    oldest_open: int
    """Every transaction before this one has ended."""
    next_begun: int
    """No transaction from this one on had begun."""


class ChangeValues(TypedDict):
    """A new row of table `change`."""

    id: UUID
    unit: int
    topic: str
    event: str
    before: str
    after: str
    on: date
    at: datetime
    submission: UUID | None
    body: WrittenJson


class NumberedValues(ChangeValues):
    """The same with its number."""

    number: int


_REASON = change.c.body["assessment"]["reason"]
_STORED = (*(change.c[name] for name in ("topic", "event", "before", "after", "on", "number")), _REASON)
_NUMBERED = (
    *(change.c[name] for name in ("number", "unit", "topic")),
    case((func.jsonb_typeof(change.c.body) == "object", change.c.body.op("-", return_type=JSONB)("assessment"))),
    _REASON,
)
_SNAPSHOT = func.pg_current_snapshot()
_TRANSACTIONS = (
    cast(cast(func.pg_snapshot_xmin(_SNAPSHOT), change.c.topic.type), BigInteger),
    cast(cast(func.pg_snapshot_xmax(_SNAPSHOT), change.c.topic.type), BigInteger),
)


async def add_changes(connection: AsyncConnection, rows: Sequence[ChangeValues]) -> set[UUID]:
    """Store published changes, which are never deleted; return the ids of those that were not stored before."""
    if not rows:
        return set()
    return {key for (key,) in await fetch(connection, _adding(tuple(rows[0])), columns_of(rows))}


@lru_cache
def _adding(names: tuple[str, ...]) -> ReturningInsert[Any]:
    return insert_rows(change, names).on_conflict_do_nothing().returning(change.c.id)


async def all_changes(connection: AsyncConnection) -> AsyncIterator[list[dict[str, Any]]]:
    """Yield the bodies of all published changes, in order."""
    result = await connection.stream(select(change.c.body).order_by(change.c.number))
    async for rows in result.partitions(_ROWS_AT_ONCE):
        yield [row.body for row in rows]


async def known_changes(connection: AsyncConnection, ids: Collection[UUID]) -> set[UUID]:
    """Return which of these changes are stored."""
    return set((await connection.scalars(select(change.c.id).where(change.c.id == func.any(list(ids))))).all())


async def still_behind(
    connection: AsyncConnection, ids: Collection[UUID], units: Collection[int], on: date
) -> Sequence[TopicOfChange]:
    """Return these changes of these units that led behind, but for topics that were not behind later, until a day."""
    ended = select(later.c.number).where(
        later.c.unit == change.c.unit,
        later.c.topic == change.c.topic,
        later.c.number > change.c.number,
        later.c.on <= on,
        later.c.after.not_in(_BEHIND),
    )
    asked = change.c.id == func.any(list(ids)), change.c.unit == func.any(list(units)), change.c.after.in_(_BEHIND)
    columns = (change.c[name] for name in TopicOfChange._fields)
    query = select(*columns).where(*asked, ~ended.exists())
    return [TopicOfChange(*row) for row in await connection.execute(query)]


async def changes_of_unit(connection: AsyncConnection, unit: int, limit: int) -> RowsRead[Row[Any], StoredChange]:
    """Return the newest changes of a unit, the newest first, and the rows of those that cannot be read."""
    query = select(*_STORED).where(change.c.unit == unit).order_by(change.c.number.desc()).limit(limit)
    return read_rows(await connection.execute(query), _stored)


def _stored(row: Row[Any]) -> StoredChange:
    topic, event, before, after, on, _, reason = tuple(row)
    return StoredChange(topic, Event(event), Status(before), Status(after), on, Bilingual.model_validate(reason))


async def changes_between(
    connection: AsyncConnection, since: date, until: date, asked: ChangesAsked, before: int | None, limit: int
) -> list[NumberedChange]:
    """Return the changes of these days that are asked for, the newest first; `before`: only with lower numbers."""
    query = _asked(asked).where(change.c.on.between(since, until))
    if before is not None:
        query = query.where(change.c.number < before)
    rows = await connection.execute(query.order_by(change.c.number.desc()).limit(limit))
    return [_numbered(row) for row in rows]


async def changes_behind(connection: AsyncConnection, number: int, until: int, limit: int) -> list[NumberedChange]:
    """Return the changes behind a number, up to another one, in order."""
    query = select(*_NUMBERED).where(change.c.number > number, change.c.number <= until)
    return [_numbered(row) for row in await connection.execute(query.order_by(change.c.number).limit(limit))]


async def are_more_behind(connection: AsyncConnection, number: int, until: int, limit: int) -> bool:
    """Say whether more changes than a limit are behind a number, up to another one."""
    query = select(change.c.number).where(change.c.number > number, change.c.number <= until)
    return await connection.scalar(query.order_by(change.c.number).offset(limit).limit(1)) is not None


async def look_behind(connection: AsyncConnection, number: int, limit: int) -> Looked | None:
    """Return the changes behind a number that are committed, in order; None where there are none."""
    query = select(*_NUMBERED, *_TRANSACTIONS).where(change.c.number > number)
    rows = (await connection.execute(query.order_by(change.c.number).limit(limit))).all()
    return Looked([_numbered(row) for row in rows], *rows[-1][-2:]) if rows else None


async def statuses_behind(connection: AsyncConnection, number: int, until: int) -> list[ChangeOfStatus]:
    """Return the changes of communes' criteria behind a number, up to another one, in order.

    Without a limit: with one the database looks into the body of every change before it counts.
    """
    columns = (change.c[name] for name in ("number", "unit", "topic", "on", "after"))
    of_commune = change.c.body["kind"].astext == "status"
    query = select(*columns, change.c.body["plan"].astext).where(
        change.c.number > number, change.c.number <= until, of_commune
    )
    rows = (await connection.execute(query.order_by(change.c.number))).all()
    return read_rows(rows, lambda row: ChangeOfStatus(*row[:4], Status(row[4]), row[5])).items


async def count_events(connection: AsyncConnection, since: date, until: date, units: Collection[int]) -> Counter[Event]:
    """Count the changes of communes' criteria that these days brought to these units, by event."""
    query = select(change.c.event, func.count()).where(
        change.c.on.between(since, until),
        change.c.unit == func.any(list(units)),
        change.c.body["kind"].astext == "status",
    )
    return Counter({Event(event): number for event, number in await connection.execute(query.group_by(change.c.event))})


async def count_changes(connection: AsyncConnection) -> int:
    """Return the number of stored changes."""
    return await connection.scalar(select(func.count()).select_from(change)) or 0


async def newest_number(connection: AsyncConnection) -> int:
    """Return the highest number of a change; 0 where there is none."""
    return await connection.scalar(select(func.max(change.c.number))) or 0


def _asked(asked: ChangesAsked) -> Select[Any]:
    query = select(*_NUMBERED)
    if asked.units is not None:
        query = query.where(change.c.unit == func.any(list(asked.units)))
    if asked.topic is not None:
        query = query.where(change.c.topic == asked.topic)
    if asked.cohort is not None:
        query = query.where(change.c.body["cohorts"].has_key(asked.cohort))
    if asked.events is not None:
        query = query.where(change.c.event == func.any(list(asked.events)))
    return query


def _numbered(row: Sequence[Any]) -> NumberedChange:
    return NumberedChange(*row[: len(_NUMBERED)])
