"""Statements for many rows at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Select, Table, bindparam, func, select
from sqlalchemy.dialects.postgresql import JSONB, Insert, insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel

from shared.postgres.driver import fetch
from shared.postgres.engine import as_json


def table_of(model: type[SQLModel]) -> Table:
    """Return the SQLAlchemy table of a SQLModel class."""
    table: Table = model.__table__  # type: ignore[attr-defined]
    return table


async def upsert(connection: AsyncConnection, model: type[SQLModel], rows: Sequence[Mapping[str, object]]) -> None:
    """Insert the rows by one statement; a row whose primary key exists already replaces the old row."""
    if rows:
        await fetch(connection, _upsert(table_of(model), tuple(rows[0])), columns_of(rows))


@lru_cache
def _upsert(table: Table, names: tuple[str, ...]) -> Insert:
    key = [column.name for column in table.primary_key]
    statement = insert_rows(table, names)
    replaced = {name: statement.excluded[name] for name in names if name not in key}
    return statement.on_conflict_do_update(index_elements=key, set_=replaced)


@lru_cache
def insert_rows(table: Table, names: tuple[str, ...]) -> Insert:
    """Return the INSERT of any number of rows, which are given by column (`columns_of`).

    It is far faster than one INSERT a row. It is made once for each table and columns, since making it often takes
    longer than executing it.
    """
    arrays = {name: bindparam(name, type_=ARRAY(table.c[name].type, dimensions=1)) for name in names}
    return insert(table).from_select(list(names), unnested(arrays))


def unnested(arrays: Mapping[str, ColumnElement[Any]]) -> Select[Any]:
    """Return the query for the rows that arrays of equal length make side by side, each array a named column."""
    return select(*(func.unnest(array).label(name) for name, array in arrays.items()))


async def copy_in(
    connection: AsyncConnection, model: type[SQLModel], rows: Sequence[Mapping[str, object]], schema: str
) -> None:
    """Insert many new rows by COPY, which is several times as fast as INSERT.

    The connection's transaction must have begun with another statement.
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


def columns_of(rows: Sequence[Mapping[str, object]]) -> dict[str, list[object]]:
    """Return the values of each column, as `insert_rows` takes them. All rows have the same columns."""
    return {name: [row[name] for row in rows] for name in rows[0]}
