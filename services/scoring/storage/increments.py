"""The SQL of increments, summed by commitment, unit and day in table `step`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date
from decimal import Decimal
from typing import TypedDict

from sqlalchemy import delete, select, tuple_
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.judging.increments import Increment
from services.scoring.storage.tables import IncrementRow
from shared.postgres.statements import columns_of, insert_rows, table_of

step = table_of(IncrementRow)


class IncrementValues(TypedDict):
    """A new row of table `step`."""

    commitment: str
    unit: int
    on: date
    numerator: Decimal
    denominator: Decimal
    units: int


def _adding() -> Insert:
    statement = insert_rows(step, tuple(step.c.keys()))
    added = {name: step.c[name] + statement.excluded[name] for name in ("numerator", "denominator", "units")}
    return statement.on_conflict_do_update(index_elements=["commitment", "unit", "on"], set_=added)


_ADD = _adding()


async def add_increments(connection: AsyncConnection, increments: Mapping[tuple[str, int, date], Increment]) -> None:
    """Add to the stored increments, sorted, so that workers cannot deadlock, and delete those that become zero."""
    if not increments:
        return
    rows: list[IncrementValues] = [
        {
            "commitment": commitment,
            "unit": unit,
            "on": on,
            "numerator": added.numerator,
            "denominator": added.denominator,
            "units": added.units,
        }
        for (commitment, unit, on), added in sorted(increments.items())
    ]
    await connection.execute(_ADD, columns_of(rows))
    touched = tuple_(step.c.commitment, step.c.unit).in_({(commitment, unit) for commitment, unit, _ in increments})
    empty = (step.c.numerator == 0, step.c.denominator == 0, step.c.units == 0)
    await connection.execute(delete(step).where(touched, *empty))


async def summed_increments(
    connection: AsyncConnection, targets: Collection[tuple[str, int]]
) -> dict[tuple[str, int], dict[date, Increment]]:
    """Return the summed increments of these commitments by day."""
    increments: defaultdict[tuple[str, int], dict[date, Increment]] = defaultdict(dict)
    query = select(step).where(tuple_(step.c.commitment, step.c.unit).in_(list(targets)))
    for row in await connection.execute(query):
        increments[(row.commitment, row.unit)][row.on] = Increment(row.numerator, row.denominator, row.units)
    return increments
