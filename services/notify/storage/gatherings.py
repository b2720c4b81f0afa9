"""The SQL of gatherings: alerts that wait to be told together."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    TIMESTAMP,
    Row,
    Uuid,
    case,
    cast,
    delete,
    func,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import INTERVAL
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.alerts.draft import REPEAT
from services.notify.storage.tables import (
    AlertRow,
    GatheredRow,
    GatheringRow,
    MentionRow,
    NoticeRow,
)
from shared.postgres.statements import columns_of, insert_rows, table_of

alert = table_of(AlertRow)
notice = table_of(NoticeRow)
mention = table_of(MentionRow)
gathering = table_of(GatheringRow)
gathered = table_of(GatheredRow)

type Rows = Sequence[dict[str, Any]]


async def add_to_gatherings(
    connection: AsyncConnection, ends: Rows, alerts: Rows, wait_share: float, intervals: Mapping[str, timedelta]
) -> None:
    """Leave alerts to be told later. What was told less than its branch's interval ago waits until that is over; what
    waits already is told with it, at the earlier of the two times.
    """
    if not ends:
        return
    interval = case(
        {branch: cast(span * wait_share, INTERVAL) for branch, span in intervals.items()}, value=gathering.c.branch
    )
    statement = insert_rows(gathering, tuple(ends[0]))
    earliest = func.greatest(statement.excluded.due_at, gathering.c.told_at + interval)
    due = func.least(gathering.c.due_at, earliest)
    waits = case((gathering.c.due_at <= earliest, gathering.c.waits), else_=statement.excluded.waits)
    upsert = statement.on_conflict_do_update(index_elements=["id"], set_={"due_at": due, "waits": waits})
    await connection.execute(upsert, columns_of(sorted(ends, key=lambda row: str(row["id"]))))
    await connection.execute(insert_rows(gathered, tuple(alerts[0])).on_conflict_do_nothing(), columns_of(alerts))


async def take_due_gatherings(connection: AsyncConnection, now: datetime, limit: int) -> Sequence[Row[Any]]:
    """What is due to be told, locked for this transaction; what somebody else has locked is theirs."""
    query = (
        select(gathering)
        .where(gathering.c.due_at <= now)
        .order_by(gathering.c.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return (await connection.execute(query)).all()


async def alerts_gathered(connection: AsyncConnection, gatherings: Collection[UUID]) -> Sequence[Row[Any]]:
    """The alerts that wait in these, and what was told of them before and is still open and not acknowledged."""
    waiting = select(gathered.c.gathering, gathered.c.alert, gathered.c.step).where(
        gathered.c.gathering == func.any(list(gatherings))
    )
    open_still = (
        select(notice.c.gathering, mention.c.alert, notice.c.step)
        .join_from(notice, mention, notice.c.id == mention.c.notice)
        .join(alert, alert.c.id == mention.c.alert)
        .join(gathering, gathering.c.id == notice.c.gathering)
        .where(
            notice.c.gathering == func.any(list(gatherings)),
            gathering.c.waits == REPEAT,
            alert.c.opens,
            alert.c.ended_at.is_(None),
            alert.c.acknowledged_at.is_(None),
        )
    )
    both = union_all(waiting, open_still).subquery()
    query = (
        select(both.c.gathering, func.max(both.c.step).label("step"), alert)
        .join_from(both, alert, alert.c.id == both.c.alert)
        .group_by(both.c.gathering, alert.c.id)
        .order_by(both.c.gathering, alert.c.at, alert.c.id)
    )
    return (await connection.execute(query)).all()


async def postpone_gathering(connection: AsyncConnection, gathering_id: UUID, due_at: datetime, waits: str) -> None:
    """Tell it later."""
    values = {"due_at": due_at, "waits": waits}
    await connection.execute(update(gathering).where(gathering.c.id == gathering_id).values(values))


async def empty_gatherings(connection: AsyncConnection, again: Mapping[UUID, datetime | None], now: datetime) -> None:
    """What waited has been told; what is still open is told again at its time."""
    await connection.execute(delete(gathered).where(gathered.c.gathering == func.any(list(again))))
    rows = (
        func.unnest(cast(list(again), ARRAY(Uuid)), cast(list(again.values()), ARRAY(TIMESTAMP(timezone=True))))
        .table_valued("id", "due_at")
        .render_derived(name="again")
    )
    values = {"due_at": rows.c.due_at, "waits": REPEAT, "told_at": now}
    await connection.execute(update(gathering).where(gathering.c.id == rows.c.id).values(values))
