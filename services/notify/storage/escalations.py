"""The SQL of escalations: alerts that climb to the next role unless somebody acknowledges them in time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Row,
    and_,
    delete,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.storage.tables import (
    AlertRow,
    EscalationRow,
)
from shared.postgres.statements import columns_of, insert_rows, table_of

alert = table_of(AlertRow)
escalation = table_of(EscalationRow)

type Rows = Sequence[dict[str, Any]]


async def begin_escalations(connection: AsyncConnection, rows: Rows) -> None:
    """Let alerts climb at their time; those that climb by the same branch already go on as they do."""
    if rows:
        statement = insert_rows(escalation, tuple(rows[0])).on_conflict_do_nothing()
        await connection.execute(statement, columns_of(rows))


async def take_due_escalations(connection: AsyncConnection, now: datetime, limit: int) -> Sequence[Row[Any]]:
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
