"""A database that knew of one plan, filled with a year: it is migrated, and answers of that year as it did before."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from services.cli.migrate import SCHEMAS
from shared.postgres.migrations import migrate
from shared.reference.load import load_for
from tests.integration.test_change_of_year import (
    ALARMS,
    FIRST,
    a_years_end,
    come_to,
    rebuilt,
    scored,
    statuses,
    targets,
)
from tests.integration.test_scoring import BORDER, changes, poverty_report, put_on_stream
from tests.plan_2024 import PLAN as NEXT
from tests.plan_2024 import reference_with_2024
from tests.running import Service, Surroundings
from tests.servers import PostgresServer

SCORING = "services.scoring.storage"
TABLES = ("submission", "reading", "status", "step", "target", "change", "plan", "tick")
UNKNOWN_THEN = ("plan", "cause")
"""Fields of published changes that came with plans that follow each other."""

DAY = "2023-12-31"


@pytest.fixture
async def old(around: Surroundings, postgres_server: PostgresServer) -> AsyncIterator[Surroundings]:
    """The surroundings with another database, which has everything but scoring's schema."""
    url = await postgres_server.create_database()
    engine = create_async_engine(url)
    for package in SCHEMAS.values():
        if package != SCORING:
            await migrate(engine, package)
    settings = around.settings.model_copy(update={"database_url": SecretStr(url)})
    yield replace(around, settings=settings, engine=engine, env={**around.env, "NTM_DATABASE_URL": url})
    for service in around.services:
        await service.stop()
    await engine.dispose()
    await postgres_server.drop_database(url)


async def columns(connection: AsyncConnection, table: str) -> dict[str, str]:
    """Return the columns of a table of scoring with their types; none where there is no such table."""
    query = text(
        "SELECT column_name, data_type FROM information_schema.columns "
        "WHERE table_schema = 'scoring' AND table_name = :table"
    )
    return {row.column_name: row.data_type for row in await connection.execute(query, {"table": table})}


async def fill_as_of_then(new: AsyncEngine, old: AsyncEngine) -> int:
    """Copy a year's rows with the columns that the old schema has, as the code of then wrote them; return their number.

    It knew one plan: its sums, commitments and messages do not name it.
    """
    copied = 0
    for table in TABLES:
        async with new.connect() as connection:
            rows = [dict(row) for row in (await connection.execute(text(f"SELECT * FROM scoring.{table}"))).mappings()]  # noqa: S608
        async with old.begin() as connection:
            known = await columns(connection, table)
            for row in rows if known else ():
                if table == "change":
                    row["body"] = {name: value for name, value in row["body"].items() if name not in UNKNOWN_THEN}
                values = {name: as_written(row[name]) if kind == "jsonb" else row[name] for name, kind in known.items()}
                names = ", ".join(f'"{name}"' for name in known)
                given = ", ".join(
                    f"CAST(:{name} AS jsonb)" if kind == "jsonb" else f":{name}" for name, kind in known.items()
                )
                await connection.execute(text(f"INSERT INTO scoring.{table} ({names}) VALUES ({given})"), values)  # noqa: S608
                copied += 1
    async with old.begin() as connection:  # rows with numbers of their own: the next one comes after them
        await connection.execute(
            text("SELECT setval(pg_get_serial_sequence('scoring.change', 'number'), max(number)) FROM scoring.change")
        )
    return copied


def as_written(value: object) -> object:
    """Return JSON as text: what is kept to the byte today is text already."""
    return value if value is None or isinstance(value, str) else json.dumps(value)


async def answers(around: Surroundings, scoring: Service) -> dict[str, Any]:
    """Return scoring's answers as of the year's end: the border commune, the poverty criterion, the commitments."""
    async with scoring.client(await around.key("20")) as client:
        commune = (await client.get(f"/v1/communes/{BORDER}", params={"as_of": DAY})).json()
        poverty = (await client.get("/v1/statuses", params={"as_of": DAY, "criterion": "ntm-11"})).json()
        found = (await client.get("/v1/targets", params={"as_of": DAY})).json()
    return {"commune": commune, "poverty": poverty, "targets": found}


@pytest.mark.parametrize("head", ["0005", "0008"])
async def test_a_filled_database_of_before_answers_of_its_year_as_it_did(
    around: Surroundings, old: Surroundings, tmp_path: Path, head: str
) -> None:
    directory = reference_with_2024(tmp_path)
    await around.set_day(date(2023, 11, 1))
    alone = await around.start("scoring", NTM_PLAN=FIRST, NTM_REFERENCE_DIR=str(directory))
    reports = [
        *a_years_end(),
        *(poverty_report(f"2023-{month:02}", 180 - 5 * month, date(2023, 11, 1)) for month in range(1, 9)),
        poverty_report("2023", 95, date(2023, 12, 18), unit="06280", district="184"),
    ]
    await put_on_stream(around, *reports)
    await scored(around, len(reports))
    await come_to(around, alone, date(2023, 12, 31))
    expected = await answers(around, alone)
    assert expected["commune"]["changes"]
    assert {item["status"] for item in expected["targets"]["items"]} == {"missed", "no_data"}
    told = len(await changes(around))
    await alone.stop()

    await migrate(old.engine, SCORING, head)
    assert await fill_as_of_then(around.engine, old.engine) > 100
    await migrate(old.engine, SCORING)
    plans = load_for(old.settings.model_copy(update={"reference_dir": directory}))
    for day, in_force in ((date(2023, 12, 31), FIRST), (date(2024, 1, 5), NEXT), (date(2024, 2, 2), NEXT)):
        await old.set_day(day)
        scoring = await old.start("scoring", NTM_REFERENCE_DIR=str(directory))
        await come_to(old, scoring, day)
        then = await answers(old, scoring)
        for name, answer in expected.items():
            assert then[name] == answer, (name, day)
        assert statuses(await targets(old, scoring, as_of=DAY, plan=FIRST)) == statuses(
            {(one["commitment"]["id"], one["unit"]["code"]): one for one in expected["targets"]["items"]}
        )
        async with scoring.client(await old.key("20")) as client:
            assert (await client.get("/v1/targets")).json()["plan"] == in_force
        await rebuilt(old, plans, day)
        await scoring.stop()
    new = (await changes(old))[told:]
    assert not [one for one in new if one["event"] in ALARMS and one["cause"] not in ("figure", "time")]
    assert "lost" not in {one["event"] for one in new}
