"""Submissions beside the standing figures: corrections, great changes, sums over several submissions."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake import rules
from services.intake.rules.standing_figures import StandingFigures, StandingReading
from shared.contracts.period import Period
from shared.contracts.status import Stage
from tests.unit.intake.rules_applied import (
    COUNTS,
    NOW,
    REFERENCE,
    VAN_QUAN,
    a_submission,
    beside,
    faults,
    standing,
    warnings,
)


def test_a_first_figure_is_compared_with_nothing() -> None:
    assert beside(StandingFigures()) == rules.Remarks()


def test_the_same_figure_again_is_no_fault() -> None:
    assert beside(standing(a_submission())) == rules.Remarks()


def test_another_value_under_a_taken_revision_is_told_which_to_send() -> None:
    found = beside(standing(a_submission()), readings={"poor_households": 130})
    assert faults(found) == {"/readings/poor_households": "revision_taken"}
    text = found.faults[0].text("vi")
    assert "Hộ nghèo: đã có số liệu 131 ở bước báo cáo, lần 1, do district-184 gửi" in text
    assert "số liệu sửa lần 2" in text


def test_the_revision_to_send_is_free_for_all_that_was_sent() -> None:
    stands = standing(a_submission(), a_submission(revision=4, readings={"households": 1204}))
    found = beside(stands, readings={"households": 1204, "poor_households": 130})
    assert faults(found) == {"/readings/poor_households": "revision_taken"}
    assert "as revision 5" in found.faults[0].text("en")


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
        "Hộ nghèo đổi từ 131 (tháng 5/2023) thành 231, nhiều hơn mức thường thấy (30 % và 30 hộ). "
        "Nếu đúng, hãy gửi lại kèm xác nhận; nếu không, hãy sửa."
    )
    confirmed = beside(stands, confirmed=True, readings=great)
    assert (faults(confirmed), warnings(confirmed)) == ({}, {"/readings/poor_households": "implausible_change"})


def test_a_figure_is_not_compared_with_what_was_counted_otherwise() -> None:
    stands, great = standing(a_submission(period="2023-05")), {"poor_households": 231}
    for first_day, asked in (
        (date(2023, 6, 1), {}),
        (date(2023, 7, 1), {"/readings/poor_households": "needs_confirmation"}),
    ):
        broken = REFERENCE.breaks[0].model_copy(update={"valid_from": first_day})
        assert faults(beside(stands, replace(REFERENCE, breaks=[broken]), readings=great)) == asked


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
    assert "Hộ nghèo + Hộ cận nghèo = 219" in text
    assert "Số liệu đã có của tháng 6/2023: Hộ cận nghèo = 88, Tổng số hộ = 200" in text
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


def test_no_household_at_all_is_asked_about_also_where_nothing_stands() -> None:
    none = {"households": 0, "poor_households": 0, "near_poor_households": 0}
    found = beside(StandingFigures(), readings=none)
    assert faults(found) == {"/readings/households": "zero_needs_confirmation"}
    assert "gửi lại kèm xác nhận" in found.faults[0].text("vi")
    confirmed = beside(StandingFigures(), confirmed=True, readings=none)
    assert (faults(confirmed), warnings(confirmed)) == ({}, {"/readings/households": "zero_confirmed"})


def test_no_child_and_no_poor_household_are_figures_like_others() -> None:
    assert beside(StandingFigures(), readings={"children_six": 0, "children_six_enrolled": 0}) == rules.Remarks()
    assert beside(StandingFigures(), readings={"households": 1204, "poor_households": 0}) == rules.Remarks()


def test_a_correction_to_no_household_is_asked_about_once() -> None:
    none = {"households": 0, "poor_households": 0, "near_poor_households": 0}
    found = beside(standing(a_submission()), revision=2, readings=none)
    assert faults(found)["/readings/households"] in ("needs_confirmation", "zero_needs_confirmation")
    assert len([fault for fault in found.faults if fault.pointer == "/readings/households"]) == 1
