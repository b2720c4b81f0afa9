"""Statements for many rows at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Select, Table, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import JSONB, Insert, insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel

from shared.postgres.engine import as_json

_LAZILY = text("SET LOCAL synchronous_commit TO off")


def table_of(model: type[SQLModel]) -> Table:
    """The SQLAlchemy table of a SQLModel class."""
    table: Table = model.__table__  # type: ignore[attr-defined]
    return table


async def upsert(connection: AsyncConnection, model: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows, replacing those whose primary key is there already: one statement for all of them."""
    if rows:
        await connection.execute(_upsert(table_of(model), tuple(rows[0])), columns_of(rows))


@lru_cache
def _upsert(table: Table, names: tuple[str, ...]) -> Insert:
    key = [column.name for column in table.primary_key]
    statement = insert_rows(table, names)
    replaced = {name: statement.excluded[name] for name in names if name not in key}
    return statement.on_conflict_do_update(index_elements=key, set_=replaced)


@lru_cache
def insert_rows(table: Table, names: tuple[str, ...]) -> Insert:
    """An INSERT of any number of rows, given by column (`columns_of`): far faster than one by one. Made once for each
    table and names: making it takes longer than many an execution.
    """
    arrays = {name: bindparam(name, type_=ARRAY(table.c[name].type, dimensions=1)) for name in names}
    return insert(table).from_select(list(names), unnested(arrays))


def unnested(arrays: Mapping[str, ColumnElement[Any]]) -> Select[Any]:
    """The rows that arrays of equal length make side by side, by the names of their columns."""
    return select(*(func.unnest(array).label(name) for name, array in arrays.items()))


async def copy_in(
    connection: AsyncConnection, model: type[SQLModel], rows: Sequence[Mapping[str, Any]], schema: str
) -> None:
    """Insert many rows of which none is there yet, by COPY, which is several times as fast again. The connection's
    transaction must have begun with another statement.
    """
    if rows:
        table, names = table_of(model), list(rows[0])
        json_columns = {name for name in names if isinstance(table.c[name].type, JSONB)}
        records = [
            tuple(as_json(row[name]) if name in json_columns and row[name] is not None else row[name] for name in names)
            for row in rows
        ]
        driver = (await connection.get_raw_connection()).driver_connection
        if driver is None:
            raise RuntimeError("the connection is closed")
        await driver.copy_records_to_table(table.name, schema_name=schema, columns=names, records=records)


def columns_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Rows, of which all have the same names, as `insert_rows` takes them: each column's values."""
    return {name: [row[name] for row in rows] for name in rows[0]}


async def commit_lazily(connection: AsyncConnection) -> None:
    """Let this transaction's commit not wait for the disk: for what would only be done again if a failure of the
    database undid it. Whatever is committed later and waits for the disk brings this there too.
    """
    await connection.execute(_LAZILY)
