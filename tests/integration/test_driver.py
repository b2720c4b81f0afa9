"""Statements that go to the driver directly: they do what they do through SQLAlchemy."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import ARRAY, Date, Integer, bindparam, event, func, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.scoring.storage.rebuilt_schema import REBUILT
from services.scoring.storage.refills import refill
from services.scoring.storage.tables import SCHEMA
from shared.postgres.driver import fetch
from shared.postgres.engine import WrittenJson
from shared.postgres.statements import insert_rows
from shared.service.transient_errors import blames_content, is_transient
from tests.running import Surroundings

_VALUES = select(
    bindparam("day", type_=Date),
    bindparam("body", type_=JSONB),
    func.unnest(bindparam("bodies", type_=ARRAY(JSONB, dimensions=1))),
    func.unnest(bindparam("units", type_=ARRAY(Integer, dimensions=1))),
)
_ADD = insert_rows(refill, ("name",))


@pytest.fixture
def engine(around: Surroundings) -> AsyncEngine:
    return around.engine


async def _begin(connection: AsyncConnection) -> None:
    await connection.execute(text("SELECT 1"))


async def _stored(engine: AsyncEngine) -> list[str]:
    async with engine.connect() as connection:
        return list(await connection.scalars(select(refill.c.name).order_by(refill.c.name)))


async def test_values_are_written_and_read_as_through_sqlalchemy(engine: AsyncEngine) -> None:
    values = {"day": date.max, "body": {"a": [1]}, "bodies": [None, WrittenJson('{"b":2}')], "units": [1, 2]}
    async with engine.begin() as connection:
        by_sqlalchemy = (await connection.execute(_VALUES, values)).all()
        assert [tuple(row) for row in await fetch(connection, _VALUES, values)] == by_sqlalchemy


async def test_what_is_stored_is_undone_with_its_transaction(engine: AsyncEngine) -> None:
    before = await _stored(engine)
    async with engine.connect() as connection:
        for name in ("first", "second"):
            assert await fetch(connection, _ADD, {"name": [name]}) == []
        await connection.rollback()
    assert await _stored(engine) == before


async def test_other_schemas_are_heeded(engine: AsyncEngine) -> None:
    other = engine.execution_options(schema_translate_map={SCHEMA: REBUILT})
    async with other.begin() as connection:
        await _begin(connection)
        with pytest.raises(DBAPIError, match=REBUILT):  # there is none, as nobody rebuilds
            await fetch(connection, _ADD, {"name": ["step"]})


async def test_an_error_is_sqlalchemys_and_tells_no_value(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await _begin(connection)
        with pytest.raises(DBAPIError) as refused:
            await fetch(connection, _ADD, {"name": ["secret", "secret"]})
    assert blames_content(refused.value)
    assert "secret" not in str(refused.value)


async def test_a_value_that_the_driver_refuses_blames_the_content(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await _begin(connection)
        with pytest.raises(DBAPIError) as refused:
            await fetch(connection, _VALUES, {"day": None, "body": None, "bodies": [], "units": [2**40]})
    assert blames_content(refused.value)


async def test_who_listens_hears_of_each_statement(engine: AsyncEngine) -> None:
    heard: list[str] = []

    def listen(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        heard.append(statement)

    event.listen(engine.sync_engine, "before_cursor_execute", listen)
    try:
        async with engine.connect() as connection:
            for name in ("first", "second"):
                await fetch(connection, _ADD, {"name": [name]})
    finally:
        event.remove(engine.sync_engine, "before_cursor_execute", listen)
    assert heard[0] == heard[1]
    assert "INSERT INTO scoring.refill" in heard[0]


async def test_a_statement_without_a_transaction_stands_at_once(engine: AsyncEngine) -> None:
    async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        await fetch(connection, _ADD, {"name": ["alone"]})
        assert "alone" in await _stored(engine)


async def test_a_connection_that_is_lost_is_told_as_one(engine: AsyncEngine) -> None:
    async with engine.connect() as connection, engine.connect() as other:
        await _begin(connection)
        pid = await connection.scalar(select(func.pg_backend_pid()))
        await other.execute(select(func.pg_terminate_backend(pid)))
        with pytest.raises(DBAPIError) as lost:
            await fetch(connection, _ADD, {"name": ["first"]})
    assert lost.value.connection_invalidated
    assert is_transient(lost.value)
