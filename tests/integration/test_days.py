"""Workers judge each passing day once, however many they are, and catch up day by day after a time without them."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from services.scoring.storage.tables import ChangeRow, TickRow
from shared.postgres.statements import table_of
from shared.service.clock import read_day, set_day
from shared.time import VIETNAM
from tests.binding_plan import binding_reference
from tests.integration.test_scoring import BORDER, changes, poverty_report, put_on_stream, scored
from tests.running import START, Surroundings
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("binding")


async def days(around: Surroundings) -> list[date]:
    async with around.engine.connect() as connection:
        return sorted((await connection.scalars(select(table_of(TickRow).c.day))).all())


async def test_three_workers_judge_each_day_once_and_tell_each_change_once(around: Surroundings) -> None:
    workers = [await around.start("scoring") for _ in range(3)]
    await put_on_stream(around, poverty_report("2022-12", 200), poverty_report("2023-06", 164))
    await eventually(lambda: scored(around, 2))
    end = date(2023, 9, 30)
    await around.set_day(end)
    await eventually(lambda: _came_to(around, end))
    judged = await days(around)
    assert judged == [START + timedelta(days=passed) for passed in range((end - START).days + 1)]
    told = Counter(
        (one["unit"]["code"], one["criterion"]["key"], one["event"], one["on"]) for one in await changes(around)
    )
    assert set(told.values()) == {1}
    assert any(event == "fell_behind" for _, _, event, _ in told)
    for worker in workers:
        await worker.stop()


async def test_days_without_any_worker_are_caught_up_with_each_at_its_own_date(around: Surroundings) -> None:
    worker = await around.start("scoring")
    await put_on_stream(around, poverty_report("2022-12", 200), poverty_report("2023-06", 164))
    await eventually(lambda: scored(around, 2))
    await worker.stop()
    end = date(2024, 1, 3)
    await around.set_day(end)
    await worker.start()
    await eventually(lambda: _came_to(around, end), 180)
    async with around.engine.connect() as connection:
        rows = (await connection.execute(select(table_of(ChangeRow)).order_by(table_of(ChangeRow).c.number))).all()
    border = binding_reference().units.find(BORDER, START)
    assert border
    when = {row.event: row.on for row in rows if (row.unit, row.topic) == (border.key, "ntm-11")}
    assert START < when["fell_behind"] < date(2023, 9, 30)
    assert when["missed"] == date(2024, 1, 1)
    missed_at = [row.at.astimezone(VIETNAM) for row in rows if row.event == "missed" and row.topic == "ntm-11"]
    assert {at.date() for at in missed_at} == {date(2024, 1, 1)}


async def _came_to(around: Surroundings, day: date) -> bool:
    return day in await days(around)


async def test_the_clock_never_goes_back_when_two_set_it_at_once(around: Surroundings) -> None:
    js = around.nats.jetstream()
    for passed in range(0, 30, 3):
        later, sooner = START + timedelta(days=passed + 3), START + timedelta(days=passed + 2)
        await asyncio.gather(set_day(js, later), set_day(js, sooner), return_exceptions=True)
        assert await read_day(js) == later
