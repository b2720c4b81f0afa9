"""Damage in stored rows: what may stand in a column instead of what a service wrote."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any, NamedTuple

from sqlalchemy import TIMESTAMP, Column, Date, Integer, Numeric, String, Table
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import AutoString, SQLModel

JSON_DAMAGES = ("null", "7", '"nonsense"', "[null]", '[{"code": 7}]', '{"nonsense": [null], "unit": 1e400}')
STRANGE_DAYS = ("infinity", "0044-03-15 BC")
MORE_STRANGE_DAYS = ("-infinity", "0001-01-01", "9999-12-31", "12024-06-01")
ABSENT_UNIT = 2_147_483_647


class Damage(NamedTuple):
    """A column of a table, and what stands there instead, as SQL."""

    column: Column[Any]
    value: str


def damages(table: Table) -> Iterator[Damage]:
    """Yield what is tried for each column of a table."""
    for column in table.columns:
        if isinstance(column.type, JSONB):
            yield from (Damage(column, f"'{each}'::jsonb") for each in JSON_DAMAGES)
        elif isinstance(column.type, ARRAY):
            yield from (Damage(column, each) for each in ("'{NULL}'::text[]", "'{nonsense}'::text[]"))
        elif isinstance(column.type, String | AutoString):  # SQLModel's texts are no `String`
            yield from (Damage(column, each) for each in ("'nonsense'", "''"))
        elif isinstance(column.type, Date | TIMESTAMP):
            yield from _strange(column, STRANGE_DAYS)
        elif isinstance(column.type, Integer) and column.name == "unit":
            yield Damage(column, str(ABSENT_UNIT))


def worse_damages(table: Table) -> Iterator[Damage]:
    """Yield the same, and numbers and days that no service writes."""
    yield from damages(table)
    for column in table.columns:
        if isinstance(column.type, Numeric):
            yield from (Damage(column, f"'{value}'::numeric") for value in ("NaN", "Infinity", "1e300"))
        elif isinstance(column.type, Date | TIMESTAMP):
            yield from _strange(column, MORE_STRANGE_DAYS)


def _strange(column: Column[Any], days: Iterable[str]) -> Iterator[Damage]:
    sql = "date" if isinstance(column.type, Date) else "timestamptz"
    yield from (Damage(column, f"'{day}'::{sql}") for day in days)


def tables_of(schema: str, without: Collection[str] = ()) -> list[Table]:
    """Return the tables of a schema."""
    return [
        table for table in SQLModel.metadata.sorted_tables if table.schema == schema and table.fullname not in without
    ]
