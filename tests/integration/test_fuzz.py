"""A small part of `make fuzz`: some bad input for each door, the same in every run."""

from __future__ import annotations

import os

import pytest

from tests.fuzz import DOORS, FUNCTIONS
from tests.fuzz.aftermath import look_after
from tests.fuzz.doors import Place
from tests.fuzz.run import Report, fuzz
from tests.running import Surroundings

INPUTS = {"xlsx": 100, "workbook": 200}
"""300 for the others."""


@pytest.fixture(scope="module")
async def place(shared_around: Surroundings) -> Place:
    return await Place.open(shared_around, every=10)


@pytest.mark.parametrize("name", FUNCTIONS)
async def test_nothing_but_a_problem_comes_out_of_a_function(name: str) -> None:
    report = await fuzz(FUNCTIONS[name](), INPUTS.get(name, 300), 1, os.getpid())
    assert report.is_good, report


@pytest.mark.parametrize("name", DOORS)
async def test_bad_input_is_answered_precisely(place: Place, name: str) -> None:
    door = DOORS[name](place)
    await door.open()
    report = await fuzz(door, INPUTS.get(name, 300), 1, place.process_id)
    door.close()
    assert report.is_good, report


async def test_after_all_that_the_service_runs_on_and_what_it_said_is_in_the_streams(place: Place) -> None:
    report = Report("all", 0)
    await look_after(place, report)
    assert report.is_good, report
