"""Units that a sender names wrongly: the refusal names the unit that the sender may mean."""

from __future__ import annotations

from datetime import date

import pytest

from shared.contracts.submission import Submission
from tests.builders import a_posted_submission
from tests.unit.intake.rules_applied import (
    AFTER_2025,
    REFERENCE,
    check,
    codes,
    the_text,
)


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
    vietnamese, english = the_text(a_posted_submission(unit="06016", period="2025-12"), today=AFTER_2025)
    assert (
        "Trong kỳ tháng 12/2025 không có đơn vị nào mang mã 06016 (xã Tri Phương từ 01/01/2020 đến 30/06/2025)"
        in vietnamese
    )
    assert "Hãy gửi cho đơn vị kế thừa: 06004 xã Quốc Khánh" in vietnamese
    assert "06004 Quốc Khánh commune" in english


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
