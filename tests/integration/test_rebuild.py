"""A rebuild makes the same state from the stream, to the byte, and takes the live state's place without a loss."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text

from services.scoring.storage.tables import (
    IncrementRow,
    ReadingRow,
    StatusRow,
    SubmissionRow,
    TakenBackRow,
    TargetRow,
    TickRow,
)
from services.scoring.update.rebuild import rebuild
from shared.contracts import subjects
from shared.postgres.statements import table_of
from tests.binding_plan import binding_plans
from tests.integration.test_scoring import BORDER, changes, count, no_target_moved, poverty_report, put_on_stream
from tests.running import START, Service, Surroundings
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("binding")

MODELS = (SubmissionRow, TakenBackRow, ReadingRow, StatusRow, IncrementRow, TargetRow)


async def scored(around: Surroundings, submissions: int) -> None:
    """Wait until the day and this number of submissions are judged, and the targets that follow from them."""

    async def is_scored() -> bool:
        is_ticked = await count(around, TickRow) > 0
        has_all = await count(around, SubmissionRow) == submissions
        return is_ticked and has_all and await no_target_moved(around)  # looked at last: the submissions move targets

    await eventually(is_scored)


_OF_WORKERS = {"judged_on", "moved", "path_from"}


async def contents(around: Surroundings) -> dict[str, list[Any]]:
    """Return all rows of the state, in order, without when workers looked at them, and what they need not look for."""
    found = {}
    async with around.engine.connect() as connection:
        for model in MODELS:
            table = table_of(model)
            rows = await connection.execute(table.select().order_by(*table.primary_key))
            found[table.name] = [
                tuple(value for name, value in row._mapping.items() if name not in _OF_WORKERS) for row in rows
            ]
    return found


def a_history() -> list[Any]:
    """Publish a commune's half year: a baseline, months, a correction, a late report, a later stage."""
    return [
        poverty_report("2022-12", 200, date(2023, 1, 10)),
        poverty_report("2023-01", 190, date(2023, 2, 4)),
        poverty_report("2023-03", 150, date(2023, 4, 4)),
        poverty_report("2023-02", 188, date(2023, 4, 20)),
        poverty_report("2023-03", 185, date(2023, 5, 2), revision=2),
        poverty_report("2022-12", 199, date(2023, 5, 3), revision=2),
        poverty_report("2023-05", 160, date(2023, 6, 5)),
        poverty_report("2023-05", 160, date(2023, 6, 20), stage="verified"),
        poverty_report("2022-12", 90, date(2023, 1, 10), unit="06280", district="184"),
        poverty_report("2020-12", 90, date(2023, 1, 11), unit="06280", district="184"),
    ]


async def test_the_rebuilt_state_is_the_live_one_to_the_byte(around: Surroundings, scoring: Service) -> None:
    history = a_history()
    for one in history:
        await put_on_stream(around, one)
    await scored(around, len(history))
    compared = await rebuild(around.engine, around.nats, binding_plans(), START)
    assert compared.differences == []
    assert compared.submissions == len(history)
    assert set(compared.counts) == {table_of(model).name for model in MODELS}


async def test_a_state_that_was_damaged_is_replaced_and_the_difference_is_told(
    around: Surroundings, scoring: Service
) -> None:
    history = a_history()
    await put_on_stream(around, *history)
    await scored(around, len(history))
    whole = await contents(around)
    told, told_of_targets = len(await changes(around)), len(await changes(around, subjects.ALL_TARGETS))
    async with around.engine.begin() as connection:
        await connection.execute(text("UPDATE scoring.target SET status = 'met' WHERE commitment = 'border-communes'"))
        await connection.execute(text("UPDATE scoring.reading SET value = 1 WHERE element = 'poor_households'"))
        await connection.execute(text("UPDATE scoring.status SET status = 'met', since = '2020-01-01'"))
        await connection.execute(text("DELETE FROM scoring.step"))
        await connection.execute(text("DELETE FROM scoring.submission"))
    compared = await rebuild(around.engine, around.nats, binding_plans(), START, switch=True)
    assert compared.switched
    assert compared.differences
    await eventually(lambda: no_target_moved(around))
    assert await contents(around) == whole
    corrected = (await eventually(lambda: _more_changes(around, told)))[told:]
    assert {(one["before"], one["submission"]) for one in corrected} == {("met", None)}
    assert BORDER in {one["unit"]["code"] for one in corrected}
    of_targets = (await changes(around, subjects.ALL_TARGETS))[told_of_targets:]
    assert {(one["commitment"]["id"], one["event"], one["cause"]) for one in of_targets} == {
        ("border-communes", "changed", "rebuild")
    }
    # the service goes on with the tables that have taken the place of the old ones
    await put_on_stream(around, poverty_report("2023-06", 100, START))
    await scored(around, len(history) + 1)
    assert (await rebuild(around.engine, around.nats, binding_plans(), START)).differences == []


