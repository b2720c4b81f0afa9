"""Figures as people write them, among them figures that can be read in two ways."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.workbook.numbers import DecimalMark, Evidence, is_ambiguous, mark_of, meanings, value_of, yes_or_no
from shared.contracts.bilingual import Language
from shared.text import number

NOTHING = Evidence(frozenset())


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1204", 1204),
        ("-3", -3),
        ("\u22123", -3),
        ("1 204", 1204),
        ("1\u00a0204", 1204),
        ("1\u202f234\u202f567", 1234567),
        ("1.234,5", 1234.5),
        ("1,234.5", 1234.5),
        ("1 234,5", 1234.5),
        ("12,5", 12.5),
        ("12.5", 12.5),
        ("1.234.567", 1234567),
        ("0,125", 0.125),
        ("0.125", 0.125),
        ("12,0", 12),
        ("  7 ", 7),
        ("\uff11\uff12\uff10\uff14", 1204),
        ("\u0661\u0662", 12),
        ("1204\u200b", 1204),
        ("\u20131", -1),
        ("'1204", 1204),
        ("1204.0", 1204),
        ("1204,00", 1204),
    ],
)
def test_a_figure_that_can_be_read_in_one_way_is_read_so(written: str, value: float) -> None:
    found = meanings(written)
    assert {value_of(exact) for exact in found.values()} == {value}


@pytest.mark.parametrize(
    "written",
    [
        "",
        "abc",
        "1.23,4",
        "1,23.4",
        "1e5",
        "12.5.1",
        "1..2",
        "12 hộ",
        "50 %",
        "1.2345,6",
        "12²",
        "0x10",
        "nan",
        "9" * 50,
    ],
)
def test_what_is_no_figure_is_none(written: str) -> None:
    assert meanings(written) == {}


@pytest.mark.parametrize("written", ["1.234", "1,234", "12.500", "-1,000"])
def test_a_lone_mark_before_three_digits_is_ambiguous(written: str) -> None:
    assert is_ambiguous(meanings(written))


def test_a_column_follows_its_unmistakable_figures() -> None:
    assert mark_of(["1.234", "12,5"], NOTHING, whole=False) is DecimalMark.COMMA
    assert mark_of(["1,234", "12.5"], NOTHING, whole=False) is DecimalMark.POINT


def test_a_column_that_mixes_styles_stays_ambiguous() -> None:
    assert mark_of(["1.234", "12,5", "3.75"], NOTHING, whole=False) is None


def test_whole_numbers_show_what_separates_their_thousands() -> None:
    assert mark_of(["1.204", "980"], NOTHING, whole=True) is DecimalMark.COMMA
    assert mark_of(["1,204", "980"], NOTHING, whole=True) is DecimalMark.POINT
    assert mark_of(["1,204", "1.204"], NOTHING, whole=True) is None
    assert mark_of(["1.000"], NOTHING, whole=True) is None


def test_measured_amounts_follow_the_rest_of_the_file() -> None:
    assert mark_of(["1.234"], NOTHING, whole=False) is None
    assert mark_of(["1.234"], Evidence.of(["12,5"]), whole=False) is DecimalMark.COMMA
    assert mark_of(["1.234"], Evidence.of(["12,5", "12.5"]), whole=False) is None


def test_whole_numbers_that_contradict_the_rest_of_the_file_stay_ambiguous() -> None:
    assert mark_of(["1.204"], Evidence.of(["12.5"]), whole=True) is None


@given(st.integers(-(10**12), 10**12), st.sampled_from(["vi", "en"]))
def test_whole_numbers_as_we_write_them_are_read_back(value: int, language: Language) -> None:
    style = DecimalMark.COMMA if language == "vi" else DecimalMark.POINT
    assert meanings(number(value, language))[style] == value


@given(st.decimals(-(10**9), 10**9, places=2, allow_nan=False), st.sampled_from(["vi", "en"]))
def test_amounts_as_we_write_them_are_read_back(value: Decimal, language: Language) -> None:
    style = DecimalMark.COMMA if language == "vi" else DecimalMark.POINT
    assert meanings(number(value, language))[style] == value


@given(st.text(max_size=60))
def test_any_text_is_read_or_not_but_never_breaks_anything(text: str) -> None:
    for exact in meanings(text).values():
        assert exact.is_finite()
    assert yes_or_no(text) in {True, False, None}


@pytest.mark.parametrize("written", ["Có", "có", "CO", "co\u0301", "yes", "x", "X", "Đạt", "1", "true", "✓", "✔", "☑"])
def test_yes_is_understood(written: str) -> None:
    assert yes_or_no(written) is True


@pytest.mark.parametrize("written", ["Không", "khong", "no", "Chưa đạt", "chưa", "0", "FALSE"])
def test_no_is_understood(written: str) -> None:
    assert yes_or_no(written) is False


@pytest.mark.parametrize("written", ["có lẽ", "2", "?", "-", ""])
def test_what_is_neither_yes_nor_no_is_not_guessed(written: str) -> None:
    assert yes_or_no(written) is None
