"""The SQL of alerts: which are new, which are open, who was told of them and who takes care of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Row,
    Select,
    String,
    Uuid,
    bindparam,
    delete,
    func,
    select,
    union,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningUpdate

from services.notify.alerts.notice import NoticeStatus
from services.notify.storage.tables import (
    AlertRow,
    EscalationRow,
    MentionRow,
    NoticeRow,
)
from shared.postgres.statements import columns_of, insert_rows, table_of, unnested

alert = table_of(AlertRow)
notice = table_of(NoticeRow)
mention = table_of(MentionRow)
escalation = table_of(EscalationRow)

type Rows = Sequence[dict[str, Any]]


async def record_alerts(connection: AsyncConnection, rows: Rows) -> set[UUID]:
    """Keep the alerts; the ids of those that were not known yet."""
    if not rows:
        return set()
    statement = insert_rows(alert, tuple(rows[0])).on_conflict_do_nothing().returning(alert.c.id)
    return set((await connection.scalars(statement, columns_of(rows))).all())


async def end_alerts(
    connection: AsyncConnection, new: Collection[UUID], ends: Sequence[tuple[str, str]], now: datetime
) -> dict[UUID, UUID]:
    """End the open alerts that the new ones are newer than and end, and the new ones that something newer has ended.

    `ends`: an event, and one that it ends. Returns what ended by which alert.
    """
    events, ended = zip(*ends, strict=True)
    values = {"new": list(new), "now": now, "events": list(events), "ended": list(ended)}
    return {row.id: row.by for row in await connection.execute(_end_alerts(), values)}


@lru_cache
def _end_alerts() -> ReturningUpdate[Any]:
    older, newer = alert.alias("older"), alert.alias("newer")
    pairs = unnested({name: bindparam(name, type_=ARRAY(String, dimensions=1)) for name in ("events", "ended")})
    pair = pairs.subquery("pairs").c
    ending = select(older.c.id, newer.c.id.label("by")).where(
        older.c.opens,
        older.c.ended_at.is_(None),
        older.c.unit == newer.c.unit,
        older.c.topic == newer.c.topic,
        pair.events == newer.c.event,
        pair.ended == older.c.event,
        newer.c.at >= older.c.at,
        newer.c.id != older.c.id,
    )
    new = bindparam("new", type_=ARRAY(Uuid, dimensions=1))
    # one after the other, each from its few new alerts: an OR of both would look at every alert there ever was
    either = union(*(ending.where(one.c.id == func.any(new)) for one in (older, newer))).subquery()
    return (
        update(alert)
        .where(alert.c.id == either.c.id, alert.c.ended_at.is_(None))
        .values(ended_at=bindparam("now", type_=alert.c.ended_at.type), ended_by=either.c.by)
        .returning(alert.c.id, either.c.by)
    )


async def open_causes(
    connection: AsyncConnection, districts: Collection[int], events: Collection[str]
) -> Sequence[Row[Any]]:
    """Open alerts of these events that concern these districts, and the recipients who were told of each."""
    query = (
        select(alert, func.array_agg(notice.c.recipient.distinct()).label("told"))
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
    return (await connection.execute(query)).all()


async def alerts_of_notice(connection: AsyncConnection, notice_id: UUID) -> Sequence[Row[Any]]:
    """The alerts that a notice tells or leaves out, oldest first."""
    query = select(alert, mention.c.left_out, mention.c.because).join_from(
        mention, alert, alert.c.id == mention.c.alert
    )
    return (await connection.execute(query.where(mention.c.notice == notice_id).order_by(alert.c.at, alert.c.id))).all()


async def alerts_told(connection: AsyncConnection, notices: Collection[UUID]) -> Mapping[UUID, Sequence[Row[Any]]]:
    """The alerts that each of these notices tells, by notice: id, unit's code and trace."""
    found: dict[UUID, list[Row[Any]]] = {key: [] for key in notices}
    for row in await connection.execute(told_alerts().where(mention.c.notice == func.any(list(notices)))):
        found[row.notice].append(row)
    return found


def told_alerts() -> Select[Any]:
    """What notices tell: of each alert its id, its unit's code and trace."""
    code = alert.c.body["unit"]["code"].astext.label("unit_code")
    alerts = select(mention.c.notice, alert.c.id, alert.c.trace, code).join_from(mention, alert)
    return alerts.where(mention.c.left_out.is_(None))


async def acknowledge_alerts(
    connection: AsyncConnection, alerts: Collection[UUID], by: str, note: str | None, now: datetime
) -> Sequence[Row[Any]]:
    """Remember who takes care of alerts, and let them climb no further; those that nobody had acknowledged before."""
    statement = (
        update(alert)
        .where(alert.c.id == func.any(list(alerts)), alert.c.acknowledged_at.is_(None))
        .values(acknowledged_at=now, acknowledged_by=by, acknowledged_note=note)
        .returning(*alert.c)
    )
    rows = (await connection.execute(statement)).all()
    await connection.execute(delete(escalation).where(escalation.c.alert == func.any(list(alerts))))
    return rows
