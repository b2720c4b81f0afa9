"""By the newest figures alone, as scoring reads them, sums move as by all figures; else all are asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from random import Random
from uuid import UUID

import pytest

from services.scoring.judging.figures import Figures
from services.scoring.judging.levels import at_other_level
from services.scoring.judging.observations import EarlierFiguresNeededError
from services.scoring.judging.readings import Reading
from services.scoring.update.figure_changes import as_judged, elements_needed, looked_back_from, merge_arriving
from services.scoring.update.sums import sum_increments
from shared.contracts.period import Period
from shared.contracts.status import Stage
from shared.reference.load import Reference, load
from tests.builders import a_reading, as_read

BEFORE = ["2022-06", "2022-Q3", "2022-11", "2022-12"]
PERIODS = [*(f"2023-{month:02}" for month in range(1, 13)), "2023-Q2", "2023-H1", "2023", "2024-01"]
TOGETHER = [
    {"households": 1000, "poor_households": 100, "near_poor_households": 50},
    {f"{code}_{group}": most for code, most in (("workers", 900), ("trained", 700), ("certified", 300)) for group in
     ("men", "women")},
    {"trade_trained_men": 90, "trade_trained_women": 90},
    {"universal_education": 1, "children_six": 40, "children_six_enrolled": 40},
    {"gender_equality_18_5": 1},
    {"jobs_found": 30},
    {"gbv_cases": 5},
]  # fmt: skip


def arriving(random: Random, number: int, periods: Sequence[str]) -> list[Reading]:
    """Figures for any period: in time, late, early or corrected, with some of them missing."""
    period, amounts = random.choice(periods), random.choice(TOGETHER)
    told = {
        "known_from": Period.parse(period).end + timedelta(days=random.choice([-40, -20, 4, 4, 4, 4, 60])),
        "revision": random.choice([1, 1, 1, 2]),
        "stage": random.choice([Stage.REPORTED, Stage.CONFIRMED]),
        "submission": UUID(int=number),
    }
    return [
        a_reading(code, period, 0 if random.random() < 0.1 else most - random.randint(0, most // 2), **told)
        for code, most in amounts.items()
        if random.random() > 0.03
    ]


@pytest.fixture(scope="module")
def reference() -> Reference:
    return load()


@pytest.mark.parametrize("seed", range(24))
def test_sums_move_by_the_newest_figures_as_by_all(reference: Reference, seed: int) -> None:
    random, met = Random(seed), Counter[str]()  # noqa: S311 - figures, not secrets
    communes = reference.units.communes(reference.plan.first_day, reference.plan.unit)
    commune = next(unit for unit in communes if len(reference.lineage.family(unit.key)) == 1)
    state = Figures()
    for number in range(100):
        periods = [*BEFORE, *PERIODS] if seed % 2 else PERIODS  # every other year has figures before it
        if not (readings := arriving(random, number, periods)):
            continue
        of_commune = {commune.key: readings}
        units = {commune.key, *at_other_level({commune.key: {one.element for one in readings}}, reference)}
        stored = merge_arriving({commune.key: state}, of_commune, units)
        state = stored.after[commune.key]
        expected = sum_increments(as_judged(stored, reference), reference)
        needed = elements_needed(of_commune, reference)
        looked_back = looked_back_from(of_commune, needed, reference, date.min)
        days = {code: day for (unit, code), day in looked_back.items() if unit == commune.key}
        plan, compared = reference.plan, reference.elements_compared
        read = as_read(stored.before[commune.key], days, plan.baseline_date, compared)
        few = as_judged(merge_arriving({commune.key: read}, of_commune, units), reference)
        try:
            moved = sum_increments(few, reference)
            met["cut" if read.earlier else "whole"] += 1
        except EarlierFiguresNeededError:
            met["asked for all"] += 1
            moved = sum_increments(few.over({commune.key: state.since(reference.plan.horizon)}), reference)
        assert moved == expected, (seed, number, readings)
    assert met["cut"] > 10, met
