"""Queries that go to the driver directly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from asyncpg.exceptions import InterfaceError, InternalClientError, PostgresError
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.service.transient_errors import blames_content


async def fetch(connection: AsyncConnection, query: str, *values: Any) -> Sequence[Mapping[str, Any]]:
    """Return the driver's rows: for thousands of rows SQLAlchemy's own would cost more than the query.

    ConnectionError when the database or its tables are gone, or its disk can be neither written nor read.
    """
    driver: Any = (await connection.get_raw_connection()).driver_connection
    try:
        rows: Sequence[Mapping[str, Any]] = await driver.fetch(query, *values)
    except (InterfaceError, InternalClientError, PostgresError) as error:
        if blames_content(error):
            raise
        raise ConnectionError(type(error).__name__) from error
    return rows
