"""The pool of connections: none that the database has closed is handed out, and none is asked whether it works."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.postgres.engine import create_engine
from tests.running import Surroundings
from tests.waiting import eventually

_OTHERS = "FROM pg_stat_activity WHERE application_name = 'ntm-test' AND pid <> pg_backend_pid()"


async def _hold_connections(engine: AsyncEngine, number: int) -> None:
    connections = [await engine.connect() for _ in range(number)]
    for connection in connections:
        await connection.close()


async def test_connections_that_the_database_has_closed_are_replaced(around: Surroundings) -> None:
    engine = create_engine(around.settings, "test")
    try:
        await _hold_connections(engine, 5)

        async def counted(what: str) -> int:
            async with around.engine.connect() as other:
                return (await other.execute(text(f"SELECT count({what}) {_OTHERS}"))).scalar_one()

        async def all_are_gone() -> bool:
            return await counted("pid") == 0

        assert await counted("pg_terminate_backend(pid)") == 5
        await eventually(all_are_gone)
        for _ in range(7):
            async with engine.begin() as connection:
                assert await connection.scalar(text("SELECT 1")) == 1
        await _hold_connections(engine, 5)
    finally:
        await engine.dispose()


async def test_a_transaction_has_no_statements_but_its_own(around: Surroundings) -> None:
    engine, asked = create_engine(around.settings, "test"), list[str]()
    try:
        async with engine.connect() as connection:
            raw: Any = (await connection.get_raw_connection()).driver_connection
            raw.add_query_logger(lambda record: asked.append(record.query))
        asked.clear()
        async with engine.begin() as connection:
            await connection.execute(text("SELECT 1"))
        assert asked == ["BEGIN;", "COMMIT;"]  # the logger hears of no prepared statement, such as the one between
    finally:
        await engine.dispose()
