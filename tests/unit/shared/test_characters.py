"""Characters that look like others or like nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.characters import typed, visible, whole_digits
from shared.contracts.difficulty import DifficultyKind, DifficultyReport
from shared.text import plain, without_diacritics


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("\uff10\uff16\uff12\uff18\uff10", "06280"),
        ("06280\u200b", "06280"),
        ("06\u00ad280", "06280"),
        ("\ufeff06280", "06280"),
        ("'06280", "06280"),
        ("\u2019 06280", "06280"),
        ("06280 \u2013 \u00d0i\u1ec1m He", "06280 - Điềm He"),
        ("Qu\u00fd \u2161/2023", "Quý II/2023"),
        ("12\u00b2", "12\u00b2"),
        ("\u0661\u0662", "12"),
    ],
)
def test_a_text_is_read_as_a_keyboard_would_type_it(written: str, read: str) -> None:
    assert typed(written) == read


@pytest.mark.parametrize(
    "name", ["\u00d0i\u1ec1m He", "\u0110i\u1ec1m H\u0435", "Điềm\u00a0He", "Đ\u200biềm He", "\u00f0iềm he"]
)
def test_names_are_compared_whatever_their_letters_only_look_like(name: str) -> None:
    assert plain(name) == plain("Điềm He")


def test_a_look_alike_of_d_with_stroke_becomes_d_in_plain_letters() -> None:
    assert without_diacritics("\u00d0i\u1ec1m He, \u00f0\u1ea1t") == "Diem He, dat"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("06280\u200b", "06280[U+200B]"),
        ("Đi\u00adềm He", "Đi[U+00AD]ềm He"),
        ("H\u0435", "H\u0435[U+0435]"),
        ("\u041f\u0440\u0435", "\u041f\u0440\u0435"),
        ("Điềm He", "Điềm He"),
    ],
)
def test_a_quoted_text_shows_what_cannot_be_seen(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("6280.0", "6280"),
        ("6280,00", "6280"),
        ("6280.5", "6280.5"),
        ("1.000", "1.000"),
        ("x.0", "x.0"),
        ("'6280.0", "6280"),
    ],
)
def test_a_whole_number_of_a_program_has_no_fraction(written: str, read: str) -> None:
    assert whole_digits(written) == read


@given(st.text())
def test_any_text_is_typed(text: str) -> None:
    assert typed(typed(text)) == typed(text)
    visible(plain(text))


def test_a_difficulty_is_reported_for_the_unit_whose_code_has_characters_that_cannot_be_seen() -> None:
    report = DifficultyReport(unit="06280\u200b", kind=DifficultyKind.DATA, words="thiếu số liệu")
    assert report.unit == "06280"
