"""The SQL of the statuses of the plan's commitments."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import NamedTuple, TypedDict

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, and_, delete, exists, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.storage.tables import TargetRow
from shared.contracts.status import Status
from shared.postgres.statements import columns_of, insert_rows, table_of
from shared.readable import StoredDay, read_rows

target = table_of(TargetRow)


class StoredTarget(NamedTuple):
    """A stored status of a commitment; `overdue` is None until it is judged for the first time."""

    status: Status
    since: StoredDay
    judged_on: StoredDay
    holds_until: StoredDay | None
    overdue: list[str] | None
    series_from: StoredDay | None


class TargetValues(TypedDict):
    """A new row of table `target`."""

    plan: str
    commitment: str
    unit: int
    status: str
    since: date
    judged_on: date
    holds_until: date | None
    overdue: list[str] | None
    series_from: date | None
    moved: bool


_TARGET = TypeAdapter(StoredTarget)
_STORED = (target.c.commitment, target.c.unit, *(target.c[name] for name in StoredTarget._fields))


async def stored_targets(connection: AsyncConnection, plan: str) -> dict[tuple[str, int], StoredTarget]:
    """Return the statuses of all commitments of a plan by commitment and unit; a damaged one is as none."""
    rows = await connection.execute(select(*_STORED).where(target.c.plan == plan))
    return dict(read_rows(rows, lambda row: ((row.commitment, row.unit), _TARGET.validate_python(row[2:]))).items)


async def has_outdated_targets(connection: AsyncConnection, on: date) -> bool:
    """Tell whether any plan's commitments are outdated: see `outdated_targets`."""
    return bool(await connection.scalar(select(exists().where(_is_to_be_judged(on)))))


async def outdated_targets(connection: AsyncConnection, plan: str, on: date) -> set[tuple[str, int]]:
    """Return a plan's commitments whose sums have moved, or whose status ran out and was not judged on that day."""
    query = select(target.c.commitment, target.c.unit).where(target.c.plan == plan, _is_to_be_judged(on))
    return {(row.commitment, row.unit) for row in await connection.execute(query)}


async def lock_outdated_targets(connection: AsyncConnection, plan: str, on: date) -> set[tuple[str, int]]:
    """Lock the commitments that `outdated_targets` names until the transaction ends, and return them.

    Workers that move their sums meanwhile wait, so the mark of that move comes after the verdict and stays.
    Commitments whose sums are being moved right now are left out: their mark stands when the move is committed.
    """
    query = select(target.c.commitment, target.c.unit).where(target.c.plan == plan, _is_to_be_judged(on))
    query = query.order_by(target.c.commitment, target.c.unit).with_for_update(skip_locked=True, key_share=True)
    return {(row.commitment, row.unit) for row in await connection.execute(query)}


def _is_to_be_judged(on: date) -> ColumnElement[bool]:
    return or_(target.c.moved, and_(target.c.holds_until < on, target.c.judged_on < on))


async def insert_targets(connection: AsyncConnection, rows: Sequence[TargetValues]) -> None:
    """Store the commitments that are not stored yet, sorted as `mark_moved` does, so that workers cannot deadlock."""
    if rows:
        statement = insert_rows(target, tuple(rows[0])).on_conflict_do_nothing()
        await connection.execute(statement, columns_of(sorted(rows, key=lambda row: (row["commitment"], row["unit"]))))


_MARK_MOVED = insert_rows(target, tuple(target.c.keys())).on_conflict_do_update(
    index_elements=["plan", "commitment", "unit"], set_={"moved": True}
)


async def mark_moved(connection: AsyncConnection, plan: str, targets: Collection[tuple[str, int]], on: date) -> None:
    """Mark that the sums of these commitments of a plan have moved, so that they are judged."""
    rows: list[TargetValues] = [
        {
            "plan": plan,
            "commitment": commitment,
            "unit": unit,
            "status": Status.NO_DATA.value,
            "since": on,
            "judged_on": on,
            "holds_until": None,
            "overdue": None,
            "series_from": None,
            "moved": True,
        }
        for commitment, unit in sorted(targets)
    ]
    if rows:
        await connection.execute(_MARK_MOVED, columns_of(rows))


async def delete_other_targets(connection: AsyncConnection, plan: str, targets: Collection[tuple[str, int]]) -> None:
    """Delete the statuses of all commitments of a plan but these: the plan no longer has them."""
    own = tuple_(target.c.commitment, target.c.unit).in_(list(targets))
    await connection.execute(delete(target).where(target.c.plan == plan, ~own))


async def forget_other_plans(connection: AsyncConnection, plans: Collection[str]) -> None:
    """Delete the statuses of the commitments of all plans but these."""
    await connection.execute(delete(target).where(target.c.plan.not_in(plans)))
