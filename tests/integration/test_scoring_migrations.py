"""Migrations of scoring from a database of an earlier version, with its rows, on real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import Text, bindparam, cast, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from services.scoring.judging.changes import Moment
from services.scoring.storage.increments import step, summed_increments
from services.scoring.storage.tables import ReadingRow, SubmissionRow
from services.scoring.update.arrivals import Arrival
from services.scoring.update.refill_sums import refill_sums
from services.scoring.update.score import score
from services.scoring.update.transaction import Transaction
from shared.postgres.migrations import migrate, pending_migrations
from shared.postgres.statements import table_of
from shared.reference.load import load
from tests.builders import an_accepted_submission
from tests.running import Surroundings
from tests.servers import PostgresServer
from tests.waiting import eventually

SCORING = "services.scoring.storage"
MOMENT = Moment(date(2023, 6, 30), datetime(2023, 6, 30, 9, tzinfo=UTC))
TARGETS = [(commitment.id, unit.key) for commitment, unit in load().targets]

_STEP = text(
    'INSERT INTO scoring.step (commitment, unit, "on", numerator, denominator, units) '
    "VALUES (:commitment, :unit, :on, :numerator, :denominator, :units)"
)


@pytest.fixture
async def old(postgres_server: PostgresServer) -> AsyncIterator[AsyncEngine]:
    """Yield an empty database as it was before sums knew their reports."""
    url = await postgres_server.create_database()
    engine = create_async_engine(url)
    await migrate(engine, SCORING, "0007")
    yield engine
    await engine.dispose()
    await postgres_server.drop_database(url)


def a_history() -> list[Arrival]:
    """Return reports of a district and of communes, of both years."""
    poverty = {"households": 1000, "near_poor_households": 0}
    return [
        Arrival(an_accepted_submission(datetime(2023, month, 4, 2, tzinfo=UTC), **changes))
        for month in range(2, 6)
        for changes in (
            {"unit": "184", "period": f"2023-{month - 1:02}", "readings": {"gbv_cases": month, "jobs_found": 7}},
            {"unit": "184", "period": f"2022-{month:02}", "readings": {"gbv_cases": 5}},
            {"unit": "06280", "period": f"2023-{month - 1:02}", "readings": {**poverty, "poor_households": 90 - month}},
            {"unit": "06280", "period": f"2022-{month + 7:02}", "readings": {**poverty, "poor_households": 190}},
        )
    ]


async def test_sums_of_before_are_filled_again_at_the_next_start(around: Surroundings, old: AsyncEngine) -> None:
    async with around.engine.begin() as connection:
        await score(Transaction(connection, load(), MOMENT), a_history())
        expected = (await summed_increments(connection, load().plan.id, TARGETS)).by_day
        copied = {
            model: (await connection.execute(table_of(model).select())).all() for model in (SubmissionRow, ReadingRow)
        }
        steps = (await connection.execute(step.select())).all()
    assert any(increment.reports for sums in expected.values() for increment in sums.values())
    before = ("commitment", "unit", "on", "numerator", "denominator", "units")
    async with old.begin() as connection:
        for model, rows in copied.items():
            written = [dict(row._mapping) for row in rows]
            statement = table_of(model).insert()
            if model is SubmissionRow:  # its body was JSONB, and it had no signature
                for values in written:
                    del values["signature"]
                statement = statement.values(body=cast(bindparam("body", type_=Text()), JSONB))
            await connection.execute(statement, written)
        await connection.execute(_STEP, [{name: row._mapping[name] for name in before} for row in steps])
        await connection.execute(text("UPDATE scoring.step SET numerator = numerator + 1"))
    await migrate(old, SCORING)
    async with old.begin() as connection:
        assert await refill_sums(Transaction(connection, load(), MOMENT))
    async with old.begin() as connection:
        assert (await summed_increments(connection, load().plan.id, TARGETS)).by_day == expected
        assert await connection.scalar(text("SELECT bool_and(moved) FROM scoring.target"))
        assert not await refill_sums(Transaction(connection, load(), MOMENT)), "once is enough"


async def test_an_empty_database_has_nothing_to_fill(old: AsyncEngine) -> None:
    await migrate(old, SCORING)
    async with old.begin() as connection:
        assert not await refill_sums(Transaction(connection, load(), MOMENT))


async def test_a_migration_that_locks_in_another_order_than_a_worker_begins_again(
    postgres_server: PostgresServer,
) -> None:
    url = await postgres_server.create_database()
    # PostgreSQL looks for deadlocks once in each wait: by then the worker waits too, and the migration is broken off
    engine = create_async_engine(url, connect_args={"server_settings": {"deadlock_timeout": "5s"}})
    await migrate(engine, SCORING, "0020")
    waits = text(
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'scoring.status'::regclass"
        " AND mode = 'AccessExclusiveLock'"
    )

    async def is_waiting() -> bool:
        async with engine.connect() as connection:
            return bool(await connection.scalar(waits))

    async with engine.begin() as worker:
        await worker.execute(text("SET LOCAL deadlock_timeout = '60s'"))
        await worker.execute(text("LOCK TABLE scoring.status IN ROW EXCLUSIVE MODE"))
        migrating = asyncio.create_task(migrate(engine, SCORING))
        await eventually(is_waiting)
        await worker.execute(text("LOCK TABLE scoring.reading IN ROW EXCLUSIVE MODE"))
    await migrating
    assert await pending_migrations(engine, SCORING) == []
    await engine.dispose()
    await postgres_server.drop_database(url)
