"""A day on which a country's communes are due: the locks of its units fit into a server's lock table."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from pathlib import Path

from sqlalchemy import text

from services.scoring.judging.changes import Moment
from services.scoring.storage.locks import lock_units
from services.scoring.update.daily_tick import tick
from services.scoring.update.transaction import Transaction
from shared.reference.load import load
from tests.bench.country import COMMUNES, reference_directory
from tests.running import Surroundings

DAY = date(2023, 6, 30)

_DUE = text(
    "INSERT INTO scoring.status (unit, criterion, status, since, judged_on, holds_until, overdue) "
    "SELECT unit, 'ntm-11', 'on_track', '2023-01-01', '2023-01-01', '2023-06-01', '[]' "
    "FROM unnest(CAST(:units AS integer[])) AS unit"
)


async def test_all_communes_of_a_country_are_due_on_one_day(around: Surroundings, tmp_path: Path) -> None:
    reference = load("lang-son-2023", reference_directory(tmp_path))
    communes = [unit.key for unit in reference.units.communes(DAY, "20")]
    assert len(communes) == COMMUNES
    async with around.engine.begin() as connection:
        await lock_units(connection, range(50_000))  # more than the table of a server holds
    async with around.engine.begin() as connection:
        await connection.execute(_DUE, {"units": communes})
        assert await tick(Transaction(connection, reference, Moment(DAY, datetime(2023, 6, 30, 1, tzinfo=UTC))))
    async with around.engine.connect() as connection:
        left = await connection.scalar(text("SELECT count(*) FROM scoring.status WHERE judged_on < '2023-06-30'"))
    assert left == 0


async def test_a_worker_with_few_units_and_one_with_many_wait_for_each_other_and_two_with_few_do_not(
    around: Surroundings,
) -> None:
    few, other, many = [1, 2], [3], range(1000)
    for held, asked, waits in (
        (few, other, False),
        (few, few, True),
        (few, many, True),
        (many, few, True),
        (many, many, True),
    ):
        async with around.engine.begin() as holder:
            await lock_units(holder, held)
            async with around.engine.begin() as worker:
                waiting = asyncio.create_task(lock_units(worker, asked))
                done, _ = await asyncio.wait([waiting], timeout=0.5)
                assert (not done) == waits, (held, asked)
                await holder.rollback()
                await waiting
