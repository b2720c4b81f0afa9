"""The SQL of the statuses of the plan's commitments."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import Any, NamedTuple, TypedDict

from pydantic import TypeAdapter
from sqlalchemy import (
    ARRAY,
    Date,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.storage.locks import FREE_TARGETS_LOCK, TARGETS_LOCK
from services.scoring.storage.tables import TargetRow
from shared.contracts.status import Status
from shared.postgres.driver import fetch
from shared.postgres.statements import columns_of, insert_rows, table_of
from shared.readable import FIRST_DAY, StoredDay, read_rows

target = table_of(TargetRow)


class StoredTarget(NamedTuple):
    """A stored status of a commitment; `overdue` is None until it is judged for the first time."""

    status: Status
    since: StoredDay
    judged_on: StoredDay
    holds_until: StoredDay | None
    overdue: list[str] | None
    series_from: StoredDay | None
    moved: bool
    moved_from: StoredDay | None
    path_from: StoredDay | None

    def stands_until(self, day: date) -> bool:
        """Say whether the sum was judged, and is on no day before this one another than it was then."""
        is_moved_before = self.moved and (self.moved_from is None or self.moved_from < day)
        return self.overdue is not None and not is_moved_before


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
    moved_from: date | None
    path_from: date | None


_TARGET = TypeAdapter(StoredTarget)
_STORED = (target.c.commitment, target.c.unit, *(target.c[name] for name in StoredTarget._fields))
_OF_PLAN = target.c.plan == bindparam("plan", type_=Text)
_ON = bindparam("on", type_=Date)
_IS_OUTDATED = or_(target.c.moved, and_(target.c.holds_until < _ON, target.c.judged_on < _ON))
_KEY = target.c.commitment, target.c.unit

_STORED_OF_PLAN = select(*_STORED).where(_OF_PLAN)
_LOCK_WHERE_OUTDATED = select(TARGETS_LOCK).where(exists().where(_IS_OUTDATED))
_LOCK_FREE_WHERE_OUTDATED = select(FREE_TARGETS_LOCK).where(exists().where(_IS_OUTDATED))
_LOCK_OUTDATED = (
    select(*_STORED).where(_OF_PLAN, _IS_OUTDATED).order_by(*_KEY).with_for_update(skip_locked=True, key_share=True)
)
"""Made once: making them takes longer than executing them."""


async def stored_targets(connection: AsyncConnection, plan: str) -> dict[tuple[str, int], StoredTarget]:
    """Return the statuses of all commitments of a plan by commitment and unit; a damaged one is as none."""
    return _read(await connection.execute(_STORED_OF_PLAN, {"plan": plan}))


async def lock_targets_if_outdated(connection: AsyncConnection, on: date) -> bool:
    """Keep other workers from judging commitments until the transaction ends, where any are outdated; say whether.

    Outdated: see `outdated_targets`.
    """
    return bool(await fetch(connection, _LOCK_WHERE_OUTDATED, {"on": on}))


async def lock_targets_if_free_and_outdated(connection: AsyncConnection, on: date) -> bool:
    """Do what `lock_targets_if_outdated` does, where no other worker judges commitments; say whether it did."""
    return any(is_locked for (is_locked,) in await fetch(connection, _LOCK_FREE_WHERE_OUTDATED, {"on": on}))


async def outdated_targets(connection: AsyncConnection, plan: str, on: date) -> set[tuple[str, int]]:
    """Return a plan's commitments whose sums have moved, or whose status ran out and was not judged on that day."""
    query = select(*_KEY).where(_OF_PLAN, _IS_OUTDATED)
    return {tuple(row) for row in await connection.execute(query, {"plan": plan, "on": on})}


async def lock_outdated_targets(
    connection: AsyncConnection, plan: str, on: date
) -> dict[tuple[str, int], StoredTarget | None]:
    """Lock the commitments that `outdated_targets` names until the transaction ends; return their statuses.

    A damaged status is None.

    Workers that move their sums meanwhile wait, so the mark of that move comes after the verdict and stays.
    Commitments whose sums are being moved right now are left out: their mark stands when the move is committed.
    """
    rows = await fetch(connection, _LOCK_OUTDATED, {"plan": plan, "on": on})
    return {(commitment, unit): None for commitment, unit, *_ in rows} | _read(rows)


def _read(rows: Iterable[Sequence[Any]]) -> dict[tuple[str, int], StoredTarget]:
    return dict(read_rows(rows, lambda row: ((row[0], row[1]), _TARGET.validate_python(row[2:]))).items)


async def insert_targets(connection: AsyncConnection, rows: Sequence[TargetValues]) -> None:
    """Store the commitments that are not stored yet, sorted as `mark_moved` does, so that workers cannot deadlock."""
    if rows:
        statement = insert_rows(target, tuple(rows[0])).on_conflict_do_nothing()
        await connection.execute(statement, columns_of(sorted(rows, key=lambda row: (row["commitment"], row["unit"]))))


def marking(moved: Select[Any]) -> Insert:
    """Return the statement that marks targets, which the query names by plan, commitment and unit, with `moved_from`.

    `marked_on`: the day on which those are stored that are not yet. They are sorted as `insert_targets` does, in
    whatever way the database sorts words.
    """
    named, on = moved.subquery(), bindparam("marked_on", type_=Date)
    key = "plan", "commitment", "unit"
    new = {"status": literal(Status.NO_DATA.value), "since": on, "judged_on": on, "moved": true()}
    in_order = select(*named.c, *new.values()).order_by(named.c.commitment.collate("C"), named.c.unit)
    statement = insert(target).from_select([*named.c.keys(), *new], in_order)
    moved_from = statement.excluded.moved_from
    earliest = func.least(func.coalesce(target.c.moved_from, FIRST_DAY), moved_from)
    return statement.on_conflict_do_update(
        index_elements=key, set_={"moved": True, "moved_from": case((target.c.moved, earliest), else_=moved_from)}
    )


_MARK_MOVED = marking(
    select(
        bindparam("plan", type_=Text).label("plan"),
        func.unnest(bindparam("commitments", type_=ARRAY(Text, dimensions=1))).label("commitment"),
        func.unnest(bindparam("units", type_=ARRAY(Integer, dimensions=1))).label("unit"),
        literal(FIRST_DAY).label("moved_from"),
    )
)


async def mark_moved(connection: AsyncConnection, plan: str, targets: Collection[tuple[str, int]], on: date) -> None:
    """Mark that the sums of these commitments of a plan have moved, whatever day, so that they are judged."""
    if targets:
        commitments, units = zip(*targets, strict=True)
        moved = {"plan": plan, "commitments": commitments, "units": units, "marked_on": on}
        await connection.execute(_MARK_MOVED, moved)


async def forget_paths(connection: AsyncConnection) -> None:
    """Forget whence the paths of all commitments lead: their sums were made again, and may be other ones."""
    await connection.execute(update(target).values(path_from=None))


async def delete_other_targets(connection: AsyncConnection, plan: str, targets: Collection[tuple[str, int]]) -> None:
    """Delete the statuses of all commitments of a plan but these: the plan no longer has them."""
    own = tuple_(target.c.commitment, target.c.unit).in_(list(targets))
    await connection.execute(delete(target).where(target.c.plan == plan, ~own))


async def forget_other_plans(connection: AsyncConnection, plans: Collection[str]) -> None:
    """Delete the statuses of the commitments of all plans but these."""
    await connection.execute(delete(target).where(target.c.plan.not_in(plans)))
