"""The trend of the figures, and the day on which it reaches the goal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest

from services.scoring.judging.trend import project
from services.scoring.judging.verdict import assess
from shared.contracts.assessment import Projection
from tests.builders import BASELINE_DATE, DEADLINE, a_requirement, an_observation

ENDS = [date(2023, month, 28) for month in range(1, 13)]


def projected(values: Sequence[float], on: date | None = None, **changes: Any) -> Projection | None:
    """From 20 % down to 10 % in the year, with a value at the end of each month."""
    seen = [an_observation(value, day) for value, day in zip(values, ENDS, strict=False)]
    return project(assess(a_requirement(**changes), seen, on or ENDS[len(values) - 1]))


def test_a_straight_line_is_carried_on_to_the_goal() -> None:
    days = [(day - BASELINE_DATE).days for day in ENDS[:6]]
    found = projected([20 - 0.04 * day for day in days])
    assert found
    reached = BASELINE_DATE + timedelta(days=250)
    assert found.on and abs((found.on - reached).days) <= 1  # noqa: PT018
    assert (found.earliest, found.latest, found.in_time) == (found.on, found.on, True)


def test_one_wild_figure_does_not_bend_the_trend() -> None:
    straight, wild = projected([19.5, 19, 18.5, 18, 17.5, 17]), projected([19.5, 19, 25, 18, 17.5, 17])
    assert straight
    assert wild
    assert straight.on
    assert wild.on
    assert abs((straight.on - wild.on).days) < 30
    assert wild.earliest
    assert wild.earliest < wild.on


def test_the_less_the_figures_agree_the_wider_is_the_span() -> None:
    found = projected([19.6, 18.6, 18.8, 17.9, 18.1, 17])
    assert found
    assert found.earliest
    assert found.on
    assert found.latest
    assert found.earliest < found.on < found.latest


def test_a_trend_that_comes_too_late_is_not_in_time() -> None:
    found = projected([19.7, 19.4, 19.1, 18.8])
    assert found
    assert found.on
    assert found.on > DEADLINE
    assert found.in_time is False


@pytest.mark.parametrize("values", [[20, 20, 20, 20], [20, 20.5, 21, 21.5]], ids=["still", "backwards"])
def test_what_stands_still_or_goes_back_leads_nowhere(values: list[float]) -> None:
    found = projected(values)
    assert found
    assert (found.on, found.latest, found.in_time) == (None, None, False)


def test_fewer_than_four_months_say_nothing() -> None:
    assert projected([19, 18]) is None
    assert projected([19, 18, 17]) is not None  # with the baseline
    assert projected([19, 18, 17], baseline=None) is None


def test_many_values_of_one_month_are_one_point() -> None:
    seen = [an_observation(20 - number / 10, date(2023, 1, number)) for number in range(1, 29)]
    assert project(assess(a_requirement(), seen, date(2023, 1, 31))) is None


def test_what_is_met_or_has_no_path_is_not_projected() -> None:
    falling = [18, 15, 12, 9]
    assert projected(falling) is None
    assert projected([18, 15, 13, 12], has_path=False) is None


def test_without_a_deadline_there_is_a_day_but_no_being_in_time() -> None:
    found = projected([18, 17, 16, 15], deadline=None)
    assert found
    assert found.on
    assert found.in_time is None


def test_a_day_that_has_passed_without_a_report_is_not_foretold() -> None:
    later = ENDS[3] + timedelta(days=120)
    found = projected([18, 16, 14, 11], on=later)
    assert found
    assert found.on == later


def test_rising_is_the_mirror_of_falling() -> None:
    falling = projected([19, 18, 17, 16])
    rising = projected([21, 22, 23, 24], direction="at_least", goal=Fraction(30))
    assert falling == rising
