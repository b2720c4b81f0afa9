"""The SQL of increments, summed by commitment, unit and day in table `step`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple, TypedDict

from sqlalchemy import ARRAY, Date, Integer, Select, Text, and_, bindparam, case, delete, func, select, true, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningInsert

from services.scoring.judging.increments import NOT_COMPARED, Comparison, Increment, Sum
from services.scoring.storage.tables import IncrementRow
from services.scoring.storage.targets import marking, target
from shared.contracts.submission import is_countable
from shared.postgres.driver import fetch
from shared.postgres.statements import columns_of, table_of, unnested
from shared.readable import is_day, read_rows

step = table_of(IncrementRow)


class IncrementValues(TypedDict):
    """A new row of table `step`."""

    plan: str
    commitment: str
    unit: int
    on: date
    numerator: Decimal
    denominator: Decimal
    units: int
    reports: int
    stale: int
    compared_units: int
    before_numerator: Decimal
    before_denominator: Decimal
    new_numerator: Decimal
    new_denominator: Decimal
    first_numerator: Decimal
    first_denominator: Decimal


class SummedIncrements(NamedTuple):
    """The summed increments of commitments of a plan, by commitment and unit."""

    by_day: dict[tuple[str, int], dict[date, Increment]]
    damaged: set[tuple[str, int]]
    """Those that have a damaged row: nobody knows their sums until they are filled again, and `by_day` lacks them."""


_ADDED = [column.name for column in step.c if not column.primary_key]
_IS_ZERO = [step.c[name] == 0 for name in _ADDED]
_ARRAYS = {name: bindparam(name, type_=ARRAY(column.type, dimensions=1)) for name, column in step.c.items()}


def _adding() -> ReturningInsert[Any]:
    given = unnested({name: _ARRAYS[name] for name in ("plan", "commitment", "unit", "on")}).subquery()
    sums = given.c.plan, given.c.commitment, given.c.unit
    moved = select(*sums, func.min(given.c.on).label("moved_from")).group_by(*sums)
    marked = marking(moved).returning(target.c.unit).cte("marked")
    number = select(func.count()).select_from(marked).scalar_subquery()
    rows = unnested(_ARRAYS).where(number > 0)  # asking for their number has PostgreSQL mark them first
    statement = insert(step).from_select(list(_ARRAYS), rows)
    added = {name: step.c[name] + statement.excluded[name] for name in _ADDED}
    key = ["plan", "commitment", "unit", "on"]
    return statement.on_conflict_do_update(index_elements=key, set_=added).returning(and_(*_IS_ZERO))


_ADD = _adding()


_ASKED = unnested(
    {
        "commitment": bindparam("commitments", type_=ARRAY(Text, dimensions=1)),
        "unit": bindparam("units", type_=ARRAY(Integer, dimensions=1)),
        "path_from": bindparam("paths_from", None, type_=ARRAY(Date, dimensions=1)),
        "until": bindparam("until", None, type_=ARRAY(Date, dimensions=1)),
    }
).subquery()
_OF_ASKED = (
    step.c.plan == bindparam("plan", type_=Text),
    step.c.commitment == _ASKED.c.commitment,
    step.c.unit == _ASKED.c.unit,
)


def _of_each_asked(of_one: Select[Any]) -> Select[Any]:
    """Return the query for the rows of each commitment that is asked for, found by its key.

    Else PostgreSQL reads the increments of all commitments as soon as there are few of each.
    """
    rows = of_one.where(*_OF_ASKED).offset(0).lateral("rows")
    return select(_ASKED.c.commitment, _ASKED.c.unit, *rows.c).select_from(_ASKED.join(rows, true()))


# up to the day on which a path may begin, from then to the day of judging, and each later day by itself
_SPAN = case((step.c.on <= _ASKED.c.path_from, _ASKED.c.path_from), else_=func.greatest(step.c.on, _ASKED.c.until))
_ADDED_UP = [func.sum(step.c[name]).label(name) for name in _ADDED]
_SUMMED = _of_each_asked(select(step.c.on, *(step.c[name] for name in _ADDED)))
_NEWEST = _of_each_asked(
    select(func.min(step.c.on).label("first"), func.max(step.c.on).label("last"), *_ADDED_UP).group_by(_SPAN)
)


async def add_increments(
    connection: AsyncConnection, plan: str, increments: Mapping[tuple[str, int, date], Increment], on: date
) -> None:
    """Add to a plan's stored increments, mark their targets as `mark_moved` does, and delete those that become zero.

    By one statement, so that workers who move the same sums wait shortly; sorted and marked first, so that they cannot
    deadlock.
    """
    if not increments:
        return
    rows: list[IncrementValues] = [
        {
            "plan": plan,
            "commitment": commitment,
            "unit": unit,
            "on": on,
            "numerator": added.numerator,
            "denominator": added.denominator,
            "units": added.units,
            "reports": added.reports,
            "stale": added.stale,
            "compared_units": added.comparison.units,
            "before_numerator": added.comparison.before_numerator,
            "before_denominator": added.comparison.before_denominator,
            "new_numerator": added.comparison.new_numerator,
            "new_denominator": added.comparison.new_denominator,
            "first_numerator": added.comparison.first_numerator,
            "first_denominator": added.comparison.first_denominator,
        }
        for (commitment, unit, on), added in sorted(increments.items())
    ]
    if any(is_zero for (is_zero,) in await fetch(connection, _ADD, {**columns_of(rows), "marked_on": on})):
        touched = tuple_(step.c.commitment, step.c.unit).in_({(commitment, unit) for commitment, unit, _ in increments})
        await connection.execute(delete(step).where(step.c.plan == plan, touched, *_IS_ZERO))


async def summed_increments(
    connection: AsyncConnection, plan: str, targets: Collection[tuple[str, int]]
) -> SummedIncrements:
    """Return the summed increments of these commitments of a plan by day."""
    asked = {"plan": plan, "commitments": [one for one, _ in targets], "units": [unit for _, unit in targets]}
    rows = await fetch(connection, _SUMMED, asked)
    read = read_rows(rows, lambda row: (row[0], row[1], row[2], _increment(*row[2:])))
    damaged = {(commitment, unit) for commitment, unit, *_ in read.damaged}
    increments: defaultdict[tuple[str, int], dict[date, Increment]] = defaultdict(dict)
    for commitment, unit, on, increment in read.items:
        if (commitment, unit) not in damaged:
            increments[commitment, unit][on] = increment
    return SummedIncrements(increments, damaged)


async def newest_sums(
    connection: AsyncConnection, plan: str, targets: Mapping[tuple[str, int], tuple[date, date]]
) -> tuple[dict[tuple[str, int], Sum], set[tuple[str, int]]]:
    """Return the sums of these commitments of a plan as they were on one day and are on another; and the damaged ones.

    `targets`: with these days. The increments up to the first one are added up, and so are those from then to the
    second one, so that few rows are read however many days of the year have moved them.
    """
    asked = {
        "plan": plan,
        "commitments": [one for one, _ in targets],
        "units": [unit for _, unit in targets],
        "paths_from": [path_from for path_from, _ in targets.values()],
        "until": [until for _, until in targets.values()],
    }
    rows = await fetch(connection, _NEWEST, asked)
    read = read_rows(rows, lambda row: (row[0], row[1], *_added_up(*row[2:])))
    damaged = {(commitment, unit) for commitment, unit, *_ in read.damaged}
    increments: defaultdict[tuple[str, int], dict[date, Increment]] = defaultdict(dict)
    added_up: defaultdict[tuple[str, int], dict[date, date]] = defaultdict(dict)
    for commitment, unit, first, last, increment in read.items:
        increments[commitment, unit][last] = increment
        if first < last:
            added_up[commitment, unit][last] = first
    return {key: Sum(increments[key], added_up[key]) for key in targets.keys() - damaged}, damaged


async def clear_increments(connection: AsyncConnection) -> None:
    """Delete all increments."""
    await connection.execute(delete(step))


def _added_up(first: date, *added: Any) -> tuple[date, date, Increment]:
    """Return the first and the last day of increments, and what they add up to."""
    if not is_day(first):
        raise ValueError("no day")
    return first, added[0], _increment(*added)


def _increment(
    on: date, numerator: Decimal, denominator: Decimal, units: int, reports: int, stale: int, *compared: Any
) -> Increment:
    is_compared = any(compared)
    counted = (numerator, denominator, *compared[1:]) if is_compared else (numerator, denominator)
    if not (is_day(on) and all(map(is_countable, counted))):
        raise ValueError("no sum of things")
    comparison = Comparison(*compared) if is_compared else NOT_COMPARED
    return Increment(numerator, denominator, units, reports, stale, comparison)
