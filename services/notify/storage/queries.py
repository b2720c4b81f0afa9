"""The SQL of alerts, notices and silences: set-based, named by what it answers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    TIMESTAMP,
    ColumnElement,
    Row,
    Select,
    String,
    Uuid,
    and_,
    bindparam,
    case,
    cast,
    delete,
    func,
    or_,
    select,
    union,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import INTERVAL, insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningUpdate

from services.notify.alerts.draft import REPEAT
from services.notify.alerts.notice import NoticeStatus
from services.notify.storage.tables import (
    AlertRow,
    AttemptRow,
    EscalationRow,
    GatheredRow,
    GatheringRow,
    MentionRow,
    NoticeRow,
    SilenceRow,
    SpendingRow,
)
from shared.postgres.statements import columns_of, insert_rows, table_of, unnested

alert, notice, mention = table_of(AlertRow), table_of(NoticeRow), table_of(MentionRow)
attempt, escalation = table_of(AttemptRow), table_of(EscalationRow)
gathering, gathered = table_of(GatheringRow), table_of(GatheredRow)
silence, spending = table_of(SilenceRow), table_of(SpendingRow)

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


async def gather(
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


async def take_gatherings(connection: AsyncConnection, now: datetime, limit: int) -> Sequence[Row[Any]]:
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


async def postpone(connection: AsyncConnection, gathering_id: UUID, due_at: datetime, waits: str) -> None:
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


async def silences_now(connection: AsyncConnection, now: datetime) -> Sequence[Row[Any]]:
    """The silences that hold at this moment."""
    return (await connection.execute(select(silence).where(silence.c.starts_at <= now, silence.c.ends_at > now))).all()


async def record_notices(connection: AsyncConnection, notices: Rows, mentions: Rows) -> set[UUID]:
    """Keep the notices and what they tell or leave out; the ids of those that were not known yet."""
    if not notices:
        return set()
    statement = _insert_notices(tuple(notices[0]), tuple(mentions[0]))
    told = {f"of_{name}": several for name, several in columns_of(mentions).items()}
    return set((await connection.scalars(statement, columns_of(notices) | told)).all())


@lru_cache
def _insert_notices(names: tuple[str, ...], mentioned: tuple[str, ...]) -> Select[Any]:
    """One statement for both: notices that were there already keep what they mention."""
    new = insert_rows(notice, names).on_conflict_do_nothing().returning(notice.c.id).cte("new")
    arrays = {name: bindparam(f"of_{name}", type_=ARRAY(mention.c[name].type, dimensions=1)) for name in mentioned}
    rows = unnested(arrays).subquery()
    fresh = select(rows).join(new, new.c.id == rows.c.notice)
    return select(new.c.id).add_cte(
        insert(mention).from_select(list(mentioned), fresh).on_conflict_do_nothing().cte("mentions")
    )


async def spend(connection: AsyncConnection, unit: int, day: date, parts: int, cost: int) -> int:
    """Add to what a unit's SMS cost on a day; the day's cost so far."""
    row = {"unit": unit, "day": day, "parts": parts, "cost_dong": cost}
    statement = insert(spending).values(row)
    added = {name: spending.c[name] + row[name] for name in ("parts", "cost_dong")}
    upsert = statement.on_conflict_do_update(index_elements=["unit", "day"], set_=added)
    return int(await connection.scalar(upsert.returning(spending.c.cost_dong)) or 0)


async def spent(connection: AsyncConnection, unit: int, day: date) -> int:
    """What a unit's SMS have cost on a day; the row is locked where there is one."""
    query = select(spending.c.cost_dong).where(spending.c.unit == unit, spending.c.day == day).with_for_update()
    return int(await connection.scalar(query) or 0)


async def begin_escalations(connection: AsyncConnection, rows: Rows) -> None:
    """Let alerts climb at their time; those that climb by the same branch already go on as they do."""
    if rows:
        statement = insert_rows(escalation, tuple(rows[0])).on_conflict_do_nothing()
        await connection.execute(statement, columns_of(rows))


async def take_escalations(connection: AsyncConnection, now: datetime, limit: int) -> Sequence[Row[Any]]:
    """What is to climb now, with its alert, locked for this transaction."""
    query = (
        select(alert, escalation.c.branch, escalation.c.step, escalation.c.since)
        .join_from(escalation, alert, alert.c.id == escalation.c.alert)
        .where(escalation.c.due_at <= now)
        .order_by(escalation.c.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True, of=escalation)
    )
    return (await connection.execute(query)).all()


async def climb_on(
    connection: AsyncConnection, alert_id: UUID, branch: str, step: int, due_at: datetime | None
) -> None:
    """Let an alert climb again at that time, or no further."""
    this = and_(escalation.c.alert == alert_id, escalation.c.branch == branch)
    if due_at is None:
        await connection.execute(delete(escalation).where(this))
    else:
        await connection.execute(update(escalation).where(this).values(step=step, due_at=due_at))


