"""Conditions that people write: everything that they name exists, and some alert can fulfil them."""

from __future__ import annotations

from typing import Any

import pytest

from services.notify.routing.match_checks import has_condition, match_faults
from shared.contracts.bilingual import Language
from shared.reference.models import Match
from tests.changes import REFERENCE


def faults(**match: Any) -> list[tuple[str, str]]:
    return [(fault.pointer, fault.kind.code) for fault in match_faults(Match.model_validate(match), REFERENCE)]


@pytest.mark.parametrize(
    "match",
    [
        {},
        {"under": ["184", "06280"]},
        {"criteria": ["ntm-11"], "events": ["fell_behind"], "severities": ["warning"]},
        {"kinds": ["disaster"], "severities": ["urgent"]},
        {"on": "operation", "events": ["gateway_down"]},
        {"sets": ["ntm"], "criteria": ["ntm-11", "advanced-11"]},
        {"levels": ["commune"], "under": ["184"]},
        {"commitments": ["coverage-credit"], "under": ["184"]},
        {"cohorts": [REFERENCE.plan.cohorts[0].id]},
    ],
)
def test_conditions_that_an_alert_can_fulfil_have_no_fault(match: dict[str, Any]) -> None:
    assert faults(**match) == []


@pytest.mark.parametrize(
    ("match", "pointer", "code"),
    [
        ({"under": ["184", "999"]}, "/match/under/1", "unknown_unit"),
        ({"criteria": ["ntm-99"]}, "/match/criteria/0", "unknown_criterion"),
        ({"cohorts": ["nobody"]}, "/match/cohorts/0", "unknown_cohort"),
        ({"commitments": ["nothing"]}, "/match/commitments/0", "unknown_commitment"),
        ({"on": "status", "commitments": ["new-jobs"]}, "/match", "matches_nothing"),
        ({"sets": ["ntm-11"]}, "/match/sets/0", "unknown_criteria_set"),
        *(
            ({name: []}, f"/match/{name}", "empty")
            for name in (
                "events",
                "severities",
                "sets",
                "criteria",
                "cohorts",
                "commitments",
                "kinds",
                "levels",
                "under",
            )
        ),
        ({"on": "status", "events": ["problem_reported"]}, "/match", "matches_nothing"),
        ({"on": "operation", "criteria": ["ntm-11"]}, "/match", "matches_nothing"),
        ({"on": "target", "kinds": ["disaster"]}, "/match", "matches_nothing"),
        ({"events": ["missed"], "severities": ["warning"]}, "/match", "matches_nothing"),
        ({"sets": ["advanced"], "criteria": ["ntm-11"]}, "/match", "matches_nothing"),
        ({"levels": ["district"], "under": ["06280"]}, "/match", "matches_nothing"),
    ],
)
def test_what_does_not_exist_and_what_no_alert_fulfils_is_named(match: dict[str, Any], pointer: str, code: str) -> None:
    assert faults(**match) == [(pointer, code)]


@pytest.mark.parametrize("language", ["vi", "en"])
def test_an_unknown_cohort_is_answered_with_those_that_exist(language: Language) -> None:
    [fault] = match_faults(Match(cohorts=["nobody"]), REFERENCE)
    words = fault.text(language)
    assert "nobody" in words
    assert sorted(cohort.id for cohort in REFERENCE.plan.cohorts)[0] in words


def test_an_empty_match_is_no_condition() -> None:
    assert not has_condition(Match())
    assert has_condition(Match(under=["184"]))
