"""The schema in which scoring's state is rebuilt: its making, its comparison with the live one, and the switch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    MetaData,
    Select,
    Table,
    and_,
    case,
    cast,
    except_,
    func,
    select,
    text,
    union,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlmodel import SQLModel

from services.scoring.storage.changes import NumberedValues
from services.scoring.storage.locks import hold_off_other_rebuilds
from services.scoring.storage.tables import (
    SCHEMA,
    ChangeRow,
    IncrementRow,
    ReadingRow,
    StatusRow,
    SubmissionRow,
    TakenBackRow,
    TargetRow,
)
from shared.contracts.status import Status
from shared.postgres.locks import lock_all
from shared.postgres.migrations import schema_metadata
from shared.postgres.statements import columns_of, insert_rows, table_of
from shared.reference.models import CriterionKey

REBUILT = "scoring_rebuild"
REPLACED: tuple[type[SQLModel], ...] = (SubmissionRow, TakenBackRow, ReadingRow, IncrementRow, StatusRow)
"""The tables that take the place of the live ones, in this order. The commitments are judged again instead."""

COMPARED: tuple[type[SQLModel], ...] = (*REPLACED, TargetRow)

_PROVED = table_of(ChangeRow).to_metadata(MetaData(), schema=REBUILT, name="proved")
"""The published changes that the live schema lacks. Rebuilding makes changes of its own, in the table `change`."""

_SHOWN = 100
"""Differing rows of a table that are named: the count says how many there are."""


class UnmatchedRows(NamedTuple):
    """The rows that only one of two tables has: their number, and some of them."""

    number: int
    shown: list[tuple[Any, ...]]


class DifferingVerdicts(NamedTuple):
    """The number of verdicts on a criterion, or on a commitment above, that are one status live and another rebuilt."""

    topic: str
    live: str
    rebuilt: str
    number: int


class ComparedTable(NamedTuple):
    """A live table compared with the rebuilt one."""

    name: str
    live_rows: int
    rebuilt_rows: int
    only_live: UnmatchedRows
    only_rebuilt: UnmatchedRows


def beside(engine: AsyncEngine) -> AsyncEngine:
    """Return the engine with the rebuilt schema in the place of the live one."""
    return engine.execution_options(schema_translate_map={SCHEMA: REBUILT})


@asynccontextmanager
async def made(engine: AsyncEngine) -> AsyncIterator[None]:
    """Make the rebuilt schema, empty, and remove it when the block ends. Another rebuild waits until then."""

    def create(connection: Connection) -> None:
        schema_metadata(SCHEMA).create_all(connection.execution_options(schema_translate_map={SCHEMA: REBUILT}))

    async with engine.connect() as holding:
        await hold_off_other_rebuilds(holding)
        async with engine.begin() as connection:
            await connection.execute(text(f"DROP SCHEMA IF EXISTS {REBUILT} CASCADE"))
            await connection.execute(text(f"CREATE SCHEMA {REBUILT}"))
            await connection.run_sync(create)
            await connection.execute(text(f"CREATE TABLE {REBUILT}.{_PROVED.name} (LIKE {SCHEMA}.change)"))
        try:
            yield
        finally:
            async with engine.begin() as connection:
                await connection.execute(text(f"DROP SCHEMA {REBUILT} CASCADE"))


async def compare(connection: AsyncConnection, model: type[SQLModel]) -> ComparedTable:
    """Compare a live table with the rebuilt one."""
    table = table_of(model)
    live, rebuilt = _comparable(table), _comparable(_rebuilt(table))
    only_live, only_rebuilt = await _only(connection, live, rebuilt), await _only(connection, rebuilt, live)
    return ComparedTable(
        name=table.name,
        live_rows=await _count(connection, live),
        rebuilt_rows=await _count(connection, rebuilt),
        only_live=only_live,
        only_rebuilt=only_rebuilt,
    )


async def differing_criteria(connection: AsyncConnection) -> dict[int, list[CriterionKey]]:
    """Return the criteria whose rebuilt status differs from the live one, by the key of their unit."""
    status = table_of(StatusRow)
    live, rebuilt = _comparable(status), _comparable(_rebuilt(status))
    rows = union(except_(live, rebuilt), except_(rebuilt, live)).subquery()
    criteria: defaultdict[int, list[CriterionKey]] = defaultdict(list)
    for row in await connection.execute(select(rows.c.unit, rows.c.criterion).distinct()):
        criteria[row.unit].append(row.criterion)
    return criteria


async def differing_targets(connection: AsyncConnection) -> set[tuple[str, str, int]]:
    """Return the plan, commitment and unit of those commitments whose rebuilt status differs from the live one."""
    target = table_of(TargetRow)
    live, rebuilt = _comparable(target), _comparable(_rebuilt(target))
    rows = union(except_(live, rebuilt), except_(rebuilt, live)).subquery()
    query = select(rows.c.plan, rows.c.commitment, rows.c.unit).distinct()
    return {(row.plan, row.commitment, row.unit) for row in await connection.execute(query)}


async def differing_verdicts(connection: AsyncConnection) -> list[DifferingVerdicts]:
    """Count the verdicts that differ, by what is judged and from which status to which; the most frequent first."""
    counts = []
    for model, keys in ((StatusRow, ("unit", "criterion")), (TargetRow, ("plan", "commitment", "unit"))):
        table = table_of(model)
        live, rebuilt = table.alias("live"), _rebuilt(table).alias("rebuilt")
        same = and_(*(live.c[key] == rebuilt.c[key] for key in keys))
        before, after = (func.coalesce(one.c.status, Status.NO_DATA.value) for one in (live, rebuilt))
        topic = func.coalesce(*(one.c["criterion" if model is StatusRow else "commitment"] for one in (live, rebuilt)))
        query = select(topic, before, after, func.count()).select_from(live.join(rebuilt, same, full=True))
        counts += await connection.execute(query.where(before != after).group_by(topic, before, after))
    return sorted((DifferingVerdicts(*row) for row in counts), key=lambda one: (-one.number, *one))


async def prove_changes(connection: AsyncConnection, rows: Sequence[NumberedValues]) -> int:
    """Keep changes that were published beside the rebuilt tables; return how many were not kept before."""
    if not rows:
        return 0
    return (await connection.execute(insert_rows(_PROVED, tuple(rows[0])), columns_of(rows))).rowcount


async def keep_proved_changes(connection: AsyncConnection) -> None:
    """Add the published changes that were kept to those of the live schema, in their order."""
    columns = ", ".join(f'"{column.name}"' for column in _PROVED.c if column.name != "number")
    rows = f"SELECT {columns} FROM {REBUILT}.{_PROVED.name} ORDER BY number"  # noqa: S608 - names of ours
    await connection.execute(text(f"INSERT INTO {SCHEMA}.change ({columns}) {rows} ON CONFLICT DO NOTHING"))


async def lock_replaced(connection: AsyncConnection) -> None:
    """Lock the live tables that are replaced, until nobody reads any of them."""
    await lock_all(connection, (f"{SCHEMA}.{table_of(model).name}" for model in REPLACED), "ACCESS EXCLUSIVE")


async def replace(connection: AsyncConnection, model: type[SQLModel]) -> None:
    """Put the rebuilt table in the place of the live one, with the triggers that migrations gave to that."""
    name = table_of(model).name
    triggers = f"SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = '{SCHEMA}.{name}'::regclass"  # noqa: S608
    given = (await connection.exec_driver_sql(f"{triggers} AND NOT tgisinternal")).scalars().all()
    await connection.execute(text(f"DROP TABLE {SCHEMA}.{name}"))
    await connection.execute(text(f"ALTER TABLE {REBUILT}.{name} SET SCHEMA {SCHEMA}"))
    for trigger in given:
        await connection.exec_driver_sql(trigger)


async def _only(connection: AsyncConnection, here: Select[Any], there: Select[Any]) -> UnmatchedRows:
    rows = select(except_(here, there).subquery())
    number = await _count(connection, rows)
    return UnmatchedRows(number, [tuple(row) for row in await connection.execute(rows.limit(_SHOWN))])


async def _count(connection: AsyncConnection, rows: Select[Any]) -> int:
    return await connection.scalar(select(func.count()).select_from(rows.subquery())) or 0


def _rebuilt(table: Table) -> Table:
    return table.to_metadata(MetaData(), schema=REBUILT)


def _as_json(body: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return a submission's JSON in the database's own form, as versions before kept it; damaged JSON as text."""
    is_json = func.pg_input_is_valid(body, "jsonb")
    return case((is_json, cast(body, JSONB)), else_=func.to_jsonb(body))


def _comparable(table: Table) -> Select[Any]:
    """Return what follows from the figures: not the days of judging, signatures, nor statuses without figures.

    Nor which reports had come, and whence a path leads, which nobody has looked at where a program of before judged.
    """
    verdicts = {"judged_on", "reported", "reported_from", "moved", "moved_from", "path_from"}
    left_out: Collection[str] = {"signature", *verdicts}
    columns = [column for column in table.c if column.name not in left_out]
    query = select(*(_as_json(column) if column.name == "body" else column for column in columns))
    return query.where(table.c.status != Status.NO_DATA.value) if "status" in table.c else query
