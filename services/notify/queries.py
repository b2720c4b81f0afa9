"""All SQL of notify: set-based, named by what it answers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, and_, case, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.notices import NoticeStatus
from services.notify.tables import AlertRow, AttemptRow, NoticeRow
from shared.database import table_of

alert, notice = table_of(AlertRow), table_of(NoticeRow)
attempt = table_of(AttemptRow)


async def record_alerts(connection: AsyncConnection, rows: Sequence[dict[str, Any]]) -> set[UUID]:
    """Keep the alerts; the ids of those that were not known yet."""
    statement = insert(alert).on_conflict_do_nothing().returning(alert.c.id)
    return set((await connection.scalars(statement, rows)).all()) if rows else set()


async def record_notices(connection: AsyncConnection, rows: Sequence[dict[str, Any]]) -> set[UUID]:
    """Keep the notices; the ids of those that were not known yet."""
    statement = insert(notice).on_conflict_do_nothing().returning(notice.c.id)
    return set((await connection.scalars(statement, rows)).all()) if rows else set()


async def lease(
    connection: AsyncConnection, channel: str, now: datetime, until: datetime, limit: int
) -> Sequence[Row[Any]]:
    """Take notices that are due, oldest first, with what their alert says; nobody else tries them until then."""
    due = (
        select(notice.c.id)
        .where(notice.c.channel == channel, notice.c.due_at <= now)
        .order_by(notice.c.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    statement = (
        update(notice)
        .where(notice.c.id.in_(due), notice.c.alert == alert.c.id)
        .values(status=NoticeStatus.SENDING.value, due_at=until)
        .returning(
            *notice.c,
            alert.c.unit,
            alert.c.topic,
            alert.c.trace,
            alert.c.body["unit"]["code"].astext.label("unit_code"),
        )
    )
    rows = (await connection.execute(statement)).all()
    return sorted(rows, key=lambda row: row.created_at)


async def give_back(connection: AsyncConnection, notices: Collection[UUID], lease: datetime, now: datetime) -> None:
    """Let others try at once what was leased until then and not tried."""
    leased = and_(notice.c.id.in_(list(notices)), notice.c.due_at == lease)
    status = case((notice.c.attempts > 0, NoticeStatus.TEMPORARY_FAILURE.value), else_=NoticeStatus.CREATED.value)
    await connection.execute(update(notice).where(leased).values(status=status, due_at=now))


async def record_attempt(
    connection: AsyncConnection, row: dict[str, Any], lease: datetime, status: NoticeStatus, due_at: datetime | None
) -> bool:
    """Keep an attempt and its result; False when the lease had ended and the notice is somebody else's."""
    result = await connection.execute(
        update(notice)
        .where(notice.c.id == row["notice"], notice.c.due_at == lease)
        .values(status=status.value, due_at=due_at, attempts=row["number"])
    )
    if result.rowcount:
        await connection.execute(insert(attempt), row)
    return bool(result.rowcount)


@dataclass(frozen=True, slots=True)
class Filter:
    """What to list: of these units, and where given of this recipient, channel, status, and not before `since`."""

    units: Collection[int]
    recipient: str | None = None
    channel: str | None = None
    status: str | None = None
    since: datetime | None = None
    after: tuple[datetime, UUID] | None = None
    limit: int = 100


async def newest_alerts(connection: AsyncConnection, wanted: Filter) -> Sequence[Row[Any]]:
    """Alerts behind the cursor, newest first."""
    query = select(alert).where(alert.c.unit == func.any(list(wanted.units)))
    return await _all(connection, _page(query, alert.c.raised_at, alert.c.id, wanted))


async def newest_notices(connection: AsyncConnection, wanted: Filter) -> Sequence[Row[Any]]:
    """Notices with what their alert is about, behind the cursor, newest first."""
    query = _notices().where(alert.c.unit == func.any(list(wanted.units)))
    for column, value in (
        (notice.c.recipient, wanted.recipient),
        (notice.c.channel, wanted.channel),
        (notice.c.status, wanted.status),
    ):
        if value is not None:
            query = query.where(column == value)
    return await _all(connection, _page(query, notice.c.created_at, notice.c.id, wanted))


async def notice_of(connection: AsyncConnection, notice_id: UUID) -> Row[Any] | None:
    """One notice with what its alert is about."""
    found = await _all(connection, _notices().where(notice.c.id == notice_id))
    return found[0] if found else None


async def notices_like(connection: AsyncConnection, one: Row[Any]) -> Sequence[Row[Any]]:
    """The notices of the same alert for the same recipient by the same channel."""
    query = _notices().where(
        notice.c.alert == one.alert, notice.c.recipient == one.recipient, notice.c.channel == one.channel
    )
    return await _all(connection, query.order_by(notice.c.address))


async def _all(connection: AsyncConnection, query: Select[tuple[Any]]) -> Sequence[Row[Any]]:
    rows: Sequence[Row[Any]] = (await connection.execute(query)).all()
    return rows


def _notices() -> Select[tuple[Any]]:
    about = (alert.c.unit, alert.c.topic, alert.c.event, alert.c.on, alert.c.sample, alert.c.body, alert.c.trace)
    return select(*notice.c, *about).join_from(notice, alert)


def _page(query: Select[tuple[Any]], moment: Any, key: Any, wanted: Filter) -> Select[tuple[Any, ...]]:
    if wanted.since:
        query = query.where(moment >= wanted.since)
    if wanted.after:
        query = query.where(tuple_(moment, key) < tuple_(*wanted.after))
    return query.order_by(moment.desc(), key.desc()).limit(wanted.limit)


async def attempts_at(connection: AsyncConnection, notices: Collection[UUID]) -> Sequence[Row[Any]]:
    """Every attempt at these notices, in order."""
    query = select(attempt).where(attempt.c.notice.in_(list(notices))).order_by(attempt.c.notice, attempt.c.number)
    return (await connection.execute(query)).all()


async def send_again(connection: AsyncConnection, notice_id: UUID, values: dict[str, Any]) -> None:
    """Set a notice due under a new request id."""
    await connection.execute(update(notice).where(notice.c.id == notice_id).values(values))
