"""Queries that go to the driver directly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from asyncpg.exceptions import (
    InterfaceError,
    InternalClientError,
    OperatorInterventionError,
    PostgresConnectionError,
    UndefinedTableError,
)
from sqlalchemy.ext.asyncio import AsyncConnection

_GONE = (
    InterfaceError,
    InternalClientError,
    OperatorInterventionError,
    PostgresConnectionError,
    UndefinedTableError,  # it is being restored
)


async def fetch(connection: AsyncConnection, query: str, *values: Any) -> Sequence[Mapping[str, Any]]:
    """Return the driver's rows: for thousands of rows SQLAlchemy's own would cost more than the query.

    ConnectionError when the database or its tables are gone.
    """
    driver: Any = (await connection.get_raw_connection()).driver_connection
    try:
        rows: Sequence[Mapping[str, Any]] = await driver.fetch(query, *values)
    except _GONE as error:
        raise ConnectionError(type(error).__name__) from error
    return rows
