"""Scoring judges criteria for which no unit reports, against a real PostgreSQL."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select

from services.scoring.judging.changes import Moment
from services.scoring.storage.tables import ChangeRow, StatusRow, TargetRow
from services.scoring.update.arrivals import Arrival
from services.scoring.update.daily_tick import tick
from services.scoring.update.rebuild import rebuild
from services.scoring.update.score import score
from services.scoring.update.transaction import Transaction
from shared.postgres.statements import table_of
from tests.binding_plan import binding_plans, binding_reference
from tests.builders import an_accepted_submission
from tests.running import Surroundings

pytestmark = pytest.mark.usefixtures("binding")

FIRST_DAY, AFTER, CLOSED = date(2023, 1, 1), date(2024, 1, 1), date(2024, 2, 1)
BORDER = "06004"
BOUND = 20 * 4 + 3 * 2  # border communes to four criteria, the named three to two of the advanced set

FIRST_REPORT = {
    ("ntm-11", "overdue"): 20,
    ("advanced-11", "overdue"): 3,
    ("poverty-rate", "overdue"): 1,
    ("poverty-rate-poor-districts", "overdue"): 2,
    ("poverty-communes", "overdue"): 1,
    ("border-communes", "overdue"): 1,
    ("advanced-communes", "overdue"): 1,
    ("ntm-communes", "overdue"): 1,
    ("ntm-communes-extremely-difficult", "overdue"): 1,
    ("new-jobs", "overdue"): 1,
    ("gender-violence", "overdue"): 1,
    ("gender-violence-no-increase", "overdue"): 1,
}
"""The events on the day after the last day for the monthly reports, each with its number."""


async def pass_day(around: Surroundings, day: date) -> None:
    async with around.engine.begin() as connection:
        moment = Moment(day, datetime(day.year, day.month, day.day, 9, tzinfo=UTC))
        await tick(Transaction(connection, binding_reference(), moment))


async def told(around: Surroundings) -> Counter[tuple[str, str]]:
    change = table_of(ChangeRow)
    async with around.engine.connect() as connection:
        return Counter((row.topic, row.event) for row in await connection.execute(select(change)))


async def statuses(around: Surroundings) -> Counter[str]:
    status = table_of(StatusRow)
    async with around.engine.connect() as connection:
        return Counter((await connection.scalars(select(status.c.status))).all())


async def test_who_is_bound_and_silent_is_overdue_with_the_first_report_and_misses_the_deadline(
    around: Surroundings,
) -> None:
    for day in (FIRST_DAY, date(2023, 2, 5)):
        await pass_day(around, day)
        assert await told(around) == {}
        assert await statuses(around) == {"no_data": BOUND}

    await pass_day(around, date(2023, 2, 6))
    assert await told(around) == FIRST_REPORT

    await pass_day(around, AFTER)
    assert await statuses(around) == {"missed": 23, "no_data": BOUND - 23}, "the year's poverty review was due before"
    found = await told(around)
    assert (found["ntm-11", "missed"], found["advanced-11", "missed"], found["poverty-rate", "missed"]) == (20, 3, 1)
    assert found["poverty-rate-poor-districts", "missed"] == 2
    assert (found["ntm-18", "missed"], found["new-jobs", "missed"]) == (0, 0)

    await pass_day(around, CLOSED)
    assert await statuses(around) == {"missed": BOUND}
    found = await told(around)
    assert found["ntm-18", "missed"] == 20
    assert found["new-jobs", "missed"] == found["poverty-rate", "missed"] == 1


async def test_a_first_start_in_the_middle_of_the_year_tells_nothing_of_what_was_late_already(
    around: Surroundings,
) -> None:
    await pass_day(around, date(2023, 6, 30))
    assert await told(around) == {}
    await pass_day(around, date(2023, 7, 5))
    june = Counter({("action-month-domestic-violence", "missed"): 1})
    assert await told(around) == june
    await pass_day(around, date(2023, 7, 6))
    assert await told(around) - june == FIRST_REPORT


async def test_the_first_figures_end_the_silence_whether_a_day_was_judged_before_or_not(around: Surroundings) -> None:
    counts = {"households": 1000, "poor_households": 100, "near_poor_households": 0}
    june = an_accepted_submission(unit=BORDER, district="180", period="2023-06", readings=counts)
    moment = Moment(date(2023, 6, 30), june.received_at + timedelta(hours=1))
    async with around.engine.begin() as connection:
        await score(Transaction(connection, binding_reference(), moment), [Arrival(june)])
    assert await told(around) == {("ntm-11", "first_data"): 1, ("ntm-11", "report_arrived"): 1}
    await pass_day(around, date(2023, 6, 30))
    assert (await told(around)).total() == 2


async def test_a_rebuild_says_the_same_of_silence(around: Surroundings) -> None:
    for day in (FIRST_DAY, AFTER, CLOSED):
        await pass_day(around, day)
        assert (await rebuild(around.engine, around.nats, binding_plans(), day)).differences == []
    target = table_of(TargetRow)
    async with around.engine.connect() as connection:
        since = await connection.scalar(select(func.max(target.c.since)))
    assert since == CLOSED
