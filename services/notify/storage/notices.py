"""The SQL of notices: recorded, leased to a worker, given back, sent again, and reported by gateways."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Row,
    Select,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.alerts.notice import NoticeStatus
from services.notify.storage.tables import (
    AttemptRow,
    MentionRow,
    NoticeRow,
)
from shared.postgres.statements import columns_of, insert_rows, table_of, unnested

notice = table_of(NoticeRow)
mention = table_of(MentionRow)
attempt = table_of(AttemptRow)

type Rows = Sequence[dict[str, Any]]


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


async def lease_notices(
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


async def give_back_notices(
    connection: AsyncConnection, notices: Collection[UUID], leases: Collection[datetime], now: datetime
) -> None:
    """Let others try at once what was leased until then and not tried."""
    leased = and_(notice.c.id == func.any(list(notices)), notice.c.due_at == func.any(list(leases)))
    status = case((notice.c.attempts > 0, NoticeStatus.TEMPORARY_FAILURE.value), else_=NoticeStatus.CREATED.value)
    await connection.execute(update(notice).where(leased).values(status=status, due_at=now))


async def send_notice_again(connection: AsyncConnection, notice_id: UUID, values: dict[str, Any]) -> None:
    """Set a notice due under a new request id."""
    await connection.execute(update(notice).where(notice.c.id == notice_id).values(values))


async def record_report(
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