async def test_what_an_earlier_program_judges_is_noticed_also_after_a_rebuild(
    around: Surroundings, scoring: Service
) -> None:
    """Migration 0021 gave the table a trigger, which the one that takes its place needs as well."""
    history = a_history()
    await put_on_stream(around, *history)
    await scored(around, len(history))
    await rebuild(around.engine, around.nats, binding_plans(), START, switch=True)
    async with around.engine.begin() as connection:
        known = text("SELECT count(*) FROM scoring.status WHERE reported IS NOT NULL")
        assert await connection.scalar(known)
        await connection.execute(text("SET LOCAL ntm.knows_reports = 'no'"))
        await connection.execute(text("UPDATE scoring.status SET status = 'met'"))
        assert await connection.scalar(known) == 0


async def test_rebuilding_twice_gives_the_same_bytes(around: Surroundings, scoring: Service) -> None:
    history = a_history()
    await put_on_stream(around, *history)
    await scored(around, len(history))
    dumps = []
    for _ in range(2):
        assert (await rebuild(around.engine, around.nats, binding_plans(), START, switch=True)).switched
        await eventually(lambda: no_target_moved(around))
        dumps.append(repr(await contents(around)).encode())
    assert dumps[0] == dumps[1]


async def test_figures_that_come_while_the_state_is_replaced_are_not_lost(
    around: Surroundings, scoring: Service
) -> None:
    history = a_history()
    await put_on_stream(around, *history)
    await scored(around, len(history))

    async def flow() -> None:
        for poor in range(60):
            await put_on_stream(around, poverty_report("2023-06", 100 + poor, START, revision=poor + 1))
            await asyncio.sleep(0.02)

    flowing = asyncio.create_task(flow())
    for _ in range(3):
        assert (await rebuild(around.engine, around.nats, binding_plans(), START, switch=True)).switched
    await flowing
    await scored(around, len(history) + 60)
    assert (await rebuild(around.engine, around.nats, binding_plans(), START)).differences == []


async def test_a_stream_that_lacks_what_was_scored_replaces_nothing(around: Surroundings, scoring: Service) -> None:
    await put_on_stream(around, poverty_report("2022-12", 200))
    await scored(around, 1)
    await around.nats.jetstream().purge_stream(subjects.SUBMISSIONS_STREAM)
    compared = await rebuild(around.engine, around.nats, binding_plans(), START, switch=True)
    assert (compared.switched, compared.lacking) == (False, 1)
    assert await count(around, SubmissionRow) == 1


async def test_two_workers_make_of_one_stream_what_one_makes(around: Surroundings) -> None:
    history = [
        poverty_report(f"2023-{month:02}", 200 - month - number, date(2023, month, 28), unit=unit, district=district)
        for month in range(1, 6)
        for number, (unit, district) in enumerate([(BORDER, "180"), ("06280", "184"), ("06121", "182")])
    ]
    first, second = await around.start("scoring"), await around.start("scoring")
    for one in history:
        await put_on_stream(around, one)
    await first.kill()
    await first.start()
    await second.stop()
    await second.start()
    await scored(around, len(history))
    assert (await rebuild(around.engine, around.nats, binding_plans(), START)).differences == []


async def _more_changes(around: Surroundings, than: int) -> list[dict[str, Any]]:
    found = await changes(around)
    return found if len(found) > than else []
