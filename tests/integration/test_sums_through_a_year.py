"""Through a year in which sums move, each verdict on a commitment is the one that all increments together lead to.

Scoring reads what the sum is now and what it was on the day from which its path leads, and all increments where that
does not tell.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.judging.changes import Moment
from services.scoring.judging.increments import NO_CHANGE, Comparison, Increment
from services.scoring.judging.judge import overdue_of
from services.scoring.storage.increments import SummedIncrements, add_increments, summed_increments
from services.scoring.storage.targets import target as target_table
from services.scoring.update import targets as judging_of_targets
from services.scoring.update.judging_days import last_day_held
from services.scoring.update.targets import judge_targets
from services.scoring.update.transaction import Transaction
from shared.reference.models import Break, Commitment, CriteriaMet, Unit
from tests.binding_plan import binding_reference
from tests.running import Surroundings

BREAK = Break(
    elements=["poor_households", "near_poor_households", *(f"trained_{group}" for group in ("men", "women"))],
    valid_from=date(2023, 7, 1),
    reason={"vi": "cách tính mới", "en": "another way of counting"},
    verified=True,
    source="Invented for a test",
)
REFERENCE = replace(binding_reference(), breaks=[BREAK])
TARGETS = [*REFERENCE.targets[:40], *(pair for pair in REFERENCE.targets[40:] if pair[1].kind == "province")]
type Key = tuple[str, int]
type Totals = defaultdict[Key, Increment]


def a_move(random: Random, commitment: Commitment, unit: Unit, total: Increment, on: date) -> Increment:
    """Figures of communes that had none, or other figures of those that had some, which may be no use."""
    known = REFERENCE.communes_expected(commitment, unit, on) or 10
    others = [0] * 12 + [1, -(total.units // 3), known - total.units, known - total.units]
    coming = random.choice([known, known, known // 2] if total.units <= 0 else others)
    part = Decimal(random.randint(0, 40 * coming) if coming > 0 else random.randint(-20, 20))
    of_all = Decimal(50 * coming if coming > 0 else random.randint(-5, 5))
    if total.numerator + part < 0 or total.numerator + part > total.denominator + of_all:
        part, of_all = Decimal(0), Decimal(1)
    stale = random.choice([0, 0, 0, 1]) if coming > 0 else 0
    reports = 10 * coming if isinstance(commitment.measure, CriteriaMet) else coming
    base = Comparison(coming, part + coming, of_all + coming) if commitment.is_compared else Comparison()
    return Increment(part, of_all, coming - stale, reports, stale, base)


async def stored(connection: AsyncConnection) -> dict[Key, dict[str, Any]]:
    names = ("status", "since", "judged_on", "holds_until", "overdue", "series_from")
    rows = (await connection.execute(select(target_table))).mappings()
    return {(row["commitment"], row["unit"]): {name: row[name] for name in names} for row in rows}


async def by_all_increments(transaction: Transaction, keys: Collection[Key]) -> dict[Key, dict[str, Any]]:
    judge = transaction.judge
    sums = (await summed_increments(transaction.connection, REFERENCE.plan.id, keys)).by_day
    found = {}
    for commitment, unit in TARGETS:
        if (key := (commitment.id, unit.key)) in keys:
            observations = judge.observations_of(commitment, unit, sums.get(key, {}))
            verdict = judge.target(commitment, observations)
            found[key] = {
                "status": verdict.status.value,
                "since": judge.target_since(commitment, observations),
                "judged_on": verdict.on,
                "holds_until": last_day_held(unit, verdict.holds_until),
                "overdue": overdue_of(verdict),
                "series_from": verdict.series_from,
            }
    return found


@pytest.mark.parametrize("seed", range(4))
async def test_each_verdict_is_the_one_of_all_increments(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    random, seen = Random(seed), Counter[str]()  # noqa: S311 - figures, not secrets
    totals: Totals = defaultdict(lambda: NO_CHANGE)
    read_whole: list[Key] = []

    async def counted(connection: AsyncConnection, plan: str, targets: Collection[Key]) -> SummedIncrements:
        read_whole.extend(targets)
        return await summed_increments(connection, plan, targets)

    monkeypatch.setattr(judging_of_targets, "summed_increments", counted)
    baseline_date = REFERENCE.plan.baseline_date
    firsts = [baseline_date - timedelta(days=days) for days in (200, 90, 3, 0)] if seed % 2 else [date(2023, 1, 20)]
    on, judged = date(2023, 1, 20), 0
    while on < date(2024, 2, 20):
        on += timedelta(days=random.choice([0, 1, 1, 2, 9]))
        moves = {}
        for commitment, unit in random.sample(TARGETS, 6):
            key = commitment.id, unit.key
            is_first = totals[key] == NO_CHANGE
            before = random.choice([0, 0, 0, 0, 0, 0, 1, 30, -1])
            is_of_base = seed % 2 and on < date(2023, 3, 1)
            day = random.choice(firsts) if is_first or is_of_base else on - timedelta(days=before)
            moves[*key, day] = a_move(random, commitment, unit, totals[key], on)
            totals[key] += moves[*key, day]
        moment = Moment(on=on, at=datetime.combine(on, time(8), UTC))
        async with around.engine.begin() as connection:
            transaction = Transaction(connection, REFERENCE, moment, cause="figure")
            await add_increments(connection, REFERENCE.plan.id, moves, on)
            await judge_targets(transaction)
            found = await stored(connection)
            now = {key: row for key, row in found.items() if row["judged_on"] == on}
            assert now == await by_all_increments(transaction, now), on
        judged += len(now)
        seen.update(row["status"] for row in found.values())
    assert {"met", "on_track", "behind", "missed", "no_data"} <= seen.keys(), seen
    assert len(read_whole) < judged / 2, (len(read_whole), judged)  # each eighth move is of a day that has passed


async def test_a_value_before_the_baseline_date_leads_the_path_where_the_one_of_that_day_is_not_whole(
    around: Surroundings,
) -> None:
    """Some communes' figures of the baseline date are no use: what was known half a year before stands for it."""
    commitment, province = next((one, unit) for one, unit in TARGETS if one.id == "trade-training")
    key = commitment.id, province.key
    known = REFERENCE.communes_expected(commitment, province, date(2023, 4, 12)) or 0
    lost = known // 3

    def share(percent: int, units: int) -> Increment:
        return Increment(Decimal(percent), Decimal(100 if units == known else 0), units, units)

    moves = [
        (date(2023, 1, 5), date(2022, 6, 30), share(40, known)),
        (date(2023, 1, 5), date(2022, 12, 31), share(0, -lost)),
        (date(2023, 4, 12), date(2023, 4, 12), share(4, lost)),
        (date(2023, 4, 12), date(2023, 4, 12), share(-9, 0)),
        (date(2023, 4, 13), date(2023, 4, 13), share(-1, 0)),
        (date(2023, 4, 13), date(2023, 4, 13), share(2, 0)),
    ]
    statuses = []
    for on, day, added in moves:
        moment = Moment(on=on, at=datetime.combine(on, time(8), UTC))
        async with around.engine.begin() as connection:
            transaction = Transaction(connection, REFERENCE, moment, cause="figure")
            await add_increments(connection, REFERENCE.plan.id, {(*key, day): added}, on)
            await judge_targets(transaction)
            found = await stored(connection)
            assert {key: found[key]} == await by_all_increments(transaction, [key]), on
        statuses.append(found[key]["status"])
    assert statuses[1] == "no_data"
    assert "behind" in statuses
