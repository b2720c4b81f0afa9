"""Through a year of figures in any order, each verdict is the one that all figures together lead to on that day.

Scoring looks at the newest figures alone, and takes from the last verdict since when the status holds and which reports
had come.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from services.scoring.judging.aggregates import summed
from services.scoring.judging.changes import Moment
from services.scoring.judging.figures import Figures
from services.scoring.judging.inheritance import judged_by
from services.scoring.storage.readings import readings_of
from services.scoring.storage.statuses import status
from services.scoring.storage.targets import target
from services.scoring.update.arrivals import Arrival
from services.scoring.update.commune_statuses import rebuilt_statuses
from services.scoring.update.daily_tick import tick
from services.scoring.update.score import score
from services.scoring.update.targets import judge_targets
from services.scoring.update.transaction import Transaction
from shared.contracts.period import Period
from shared.contracts.submission import AcceptedSubmission
from tests.binding_plan import binding_reference
from tests.builders import an_accepted_submission
from tests.integration.test_scoring import BORDER
from tests.running import Surroundings

REFERENCE = binding_reference()
FREE = "05986"  # xã Hoàng Đồng, thành phố Lạng Sơn: the plan binds it to no criterion
PERIODS = [
    *("2022-06", "2022-12", "2022-Q4", "2022"),
    *(f"2023-{month:02}" for month in range(1, 13)),
    *("2023-Q1", "2023-Q2", "2023-Q3", "2023-H1", "2023"),
]
TOGETHER: list[dict[str, int]] = [
    {"households": 1000, "poor_households": 240, "near_poor_households": 60},
    {f"{code}_{group}": most for code, most in (("workers", 900), ("trained", 800), ("certified", 400)) for group in
     ("men", "women")},
    {"universal_education": 1, "children_six": 40, "children_six_enrolled": 40, "leavers": 40,
     "leavers_continuing": 40},
    {"gender_equality_18_5": 1},
]  # fmt: skip


def a_submission(random: Random, on: date, reported: Counter[str]) -> AcceptedSubmission:
    """Figures for a period that is over, mostly the newest, with some of them missing; some correct others."""
    over = [period for period in PERIODS if Period.parse(period).end < on]
    period, amounts = random.choice([*over, *over[-3:], *over[-3:]]), random.choice(TOGETHER)
    unit = random.choice([BORDER, FREE])
    reported[f"{unit} {period}"] += 1
    return an_accepted_submission(
        datetime.combine(on, time(3), UTC),
        unit=unit,
        period=period,
        revision=reported[f"{unit} {period}"],
        readings={code: most - random.randint(0, most // 2) for code, most in amounts.items() if random.random() > 0.04}
        or {"gender_equality_18_5": 1},
    )


async def live_statuses(connection: AsyncConnection) -> dict[tuple[int, str], dict[str, Any]]:
    rows = (await connection.execute(select(status).where(status.c.status != "no_data"))).mappings()
    return {(row["unit"], row["criterion"]): {**row, "judged_on": None} for row in rows}


async def live_targets(connection: AsyncConnection) -> dict[tuple[str, int], tuple[str, date]]:
    rows = await connection.execute(select(target.c.commitment, target.c.unit, target.c.status, target.c.since))
    return {(row.commitment, row.unit): (row.status, row.since) for row in rows}


async def targets_made_anew(transaction: Transaction) -> dict[tuple[str, int], tuple[str, date]]:
    """The verdicts on commitments by all figures together."""
    judge = transaction.judge
    figures = await readings_of(transaction.connection, keys_of(transaction.moment.on), REFERENCE.plan.horizon)
    sums = summed(REFERENCE.targets, judged_by(figures, REFERENCE), REFERENCE)
    anew = {}
    for commitment, unit in REFERENCE.targets:
        observations = judge.observations_of(commitment, unit, sums.get((commitment.id, unit.key), {}))
        status, since = judge.target(commitment, observations).status, judge.target_since(commitment, observations)
        anew[commitment.id, unit.key] = status.value, since
    return anew


def keys_of(on: date) -> list[int]:
    return [unit.key for code in (BORDER, FREE) if (unit := REFERENCE.units.find(code, on))]


async def made_anew(transaction: Transaction) -> dict[tuple[int, str], dict[str, Any]]:
    """The statuses by all figures together."""
    bound, reference = REFERENCE.bound_communes(transaction.moment.on), REFERENCE
    keys = keys_of(transaction.moment.on)
    figures = await readings_of(transaction.connection, keys, reference.plan.horizon)
    rows = [
        row
        for key in keys
        for row in rebuilt_statuses(
            transaction.judge, reference.units.by_key(key), figures.get(key, Figures()), None, bound.get(key, ())
        )
    ]
    return {(row["unit"], row["criterion"]): {**row, "judged_on": None} for row in rows if row["status"] != "no_data"}


@pytest.mark.parametrize("seed", range(3))
async def test_each_status_is_the_one_of_all_figures(around: Surroundings, seed: int) -> None:
    random, seen = Random(seed), Counter[str]()  # noqa: S311 - figures, not secrets
    reported: Counter[str] = Counter()
    for number in range(300):
        on = date(2023, 1, 5) + timedelta(days=number)
        moment = Moment(on=on, at=datetime.combine(on, time(8), UTC))
        async with around.engine.begin() as connection:
            transaction = Transaction(connection, REFERENCE, moment)
            await tick(transaction)
            for _ in range(random.choice([0, 0, 1, 1, 3])):
                await score(transaction, [Arrival(a_submission(random, on, reported))])
                await judge_targets(transaction.because_of("figure"))
            if number % 7 == 0:
                assert await live_targets(connection) == await targets_made_anew(transaction), on
            expected, found = await made_anew(transaction), await live_statuses(connection)
        assert found == expected, on
        seen.update(row["status"] for row in found.values())
        seen["reports are overdue"] += any(row["overdue"] for row in found.values())
    assert {"met", "not_met", "on_track", "behind", "reports are overdue"} <= seen.keys(), seen


async def test_after_a_program_of_before_all_figures_are_looked_at(around: Surroundings) -> None:
    """It does not know which reports had come, so nobody trusts what is noted of them after it has judged."""
    on = date(2023, 6, 4)
    first, second = (
        an_accepted_submission(
            datetime.combine(on, time(3), UTC), unit=FREE, period=period, readings={"gender_equality_18_5": 1}
        )
        for period in ("2023-04", "2023-05")
    )
    noted = select(status.c.reported).where(status.c.criterion == "ntm-18")

    async def take(submission: AcceptedSubmission) -> list[str] | None:
        async with around.engine.begin() as connection:
            transaction = Transaction(connection, REFERENCE, Moment(on=on, at=submission.received_at))
            await score(transaction, [Arrival(submission)])
            return await connection.scalar(noted)

    assert await take(first) == ["2023-04"]
    of_before = create_async_engine(around.settings.database_url.get_secret_value())
    async with of_before.begin() as connection:
        await connection.execute(text("UPDATE scoring.status SET overdue = '[]'"))
    await of_before.dispose()
    async with around.engine.connect() as connection:
        assert await connection.scalar(noted) is None
    assert await take(second) == ["2023-05"]
