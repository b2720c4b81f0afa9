"""Numbers, days and names as people write them."""

from __future__ import annotations

from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import pytest
from babel.numbers import format_decimal
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.bilingual import Language
from shared.contracts.period import Period
from shared.contracts.status import Stage
from shared.problems import Fault, Faults
from shared.text import day, digits_apart, number, percent, period_name, shown, without_diacritics


@given(
    st.one_of(st.decimals(-(10**15), 10**15, places=6), st.floats(-1e15, 1e15), st.integers(-(10**15), 10**15)),
    st.sampled_from(["vi", "en"]),
    st.one_of(st.none(), st.integers(0, 6)),
)
def test_a_number_is_written_as_babel_writes_it(value: Decimal | float, language: Language, digits: int | None) -> None:
    quantum = Decimal(1).scaleb(-2 if digits is None else -digits)
    rounded = Decimal(str(value)).quantize(quantum, rounding=ROUND_HALF_UP)
    pattern = "#,##0.##" if digits is None else f"#,##0.{'0' * digits}".rstrip(".")
    assert number(value, language, digits) == format_decimal(rounded or abs(rounded), pattern, language)


def test_diacritics_go_and_d_with_stroke_becomes_d() -> None:
    assert without_diacritics("Điềm He, huyện Văn Quan, đạt") == "Diem He, huyen Van Quan, dat"


@pytest.mark.parametrize(("upper", "lower"), [("\u0110", "\u0111"), ("\u00d0", "\u00f0"), ("\u0189", "\u0256")])
def test_the_letters_that_look_like_d_with_stroke_become_d_too(upper: str, lower: str) -> None:
    assert without_diacritics(f"{upper}i\u1ec1m He {lower}\u1ea1t") == "Diem He dat"


@given(st.text(alphabet="aàáảãạăằâầđeèéêềiìíoòóôồơờuùúưừyỳýĐƠƯ xch"))
def test_vietnamese_without_diacritics_is_ascii_of_the_same_length(text: str) -> None:
    bare = without_diacritics(text)
    assert bare.isascii()
    assert len(bare) == len(text)
    assert without_diacritics(bare) == bare


@pytest.mark.parametrize(
    ("value", "digits", "vi", "en"),
    [
        (1204, None, "1.204", "1,204"),
        (12.5, None, "12,5", "12.5"),
        (Decimal("48.0663"), None, "48,07", "48.07"),
        (68.5, 2, "68,50", "68.50"),
        (1234567.891, 1, "1.234.567,9", "1,234,567.9"),
        (0.125, 2, "0,13", "0.13"),
        (-0.001, None, "0", "0"),
        (-3, None, "-3", "-3"),
        (100, 0, "100", "100"),
        (1000.0, None, "1.000", "1,000"),
    ],
)
def test_numbers_are_written_as_each_language_does(
    value: float | Decimal, digits: int | None, vi: str, en: str
) -> None:
    assert number(value, "vi", digits) == vi
    assert number(value, "en", digits) == en


@pytest.mark.parametrize(
    ("value", "others", "digits"),
    [
        (28 / 3, (28 / 3,), None),
        (28 / 3, (9.3, None), None),
        (9.334, (28 / 3,), 3),
        (9.33333, (28 / 3,), 6),
        (13.0, (12.999, 13.00001), 5),
        (0.1 + 0.2, (0.3,), 12),
    ],
)
def test_numbers_that_differ_are_written_with_the_decimals_that_show_it(
    value: float, others: tuple[float | None, ...], digits: int | None
) -> None:
    assert digits_apart(value, *others) == digits


def test_shares_have_a_space_before_the_sign() -> None:
    assert percent(12.5, "vi") == "12,5 %"
    assert percent(12.5, "en") == "12.5 %"


def test_days_are_written_as_each_language_does() -> None:
    assert day(date(2023, 6, 5), "vi") == "05/06/2023"
    assert day(date(2023, 6, 5), "en") == "5 June 2023"


@pytest.mark.parametrize(
    ("period", "language", "name"),
    [
        ("2023", "vi", "năm 2023"),
        ("2023-H1", "vi", "6 tháng đầu năm 2023"),
        ("2023-H2", "vi", "6 tháng cuối năm 2023"),
        ("2023-Q2", "vi", "quý II/2023"),
        ("2023-06", "vi", "tháng 6/2023"),
        ("2023-06-30", "vi", "ngày 30/06/2023"),
        ("2023", "en", "2023"),
        ("2023-H1", "en", "first half of 2023"),
        ("2023-H2", "en", "second half of 2023"),
        ("2023-Q4", "en", "quarter 4 of 2023"),
        ("2023-06", "en", "June 2023"),
        ("2023-06-30", "en", "30 June 2023"),
    ],
)
def test_periods_have_names(period: str, language: Language, name: str) -> None:
    assert period_name(Period.parse(period), language) == name


@pytest.mark.parametrize(
    ("value", "vietnamese", "english"),
    [
        (None, "không có giá trị", "null"),
        (True, "true", "true"),
        (12.5, "12.5", "12.5"),
        (float("nan"), "NaN", "NaN"),
        (10**4000, "một số quá lớn", "a number too great"),
        ([None], "một danh sách", "a list"),
        ({"a": None}, "một đối tượng", "an object"),
        (("a", Stage.VERIFIED), "a, thẩm tra", "a, verified"),
        (date(2023, 6, 30), "30/06/2023", "30 June 2023"),
        (Period.parse("2023-Q2"), "quý II/2023", "quarter 2 of 2023"),
        ("x" * 500, "x" * 77 + "...", "x" * 77 + "..."),
    ],
)
def test_no_sentence_shows_a_value_as_python_does(value: object, vietnamese: str, english: str) -> None:
    assert (shown(value, "vi"), shown(value, "en")) == (vietnamese, english)


def test_what_no_database_holds_is_shown_by_a_sign() -> None:
    assert shown("a\x00b", "vi") == "a�b"
    fault = Fault("/readings/a\x00b", Faults.UNKNOWN_FIELD).document("vi")
    assert fault["pointer"] == "/readings/a�b"
