"""What intake refuses, and the words that it finds for it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake import rules
from services.intake.doors.catalogue import catalogue
from services.intake.rules.standing_figures import StandingFigures, StandingReading
from shared.access.caller import EVERYTHING, Caller
from shared.contracts.period import Period
from shared.contracts.status import Stage
from shared.contracts.submission import Submission
from shared.problems import Fault, Faults
from shared.reference.load import Reference, load
from tests.builders import a_posted_submission

NOW = date(2023, 6, 30)
AFTER_2025 = date(2026, 1, 1)
REFERENCE = load()
VAN_QUAN = Caller("district-184", ("184",), (EVERYTHING,))
COUNTS = {"households": 1204, "poor_households": 131, "near_poor_households": 88}


def check(
    item: Any, caller: Caller = VAN_QUAN, reference: Reference = REFERENCE, today: date = NOW
) -> Submission | list[Fault]:
    found = rules.parse(item, reference)
    return found if isinstance(found, list) else rules.examine(found, caller, reference, today) or found


def refusal(item: Any, caller: Caller = VAN_QUAN, today: date = NOW) -> list[Fault]:
    found = check(item, caller, REFERENCE, today)
    assert isinstance(found, list)
    return found


def codes(item: Any, caller: Caller = VAN_QUAN) -> dict[str, str]:
    return {fault.pointer: fault.kind.code for fault in refusal(item, caller)}


def the_text(item: Any, caller: Caller = VAN_QUAN, today: date = NOW) -> tuple[str, str]:
    (fault,) = refusal(item, caller, today)
    return fault.text("vi"), fault.text("en")


def a_submission(**changes: Any) -> Submission:
    parsed = rules.parse(a_posted_submission(**changes), REFERENCE)
    assert isinstance(parsed, Submission)
    return parsed


def standing(*submissions: Submission, agency: str = "district-184") -> StandingFigures:
    found = StandingFigures()
    for submission in submissions:
        unit = REFERENCE.units.find(submission.unit, submission.period.end)
        assert unit
        found.add(unit.key, submission, uuid4(), agency)
    return found


def beside(found: StandingFigures, reference: Reference = REFERENCE, **changes: Any) -> rules.Remarks:
    submission = a_submission(**changes)
    unit = reference.units.find(submission.unit, submission.period.end)
    assert unit
    return rules.compare(submission, unit, found, reference)


def faults(compared: rules.Remarks) -> dict[str, str]:
    return {fault.pointer: fault.kind.code for fault in compared.faults}


def warnings(compared: rules.Remarks) -> dict[str, str]:
    return {warning.pointer: warning.code for warning in compared.warnings}


# --- shape, scope, figures ---------------------------------------------------------------------------------


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


# --- units that people mean --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Điềm He", "xã Điềm He", "diem he", "  XA  DIEM HE ", "Điềm He, huyện Văn Quan"])
def test_a_units_name_is_answered_with_its_code(name: str) -> None:
    vietnamese, english = the_text(a_posted_submission(unit=name))
    assert codes(a_posted_submission(unit=name)) == {"/unit": "unit_by_name"}
    assert "06280 xã Điềm He (huyện Văn Quan)" in vietnamese
    assert "06280 Điềm He commune (Văn Quan district)" in english


def test_a_name_of_several_communes_is_answered_with_all_of_them() -> None:
    vietnamese, _ = the_text(a_posted_submission(unit="xã Hòa Bình"))
    assert [code in vietnamese for code in ("06103", "06274", "06397", "06508")] == [True] * 4
    one, _ = the_text(a_posted_submission(unit="Hòa Bình (Văn Quan)"))
    assert ("06274" in one, "06103" in one) == (True, False)


def test_a_code_whose_zero_a_spreadsheet_dropped_is_answered_with_the_code() -> None:
    for cut in (6280, "6280"):
        vietnamese, _ = the_text(a_posted_submission(unit=cut))
        assert 'có phải là "06280 xã Điềm He"?' in vietnamese


def test_a_name_that_nobody_has_is_of_the_wrong_form() -> None:
    assert codes(a_posted_submission(unit="Atlantis")) == {"/unit": "wrong_type"}
    assert codes(a_posted_submission(unit="x" * 5000)) == {"/unit": "wrong_type"}


def test_a_unit_that_has_ended_names_its_successor() -> None:
    vietnamese, english = the_text(a_posted_submission(unit="06004", period="2025-12"), today=AFTER_2025)
    assert (
        "Trong kỳ tháng 12/2025 không có đơn vị nào mang mã 06004 (xã Quốc Khánh từ 01/01/2020 đến 30/06/2025)"
        in vietnamese
    )
    assert "Hãy gửi cho đơn vị kế thừa: 06016 xã Quốc Khánh" in vietnamese
    assert "06016 Quốc Khánh commune" in english


def test_a_unit_that_was_split_names_all_that_it_is_now_the_larger_part_first() -> None:
    vietnamese, _ = the_text(a_posted_submission(unit="06622", period="2025-07"), today=AFTER_2025)
    assert "Hãy gửi cho đơn vị kế thừa: 06613 xã Đình Lập, 06625 xã Kiên Mộc" in vietnamese


def test_a_unit_that_has_ended_may_still_report_for_its_time() -> None:
    assert isinstance(check(a_posted_submission(unit="06283", period="2025-06"), today=AFTER_2025), Submission)


def test_a_unit_merged_twice_names_what_it_is_in_the_end() -> None:
    units = REFERENCE.units
    twice = next(
        unit for unit in units if unit.valid_to == date(2024, 11, 30) and not units.find(unit.code, date(2025, 12, 31))
    )
    vietnamese, _ = the_text(a_posted_submission(unit=twice.code, period="2025-12"), today=AFTER_2025)
    (heir, *_) = units.heirs(twice, date(2025, 12, 31))
    assert heir.valid_from == date(2025, 7, 1)
    assert heir.code in vietnamese


def test_a_code_that_nobody_had_yet_says_since_when_it_is_one() -> None:
    vietnamese, english = the_text(a_posted_submission(period="2019-06"))
    assert "xã Điềm He từ 01/01/2020 đến 30/06/2025, xã Điềm He từ 01/07/2025" in vietnamese
    assert "Check the code and the period" in english


# --- beside what stands ------------------------------------------------------------------------------------


def test_a_first_figure_is_compared_with_nothing() -> None:
    assert beside(StandingFigures()) == rules.Remarks()


def test_the_same_figure_again_is_no_fault() -> None:
    assert beside(standing(a_submission())) == rules.Remarks()


def test_another_value_under_a_taken_revision_is_told_which_to_send() -> None:
    found = beside(standing(a_submission()), readings={"poor_households": 130})
    assert faults(found) == {"/readings/poor_households": "revision_taken"}
    text = found.faults[0].text("vi")
    assert "Hộ nghèo (poor_households): đã có số liệu 131 ở bước báo cáo, lần 1, do district-184 gửi" in text
    assert '"revision": 2' in text


def test_the_revision_to_send_is_free_for_all_that_was_sent() -> None:
    stands = standing(a_submission(), a_submission(revision=4, readings={"households": 1204}))
    found = beside(stands, readings={"households": 1204, "poor_households": 130})
    assert faults(found) == {"/readings/poor_households": "revision_taken"}
    assert '"revision": 5' in found.faults[0].text("en")


def test_a_correction_with_the_next_revision_is_acceptable() -> None:
    assert beside(standing(a_submission()), revision=2, readings={"poor_households": 130}) == rules.Remarks()


def test_a_figure_below_what_stands_is_kept_as_history_with_a_warning() -> None:
    stands = standing(a_submission(stage="verified", revision=2))
    found = beside(stands, readings={"poor_households": 900})
    assert (faults(found), warnings(found)) == ({}, {"/readings/poor_households": "outranked"})
    assert "bước thẩm tra, lần 2" in found.warnings[0].detail.vi
    assert "stage verified, revision 2" in found.warnings[0].detail.en


def test_a_great_change_against_the_last_period_needs_a_confirmation() -> None:
    stands = standing(a_submission(period="2023-04"), a_submission(period="2023-05"))
    great = {"households": 1204, "poor_households": 231}
    found = beside(stands, readings=great)
    assert faults(found) == {"/readings/poor_households": "needs_confirmation"}
    assert found.faults[0].text("vi") == (
        "Hộ nghèo (poor_households) đổi từ 131 (tháng 5/2023) thành 231, nhiều hơn mức thường thấy (30 % và 30 hộ). "
        'Nếu đúng, hãy gửi lại kèm xác nhận ("confirmed": true); nếu không, hãy sửa.'
    )
    confirmed = beside(stands, confirmed=True, readings=great)
    assert (faults(confirmed), warnings(confirmed)) == ({}, {"/readings/poor_households": "implausible_change"})


@pytest.mark.parametrize(
    ("before", "after", "plausible"),
    [(100, 130, True), (100, 131, False), (10, 40, True), (0, 31, False), (90, 0, False)],
)
def test_a_change_is_too_great_when_it_exceeds_both_limits(before: int, after: int, plausible: bool) -> None:
    stands = standing(a_submission(period="2023-05", readings={"poor_households": before}))
    assert (faults(beside(stands, readings={"poor_households": after})) == {}) is plausible


def test_the_correction_of_a_slip_needs_no_confirmation() -> None:
    stands = standing(
        a_submission(period="2023-05"), a_submission(confirmed=True, readings={"poor_households": 1310 // 2})
    )
    assert beside(stands, revision=2, readings={"poor_households": 132}) == rules.Remarks()


def test_a_correction_far_from_everything_known_needs_one() -> None:
    found = beside(standing(a_submission()), revision=2, readings={"poor_households": 13})
    assert faults(found) == {"/readings/poor_households": "needs_confirmation"}


def test_yes_and_no_may_change_as_they_like() -> None:
    stands = standing(a_submission(period="2023-05", readings={"recognised_07": True}))
    assert beside(stands, readings={"recognised_07": False}) == rules.Remarks()


def test_a_provisional_figure_hears_of_the_official_one_that_stands() -> None:
    stands = standing(a_submission(period="2023", stage="verified", readings={"poor_households": 120}))
    found = beside(stands, period="2023-10", readings={"poor_households": 125})
    assert warnings(found) == {"/readings/poor_households": "official_stands"}
    assert found.warnings[0].detail.vi.startswith("Số liệu chính thức của năm 2023 là 120")
    assert warnings(beside(stands, period="2023-10", readings={"poor_households": 120})) == {}


def test_only_what_has_an_official_period_hears_of_it() -> None:
    stands = standing(a_submission(period="2023", readings={"workers_men": 900}))
    assert warnings(beside(stands, period="2023-10", readings={"workers_men": 890})) == {}


def test_sums_are_held_against_what_stands_already() -> None:
    stands = standing(a_submission(readings={"households": 200, "near_poor_households": 88}))
    found = beside(stands, readings={"poor_households": 131})
    assert faults(found) == {"/readings/poor_households": "standing_disagrees"}
    text = found.faults[0].text("vi")
    assert "Hộ nghèo (poor_households) + Hộ cận nghèo (near_poor_households) = 219" in text
    assert (
        "Số liệu đã có của tháng 6/2023: Hộ cận nghèo (near_poor_households) = 88, Tổng số hộ (households) = 200"
        in text
    )
    assert beside(stands, readings={"poor_households": 112}) == rules.Remarks()


def test_a_whole_is_held_against_the_parts_that_stand() -> None:
    stands = standing(a_submission(readings={"workers_men": 510, "workers_women": 490}))
    assert faults(beside(stands, readings={"workers": 999})) == {"/readings/workers": "standing_disagrees"}
    assert faults(beside(stands, readings={"workers": 1000})) == {}


def test_another_period_or_unit_is_no_part_of_a_sum() -> None:
    stands = standing(
        a_submission(period="2023-05", readings={"households": 100}),
        a_submission(unit="06283", readings={"households": 100}),
    )
    assert beside(stands, readings={"poor_households": 131}) == rules.Remarks()


# --- in time -----------------------------------------------------------------------------------------------


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


# --- words -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "caller", "vietnamese", "english"),
    [
        ({"unit": "184"}, VAN_QUAN, "ở 184 huyện Văn Quan. Hãy gửi cho cấp: xã.", "a unit that is: commune."),
        (
            {"period": "2023-06-30"},
            VAN_QUAN,
            "không báo cáo theo ngày. Dùng kỳ: năm, 6 tháng, quý, tháng.",
            "by the day. Use: year, half-year, quarter, month.",
        ),
        (
            {"stage": "confirmed"},
            VAN_QUAN,
            "ở bước thẩm định. Dùng khóa phụ trách cả 20 tỉnh Lạng Sơn.",
            "at stage confirmed. Use a key for the whole of 20 Lạng Sơn province.",
        ),
        ({"period": "2023-07"}, VAN_QUAN, "báo cáo tháng 7/2023 (hôm nay là 30/06/2023)", "The figures of July 2023"),
        ({"readings": {"households": None}}, VAN_QUAN, "không có giá trị không phải", "null is not"),
        ({"readings": {"households": True}}, VAN_QUAN, "true không phải", "true is not"),
        ({"readings": {"households": [None]}}, VAN_QUAN, "một danh sách không phải", "a list is not"),
        ({"readings": {"households": {"a": False}}}, VAN_QUAN, "một đối tượng không phải", "an object is not"),
        ({"readings": {"households": 10**4000}}, VAN_QUAN, "một số quá lớn lớn hơn", "a number too great is above"),
        ({"readings": {"gender_equality_18_5": 1}}, VAN_QUAN, "1 phải là true", "1 has to be true"),
        ({"readings": {**COUNTS, "poor_households": 1200}}, VAN_QUAN, "(households) = 1.204. Hộ nghèo và", "= 1,204."),
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


figures = st.fixed_dictionaries({code: st.integers(0, 300) for code in COUNTS})


@given(st.lists(st.tuples(st.sampled_from(["2023-04", "2023-05", "2023-06"]), st.integers(1, 3), figures), max_size=6))
def test_what_is_accepted_leaves_sums_that_agree(sent: list[tuple[str, int, dict[str, int]]]) -> None:
    found, unit = StandingFigures(), REFERENCE.units.find("06280", NOW)
    assert unit
    for period, revision, readings in sent:
        submission = a_submission(period=period, revision=revision, confirmed=True, readings=readings)
        if rules.examine(submission, VAN_QUAN, REFERENCE, NOW):
            continue
        if not rules.compare(submission, unit, found, REFERENCE).faults:
            found.add(unit.key, submission, uuid4(), "x")
    for period in ("2023-04", "2023-05", "2023-06"):
        stands = {code: reading.value for code, reading in found.figures(unit.key, Period.parse(period)).items()}
        if stands:
            assert stands["poor_households"] + stands["near_poor_households"] <= stands["households"]


def test_what_stands_is_a_decimal_as_written() -> None:
    unit = REFERENCE.units.find("06280", NOW)
    assert unit
    found = standing(a_submission()).at(unit.key, "households", Period.parse("2023-06"))
    assert isinstance(found, StandingReading)
    assert (found.value, found.stage) == (Decimal(1204), Stage.REPORTED)
