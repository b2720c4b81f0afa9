"""What intake refuses, and the words that it finds for it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.accept import check
from shared.access import EVERYTHING, Caller
from shared.contracts import Submission
from shared.problems import Problem, Problems
from shared.reference.load import load
from tests.builders import a_posted_submission

NOW = datetime(2023, 6, 30, 3, tzinfo=UTC)
VAN_QUAN = Caller("district-184", ("184",), (EVERYTHING,))
COUNTS = {"households": 1204, "poor_households": 131, "near_poor_households": 88}


def refusal(item: Any, caller: Caller = VAN_QUAN) -> Problem:
    found = check(item, caller, load(), NOW)
    assert isinstance(found, Problem)
    return found


def codes(item: Any, caller: Caller = VAN_QUAN) -> dict[str, str]:
    return {fault.pointer: fault.kind.code for fault in refusal(item, caller).faults}


def test_an_ordinary_submission_is_acceptable() -> None:
    assert isinstance(check(a_posted_submission(), VAN_QUAN, load(), NOW), Submission)


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"unit": "99999"}, "/unit", "unknown_unit"),
        ({"unit": "6280"}, "/unit", "wrong_type"),
        ({"unit": 6280}, "/unit", "wrong_type"),
        ({"period": "2023-13"}, "/period", "bad_period"),
        ({"period": 2023}, "/period", "bad_period"),
        ({"period": "2023-07"}, "/period", "future_period"),
        ({"period": "2026-01"}, "/period", "future_period"),
        ({"stage": "guessed"}, "/stage", "wrong_type"),
        ({"revision": 0}, "/revision", "wrong_type"),
        ({"revision": "2"}, "/revision", "wrong_type"),
        ({"source_ref": "a\x00b"}, "/source_ref", "wrong_type"),
        ({"source_ref": "x" * 201}, "/source_ref", "too_long"),
        ({"remark": "?"}, "/remark", "unknown_field"),
        ({"readings": {}}, "/readings", "empty"),
        ({"readings": []}, "/readings", "wrong_type"),
        ({"readings": {"hens": 4}}, "/readings/hens", "unknown_element"),
        ({"readings": {"Two Words": 4}}, "/readings/Two Words", "unknown_element"),
        ({"readings": {"households": -1}}, "/readings/households", "too_small"),
        ({"readings": {"households": 10**30}}, "/readings/households", "too_great"),
        ({"readings": {"households": 12.5}}, "/readings/households", "not_whole"),
        ({"readings": {"households": True}}, "/readings/households", "not_a_number"),
        ({"readings": {"households": "12"}}, "/readings/households", "not_a_number"),
        ({"readings": {"households": None}}, "/readings/households", "not_a_number"),
        ({"readings": {"households": float("inf")}}, "/readings/households", "not_a_number"),
        ({"readings": {"households": float("nan")}}, "/readings/households", "not_a_number"),
        ({"readings": {"gender_equality_18_5": 1}}, "/readings/gender_equality_18_5", "not_yes_no"),
        ({"readings": {**COUNTS, "poor_households": 1200}}, "/readings/poor_households", "sum_disagrees"),
        ({"unit": "184"}, "/readings/households", "not_counted_here"),
        ({"period": "2023-06-30"}, "/readings/households", "wrong_granularity"),
    ],
)
def test_each_fault_names_its_field(changes: dict[str, Any], pointer: str, code: str) -> None:
    assert codes(a_posted_submission(**changes))[pointer] == code


def test_a_missing_field_is_named() -> None:
    assert codes({"unit": "06280"}) == {"/period": "missing", "/readings": "missing"}


@pytest.mark.parametrize("item", [None, 5, "text", [], True])
def test_what_is_no_object_is_refused(item: Any) -> None:
    assert codes(item) == {"": "wrong_type"}


def test_all_faults_are_told_at_once() -> None:
    several = a_posted_submission(readings={"households": -1, "hens": 4, "poor_households": 1.5})
    assert set(codes(several).values()) == {"too_small", "unknown_element", "not_whole"}


def test_another_districts_commune_is_out_of_scope() -> None:
    problem = refusal(a_posted_submission(unit="06004"))
    assert problem.kind is Problems.OUT_OF_SCOPE
    assert problem.faults[0].kind.code == "outside_units"


def test_a_key_reports_only_its_criteria() -> None:
    labour = Caller("labour", ("20",), ("ntm-12",))
    assert set(codes(a_posted_submission(), labour).values()) == {"outside_criteria"}
    assert refusal(a_posted_submission(), labour).kind is Problems.OUT_OF_SCOPE


@pytest.mark.parametrize(
    ("unit", "stage", "may"),
    [
        ("06280", "reported", True),
        ("06280", "verified", False),
        ("184", "verified", True),
        ("184", "confirmed", False),
        ("20", "confirmed", True),
    ],
)
def test_districts_verify_and_the_province_confirms(unit: str, stage: str, may: bool) -> None:
    caller = Caller("an-office", (unit,), (EVERYTHING,))
    found = check(a_posted_submission(stage=stage), caller, load(), NOW)
    assert isinstance(found, Submission) is may
    if isinstance(found, Problem):
        assert (found.kind, found.faults[0].kind.code) == (Problems.OUT_OF_SCOPE, "outside_stage")


def test_a_thing_of_endless_fields_is_one_fault() -> None:
    assert codes({**a_posted_submission(), **{f"f{n}": 1 for n in range(1000)}}) == {"": "too_long"}
    assert codes(a_posted_submission(readings={f"f{n}": 1 for n in range(1000)})) == {"/readings": "too_long"}


def test_a_unit_that_has_ended_names_its_successor() -> None:
    later = datetime(2026, 1, 1, tzinfo=UTC)
    found = check(a_posted_submission(period="2025-12"), VAN_QUAN, load(), later)
    if isinstance(found, Problem):
        assert found.faults[0].kind.code in ("unit_not_valid", "outside_units")
    ended = next(
        unit
        for unit in load().units
        if unit.kind == "commune" and unit.valid_to and not load().units.find(unit.code, date(2025, 12, 31))
    )
    problem = check(a_posted_submission(unit=ended.code, period="2025-12"), VAN_QUAN, load(), later)
    assert isinstance(problem, Problem)
    successor = load().units.successors(ended)[-1][1]
    assert successor.code in problem.faults[0].text("vi")


def test_the_official_review_may_be_reported_before_its_year_ends() -> None:
    december = datetime(2023, 12, 1, 3, tzinfo=UTC)
    assert isinstance(check(a_posted_submission(period="2023"), VAN_QUAN, load(), december), Submission)
    assert codes(a_posted_submission(period="2023")) == {"/period": "future_period"}


def test_every_fault_speaks_both_languages() -> None:
    problem = refusal(a_posted_submission(readings={"households": -1}))
    vietnamese, english = problem.document("vi"), problem.document("en")
    assert "nhỏ hơn mức tối thiểu" in str(vietnamese["detail"])
    assert "below the minimum" in str(english["detail"])
    assert vietnamese["status"] == english["status"] == 422


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(json_values)
def test_whatever_is_sent_is_refused_with_a_document(item: Any) -> None:
    assert refusal(item).document("vi")["errors"]


@given(st.dictionaries(st.sampled_from([*COUNTS, "unit", "period", "x"]), json_values))
def test_whatever_the_readings_hold_is_answered(found: dict[str, Any]) -> None:
    answer = check(a_posted_submission(readings=found), VAN_QUAN, load(), NOW)
    assert isinstance(answer, Submission) or answer.document("en")["errors"]