async def lease(
    connection: AsyncConnection, channel: str, now: datetime, until: datetime, limit: int
) -> Sequence[Row[Any]]:
    """Take notices that are due, oldest first; nobody else tries them until then."""
    due = (
        select(notice.c.id)
        .where(notice.c.channel == channel, notice.c.due_at <= now)
        .order_by(notice.c.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    statement = (
        update(notice)
        .where(notice.c.id.in_(due))
        .values(status=NoticeStatus.SENDING.value, due_at=until)
        .returning(*notice.c)
    )
    rows = (await connection.execute(statement)).all()
    return sorted(rows, key=lambda row: row.created_at)


async def give_back(
    connection: AsyncConnection, notices: Collection[UUID], leases: Collection[datetime], now: datetime
) -> None:
    """Let others try at once what was leased until then and not tried."""
    leased = and_(notice.c.id == func.any(list(notices)), notice.c.due_at == func.any(list(leases)))
    status = case((notice.c.attempts > 0, NoticeStatus.TEMPORARY_FAILURE.value), else_=NoticeStatus.CREATED.value)
    await connection.execute(update(notice).where(leased).values(status=status, due_at=now))


async def record_attempts(
    connection: AsyncConnection, attempts: Rows
) -> Mapping[tuple[UUID, datetime], Sequence[Row[Any]]]:
    """Keep attempts and what they make of their notices. The alerts that each of these notices tells (id, unit's code
    and trace) by notice and lease, of those whose lease had not ended: what the others have become is for their new
    holder to say.
    """
    values = {f"new_{name}": several for name, several in columns_of(attempts).items()}
    found: dict[tuple[UUID, datetime], list[Row[Any]]] = {}
    for row in await connection.execute(_record_attempts(), values):
        found.setdefault((row.notice, row.lease), []).append(row)
    return found


@lru_cache
def _record_attempts() -> Select[Any]:
    """One statement for an attempt, its notice, and the alerts: a round trip less is a notice sooner."""
    changed = {"lease": notice.c.due_at} | {name: notice.c[name] for name in ("status", "due_at", "cost_dong")}
    columns = {one.name: one for one in attempt.columns} | changed
    # an UPDATE keeps the names of its columns to itself
    arrays = {
        f"new_{name}": bindparam(f"new_{name}", type_=ARRAY(one.type, dimensions=1)) for name, one in columns.items()
    }
    rows = unnested(arrays).subquery().c
    held = (
        update(notice)
        .where(notice.c.id == rows.new_notice, notice.c.due_at == rows.new_lease)
        .values(
            status=rows.new_status,
            due_at=rows.new_due_at,
            attempts=rows.new_number,
            cost_dong=func.coalesce(rows.new_cost_dong, notice.c.cost_dong),
        )
        .returning(notice.c.id, rows.new_lease)
        .cte("held")
    )
    tried = unnested(arrays).subquery().c
    names = [one.name for one in attempt.columns]
    kept = select(*(tried[f"new_{name}"] for name in names)).join(
        held, and_(held.c.id == tried.new_notice, held.c.new_lease == tried.new_lease)
    )
    keep = insert(attempt).from_select(names, kept).cte("kept")
    told = _told().join(held, held.c.id == mention.c.notice)
    return told.add_columns(held.c.new_lease.label("lease")).add_cte(keep)


async def alerts_of(connection: AsyncConnection, notice_id: UUID) -> Sequence[Row[Any]]:
    """The alerts that a notice tells or leaves out, oldest first."""
    query = select(alert, mention.c.left_out, mention.c.because).join_from(
        mention, alert, alert.c.id == mention.c.alert
    )
    return (await connection.execute(query.where(mention.c.notice == notice_id).order_by(alert.c.at, alert.c.id))).all()


async def alerts_told(connection: AsyncConnection, notices: Collection[UUID]) -> Mapping[UUID, Sequence[Row[Any]]]:
    """The alerts that each of these notices tells, by notice: id, unit's code and trace."""
    found: dict[UUID, list[Row[Any]]] = {key: [] for key in notices}
    for row in await connection.execute(_told().where(mention.c.notice == func.any(list(notices)))):
        found[row.notice].append(row)
    return found


def _told() -> Select[Any]:
    """What notices tell: of each alert its id, its unit's code and trace."""
    code = alert.c.body["unit"]["code"].astext.label("unit_code")
    alerts = select(mention.c.notice, alert.c.id, alert.c.trace, code).join_from(mention, alert)
    return alerts.where(mention.c.left_out.is_(None))


async def send_again(connection: AsyncConnection, notice_id: UUID, values: dict[str, Any]) -> None:
    """Set a notice due under a new request id."""
    await connection.execute(update(notice).where(notice.c.id == notice_id).values(values))


async def acknowledge(
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


async def add_silence(connection: AsyncConnection, row: dict[str, Any]) -> None:
    """Keep a silence."""
    await connection.execute(insert(silence).values(row))


async def silences(connection: AsyncConnection, *, since: datetime) -> Sequence[Row[Any]]:
    """The silences that end after that moment, the newest first."""
    query = select(silence).where(silence.c.ends_at > since).order_by(silence.c.created_at.desc(), silence.c.id)
    return (await connection.execute(query)).all()


async def end_silence(connection: AsyncConnection, silence_id: UUID, by: str, now: datetime) -> Row[Any] | None:
    """End a silence now; None where there is none that still holds."""
    holds = and_(silence.c.id == silence_id, silence.c.ends_at > now)
    statement = update(silence).where(holds).values(ends_at=now, ended_by=by).returning(*silence.c)
    return (await connection.execute(statement)).one_or_none()


async def report(
    connection: AsyncConnection, provider_id: str, request_id: UUID | None, status: NoticeStatus, now: datetime
) -> Sequence[Row[Any]]:
    """Note that a message arrived, or did not: the notices that this changes. What arrived stays so."""
    tried = select(attempt.c.notice).where(attempt.c.provider_id == provider_id)
    known_so: ColumnElement[bool] = notice.c.id.in_(tried)
    if request_id:
        known_so = or_(known_so, notice.c.request_id == request_id)
    changes = and_(known_so, notice.c.status == NoticeStatus.SENT.value)
    statement = update(notice).where(changes).values(status=status.value, reported_at=now).returning(*notice.c)
    return (await connection.execute(statement)).all()
