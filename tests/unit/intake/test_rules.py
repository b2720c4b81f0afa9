"""Intake's rules for a submission by itself, and the words of its refusals."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake import rules
from services.intake.doors.catalogue import catalogue
from shared.access.caller import EVERYTHING, Caller
from shared.contracts.period import Period
from shared.contracts.submission import Submission
from shared.problems import Faults
from tests.builders import a_posted_submission
from tests.unit.intake.rules_applied import (
    COUNTS,
    NOW,
    REFERENCE,
    VAN_QUAN,
    a_submission,
    check,
    codes,
    refusal,
    the_text,
)


def test_an_ordinary_submission_is_acceptable() -> None:
    assert isinstance(check(a_posted_submission()), Submission)


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
    found = refusal(a_posted_submission(unit="06004"))
    assert rules.is_out_of_scope(found)
    assert [fault.kind for fault in found] == [Faults.OUTSIDE_UNITS]


def test_a_key_reports_only_its_criteria() -> None:
    labour = Caller("labour", ("20",), ("ntm-12",))
    assert set(codes(a_posted_submission(), labour).values()) == {"outside_criteria"}
    assert rules.is_out_of_scope(refusal(a_posted_submission(), labour))


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
    found = check(a_posted_submission(stage=stage), caller)
    assert isinstance(found, Submission) is may
    if isinstance(found, list):
        assert rules.is_out_of_scope(found)
        assert [fault.kind for fault in found] == [Faults.OUTSIDE_STAGE]


def test_a_thing_of_endless_fields_is_one_fault() -> None:
    assert codes({**a_posted_submission(), **{f"f{n}": 1 for n in range(1000)}}) == {"": "too_long"}
    assert codes(a_posted_submission(readings={f"f{n}": 1 for n in range(1000)})) == {"/readings": "too_long"}


def test_the_official_review_may_be_reported_before_its_year_ends() -> None:
    assert isinstance(check(a_posted_submission(period="2023"), today=date(2023, 12, 1)), Submission)
    assert codes(a_posted_submission(period="2023")) == {"/period": "future_period"}


def test_when_a_period_opens_is_reference_data() -> None:
    assert rules.opening_day(Period.parse("2023-Q2"), REFERENCE) == date(2023, 6, 1)
    assert rules.opening_day(Period.parse("2023-06-17"), REFERENCE) == date(2023, 6, 17)


def test_men_and_women_have_to_be_all() -> None:
    workers = {"workers": 1000, "workers_men": 510}
    assert isinstance(check(a_posted_submission(readings=workers)), Submission)
    assert isinstance(check(a_posted_submission(readings=workers | {"workers_women": 490})), Submission)
    assert codes(a_posted_submission(readings=workers | {"workers_women": 489})) == {
        "/readings/workers_men": "sum_disagrees"
    }
    assert codes(a_posted_submission(readings=workers | {"workers_men": 1001})) == {
        "/readings/workers_men": "sum_disagrees"
    }


@pytest.mark.parametrize(
    ("period", "on", "by"),
    [
        ("2023-06", date(2023, 7, 5), None),
        ("2023-06", date(2023, 7, 6), date(2023, 7, 5)),
        ("2023-10", date(2023, 11, 15), date(2023, 11, 14)),
        ("2023", date(2024, 1, 3), date(2023, 12, 19)),
        ("2023-09", date(2024, 1, 3), None),
        ("2022", date(2023, 6, 1), None),
    ],
)
def test_what_comes_after_the_calendars_day_is_late(period: str, on: date, by: date | None) -> None:
    submission = a_submission(period=period)
    unit = REFERENCE.units.find(submission.unit, submission.period.end)
    assert unit
    assert rules.due(submission, unit, REFERENCE, on) == by


def test_a_correction_is_not_late_and_neither_is_what_no_report_asks_for() -> None:
    submission = a_submission()
    unit = REFERENCE.units.find(submission.unit, submission.period.end)
    assert unit
    late = date(2023, 9, 1)
    assert rules.due(a_submission(revision=2), unit, REFERENCE, late) is None
    assert rules.due(a_submission(readings={"recognised_07": True}), unit, REFERENCE, late) is None


def test_the_catalogue_tells_limits_sums_and_days() -> None:
    found = catalogue(REFERENCE, NOW)
    limits = {element.code: element.plausible_change for element in found.elements}
    assert (limits["recognised_07"], limits["poor_households"] and limits["poor_households"].verified) == (None, False)
    assert {(total.whole, total.relation) for total in found.sums} >= {("households", "at_most"), ("workers", "equal")}
    monthly = next(report for report in found.reports if report.id == "poverty-monthly")
    june = next(due for due in monthly.periods if due.period.text == "2023-06")
    assert (june.opens, june.due) == (date(2023, 6, 1), date(2023, 7, 5))
    jobs = next(report for report in found.reports if report.id == "jobs-monthly")
    assert (jobs.criteria, jobs.elements, jobs.reported_by) == ([], ["jobs_found"], ["district", "city"])


@pytest.mark.parametrize(
    ("changes", "caller", "vietnamese", "english"),
    [
        (
            {"unit": "184"},
            VAN_QUAN,
            "ở 184 huyện Văn Quan. Hãy gửi cho cấp: xã, phường, thị trấn.",
            "a unit that is: commune, ward, town.",
        ),
        (
            {"period": "2023-06-30"},
            VAN_QUAN,
            "không báo cáo theo ngày. Dùng kỳ: năm, 6 tháng, quý, tháng.",
            "by the day. Use: year, half-year, quarter, month.",
        ),
        (
            {"stage": "confirmed"},
            VAN_QUAN,
            "ở bước thẩm định: đó là việc của nơi phụ trách cả 20 tỉnh Lạng Sơn.",
            "at stage confirmed: that is for those who are in charge of the whole of 20 Lạng Sơn province.",
        ),
        ({"period": "2023-07"}, VAN_QUAN, "báo cáo tháng 7/2023 (hôm nay là 30/06/2023)", "The figures of July 2023"),
        ({"readings": {"households": None}}, VAN_QUAN, "không có giá trị không phải", "null is not"),
        ({"readings": {"households": True}}, VAN_QUAN, "true không phải", "true is not"),
        ({"readings": {"households": [None]}}, VAN_QUAN, "một danh sách không phải", "a list is not"),
        ({"readings": {"households": {"a": False}}}, VAN_QUAN, "một đối tượng không phải", "an object is not"),
        ({"readings": {"households": 10**4000}}, VAN_QUAN, "một số quá lớn lớn hơn", "a number too great is above"),
        ({"readings": {"gender_equality_18_5": 1}}, VAN_QUAN, "1 phải là true", "1 has to be true"),
        ({"readings": {**COUNTS, "poor_households": 1200}}, VAN_QUAN, "Tổng số hộ = 1.204. Hộ nghèo và", "= 1,204."),
    ],
)
def test_faults_speak_in_words(changes: dict[str, Any], caller: Caller, vietnamese: str, english: str) -> None:
    fault = refusal(a_posted_submission(**changes), caller)[0]
    assert vietnamese in fault.text("vi")
    assert english in fault.text("en")


def test_depth_without_end_is_a_fault_as_any_other() -> None:
    deep: Any = []
    for _ in range(20_000):
        deep = [deep]
    for item in (
        deep,
        {"unit": deep},
        a_posted_submission(period=deep),
        a_posted_submission(readings={"households": deep}),
    ):
        assert all(fault.text("vi") for fault in refusal(item))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(json_values)
def test_whatever_is_sent_is_refused_with_a_document(item: Any) -> None:
    assert all(fault.text("vi") and fault.text("en") for fault in refusal(item))


@given(st.dictionaries(st.sampled_from([*COUNTS, "unit", "period", "x"]), json_values))
def test_whatever_the_readings_hold_is_answered(found: dict[str, Any]) -> None:
    answer = check(a_posted_submission(readings=found))
    assert isinstance(answer, Submission) or all(fault.text("vi") and fault.text("en") for fault in answer)


def test_a_whole_number_that_a_program_writes_with_a_fraction_of_zero_is_the_count() -> None:
    taken = check(a_posted_submission(readings={**COUNTS, "households": 1204.0}, revision=2.0))
    assert isinstance(taken, Submission)
    assert (taken.readings["households"], type(taken.readings["households"])) == (1204, int)
    assert (taken.revision, type(taken.revision)) == (2, int)
    assert codes(a_posted_submission(readings={"households": 1e300})) == {"/readings/households": "too_great"}


@pytest.mark.parametrize("given", [6280, 6280.0, "6280", "6280.0", "O6280", "0628o"])
def test_a_code_that_is_a_number_is_told_the_code_that_was_meant(given: object) -> None:
    assert all('"06280' in text for text in the_text(a_posted_submission(unit=given)))


@pytest.mark.parametrize("given", [2023, 2023.0])
def test_a_period_that_is_a_number_is_told_to_be_text(given: object) -> None:
    assert all('"2023"' in text for text in the_text(a_posted_submission(period=given)))


@pytest.mark.parametrize(
    "changes",
    [
        {"unit": "\uff10\uff16\uff12\uff18\uff10"},
        {"unit": "06280\u200b"},
        {"unit": "'06280"},
        {"period": "2023\u201306"},
        {"stage": "reported\u00ad"},
        {"readings": {"households": 1204, "poor_households\ufeff": 131, "near_poor_households": 88}},
    ],
)
def test_characters_that_cannot_be_seen_change_no_code(changes: dict[str, Any]) -> None:
    assert check(a_posted_submission(**changes)) == check(a_posted_submission())


def test_two_elements_that_only_look_alike_are_not_joined() -> None:
    twice = {"households": 1, "households\u200b": 2}
    assert codes(a_posted_submission(readings=twice)) == {"/readings/households\u200b": "unknown_element"}


def test_a_fault_shows_what_cannot_be_seen() -> None:
    vietnamese, english = the_text(a_posted_submission(unit="0628\u200b"))
    assert "[U+200B]" in vietnamese
    assert "[U+200B]" in english


@pytest.mark.parametrize(
    ("readings", "faults"),
    [
        ({"households": 900, "poor_households": 40, "near_poor_households": 30}, {}),
        ({"poor_households_entitled_health": 40, "poor_households_reached_health": 39}, {}),
        ({"gbv_cases": 1}, {}),
        ({"workers_men": 400}, {"/readings/workers_men": "not_counted_here"}),
        ({"jobs_found": 4}, {"/readings/jobs_found": "not_counted_here"}),
        ({"children_six": 4}, {"/readings/children_six": "not_counted_here"}),
    ],
)
def test_a_town_reports_what_is_judged_in_the_whole_province_and_nothing_else(
    readings: dict[str, int], faults: dict[str, str]
) -> None:
    found = check(a_posted_submission(unit="06253", period="2023-05", readings=readings))
    told = {} if isinstance(found, Submission) else {fault.pointer: fault.kind.code for fault in found}
    assert told == faults


def test_a_towns_late_report_is_told_like_a_communes() -> None:
    for unit in ("06253", "06280"):
        place = REFERENCE.units.find(unit, NOW)
        assert place
        submission = a_submission(unit=unit, period="2023-02")
        assert rules.due(submission, place, REFERENCE, date(2023, 3, 6)) == date(2023, 3, 5)
