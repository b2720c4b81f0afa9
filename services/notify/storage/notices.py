"""The SQL of notices: recorded, leased to a worker, given back, sent again, and reported by gateways."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, TypedDict
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Integer,
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
from sqlalchemy.sql.dml import ReturningUpdate

from services.notify.alerts.notice import NoticeStatus
from services.notify.storage.tables import (
    AttemptRow,
    MentionRow,
    NoticeRow,
)
from shared.contracts.alert import ChannelName
from shared.contracts.bilingual import Language
from shared.postgres.statements import columns_of, insert_rows, table_of, unnested

notice = table_of(NoticeRow)
mention = table_of(MentionRow)
attempt = table_of(AttemptRow)


class MentionValues(TypedDict):
    """A mention's values for a new row: a notice tells an alert, or leaves it out, and why."""

    notice: UUID
    alert: UUID
    left_out: str | None
    because: UUID | None


class StoredNotice(NamedTuple):
    """A notice as its row has it; the fields are those of `NoticeRow`."""

    id: UUID
    branch: str
    gathering: UUID | None
    subscription: UUID | None
    recipient: str
    unit: int
    unit_code: str
    name: str
    channel: ChannelName
    address: str
    language: Language
    status: str
    reason: str | None
    waited: str | None
    step: int
    subject: str | None
    text: str | None
    html: str | None
    thread: UUID
    trace: str | None
    sample: bool
    request_id: UUID
    attempts: int
    created_at: datetime
    due_at: datetime | None
    retry_until: datetime
    parts: int | None
    cost_dong: int | None
    link_hash: bytes | None
    resent_by: str | None = None
    reported_at: datetime | None = None
    resent_at: datetime | None = None
    is_after_zalo: bool = False
    made_at: datetime | None = None


class Undelivered(NamedTuple):
    """The notices of a channel that are not out yet: to go out now, to be tried later, and the age of the oldest."""

    channel: str
    due: int
    later: int
    oldest_seconds: float


class NoticeAgain(TypedDict):
    """The changes of a notice that is sent again."""

    status: str
    reason: None
    request_id: UUID
    due_at: datetime
    retry_until: datetime
    resent_by: str
    resent_at: datetime
    is_after_zalo: bool


NOTICE_COLUMNS = tuple(notice.c[name] for name in StoredNotice._fields)


async def record_notices(
    connection: AsyncConnection, notices: Sequence[StoredNotice], mentions: Sequence[MentionValues]
) -> set[UUID]:
    """Store notices with the alerts that they tell or leave out; return the ids of the new notices."""
    if not notices:
        return set()
    statement = _insert_notices(tuple(mentions[0]))
    mentioned = {f"of_{name}": column for name, column in columns_of(mentions).items()}
    rows = {name: list(column) for name, column in zip(StoredNotice._fields, zip(*notices, strict=True), strict=True)}
    return set((await connection.scalars(statement, rows | mentioned)).all())


@lru_cache
def _insert_notices(mentioned: tuple[str, ...]) -> Select[Any]:
    """Return a single statement for notices and their mentions. Notices that exist already keep their mentions."""
    new = insert_rows(notice, StoredNotice._fields).on_conflict_do_nothing().returning(notice.c.id).cte("new")
    arrays = {name: bindparam(f"of_{name}", type_=ARRAY(mention.c[name].type, dimensions=1)) for name in mentioned}
    rows = unnested(arrays).subquery()
    fresh = select(rows).join(new, new.c.id == rows.c.notice)
    return select(new.c.id).add_cte(
        insert(mention).from_select(list(mentioned), fresh).on_conflict_do_nothing().cte("mentions")
    )


async def notices_among(connection: AsyncConnection, ids: Collection[UUID]) -> list[StoredNotice]:
    """Return those of these notices that there are, by id, locked."""
    query = select(*NOTICE_COLUMNS).where(notice.c.id.in_(ids)).order_by(notice.c.id).with_for_update()
    return [StoredNotice(*row) for row in await connection.execute(query)]


async def lease_notices(
    connection: AsyncConnection, channel: str, now: datetime, until: datetime, limit: int
) -> Sequence[StoredNotice]:
    """Lease notices that are due, oldest first: no other worker tries them before `until`."""
    values = {"of_channel": channel, "now": now, "until": until, "limit": limit}
    leased = [StoredNotice(*row) for row in await connection.execute(_lease_notices(), values)]
    return sorted(leased, key=lambda row: row.created_at)


