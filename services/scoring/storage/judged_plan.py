"""The SQL of the plan by which the state was judged."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.storage.tables import PlanRow
from shared.postgres.statements import table_of

plan = table_of(PlanRow)


async def judged_plan(connection: AsyncConnection) -> str | None:
    """Return the id of the plan by which the state was judged; None before the first start."""
    named: str | None = await connection.scalar(select(plan.c.plan))
    return named


async def record_plan(connection: AsyncConnection, plan_id: str, at: datetime) -> None:
    """Record by which plan the state is judged from now on."""
    await connection.execute(delete(plan))
    await connection.execute(insert(plan), {"plan": plan_id, "since": at})
