"""The SQL of alerts: it records, ends and acknowledges alerts, and reads open and told alerts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    FromClause,
    Select,
    String,
    Uuid,
    and_,
    bindparam,
    delete,
    func,
    literal_column,
    select,
    true,
    tuple_,
    union,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningInsert, ReturningUpdate

from services.notify.alerts.notice import NoticeStatus, ToldAlert
from services.notify.storage.alert_rows import NewAlert, StoredAlert
from services.notify.storage.tables import (
    AlertRow,
    EscalationRow,
    MentionRow,
    NoticeRow,
)
from shared.postgres.statements import columns_of, table_of, unnested

alert = table_of(AlertRow)
notice = table_of(NoticeRow)
mention = table_of(MentionRow)
escalation = table_of(EscalationRow)

_TOPIC = ("unit", "topic")
ALERT_COLUMNS = tuple(alert.c[name] for name in StoredAlert._fields)


class MentionedAlert(NamedTuple):
    """An alert that a notice tells or leaves out, the reason, and the alert or silence that causes the omission."""

    alert: StoredAlert
    left_out: str | None
    because: UUID | None


class OpenCause(NamedTuple):
    """An open alert that may hide others, and the recipients who were told of it."""

    alert: StoredAlert
    told: Sequence[str]


async def open_counts(connection: AsyncConnection) -> Mapping[tuple[str, bool], int]:
    """Return the numbers of open alerts, by their severity and whether somebody has acknowledged them."""
    is_acknowledged = alert.c.acknowledged_at.is_not(None)
    is_open = and_(alert.c.opens, alert.c.ended_at.is_(None))
    query = select(alert.c.severity, is_acknowledged, func.count()).where(is_open)
    rows = await connection.execute(query.group_by(alert.c.severity, is_acknowledged))
    return {(severity, acknowledged): count for severity, acknowledged, count in rows}


async def record_alerts(connection: AsyncConnection, rows: Sequence[NewAlert]) -> set[UUID]:
    """Store alerts; return the ids of the new ones.

    Locks their topics first: who stores an alert about the same waits until this transaction ends. Else of an alert
    and the alert that ends it neither would see the other, and the first would stay open for ever.
    """
    if not rows:
        return set()
    return set((await connection.scalars(_record_alerts(tuple(rows[0])), columns_of(rows))).all())


@lru_cache
def _record_alerts(names: tuple[str, ...]) -> ReturningInsert[Any]:
    """Return a single statement for the locks and the rows, which saves a round trip."""
    arrays = {name: bindparam(name, type_=ARRAY(alert.c[name].type, dimensions=1)) for name in names}
    rows, topics = unnested(arrays).subquery("rows"), unnested({name: arrays[name] for name in _TOPIC}).subquery()
    locks = locks_of(topics).subquery("locks")
    statement = insert(alert).from_select(list(names), select(*(rows.c[name] for name in names)).join(locks, true()))
    return statement.on_conflict_do_nothing().returning(alert.c.id)


async def lock_topics(connection: AsyncConnection, alerts: Select[Any]) -> None:
    """Let nobody store an alert about the topics of these alerts (`unit` and `topic`) until the transaction ends."""
    await connection.execute(locks_of(alerts.subquery()))


def locks_of(topics: FromClause) -> Select[Any]:
    """Return the query that locks topics, in one order for all, so that no two transactions wait for each other."""
    key = func.hashtextextended(func.concat_ws("/", "ntm-topic", *(topics.c[name] for name in _TOPIC)), 0)
    ordered = select(key.label("key")).distinct().order_by("key").subquery()
    locked = select(func.pg_advisory_xact_lock(ordered.c.key).label("locked")).subquery()
    return select(func.count().label("locks")).select_from(locked)


async def end_alerts(
    connection: AsyncConnection, new: Collection[UUID], ends: Sequence[tuple[str, str]], now: datetime
) -> dict[UUID, UUID]:
    """End open alerts by the new alerts, and new alerts by newer ones about the same unit and topic.

    `ends`: pairs of an event and an event that it ends. Returns the ended alerts, each with the alert that ended it.
    """
    events, ended = zip(*ends, strict=True)
    values = {"new": list(new), "now": now, "events": list(events), "ended": list(ended)}
    return {row.id: row.by for row in await connection.execute(_end_alerts(), values)}


@lru_cache
def _end_alerts() -> ReturningUpdate[Any]:
    new, is_open = bindparam("new", type_=ARRAY(Uuid, dimensions=1)), and_(alert.c.opens, alert.c.ended_at.is_(None))
    columns = (*(alert.c[name] for name in (*_TOPIC, "id", "event", "at")), is_open.label("is_open"))
    fresh = select(*columns).where(alert.c.id == func.any(new)).cte("fresh").prefix_with("MATERIALIZED")
    older = _about_the_same(fresh, is_open, alert.c.at <= fresh.c.at).lateral("older")
    newer = _about_the_same(fresh, fresh.c.is_open, alert.c.at >= fresh.c.at).lateral("newer")
    pairs = unnested({name: bindparam(name, type_=ARRAY(String, dimensions=1)) for name in ("events", "ended")})
    either = union(
        *(
            select(ended.c.id, by.c.id.label("by"))
            .join_from(fresh, other, true())
            .where(tuple_(by.c.event, ended.c.event).in_(pairs))
            for other, ended, by in ((older, older, fresh), (newer, fresh, newer))
        )
    ).subquery()
    return (
        update(alert)
        .where(alert.c.id == either.c.id, alert.c.ended_at.is_(None))
        .values(ended_at=bindparam("now", type_=alert.c.ended_at.type), ended_by=either.c.by)
        .returning(alert.c.id, either.c.by)
    )


def _about_the_same(fresh: FromClause, *conditions: ColumnElement[bool]) -> Select[Any]:
    """Select the other alerts about the topic of a fresh one.

    `OFFSET 0` lets PostgreSQL look for each topic by its index. A join it may begin with every alert that is open.
    """
    same = (*(alert.c[name] == fresh.c[name] for name in _TOPIC), alert.c.id != fresh.c.id)
    return select(alert.c.id, alert.c.event).where(*same, *conditions).correlate(fresh).offset(literal_column("0"))


async def ended_among(connection: AsyncConnection, alerts: Collection[UUID]) -> set[UUID]:
    """Return which of these alerts are over."""
    query = select(alert.c.id).where(alert.c.id == func.any(list(alerts)), alert.c.ended_at.is_not(None))
    return set(await connection.scalars(query))


async def end_repeated(connection: AsyncConnection, new: Collection[UUID], now: datetime) -> None:
    """End the new alerts that only repeat an open one about the same: that one stays, with what was told of it."""
    older = alert.alias("older")
    same = [older.c[name] == alert.c[name] for name in (*_TOPIC, "event")]
    first = select(older.c.id).where(*same, older.c.opens, older.c.ended_at.is_(None), older.c.id != alert.c.id)
    own = alert.c.id == func.any(list(new))
    by = first.order_by(older.c.raised_at, older.c.id).limit(1).scalar_subquery()
    repeated = update(alert).where(own, alert.c.opens, alert.c.ended_at.is_(None), first.exists())
    await connection.execute(repeated.values(ended_at=now, ended_by=by))


async def open_causes(
    connection: AsyncConnection, districts: Collection[int], events: Collection[str]
) -> Sequence[OpenCause]:
    """Return open alerts of these events in these districts, with the recipients who were told of each."""
    query = (
        select(*ALERT_COLUMNS, func.array_agg(notice.c.recipient.distinct()).label("told"))
        .join_from(alert, mention, mention.c.alert == alert.c.id)
        .join(notice, notice.c.id == mention.c.notice)
        .where(
            alert.c.opens,
            alert.c.ended_at.is_(None),
            alert.c.district == func.any(list(districts)),
            alert.c.event == func.any(list(events)),
            mention.c.left_out.is_(None),
            notice.c.status.not_in([NoticeStatus.WITHHELD.value, NoticeStatus.PERMANENT_FAILURE.value]),
        )
        .group_by(alert.c.id)
    )
    return [OpenCause(StoredAlert(*row[:-1]), row.told) for row in await connection.execute(query)]


async def alerts_of_notice(connection: AsyncConnection, notice_id: UUID) -> Sequence[MentionedAlert]:
    """Return the alerts that a notice tells or leaves out, oldest first."""
    query = (
        select(*ALERT_COLUMNS, mention.c.left_out, mention.c.because)
        .join_from(mention, alert, alert.c.id == mention.c.alert)
        .where(mention.c.notice == notice_id)
        .order_by(alert.c.at, alert.c.id)
    )
    rows = await connection.execute(query)
    return [MentionedAlert(StoredAlert(*row[:-2]), row.left_out, row.because) for row in rows]


async def alerts_told(connection: AsyncConnection, notices: Collection[UUID]) -> Mapping[UUID, Sequence[ToldAlert]]:
    """Return the alerts that each of these notices tells, by notice."""
    alerts: dict[UUID, list[ToldAlert]] = {notice_id: [] for notice_id in notices}
    if notices:
        for notice_id, *of_alert in await connection.execute(_alerts_told(), {"notices": list(notices)}):
            alerts[notice_id].append(ToldAlert(*of_alert))
    return alerts


@lru_cache
def _alerts_told() -> Select[Any]:
    told = mention.c.notice == func.any(bindparam("notices", type_=ARRAY(Uuid, dimensions=1)))
    code = alert.c.body["unit"]["code"].astext
    query = select(mention.c.notice, alert.c.id, alert.c.trace, code).join_from(mention, alert)
    return query.where(told, mention.c.left_out.is_(None))


async def acknowledge_alerts(
    connection: AsyncConnection, alerts: Collection[UUID], by: str, note: str | None, now: datetime
) -> Sequence[StoredAlert]:
    """Note that `by` takes care of alerts, which climb no further; return the alerts that nobody had acknowledged."""
    statement = (
        update(alert)
        .where(alert.c.id == func.any(list(alerts)), alert.c.acknowledged_at.is_(None))
        .values(acknowledged_at=now, acknowledged_by=by, acknowledged_note=note)
        .returning(*ALERT_COLUMNS)
    )
    rows = [StoredAlert(*row) for row in await connection.execute(statement)]
    await connection.execute(delete(escalation).where(escalation.c.alert == func.any(list(alerts))))
    return rows
