"""The SQL of escalations: alerts that climb to the next role unless somebody acknowledges them in time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, TypedDict
from uuid import UUID

from sqlalchemy import (
    and_,
    delete,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.storage.alert_rows import StoredAlert
from services.notify.storage.alerts import ALERT_COLUMNS
from services.notify.storage.tables import (
    AlertRow,
    EscalationRow,
)
from shared.postgres.statements import columns_of, insert_rows, table_of

alert = table_of(AlertRow)
escalation = table_of(EscalationRow)


class NewEscalation(TypedDict):
    """An escalation's values for a new row."""

    alert: UUID
    branch: str
    step: int
    since: datetime
    due_at: datetime


class DueEscalation(NamedTuple):
    """An alert that is to climb now by a branch, with its next step, from 0, and the time when it was told first."""

    alert: StoredAlert
    branch: str
    step: int
    since: datetime


async def begin_escalations(connection: AsyncConnection, rows: Sequence[NewEscalation]) -> None:
    """Let alerts climb at their time. An alert that climbs by the same branch already keeps its step and time."""
    if rows:
        statement = insert_rows(escalation, tuple(rows[0])).on_conflict_do_nothing()
        await connection.execute(statement, columns_of(rows))


async def take_due_escalations(connection: AsyncConnection, now: datetime, limit: int) -> Sequence[DueEscalation]:
    """Return the escalations that are due, locked for this transaction with their alerts.

    Whoever ends or acknowledges one of these alerts waits; escalations of alerts that somebody changes right now are
    left out, and looked at again.
    """
    query = (
        select(*ALERT_COLUMNS, escalation.c.branch, escalation.c.step, escalation.c.since)
        .join_from(escalation, alert, alert.c.id == escalation.c.alert)
        .where(escalation.c.due_at <= now)
        .order_by(escalation.c.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True, of=(escalation, alert))
    )
    rows = await connection.execute(query)
    return [DueEscalation(StoredAlert(*row[:-3]), *row[-3:]) for row in rows]


async def climb_on(
    connection: AsyncConnection, alert_id: UUID, branch: str, step: int, due_at: datetime | None
) -> None:
    """Let an alert climb to its next step at `due_at`; None: no further."""
    climbing = and_(escalation.c.alert == alert_id, escalation.c.branch == branch)
    if due_at is None:
        await connection.execute(delete(escalation).where(climbing))
    else:
        await connection.execute(update(escalation).where(climbing).values(step=step, due_at=due_at))
