"""The SQL of spending: the cost of SMS by unit and day."""

from __future__ import annotations

from datetime import date

from sqlalchemy import literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.storage.tables import SpendingRow
from shared.postgres.statements import table_of

spending = table_of(SpendingRow)


async def spend(
    connection: AsyncConnection, unit: int, day: date, parts: int, cost: int, limit: int | None
) -> int | None:
    """Add SMS parts and their cost in dong to a unit's spending on a day, unless the day's cost exceeded the limit.

    Return the day's cost so far; None where nothing was added. A single statement, since others spend at the same time.
    """
    row = {"unit": unit, "day": day, "parts": parts, "cost_dong": cost}
    given = select(*(literal(value, spending.c[name].type).label(name) for name, value in row.items()))
    if limit is not None:
        given = given.where(literal(cost) <= limit)
    total = spending.c.cost_dong + cost
    statement = insert(spending).from_select(list(row), given)
    upsert = statement.on_conflict_do_update(
        index_elements=["unit", "day"],
        set_={"parts": spending.c.parts + parts, "cost_dong": total},
        where=None if limit is None else total <= limit,
    )
    spent: int | None = await connection.scalar(upsert.returning(spending.c.cost_dong))
    return spent
