"""The SQL of webhooks' subscriptions: who is told where, what signs it, and since when an endpoint fails."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, and_, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.alerts.draft import NotSent
from services.notify.alerts.notice import NoticeStatus
from services.notify.storage.tables import NoticeRow, SubscriptionRow
from shared.postgres.statements import table_of

notice, subscription = table_of(NoticeRow), table_of(SubscriptionRow)


async def signing_secrets(
    connection: AsyncConnection, subscriptions: Collection[UUID], now: datetime
) -> dict[UUID, tuple[str, ...]]:
    """What signs the webhooks of each of these subscriptions."""
    if not subscriptions:
        return {}
    columns = (subscription.c.id, subscription.c.secret, subscription.c.previous_secret, subscription.c.previous_until)
    rows = await connection.execute(select(*columns).where(subscription.c.id == func.any(list(subscriptions))))
    return {row.id: secrets_of(row, now) for row in rows}


def secrets_of(row: Row[*tuple[Any, ...]], now: datetime) -> tuple[str, ...]:
    """What signs a subscription's webhooks now: its secret, and for a while the one before it."""
    return (row.secret, row.previous_secret) if row.previous_until and row.previous_until > now else (row.secret,)


async def note_endpoints(
    connection: AsyncConnection,
    works: Collection[UUID],
    fails: Collection[UUID],
    gone: Collection[UUID],
    failing_before: datetime,
    now: datetime,
) -> Sequence[Row[Any]]:
    """Remember since when endpoints fail; those that were disabled just now, for failing too long or being gone."""
    if works:
        mended = and_(subscription.c.id == func.any(list(works)), subscription.c.failing_since.is_not(None))
        await connection.execute(update(subscription).where(mended).values(failing_since=None))
    if not fails:
        return []
    since = func.coalesce(subscription.c.failing_since, now)
    failing = subscription.c.id == func.any(list(fails))
    await connection.execute(update(subscription).where(failing).values(failing_since=since))
    ends = and_(
        failing,
        subscription.c.disabled_at.is_(None),
        or_(subscription.c.failing_since < failing_before, subscription.c.id == func.any(list(gone))),
    )
    values = {"disabled_at": now, "disabled_reason": "failing"}
    statement = update(subscription).where(ends).values(values).returning(*subscription.c)
    return (await connection.execute(statement)).all()


async def subscriptions(connection: AsyncConnection) -> Sequence[Row[Any]]:
    """Every subscription."""
    return (await connection.execute(select(subscription).order_by(subscription.c.created_at))).all()


async def add_subscription(connection: AsyncConnection, row: dict[str, Any]) -> None:
    """Keep a subscription."""
    await connection.execute(insert(subscription).values(row))


async def subscription_of(connection: AsyncConnection, subscription_id: UUID) -> Row[Any] | None:
    """One subscription; locked."""
    query = select(subscription).where(subscription.c.id == subscription_id).with_for_update()
    return (await connection.execute(query)).one_or_none()


async def change_subscription(connection: AsyncConnection, subscription_id: UUID, values: dict[str, Any]) -> None:
    """Change a subscription."""
    await connection.execute(update(subscription).where(subscription.c.id == subscription_id).values(values))


async def remove_subscription(connection: AsyncConnection, subscription_id: UUID) -> None:
    """Forget a subscription; what waits for it is not sent."""
    waits = and_(notice.c.subscription == subscription_id, notice.c.due_at.is_not(None))
    ended = {"due_at": None, "status": NoticeStatus.WITHHELD.value, "reason": NotSent.DISABLED.code}
    await connection.execute(update(notice).where(waits).values(ended))
    await connection.execute(delete(subscription).where(subscription.c.id == subscription_id))


async def send_again_since(
    connection: AsyncConnection, subscription_id: UUID, since: datetime, now: datetime, retry_until: datetime
) -> int:
    """Set due what a subscription was to be told since then, each under its old id; how much there is."""
    again = and_(
        notice.c.subscription == subscription_id,
        notice.c.created_at >= since,
        notice.c.text.is_not(None),
        notice.c.status != NoticeStatus.SENDING.value,
    )
    values = {"due_at": now, "status": NoticeStatus.CREATED.value, "reason": None, "retry_until": retry_until}
    return int((await connection.execute(update(notice).where(again).values(values))).rowcount)
