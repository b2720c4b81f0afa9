"""The SQL of the plans that have begun, by which the state is judged."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ARRAY, Text, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.storage.judged_version import NUMBER
from services.scoring.storage.tables import PlanRow
from shared.postgres.driver import fetch
from shared.postgres.statements import table_of

plan = table_of(PlanRow)
_BEGUN = select(plan.c.plan)
_VERSION_AND_BEGUN = select(
    NUMBER.limit(1).scalar_subquery(), func.array(_BEGUN.scalar_subquery(), type_=ARRAY(Text, dimensions=1))
)


async def begun_plans(connection: AsyncConnection) -> set[str]:
    """Return the ids of the plans by which the state is judged; none before the first start."""
    return set((await connection.scalars(_BEGUN)).all())


async def version_and_begun_plans(connection: AsyncConnection) -> tuple[int | None, set[str]]:
    """Return both `judged_version` and `begun_plans`."""
    [(number, begun)] = await fetch(connection, _VERSION_AND_BEGUN)
    return number, set(begun)


async def record_begun(connection: AsyncConnection, plan_id: str, at: datetime) -> None:
    """Record that the state is judged by a plan too from now on."""
    await connection.execute(insert(plan), {"plan": plan_id, "since": at})


async def record_plans(connection: AsyncConnection, plan_ids: Sequence[str], at: datetime) -> None:
    """Record the plans by which the state is judged from now on, in the place of all others."""
    await connection.execute(delete(plan))
    for plan_id in plan_ids:
        await record_begun(connection, plan_id, at)
