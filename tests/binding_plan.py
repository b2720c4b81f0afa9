"""The packaged plan, which here binds each of its 20 border communes to four criteria.

By itself the plan names three communes that it binds, to criteria of the advanced set: too few for many tests.
"""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

from shared.reference.load import PACKAGED, Plans, Reference, follow_each_other, load, with_plan

CRITERIA = ("ntm-11", "ntm-12", "ntm-14", "ntm-18")
_COHORT = "border-2023"
_PLAN = Path("plans", "lang-son-2023.yaml")
_LINES = "    lines: [19, 117]\n"
"""The line of the plan's file that the cohort alone has."""


@cache
def binding_reference() -> Reference:
    """Return the packaged reference data with this plan."""
    reference = load()
    cohorts = [
        cohort.model_copy(update={"criteria": [*CRITERIA]}) if cohort.id == _COHORT else cohort
        for cohort in reference.plan.cohorts
    ]
    return with_plan(reference, reference.plan.model_copy(update={"cohorts": cohorts}))


def binding_plans() -> Plans:
    """Return this plan as the only one."""
    return follow_each_other([binding_reference()])


def binding_text() -> str:
    """Return the text of this plan's file."""
    text = (PACKAGED / _PLAN).read_text(encoding="utf-8")
    assert text.count(_LINES) == 1
    return text.replace(_LINES, f"    criteria: [{', '.join(CRITERIA)}]\n{_LINES}")


def reference_that_binds(directory: Path) -> Path:
    """Copy the packaged data below the directory, with this plan, and return the copy's folder."""
    copy = directory / "reference"
    shutil.copytree(PACKAGED, copy, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    (copy / _PLAN).write_text(binding_text(), encoding="utf-8")
    return copy
