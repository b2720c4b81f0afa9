"""The sample year: invented figures of 2023, played through intake's door like any district's data.

It can run on into 2024, by a plan that is invented itself and lies here, apart from the reference data.
"""

from __future__ import annotations

import shutil
from datetime import date
from functools import lru_cache
from pathlib import Path

from shared.reference.load import PACKAGED, Reference, load, load_file, load_sample_cohorts, with_sample

FIRST_DAY, LAST_DAY = date(2023, 1, 1), date(2024, 2, 1)
"""Nobody posts anything on the last day, on which scoring judges what the year has missed."""

LATEST_DAY = date(2024, 4, 30)
"""The last day to which the sample can run on: from 1 January 2024 on by a plan that is sample data too."""

SEED = 2023
SAMPLE_COHORTS = Path(__file__).parent / "cohorts.yaml"
CONTACTS = Path(__file__).parent / "contacts.yaml"
_NEXT_PLAN = Path(__file__).parent / "lang-son-2024-sample.yaml"


@lru_cache
def sample_reference() -> Reference:
    """Return the plan of Lạng Sơn for 2023 with invented members for its cohorts and groups."""
    return with_sample(load("lang-son-2023"), load_sample_cohorts(SAMPLE_COHORTS))


@lru_cache
def next_reference() -> Reference:
    """Return the sample plan for 2024, whose goals and cohorts are invented."""
    return load_file(_NEXT_PLAN)


def references(until: date) -> list[Reference]:
    """Return the plans by which a sample that runs until this day is judged, in the order of their time."""
    return [sample_reference(), *([next_reference()] if until > LAST_DAY else [])]


def write_reference(directory: Path) -> Path:
    """Write the packaged reference data and the sample plan for 2024 into the directory, in place of what it holds."""
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(PACKAGED, directory, ignore=shutil.ignore_patterns("*.py", "__pycache__", "*.pyc"))
    shutil.copy(_NEXT_PLAN, directory / "plans")
    shutil.copy(_NEXT_PLAN.with_suffix(".txt"), directory / "sources")
    return directory
