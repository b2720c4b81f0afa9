"""The version of judging rises with each change of what is judged, and CHANGELOG.md says what changed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from services.scoring.judging.version import JUDGING
from shared.contracts.status import Status
from tests.judged_sample import GOLDEN, REMEDY, needs_a_rise, outcome

CHANGELOG = Path(__file__).parents[3] / "CHANGELOG.md"


@pytest.fixture(scope="module")
def now() -> dict[str, Any]:
    return outcome()


def test_the_sample_year_is_judged_as_its_version_judged_it(now: dict[str, Any]) -> None:
    recorded = json.loads(GOLDEN.read_text())
    assert not needs_a_rise(recorded, now), REMEDY
    assert recorded["version"] == JUDGING, "record the version: python -m tests.judged_sample"
    assert recorded["verdicts"] == now["verdicts"], "the sample's figures changed: python -m tests.judged_sample"


def test_the_sample_year_holds_every_status(now: dict[str, Any]) -> None:
    assert {name.partition(" ")[2] for name in now["counts"]} == {status.value for status in Status}


def test_another_verdict_on_the_same_figures_needs_a_rise(now: dict[str, Any]) -> None:
    assert needs_a_rise(now, {**now, "verdicts": "other"})
    assert not needs_a_rise(now, {**now, "verdicts": "other", "version": JUDGING + 1})
    assert not needs_a_rise(now, {**now, "verdicts": "other", "inputs": "others"})


def test_each_version_of_judging_stands_in_the_changelog() -> None:
    named = re.findall(r"^- Judging (\d+): ", CHANGELOG.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(map(int, named)) == list(range(1, JUDGING + 1))
