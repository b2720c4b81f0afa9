"""Units that people name in words, as options of commands do."""

from __future__ import annotations

import pytest

from shared.contracts.bilingual import Bilingual
from shared.reference.load import load
from shared.reference.models import Unit
from shared.reference.naming import criteria_named, unit_meant

UNITS = load().units


@pytest.mark.parametrize(
    ("text", "code"),
    [("184", "184"), ("Văn Quan", "184"), ("van quan", "184"), ("huyện Văn Quan", "184"), ("Diem He", "06280"),
     ("xã Điềm He", "06280"), ("Hòa Bình, Văn Quan", "06274")],
)  # fmt: skip
def test_a_unit_is_found_by_code_or_name_with_or_without_diacritics(text: str, code: str) -> None:
    meant = unit_meant(text, UNITS, is_area=True)
    assert isinstance(meant, Unit), meant
    assert meant.code == code


def test_a_name_that_several_units_have_asks_for_the_district() -> None:
    meant = unit_meant("Hòa Bình", UNITS)
    assert isinstance(meant, Bilingual)
    assert "06274 xã Hòa Bình (huyện Văn Quan)" in meant.vi
    assert "add the district" in meant.en


def test_a_name_that_is_misspelt_is_answered_with_the_near_ones() -> None:
    meant = unit_meant("Van Quann", UNITS)
    assert isinstance(meant, Bilingual)
    assert "184 huyện Văn Quan" in meant.vi
    assert "Is it one of" in meant.en


def test_criteria_are_named_by_their_numbers() -> None:
    assert criteria_named(["ntm-11", "advanced-12"]) == Bilingual(vi="11, 12 (nâng cao)", en="11, 12 (advanced)")
    assert criteria_named(["*"]) == Bilingual(vi="mọi tiêu chí", en="all criteria")


def test_a_code_that_nobody_has_is_unknown() -> None:
    meant = unit_meant("99999", UNITS)
    assert isinstance(meant, Bilingual)
    assert "99999" in meant.vi