@lru_cache
def _lease_notices() -> ReturningUpdate[Any]:
    due = (
        select(notice.c.id)
        .where(notice.c.channel == bindparam("of_channel"), notice.c.due_at <= bindparam("now"))
        .order_by(notice.c.due_at)
        .limit(bindparam("limit", type_=Integer))
        .with_for_update(skip_locked=True)
    )
    return (
        update(notice)
        .where(notice.c.id.in_(due))
        .values(status=NoticeStatus.SENDING.value, due_at=bindparam("until"))
        .returning(*NOTICE_COLUMNS)
    )


async def is_any_due(connection: AsyncConnection, channel: str, now: datetime) -> bool:
    """Say whether any notice of a channel is due."""
    query = select(notice.c.id).where(notice.c.channel == channel, notice.c.due_at <= now).limit(1)
    return (await connection.scalar(query)) is not None


async def undelivered(connection: AsyncConnection, now: datetime) -> Sequence[Undelivered]:
    """Return the notices that are not out yet, by channel. What went out, and may go out by another way too, is out."""
    is_due = or_(notice.c.due_at <= now, notice.c.status == NoticeStatus.SENDING.value)
    made = func.coalesce(notice.c.made_at, notice.c.created_at)
    query = (
        select(
            notice.c.channel,
            func.count().filter(is_due),
            func.count().filter(~is_due),
            func.greatest(func.extract("epoch", now - func.min(made)), 0),
        )
        .where(notice.c.due_at.is_not(None), notice.c.status != NoticeStatus.SENT.value)
        .group_by(notice.c.channel)
    )
    return [Undelivered(*row) for row in await connection.execute(query)]


async def give_back_notices(
    connection: AsyncConnection, notices: Collection[UUID], leases: Collection[datetime], now: datetime
) -> None:
    """Make leased notices due at once that nobody tried; `leases`: the ends of their leases."""
    leased = and_(notice.c.id == func.any(list(notices)), notice.c.due_at == func.any(list(leases)))
    status = case((notice.c.attempts > 0, NoticeStatus.TEMPORARY_FAILURE.value), else_=NoticeStatus.CREATED.value)
    await connection.execute(update(notice).where(leased).values(status=status, due_at=now))


async def send_notice_again(connection: AsyncConnection, notice_id: UUID, values: NoticeAgain) -> None:
    """Set a notice due under a new request id."""
    await connection.execute(update(notice).where(notice.c.id == notice_id).values(dict(values)))


async def is_under_way(connection: AsyncConnection, channel: str, request_id: UUID | None) -> bool:
    """Say whether an attempt by this channel has no outcome yet: at the notice of this request, or at any."""
    query = select(notice.c.id).where(
        notice.c.channel == channel, notice.c.due_at.is_not(None), notice.c.status == NoticeStatus.SENDING.value
    )
    if request_id:
        query = query.where(notice.c.request_id == request_id)
    return bool((await connection.execute(query.limit(1))).first())


async def record_report(
    connection: AsyncConnection, provider_id: str, request_id: UUID | None, status: NoticeStatus, now: datetime
) -> Sequence[StoredNotice]:
    """Note whether a message arrived, and return the changed notices. A delivered notice stays delivered.

    Of a notice that has another way left (`due_at`), a failure makes that way due now. That an earlier attempt failed
    says nothing of a later one by another way.
    """
    tried = select(attempt.c.notice).where(attempt.c.provider_id == provider_id)
    if status is not NoticeStatus.DELIVERED:
        tried = tried.where(attempt.c.notice == notice.c.id, attempt.c.number == notice.c.attempts)
    is_meant: ColumnElement[bool] = notice.c.id.in_(tried)
    if request_id:
        is_meant = or_(is_meant, notice.c.request_id == request_id)
    changes = and_(is_meant, notice.c.status == NoticeStatus.SENT.value)
    values: dict[str, Any] = {"status": status.value, "due_at": None, "reported_at": now}
    if status is not NoticeStatus.DELIVERED:
        has_other = notice.c.due_at.is_not(None)
        values["due_at"] = case((has_other, now))
        values["status"] = case((has_other, NoticeStatus.TEMPORARY_FAILURE.value), else_=status.value)
    statement = update(notice).where(changes).values(values).returning(*NOTICE_COLUMNS)
    return [StoredNotice(*row) for row in await connection.execute(statement)]
