"""Aggregates: sums of steps, moved by differences, equal to a recomputation at any time."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scoring.judging.aggregates import series
from services.scoring.judging.completeness import Expected
from services.scoring.judging.contributor import Contributor
from services.scoring.judging.figures import Figures, merge
from services.scoring.judging.increments import Increment, difference
from shared.reference.load import Reference, load
from shared.reference.models import Commitment, Unit
from tests.builders import BASELINE_DATE, a_reading, poverty, readings

COMMUNES = ("06280", "06004", "06121")


@pytest.fixture(scope="module")
def reference() -> Reference:
    return load()


def commune(reference: Reference, code: str = COMMUNES[0]) -> Unit:
    unit = reference.units.find(code, BASELINE_DATE)
    assert unit is not None
    return unit


def commitment(reference: Reference, kind: str, **wanted: Any) -> Commitment:
    return next(
        one
        for one in reference.plan.commitments
        if one.measure.kind == kind and all(getattr(one.measure, name) == value for name, value in wanted.items())
    )


def values(of: Commitment, steps: dict[date, Increment], communes: int = 1) -> list[tuple[date, Fraction]]:
    """The values over time to which enough communes have come."""
    found = series(of, steps, BASELINE_DATE, Expected(communes, Decimal("0.9")))
    return [(one.effective, one.value) for one in found if one.possible is None]


def test_a_rate_of_a_district_is_the_sum_over_the_sum_and_no_average(reference: Reference) -> None:
    rate = next(one for one in reference.plan.commitments if one.measure.kind == "rate" and "181" in one.units)
    small, large = readings(*poverty("2022-12", 50, 100)), readings(*poverty("2022-12", 100, 1000))
    total: defaultdict[date, Increment] = defaultdict(Increment)
    for one in (small, large):
        for day, step in Contributor(reference, commune(reference), one).increments(rate).items():
            total[day] += step
    on, value = values(rate, dict(total), communes=2)[0]
    assert on == BASELINE_DATE
    assert value == Fraction(100 * 150, 1100)


def test_a_count_waits_until_enough_communes_have_figures(reference: Reference) -> None:
    count = commitment(reference, "communes_meeting", criterion="ntm-11")
    steps = Contributor(reference, commune(reference), readings(*poverty("2023-05", 10))).increments(count)
    assert values(count, steps, communes=1)[0] == (date(2023, 5, 31), Decimal(1))
    assert values(count, steps, communes=2) == []


def test_a_commune_that_loses_a_criterion_leaves_the_count(reference: Reference) -> None:
    count = commitment(reference, "communes_meeting", criterion="ntm-11")
    found = readings(*poverty("2023-04", 10), *poverty("2023-06", 300))
    steps = Contributor(reference, commune(reference), found).increments(count)
    by_day = dict(values(count, steps))
    assert (by_day[date(2023, 4, 30)], by_day[date(2023, 6, 30)]) == (1, 0)


def test_a_year_of_flows_begins_at_nothing_and_ends_with_the_deadline(reference: Reference) -> None:
    jobs = commitment(reference, "total", elements=["jobs_found"])
    found = readings(
        a_reading("jobs_found", "2022-11", 700),
        a_reading("jobs_found", "2023-01", 40),
        a_reading("jobs_found", "2023-02", 60),
        a_reading("jobs_found", "2024-01", 5),
    )
    steps = Contributor(reference, commune(reference), found).increments(jobs)
    assert [value for _, value in values(jobs, steps)] == [0, 40, 100]


def test_a_commune_counts_for_its_district_and_the_province_and_no_other(reference: Reference) -> None:
    units, on = reference.units, date(2023, 6, 30)
    commune = units.find("06280", on)
    rate = next(one for one in reference.plan.commitments if one.measure.kind == "rate")
    assert commune is not None
    for code, expected in (("20", True), ("184", True), ("181", False)):
        target = units.find(code, on)
        assert target is not None
        assert reference.contributes(commune, rate, target) is expected


def test_a_town_counts_for_nothing(reference: Reference) -> None:
    units, on = reference.units, date(2023, 6, 30)
    province = units.find("20", on)
    town = next(unit for unit in units if unit.kind == "town" and unit.is_valid(on))
    count = commitment(reference, "communes_meeting", criterion="ntm-11")
    assert province is not None
    assert not reference.contributes(town, count, province)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(COMMUNES), st.integers(1, 12), st.integers(0, 400), st.integers(1, 3), st.integers(1, 28)
        ),
        max_size=25,
    )
)
def test_moving_by_differences_equals_a_recomputation(arrivals: list[tuple[str, int, int, int, int]]) -> None:
    reference = load()
    moved: defaultdict[tuple[str, date], Increment] = defaultdict(Increment)
    state: dict[str, Any] = {code: Figures() for code in COMMUNES}
    for number, (code, month, poor, revision, day) in enumerate(arrivals):
        arriving = poverty(
            f"2023-{month:02}", poor, revision=revision, known_from=date(2023, month, day), submission=UUID(int=number)
        )
        unit, after = commune(reference, code), merge(state[code], arriving)
        for one in reference.plan.commitments:
            new, old = (Contributor(reference, unit, side).increments(one) for side in (after, state[code]))
            change = difference(new, old)
            for on, step in change.items():
                moved[one.id, on] += step
        state[code] = after
    scratch: defaultdict[tuple[str, date], Increment] = defaultdict(Increment)
    for code, found in state.items():
        for one in reference.plan.commitments:
            for on, step in Contributor(reference, commune(reference, code), found).increments(one).items():
                scratch[one.id, on] += step
    nothing = Increment()
    assert {key: step for key, step in moved.items() if step != nothing} == {
        key: step for key, step in scratch.items() if step != nothing
    }
