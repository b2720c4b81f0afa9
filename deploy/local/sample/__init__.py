"""The sample year: invented figures of 2023, played through intake's door like any district's data."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from pathlib import Path

from shared.reference.load import Reference, load, load_sample_cohorts, with_sample

FIRST_DAY, LAST_DAY = date(2023, 1, 1), date(2024, 2, 1)
"""Nobody posts anything on the last day, on which scoring judges what the year has missed."""

SEED = 2023
SAMPLE_COHORTS = Path(__file__).parent / "cohorts.yaml"
CONTACTS = Path(__file__).parent / "contacts.yaml"


@lru_cache
def sample_reference() -> Reference:
    """Return the plan of Lạng Sơn for 2023 with invented members for its cohorts and groups."""
    return with_sample(load("lang-son-2023"), load_sample_cohorts(SAMPLE_COHORTS))
