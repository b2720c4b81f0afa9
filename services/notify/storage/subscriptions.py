"""The SQL of subscriptions by webhook: their endpoints, their secrets, and the endpoints' failures."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, TypedDict
from uuid import UUID

from sqlalchemy import ARRAY, Update, Uuid, and_, bindparam, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.alerts.draft import NotSent
from services.notify.alerts.notice import NoticeStatus
from services.notify.storage.tables import NoticeRow, SubscriptionRow
from shared.postgres.statements import table_of

notice, subscription = table_of(NoticeRow), table_of(SubscriptionRow)


class StoredSubscription(NamedTuple):
    """A subscription as its row has it; the fields are those of `SubscriptionRow`, in its order."""

    id: UUID
    agency: str
    unit: int
    url: str
    match: dict[str, Any]
    secret: str
    previous_secret: str | None
    previous_until: datetime | None
    created_at: datetime
    failing_since: datetime | None
    disabled_at: datetime | None
    disabled_reason: str | None

    def signing_secrets(self, now: datetime) -> tuple[str, ...]:
        """Return the secrets that sign its webhooks now: the current secret, and for a while the previous secret."""
        return secrets_of(self.secret, self.previous_secret, self.previous_until, now)


class NewSubscription(TypedDict):
    """A subscription's values for a new row."""

    id: UUID
    agency: str
    unit: int
    url: str
    match: dict[str, Any]
    secret: str
    created_at: datetime


SUBSCRIPTION_COLUMNS = tuple(subscription.c[name] for name in StoredSubscription._fields)


async def signing_secrets(
    connection: AsyncConnection, subscriptions: Collection[UUID], now: datetime
) -> dict[UUID, tuple[str, ...]]:
    """Return the secrets that sign the webhooks of each of these subscriptions."""
    if not subscriptions:
        return {}
    columns = (subscription.c.id, subscription.c.secret, subscription.c.previous_secret, subscription.c.previous_until)
    rows = await connection.execute(select(*columns).where(subscription.c.id == func.any(list(subscriptions))))
    return {
        subscription_id: secrets_of(secret, previous, until, now) for subscription_id, secret, previous, until in rows
    }


async def withhold_of_removed(connection: AsyncConnection, notices: Collection[UUID]) -> None:
    """End notices that were made for a subscription while somebody removed it."""
    ended = {"due_at": None, "status": NoticeStatus.WITHHELD.value, "reason": NotSent.DISABLED.code}
    await connection.execute(update(notice).where(notice.c.id == func.any(list(notices))).values(ended))


def secrets_of(secret: str, previous: str | None, previous_until: datetime | None, now: datetime) -> tuple[str, ...]:
    """Return the secrets that sign now, the newest first; the previous secret signs until `previous_until`."""
    return (secret, previous) if previous and previous_until and previous_until > now else (secret,)


async def note_endpoints(
    connection: AsyncConnection,
    works: Collection[UUID],
    fails: Collection[UUID],
    gone: Collection[UUID],
    failing_before: datetime,
    now: datetime,
) -> Sequence[StoredSubscription]:
    """Note the time since which endpoints fail; disable and return endpoints that fail for too long or are gone.

    `failing_before`: an endpoint that began to fail before then has failed for too long.
    """
    if works:
        await connection.execute(_end_failing(), {"works": list(works)})
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
    statement = update(subscription).where(ends).values(values).returning(*SUBSCRIPTION_COLUMNS)
    return [StoredSubscription(*row) for row in await connection.execute(statement)]


@lru_cache
def _end_failing() -> Update:
    works = bindparam("works", type_=ARRAY(Uuid, dimensions=1))
    failing = and_(subscription.c.id == func.any(works), subscription.c.failing_since.is_not(None))
    return update(subscription).where(failing).values(failing_since=None)


async def subscriptions(connection: AsyncConnection) -> Sequence[StoredSubscription]:
    """Return every subscription."""
    query = select(*SUBSCRIPTION_COLUMNS).order_by(subscription.c.created_at)
    return [StoredSubscription(*row) for row in await connection.execute(query)]


async def add_subscription(connection: AsyncConnection, new: NewSubscription) -> None:
    """Store a subscription."""
    await connection.execute(insert(subscription).values(dict(new)))


async def subscription_of(connection: AsyncConnection, subscription_id: UUID) -> StoredSubscription | None:
    """Return a subscription, locked; None where there is none of this id."""
    query = select(*SUBSCRIPTION_COLUMNS).where(subscription.c.id == subscription_id).with_for_update()
    row = (await connection.execute(query)).one_or_none()
    return StoredSubscription(*row) if row else None


async def change_secret(
    connection: AsyncConnection, subscription_id: UUID, secret: str, previous: str, previous_until: datetime
) -> None:
    """Give a subscription a new secret; the previous secret signs beside it until `previous_until`."""
    values = {"secret": secret, "previous_secret": previous, "previous_until": previous_until}
    await connection.execute(update(subscription).where(subscription.c.id == subscription_id).values(values))


async def enable_subscription(connection: AsyncConnection, subscription_id: UUID) -> None:
    """Let webhooks be sent to a subscription again."""
    values = {"disabled_at": None, "disabled_reason": None, "failing_since": None}
    await connection.execute(update(subscription).where(subscription.c.id == subscription_id).values(values))


async def remove_subscription(connection: AsyncConnection, subscription_id: UUID) -> None:
    """Remove a subscription; notices that wait for it are not sent."""
    waits = and_(notice.c.subscription == subscription_id, notice.c.due_at.is_not(None))
    ended = {"due_at": None, "status": NoticeStatus.WITHHELD.value, "reason": NotSent.DISABLED.code}
    await connection.execute(update(notice).where(waits).values(ended))
    await connection.execute(delete(subscription).where(subscription.c.id == subscription_id))


async def send_again_since(
    connection: AsyncConnection, subscription_id: UUID, since: datetime, now: datetime, retry_until: datetime
) -> int:
    """Make due again the notices of a subscription since a moment, each under its old id; return their number."""
    again = and_(
        notice.c.subscription == subscription_id,
        notice.c.created_at >= since,
        notice.c.text.is_not(None),
        notice.c.status != NoticeStatus.SENDING.value,
    )
    values = {"due_at": now, "status": NoticeStatus.CREATED.value, "reason": None, "retry_until": retry_until}
    return int((await connection.execute(update(notice).where(again).values(values))).rowcount)
