"""The SQL of spending: the cost of SMS by unit and day."""

from __future__ import annotations

from datetime import date

from sqlalchemy import (
    select,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.storage.tables import (
    SpendingRow,
)
from shared.postgres.statements import table_of

spending = table_of(SpendingRow)


async def add_spending(connection: AsyncConnection, unit: int, day: date, parts: int, cost: int) -> int:
    """Add SMS parts and their cost in dong to a unit's spending on a day; return the day's cost so far."""
    row = {"unit": unit, "day": day, "parts": parts, "cost_dong": cost}
    statement = insert(spending).values(row)
    added = {name: spending.c[name] + row[name] for name in ("parts", "cost_dong")}
    upsert = statement.on_conflict_do_update(index_elements=["unit", "day"], set_=added)
    return int(await connection.scalar(upsert.returning(spending.c.cost_dong)) or 0)


async def spent_on(connection: AsyncConnection, unit: int, day: date) -> int:
    """Return the cost in dong of a unit's SMS on a day, and lock its row, where there is a row."""
    query = select(spending.c.cost_dong).where(spending.c.unit == unit, spending.c.day == day).with_for_update()
    return int(await connection.scalar(query) or 0)
