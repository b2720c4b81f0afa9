"""The SQL of the ledger: alerts and notices, newest first, with every decision and every attempt."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Select, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.alerts.alert import AlertedEvent
from services.notify.alerts.notice import NoticeStatus
from services.notify.storage.alert_rows import StoredAlert
from services.notify.storage.alerts import ALERT_COLUMNS, alert, mention, notice
from services.notify.storage.answers import StoredAnswer, answers_of
from services.notify.storage.attempts import attempt
from services.notify.storage.notices import NOTICE_COLUMNS, StoredNotice

CSV_COLUMNS = (
    "notice", "created_at", "finished_at", "recipient", "name", "channel", "address", "status", "reason", "attempts",
    "unit", "unit_name", "topic", "event", "on", "left_out", "acknowledged_at", "acknowledged_by", "parts", "cost_dong",
)  # fmt: skip

LATELY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Filter:
    """The conditions of a list of alerts or notices. Conditions that are None do not apply."""

    units: Collection[int]
    recipient: str | None = None
    alert: UUID | None = None
    channel: str | None = None
    status: str | None = None
    severity: str | None = None
    criterion: str | None = None
    is_open: bool | None = None
    is_acknowledged: bool | None = None
    since: datetime | None = None
    after: tuple[datetime, UUID] | None = None
    limit: int = 100

    def behind(self, moment: datetime, key: UUID) -> Filter:
        """Return the filter of the page after this row."""
        return replace(self, after=(moment, key))


class Mention(NamedTuple):
    """An alert that a notice tells or leaves out, with its unit and its acknowledgement."""

    notice: UUID
    alert: UUID
    left_out: str | None
    because: UUID | None
    unit_ref: dict[str, Any]
    topic: str
    event: AlertedEvent
    on: date
    acknowledged_at: datetime | None
    acknowledged_by: str | None


class StoredAttempt(NamedTuple):
    """An attempt as its row has it."""

    notice: UUID
    number: int
    started_at: datetime
    finished_at: datetime
    outcome: str
    detail: str
    provider_id: str | None


class NoticeTotal(NamedTuple):
    """How many notices of a channel have a status, the SMS that they took, and the estimated cost of these in dong."""

    channel: str
    status: str
    notices: int
    parts: int
    cost_dong: int


@dataclass(frozen=True, slots=True)
class Details:
    """The alerts of notices, the attempts at them and the answers to them, by notice."""

    mentions: Mapping[UUID, Sequence[Mention]]
    attempts: Mapping[UUID, Sequence[StoredAttempt]]
    answers: Mapping[UUID, Sequence[StoredAnswer]]


class AlertCount(NamedTuple):
    """How many alerts of a district (None: of the province) about a criterion (None: about none) are this severe."""

    district: int | None
    criterion: str | None
    severity: str
    alerts: int


_criterion = func.coalesce(alert.c.body["criterion"]["key"].astext, alert.c.body["criterion"].astext)
"""The key of the criterion that an alert is about: changes name it whole, difficulties by its key alone."""


async def newest_alerts(connection: AsyncConnection, conditions: Filter) -> Sequence[StoredAlert]:
    """Return alerts behind the cursor, newest first."""
    query = _alerts_that(select(*ALERT_COLUMNS), conditions)
    page = _page(query, alert.c.raised_at, alert.c.id, conditions)
    return [StoredAlert(*row) for row in await connection.execute(page)]


async def alert_counts(connection: AsyncConnection, conditions: Filter) -> Sequence[AlertCount]:
    """Count alerts by district, criterion and severity."""
    columns = (alert.c.district, _criterion.label("criterion"), alert.c.severity)
    query = _alerts_that(select(*columns, func.count()), conditions).group_by(*columns)
    return [AlertCount(*row) for row in await connection.execute(query)]


def _alerts_that(query: Select[Any], conditions: Filter) -> Select[Any]:
    query = query.where(alert.c.unit == func.any(list(conditions.units)))
    if conditions.is_open is not None:
        is_open = alert.c.opens & alert.c.ended_at.is_(None)
        query = query.where(is_open if conditions.is_open else ~is_open)
    if conditions.is_acknowledged is not None:
        query = query.where(alert.c.acknowledged_at.is_not(None) == conditions.is_acknowledged)
    if conditions.severity is not None:
        query = query.where(alert.c.severity == conditions.severity)
    if conditions.criterion is not None:
        query = query.where(_criterion == conditions.criterion)
    return query


async def newest_notices(connection: AsyncConnection, conditions: Filter) -> Sequence[StoredNotice]:
    """Return notices behind the cursor that name an alert of the units, newest first."""
    query = select(*NOTICE_COLUMNS).where(_concerns(conditions.units, conditions.alert))
    for column, value in (
        (notice.c.recipient, conditions.recipient),
        (notice.c.channel, conditions.channel),
        (notice.c.status, conditions.status),
    ):
        if value is not None:
            query = query.where(column == value)
    page = _page(query, notice.c.created_at, notice.c.id, conditions)
    return [StoredNotice(*row) for row in await connection.execute(page)]


async def totals_of(connection: AsyncConnection, conditions: Filter) -> Sequence[NoticeTotal]:
    """Return how many notices name an alert of the units, by channel and status, with their SMS and cost."""
    query = (
        select(
            notice.c.channel,
            notice.c.status,
            func.count(),
            func.coalesce(func.sum(notice.c.parts), 0),
            func.coalesce(func.sum(notice.c.cost_dong), 0),
        )
        .where(_concerns(conditions.units))
        .group_by(notice.c.channel, notice.c.status)
        .order_by(notice.c.channel, notice.c.status)
    )
    if conditions.since:
        query = query.where(notice.c.created_at >= conditions.since)
    return [NoticeTotal(*row) for row in await connection.execute(query)]


async def notice_of(connection: AsyncConnection, notice_id: UUID, units: Collection[int]) -> StoredNotice | None:
    """Return a notice that names an alert of these units, locked; None where there is none."""
    query = select(*NOTICE_COLUMNS).where(notice.c.id == notice_id, _concerns(units)).with_for_update()
    row = (await connection.execute(query)).one_or_none()
    return StoredNotice(*row) if row else None


async def notices_like(connection: AsyncConnection, like: StoredNotice) -> Sequence[StoredNotice]:
    """Return the notices of the same alerts for the same recipient by the same channel."""
    same = select(mention.c.alert).where(mention.c.notice == like.id)
    query = select(*NOTICE_COLUMNS).where(
        notice.c.recipient == like.recipient,
        notice.c.channel == like.channel,
        notice.c.branch == like.branch,
        notice.c.id.in_(select(mention.c.notice).where(mention.c.alert.in_(same))),
    )
    return [StoredNotice(*row) for row in await connection.execute(query.order_by(notice.c.address))]


async def details_of(connection: AsyncConnection, notices: Sequence[UUID], units: Collection[int]) -> Details:
    """Return the alerts of these units that notices tell or leave out, the attempts and the answers, in order."""
    columns = (
        *(mention.c[name] for name in ("notice", "alert", "left_out", "because")),
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
    tried = (
        select(*(attempt.c[name] for name in StoredAttempt._fields))
        .where(attempt.c.notice.in_(notices))
        .order_by(attempt.c.notice, attempt.c.number)
    )
    mentions = [Mention(*row) for row in await connection.execute(named)]
    attempts = [StoredAttempt(*row) for row in await connection.execute(tried)]
    return Details(_by_notice(mentions), _by_notice(attempts), await answers_of(connection, notices))


async def alert_rows(
    connection: AsyncConnection, alerts: Collection[UUID], units: Collection[int]
) -> Sequence[StoredAlert]:
    """Return the alerts of these ids that concern the units."""
    query = select(*ALERT_COLUMNS).where(alert.c.id == func.any(list(alerts)), alert.c.unit == func.any(list(units)))
    return [StoredAlert(*row) for row in await connection.execute(query)]


async def notice_of_link(connection: AsyncConnection, link_hash: bytes) -> StoredNotice | None:
    """Return the notice whose link has this hash; None where there is none."""
    row = (await connection.execute(select(*NOTICE_COLUMNS).where(notice.c.link_hash == link_hash))).one_or_none()
    return StoredNotice(*row) if row else None


def was_sent_lately(row: StoredNotice, now: datetime) -> bool:
    """Say whether a worker is sending a notice, or somebody had it sent again within the last minute."""
    return row.status == NoticeStatus.SENDING.value or (row.resent_at is not None and row.resent_at > now - LATELY)


def _concerns(units: Collection[int], alert_id: UUID | None = None) -> ColumnElement[bool]:
    named = (
        select(mention.c.alert)
        .join_from(mention, alert, alert.c.id == mention.c.alert)
        .where(mention.c.notice == notice.c.id, alert.c.unit == func.any(list(units)))
    )
    return (named if alert_id is None else named.where(alert.c.id == alert_id)).exists()


def _page(
    query: Select[tuple[Any]], moment: Column[datetime], key: Column[UUID], conditions: Filter
) -> Select[tuple[Any, ...]]:
    if conditions.since:
        query = query.where(moment >= conditions.since)
    if conditions.after:
        query = query.where(tuple_(moment, key) < tuple_(*conditions.after))
    return query.order_by(moment.desc(), key.desc()).limit(conditions.limit)


def _by_notice[T: (Mention, StoredAttempt)](rows: Sequence[T]) -> Mapping[UUID, Sequence[T]]:
    by_notice: dict[UUID, list[T]] = {}
    for row in rows:
        by_notice.setdefault(row.notice, []).append(row)
    return by_notice
