"""The SQL of gatherings: alerts that wait to be told together."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, TypedDict
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    TIMESTAMP,
    Uuid,
    and_,
    case,
    cast,
    delete,
    func,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import INTERVAL
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.alerts.draft import AT_A_TIME_OF_DAY, REPEAT
from services.notify.storage.alert_rows import StoredAlert
from services.notify.storage.alerts import ALERT_COLUMNS
from services.notify.storage.silenced import is_newer_about_the_same, silenced_before
from services.notify.storage.tables import (
    AlertRow,
    GatheredRow,
    GatheringRow,
    MentionRow,
    NoticeRow,
)
from shared.contracts.alert import ChannelName
from shared.postgres.statements import columns_of, insert_rows, table_of

alert = table_of(AlertRow)
notice = table_of(NoticeRow)
mention = table_of(MentionRow)
gathering = table_of(GatheringRow)
gathered = table_of(GatheredRow)


class NewGathering(TypedDict):
    """A gathering's values for a new row."""

    id: UUID | None
    branch: str
    recipient: str
    channel: str
    address: str
    due_at: datetime | None
    waits: str | None


class NewGathered(TypedDict):
    """The values of a new row for an alert that waits in a gathering."""

    gathering: UUID | None
    alert: UUID
    step: int


class StoredGathering(NamedTuple):
    """A gathering as its row has it."""

    id: UUID
    branch: str
    recipient: str
    channel: ChannelName
    address: str
    due_at: datetime
    waits: str | None


class GatheredAlert(NamedTuple):
    """An alert of a gathering, and the number of escalations that led to its recipient."""

    gathering: UUID
    step: int
    alert: StoredAlert


async def add_to_gatherings(
    connection: AsyncConnection,
    rows: Sequence[NewGathering],
    alerts: Sequence[NewGathered],
    wait_share: float,
    intervals: Mapping[str, timedelta],
) -> None:
    """Gather alerts to tell them later. A gathering that was told less than its branch's interval ago waits until the
    interval is over; alerts that wait already are told with the new ones, at the earlier of the two times.
    """
    if not rows:
        return
    interval = case(
        {branch: cast(span * wait_share, INTERVAL) for branch, span in intervals.items()}, value=gathering.c.branch
    )
    statement = insert_rows(gathering, tuple(rows[0]))
    after_the_last = func.greatest(statement.excluded.due_at, gathering.c.told_at + interval)
    earliest = case((statement.excluded.waits.in_(AT_A_TIME_OF_DAY), statement.excluded.due_at), else_=after_the_last)
    due = func.least(gathering.c.due_at, earliest)
    waits = case((gathering.c.due_at <= earliest, gathering.c.waits), else_=statement.excluded.waits)
    upsert = statement.on_conflict_do_update(index_elements=["id"], set_={"due_at": due, "waits": waits})
    await connection.execute(upsert, columns_of(sorted(rows, key=lambda row: str(row["id"]))))
    await connection.execute(insert_rows(gathered, tuple(alerts[0])).on_conflict_do_nothing(), columns_of(alerts))


async def take_due_gatherings(
    connection: AsyncConnection, now: datetime, time: datetime, limit: int
) -> Sequence[StoredGathering]:
    """Return gatherings that are due, locked for this transaction, unless another transaction has locked them.

    `time`: the time by the services' clock, by which digests are due.
    """
    query = (
        select(*(gathering.c[name] for name in StoredGathering._fields))
        .where(gathering.c.due_at <= case((gathering.c.waits.in_(AT_A_TIME_OF_DAY), time), else_=now))
        .order_by(gathering.c.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [StoredGathering(*row) for row in await connection.execute(query)]


async def alerts_gathered(connection: AsyncConnection, gatherings: Collection[UUID]) -> Sequence[GatheredAlert]:
    """Return the alerts that wait in gatherings, those to be repeated (told, open, not acknowledged), and those that
    silences held back before the waiting ones.
    """
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
    found = union_all(waiting, open_still, silenced_before(gatherings)).subquery()
    query = (
        select(found.c.gathering, func.max(found.c.step), *ALERT_COLUMNS)
        .join_from(found, alert, alert.c.id == found.c.alert)
        .group_by(found.c.gathering, alert.c.id)
        .order_by(found.c.gathering, alert.c.at, alert.c.id)
    )
    rows = await connection.execute(query)
    return [GatheredAlert(gathering_id, step, StoredAlert(*of_alert)) for gathering_id, step, *of_alert in rows]


async def no_longer_news(connection: AsyncConnection, gatherings: Collection[UUID]) -> set[tuple[UUID, UUID]]:
    """Return the changes in gatherings that ask for nothing and are no news to the recipients any more, by gathering.

    A newer alert about the same came since, or they only undo what the recipient was never told of.
    """
    newer, undone, told, of_told = alert.alias("newer"), alert.alias("undone"), mention.alias("told"), notice.alias()
    overtaken = select(newer.c.id).where(is_newer_about_the_same(newer, alert))
    told_before = (
        select(told.c.alert)
        .join_from(told, of_told, of_told.c.id == told.c.notice)
        .where(told.c.alert == undone.c.id, told.c.left_out.is_(None), of_told.c.recipient == gathering.c.recipient)
    )
    before, after = undone.c.body["before"].astext, alert.c.body["after"].astext
    ended = select(undone.c.id).where(
        undone.c.unit == alert.c.unit, undone.c.topic == alert.c.topic, undone.c.ended_by == alert.c.id
    )
    undoes_what_was_told = ended.where(or_(before != after, told_before.exists()))
    query = (
        select(gathered.c.gathering, alert.c.id)
        .join_from(gathered, gathering, gathering.c.id == gathered.c.gathering)
        .join(alert, alert.c.id == gathered.c.alert)
        .where(
            gathering.c.id == func.any(list(gatherings)),
            ~alert.c.opens,
            alert.c.kind.in_(["status", "target"]),
            or_(overtaken.exists(), and_(ended.exists(), ~undoes_what_was_told.exists())),
        )
    )
    return {(row[0], row[1]) for row in await connection.execute(query)}


async def postpone_gathering(
    connection: AsyncConnection, gathering_id: UUID, due_at: datetime, waits: str | None
) -> None:
    """Let a gathering wait until `due_at`, for the reason `waits`."""
    values = {"due_at": due_at, "waits": waits}
    await connection.execute(update(gathering).where(gathering.c.id == gathering_id).values(values))


async def empty_gatherings(
    connection: AsyncConnection, again: Mapping[UUID, datetime | None], told: Collection[UUID], now: datetime
) -> None:
    """Empty gatherings; `again`: the time at which each is repeated, None where it is not.

    `told`: those of which a notice goes out. Only from such a notice on the branch's interval is waited for.
    """
    await connection.execute(delete(gathered).where(gathered.c.gathering == func.any(list(again))))
    rows = (
        func.unnest(cast(list(again), ARRAY(Uuid)), cast(list(again.values()), ARRAY(TIMESTAMP(timezone=True))))
        .table_valued("id", "due_at")
        .render_derived(name="again")
    )
    told_at = case((gathering.c.id == func.any(list(told)), now), else_=gathering.c.told_at)
    values = {"due_at": rows.c.due_at, "waits": REPEAT, "told_at": told_at}
    await connection.execute(update(gathering).where(gathering.c.id == rows.c.id).values(values))
