"""Statements that are made once and go to the driver directly, for transactions that many messages wait for.

SQLAlchemy takes 0.1 ms of CPU to bring a statement to the driver and its rows back, on a machine with nothing else to
do, and twice that where it serves one message at a time: more than the driver and PostgreSQL together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

from asyncpg.exceptions import InterfaceError, InternalClientError, PostgresError
from sqlalchemy import Connection, Executable
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

_NO_VALUES: Mapping[str, object] = MappingProxyType({})


class _Parameter(NamedTuple):
    """A parameter of a statement: what it is where no value is given, and how its values are written."""

    name: str
    default: object
    write: Callable[[Any], Any] | None


class _Compiled(NamedTuple):
    """A statement as the driver takes it, with its parameters in their order."""

    sql: str
    parameters: list[_Parameter]

    def arguments(self, values: Mapping[str, object]) -> list[object]:
        """Return the values of the parameters, in their order."""
        given = [(values.get(name, default), write) for name, default, write in self.parameters]
        return [value if write is None else write(value) for value, write in given]


async def fetch(
    connection: AsyncConnection, statement: Executable, values: Mapping[str, object] = _NO_VALUES
) -> Sequence[Sequence[Any]]:
    """Execute a statement that is made once, and return its rows, which are read by position.

    The first statement of a transaction goes through SQLAlchemy, which begins it, and so do those for other schemas.
    Errors are SQLAlchemy's, and who listens to its event `before_cursor_execute` hears of all statements.
    """
    sync = connection.sync_connection
    if sync is None or not _may_pass(sync):
        result = await connection.execute(statement, values)
        return result.all() if result.returns_rows else []
    compiled = _compiled(statement, connection.dialect)
    arguments = compiled.arguments(values)
    if heard := sync.dispatch.before_cursor_execute:
        await connection.run_sync(lambda sync: heard(sync, None, compiled.sql, arguments, None, False))
    driver: Any = sync.connection.driver_connection
    try:
        rows: Sequence[Sequence[Any]] = await driver.fetch(compiled.sql, *arguments)
    except (PostgresError, InterfaceError, InternalClientError) as error:
        error.detail = None  # it quotes the row's values
        if gone := driver.is_closed():
            await connection.invalidate(error)  # nothing is left to be undone
        raise DBAPIError(compiled.sql, None, error, hide_parameters=True, connection_invalidated=gone) from error
    return rows


def _may_pass(connection: Connection) -> bool:
    options, driver = connection.get_execution_options(), connection.connection.driver_connection
    is_begun = driver is not None and driver.is_in_transaction()
    return "schema_translate_map" not in options and (is_begun or options.get("isolation_level") == "AUTOCOMMIT")


@lru_cache(256)
def _compiled(statement: Executable, dialect: Dialect) -> _Compiled:
    compiled: Any = statement.compile(dialect=dialect)  # type: ignore[attr-defined]
    defaults = compiled.construct_params(_check=False)
    defaults |= {column.key: column.default.arg for column in compiled.insert_prefetch}
    types = {name: compiled.binds[name].type.dialect_impl(dialect) for name in compiled.positiontup}
    parameters = [_Parameter(name, defaults[name], kind.bind_processor(dialect)) for name, kind in types.items()]
    return _Compiled(compiled.string, parameters)
