"""The standing figures of a unit while a group of submissions is decided."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from services.intake.rules.standing_figures import StandingFigures, StandingReading, exact
from shared.contracts.period import Period
from shared.contracts.status import Stage
from shared.contracts.submission import Submission

UNIT, OTHER = 194, 195
FIRST, SECOND = UUID(int=1), UUID(int=2)


def a_standing_reading(value: int, period: str = "2023-06", **changes: Any) -> StandingReading:
    ordinary: dict[str, Any] = {"stage": Stage.REPORTED, "revision": 1, "submission": FIRST, "agency": "district-184"}
    return StandingReading(Decimal(value), Period.parse(period), **{**ordinary, **changes})


def poor(*readings: StandingReading) -> StandingFigures:
    found = StandingFigures()
    for reading in readings:
        found.put(UNIT, "poor_households", reading)
    return found


def newest_before(found: StandingFigures, period: str) -> str | None:
    reading = found.before(UNIT, "poor_households", Period.parse(period))
    return reading.period.text if reading else None


def test_nothing_stands_for_a_unit_that_nobody_has_reported_on() -> None:
    june = Period.parse("2023-06")
    assert StandingFigures().at(UNIT, "households", june) is None
    assert StandingFigures().before(UNIT, "households", june) is None
    assert StandingFigures().figures(UNIT, june) == {}


@pytest.mark.parametrize(
    ("stage", "revision", "stands"),
    [
        (Stage.REPORTED, 1, 130),
        (Stage.REPORTED, 2, 130),
        (Stage.REPORTED, 3, 99),
        (Stage.VERIFIED, 1, 99),
    ],
)
def test_of_two_for_the_same_thing_the_later_stage_stands_then_the_higher_revision(
    stage: Stage, revision: int, stands: int
) -> None:
    one, other = a_standing_reading(130, revision=2), a_standing_reading(99, stage=stage, revision=revision)
    found = poor(one, other).at(UNIT, "poor_households", Period.parse("2023-06"))
    assert found
    assert found.value == stands


def test_the_newest_before_ends_before_the_period_does() -> None:
    found = poor(*(a_standing_reading(1, period) for period in ("2022", "2023-04", "2023-05", "2023-06", "2023-Q2")))
    assert newest_before(found, "2023-06") == "2023-05"
    assert newest_before(found, "2023-Q2") == "2023-05"
    assert newest_before(found, "2023-01") == "2022"
    assert newest_before(found, "2022") is None
    assert newest_before(found, "2021-06") is None


def test_of_periods_that_end_together_the_later_stage_is_the_one_before() -> None:
    found = poor(a_standing_reading(1, "2022-12"), a_standing_reading(2, "2022", stage=Stage.VERIFIED))
    assert newest_before(found, "2023-01") == "2022"


def test_other_units_and_elements_do_not_stand_in() -> None:
    found = poor(a_standing_reading(131, "2023-05"))
    assert found.before(OTHER, "poor_households", Period.parse("2023-06")) is None
    assert found.before(UNIT, "households", Period.parse("2023-06")) is None


def test_what_was_accepted_meanwhile_stands_at_once() -> None:
    found = poor(a_standing_reading(131))
    readings = {"poor_households": 120, "recognised_07": True}
    submission = Submission(unit="06280", period=Period.parse("2023-06"), revision=2, readings=readings)
    found.add(UNIT, submission, SECOND, "another")
    june = found.figures(UNIT, Period.parse("2023-06"))
    assert {code: (reading.value, reading.revision, reading.agency) for code, reading in june.items()} == {
        "poor_households": (Decimal(120), 2, "another"),
        "recognised_07": (Decimal(1), 2, "another"),
    }


def test_a_figure_is_taken_as_it_was_written() -> None:
    assert [exact(value) for value in (0.1, 1204, True, False)] == [Decimal("0.1"), 1204, 1, 0]
