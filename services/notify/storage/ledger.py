"""All SQL of what notify answers: alerts and notices, newest first, with what was decided and tried."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.alerts.notice import NoticeStatus
from services.notify.storage.alerts import alert, mention, notice
from services.notify.storage.attempts import attempt

CSV_COLUMNS = (
    "notice", "created_at", "finished_at", "recipient", "name", "channel", "address", "status", "reason", "attempts",
    "unit", "unit_name", "topic", "event", "on", "left_out", "acknowledged_at", "acknowledged_by", "parts", "cost_dong",
)  # fmt: skip

_LATELY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Filter:
    """What to list: of these units, and where given of this recipient, channel, status, and not before `since`."""

    units: Collection[int]
    recipient: str | None = None
    alert: UUID | None = None
    channel: str | None = None
    status: str | None = None
    severity: str | None = None
    is_open: bool | None = None
    is_acknowledged: bool | None = None
    since: datetime | None = None
    after: tuple[datetime, UUID] | None = None
    limit: int = 100

    def behind(self, moment: datetime, key: UUID) -> Filter:
        """The page after this row."""
        return replace(self, after=(moment, key))


@dataclass(frozen=True, slots=True)
class Details:
    """The alerts of notices and the attempts at them, by notice."""

    mentions: Mapping[UUID, Sequence[Row[Any]]]
    attempts: Mapping[UUID, Sequence[Row[Any]]]


async def newest_alerts(connection: AsyncConnection, wanted: Filter) -> Sequence[Row[Any]]:
    """Alerts behind the cursor, newest first."""
    query = select(alert).where(alert.c.unit == func.any(list(wanted.units)))
    if wanted.is_open is not None:
        is_open = alert.c.opens & alert.c.ended_at.is_(None)
        query = query.where(is_open if wanted.is_open else ~is_open)
    if wanted.is_acknowledged is not None:
        query = query.where(alert.c.acknowledged_at.is_not(None) == wanted.is_acknowledged)
    if wanted.severity is not None:
        query = query.where(alert.c.severity == wanted.severity)
    return await _all(connection, _page(query, alert.c.raised_at, alert.c.id, wanted))


async def newest_notices(connection: AsyncConnection, wanted: Filter) -> Sequence[Row[Any]]:
    """Notices behind the cursor that name an alert of these units, newest first."""
    query = select(notice).where(_concerns(wanted.units, wanted.alert))
    for column, value in (
        (notice.c.recipient, wanted.recipient),
        (notice.c.channel, wanted.channel),
        (notice.c.status, wanted.status),
    ):
        if value is not None:
            query = query.where(column == value)
    return await _all(connection, _page(query, notice.c.created_at, notice.c.id, wanted))


async def notice_of(connection: AsyncConnection, notice_id: UUID, units: Collection[int]) -> Row[Any] | None:
    """One notice that names an alert of these units; locked."""
    query = select(notice).where(notice.c.id == notice_id, _concerns(units)).with_for_update()
    return (await connection.execute(query)).one_or_none()


async def notices_like(connection: AsyncConnection, one: Row[Any]) -> Sequence[Row[Any]]:
    """The notices of the same alerts for the same recipient by the same channel."""
    same = select(mention.c.alert).where(mention.c.notice == one.id)
    query = select(notice).where(
        notice.c.recipient == one.recipient,
        notice.c.channel == one.channel,
        notice.c.branch == one.branch,
        notice.c.id.in_(select(mention.c.notice).where(mention.c.alert.in_(same))),
    )
    return await _all(connection, query.order_by(notice.c.address))


async def details_of(connection: AsyncConnection, notices: Sequence[UUID], units: Collection[int]) -> Details:
    """What these notices tell or leave out of these units, and every attempt at them, in order."""
    columns = (
        *mention.c,
        alert.c.body["unit"].label("unit_ref"),
        alert.c.topic,
        alert.c.event,
        alert.c.on,
        alert.c.acknowledged_at,
        alert.c.acknowledged_by,
    )
    named = (
        select(*columns)
        .join_from(mention, alert, alert.c.id == mention.c.alert)
        .where(mention.c.notice.in_(notices), alert.c.unit == func.any(list(units)))
        .order_by(alert.c.at, alert.c.id)
    )
    tried = select(attempt).where(attempt.c.notice.in_(notices)).order_by(attempt.c.notice, attempt.c.number)
    return Details(_by_notice(await _all(connection, named)), _by_notice(await _all(connection, tried)))


async def alert_rows(
    connection: AsyncConnection, alerts: Collection[UUID], units: Collection[int]
) -> Sequence[Row[Any]]:
    """These alerts, as far as they concern these units."""
    query = select(alert).where(alert.c.id == func.any(list(alerts)), alert.c.unit == func.any(list(units)))
    return await _all(connection, query)


async def notice_of_link(connection: AsyncConnection, link_hash: bytes) -> Row[Any] | None:
    """The notice that a link was sent with."""
    return (await connection.execute(select(notice).where(notice.c.link_hash == link_hash))).one_or_none()


def was_sent_lately(row: Row[Any], now: datetime) -> bool:
    """Whether it is being sent, or somebody has had it sent again a moment ago."""
    return row.status == NoticeStatus.SENDING.value or (row.resent_at is not None and row.resent_at > now - _LATELY)


def _concerns(units: Collection[int], alert_id: UUID | None = None) -> Any:
    named = (
        select(mention.c.alert)
        .join_from(mention, alert, alert.c.id == mention.c.alert)
        .where(mention.c.notice == notice.c.id, alert.c.unit == func.any(list(units)))
    )
    return (named if alert_id is None else named.where(alert.c.id == alert_id)).exists()


def _page(query: Select[tuple[Any]], moment: Any, key: Any, wanted: Filter) -> Select[tuple[Any, ...]]:
    if wanted.since:
        query = query.where(moment >= wanted.since)
    if wanted.after:
        query = query.where(tuple_(moment, key) < tuple_(*wanted.after))
    return query.order_by(moment.desc(), key.desc()).limit(wanted.limit)


def _by_notice(rows: Sequence[Row[Any]]) -> Mapping[UUID, Sequence[Row[Any]]]:
    found: dict[UUID, list[Row[Any]]] = {}
    for row in rows:
        found.setdefault(row.notice, []).append(row)
    return found


async def _all(connection: AsyncConnection, query: Select[Any]) -> Sequence[Row[Any]]:
    rows: Sequence[Row[Any]] = (await connection.execute(query)).all()
    return rows
