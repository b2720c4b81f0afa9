"""The SQL of the rebuild: alerts, notices and acknowledgements that the tables lack and the streams have."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import batched
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.storage.alert_rows import NewAlert
from services.notify.storage.alerts import end_alerts, record_alerts
from services.notify.storage.escalations import NewEscalation, begin_escalations
from services.notify.storage.notices import MentionValues, StoredNotice, record_notices
from services.notify.storage.tables import AlertRow, EscalationRow, MentionRow, NoticeRow, ParkedRow
from shared.contracts import subjects
from shared.postgres.locks import lock_all
from shared.postgres.statements import table_of

_AT_ONCE = 1000
_LOCKED = [f"notify.{table_of(model).name}" for model in (AlertRow, NoticeRow, MentionRow, EscalationRow)]

alert, escalation = table_of(AlertRow), table_of(EscalationRow)
parked = table_of(ParkedRow)

UNTOLD = "not told before notify's tables were lost"
"""The reason for which the rebuild parks a message, until the service tells it."""


class Acknowledged(NamedTuple):
    """An acknowledgement as the log of alerts has it."""

    alert: UUID
    at: datetime
    by: str
    note: str | None


class UntoldMessage(NamedTuple):
    """A message of the stream STATUS that is to be told."""

    sequence: int
    subject: str
    headers: dict[str, str]
    body: str


async def hold_off_service(connection: AsyncConnection) -> None:
    """Let the service record nothing until the transaction ends."""
    await lock_all(connection, _LOCKED, "SHARE ROW EXCLUSIVE")


async def missing_alerts(connection: AsyncConnection, ids: Collection[UUID]) -> set[UUID]:
    """Return which of these alerts the table lacks."""
    wanted = set(ids)
    for some in batched(ids, _AT_ONCE):
        wanted.difference_update(await connection.scalars(select(alert.c.id).where(alert.c.id == func.any(list(some)))))
    return wanted


async def record(
    connection: AsyncConnection, rows: Sequence[NewAlert], ends: Sequence[tuple[str, str]], now: datetime
) -> None:
    """Store alerts, and end those that a newer one has ended."""
    new: set[UUID] = set()
    for some in batched(rows, _AT_ONCE):
        new |= await record_alerts(connection, some)
    if new:
        await end_alerts(connection, new, ends, now)


async def record_told(
    connection: AsyncConnection, notices: Sequence[StoredNotice], mentions: Sequence[MentionValues]
) -> int:
    """Store notices that were told, with their alerts; return the number of new ones."""
    of_notice: dict[UUID, list[MentionValues]] = {}
    for mention in mentions:
        of_notice.setdefault(mention["notice"], []).append(mention)
    new = 0
    for some in batched(notices, _AT_ONCE):
        own = [mention for notice in some for mention in of_notice[notice.id]]
        new += len(await record_notices(connection, some, own))
    return new


async def acknowledge(connection: AsyncConnection, acknowledged: Sequence[Acknowledged]) -> int:
    """Note the acknowledgements that the table lacks; return their number."""
    number = 0
    for one in acknowledged:
        noted = update(alert).where(alert.c.id == one.alert, alert.c.acknowledged_at.is_(None))
        values = {"acknowledged_at": one.at, "acknowledged_by": one.by, "acknowledged_note": one.note}
        number += (await connection.execute(noted.values(**values))).rowcount
    return number


async def climb_again(connection: AsyncConnection, rows: Sequence[NewEscalation]) -> None:
    """Let alerts climb on, but for those that are over or acknowledged."""
    await begin_escalations(connection, rows)
    over = select(alert.c.id).where(alert.c.ended_at.is_not(None) | alert.c.acknowledged_at.is_not(None))
    ids = [row["alert"] for row in rows]
    await connection.execute(
        delete(escalation).where(escalation.c.alert == func.any(ids), escalation.c.alert.in_(over))
    )


async def leave_to_service(connection: AsyncConnection, messages: Sequence[UntoldMessage], now: datetime) -> None:
    """Park messages that are to be told, so that the service tells them when they are replayed."""
    for some in batched(messages, _AT_ONCE):
        rows = [
            {
                "stream": subjects.STATUS_STREAM,
                "sequence": message.sequence,
                "subject": message.subject,
                "reason": UNTOLD,
                "headers": message.headers,
                "body": message.body,
                "parked_at": now,
                "state": "parked",
            }
            for message in some
        ]
        await connection.execute(insert(parked).on_conflict_do_nothing(), rows)
