"""Arriving figures move each sum to what it would be if all were added up anew, also over a merger and a break.

Only what was in force from the first day on which something differs is looked at: the sums must not show it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.scoring.judging.aggregates import summed
from services.scoring.judging.figures import Figures
from services.scoring.judging.increments import NO_CHANGE, Increment
from services.scoring.judging.inheritance import with_inherited
from services.scoring.judging.levels import at_other_level
from services.scoring.update.figure_changes import as_judged, merge_arriving
from services.scoring.update.sums import sum_increments
from shared.contracts.period import Period
from shared.contracts.status import Stage
from shared.reference.load import Reference, load
from shared.reference.models import Break
from tests.builders import a_reading
from tests.plan_2025 import PLAN, reference_with_2025

ELEMENTS = {
    "households": (900, 1000), "poor_households": (0, 200), "near_poor_households": (0, 90),
    "workers_men": (500, 600), "trained_men": (0, 520), "certified_men": (0, 300),
    "workers_women": (500, 600), "trained_women": (0, 520), "certified_women": (0, 300),
    "universal_education": (0, 1), "gender_equality_18_5": (0, 1), "jobs_found": (0, 30), "gbv_cases": (0, 9),
}  # fmt: skip
POVERTY = [("households", "poor_households", "near_poor_households"), ("poor_households",)]
TOGETHER = [
    *POVERTY,
    tuple(code for code in ELEMENTS if code.endswith(("_men", "_women"))),
    ("universal_education",),
    ("gender_equality_18_5",),
    ("jobs_found",),
    ("gbv_cases",),
]
PERIODS = ["2023", "2024-12", *(f"2025-{month:02}" for month in (2, 3, 5, 7, 8, 11)), "2025-Q1", "2025-H1", "2025"]
CODES = ["06004", "06280", "184", "06010"]


BREAK = Break(
    elements=["poor_households", "near_poor_households"],
    valid_from=date(2025, 5, 1),
    reason={"vi": "chuẩn nghèo mới", "en": "the new poverty line"},
    verified=False,
    source="Invented for a test",
)


@pytest.fixture(scope="module")
def reference() -> Reference:
    with TemporaryDirectory() as directory:
        return load(PLAN, reference_with_2025(Path(directory)))


def units_at(reference: Reference, period: str) -> list[int]:
    """The units of these codes at a period's end, and those that they came from."""
    end = Period.parse(period).end
    return [unit.key for code in CODES if (unit := reference.units.find(code, end))]


def figure(element: str, any_number: int) -> int:
    least, most = ELEMENTS[element]
    return least + any_number % (most - least + 1)


type Arrivals = list[tuple[str, int, Mapping[str, int], int, int, Stage]]


def arrivals_of(together: Sequence[Sequence[str]], periods: Sequence[str], least: int) -> st.SearchStrategy[Arrivals]:
    amounts = st.sampled_from(together).flatmap(
        lambda codes: st.fixed_dictionaries(dict.fromkeys(codes, st.integers(0, 1000)))
    )
    arrival = st.tuples(
        st.sampled_from(periods),
        st.integers(0, len(CODES) - 1),
        amounts,
        st.integers(1, 3),
        st.integers(-40, 200),
        st.sampled_from([Stage.REPORTED, Stage.CONFIRMED]),
    )
    return st.lists(arrival, min_size=least, max_size=3 * least)


type Sums = dict[tuple[str, int, date], Increment]


def moved_and_added_up(arrivals: Arrivals, reference: Reference) -> tuple[Sums, Sums]:
    """The increments of all sums: as arriving figures moved them, and added up anew from all figures."""
    moved: defaultdict[tuple[str, int, date], Increment] = defaultdict(Increment)
    state: dict[int, Figures] = {}
    for number, (period, place, amounts, revision, late, stage) in enumerate(arrivals):
        units = units_at(reference, period)
        unit, known_from = units[place % len(units)], Period.parse(period).end + timedelta(days=late)
        told = {"revision": revision, "known_from": known_from, "stage": stage, "submission": UUID(int=number)}
        arriving = {unit: [a_reading(code, period, figure(code, any_), **told) for code, any_ in amounts.items()]}
        concerned = {unit, *at_other_level({unit: amounts}, reference)}
        stored = merge_arriving(state, arriving, {*reference.lineage.families(concerned)})
        for key, step in sum_increments(as_judged(stored, reference), reference).items():
            moved[key] += step
        state |= stored.after
    judged = with_inherited({key: figures.since(reference.plan.horizon) for key, figures in state.items()}, reference)
    anew = {
        (commitment, unit, day): step
        for (commitment, unit), steps in summed(reference.targets, judged, reference).items()
        for day, step in steps.items()
    }
    return without_nothing(moved), without_nothing(anew)


def without_nothing(sums: Sums) -> Sums:
    return {key: step for key, step in sums.items() if step != NO_CHANGE}


@given(arrivals_of(TOGETHER, PERIODS, 10))
def test_moving_by_what_differs_equals_adding_all_up(reference: Reference, arrivals: Arrivals) -> None:
    moved, anew = moved_and_added_up(arrivals, reference)
    assert moved == anew


POOR = {"households": 500, "poor_households": 100, "near_poor_households": 10}


@example([("2025-02", 0, POOR, 1, 5, Stage.REPORTED), ("2025-05", 0, POOR, 1, 2, Stage.REPORTED)])  # before it is due
@given(arrivals_of(POVERTY, ["2023", "2024-12", "2025-02", "2025-03", "2025-05", "2025-07"], 4))
def test_moving_over_a_break_in_series_equals_adding_all_up(reference: Reference, arrivals: Arrivals) -> None:
    moved, anew = moved_and_added_up(arrivals, replace(reference, breaks=[BREAK]))
    assert moved == anew
