"""The registry of units against known facts of Lạng Sơn."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.reference.load import load
from shared.reference.models import Unit
from shared.text import without_diacritics

UNITS = load().units
IN_2023 = date(2023, 6, 30)
AT_2025 = date(2025, 1, 1)
AFTER_2025 = date(2025, 7, 1)

days = st.dates(min_value=date(2020, 1, 1), max_value=date(2027, 12, 31))
units = st.sampled_from(list(UNITS))


def lowest(on: date) -> list[Unit]:
    return [unit for unit in UNITS if unit.kind in {"commune", "town", "ward"} and unit.is_valid(on)]


@pytest.mark.parametrize(
    ("on", "communes", "everything"), [(IN_2023, 181, 200), (AT_2025, 175, 194), (AFTER_2025, 61, 65)]
)
def test_the_registry_has_the_known_number_of_communes(on: date, communes: int, everything: int) -> None:
    assert len(UNITS.communes(on, "20")) == communes
    assert len(lowest(on)) == everything


def test_communes_come_by_code_and_only_from_the_unit_asked_for() -> None:
    of_van_quan = UNITS.communes(IN_2023, "184")
    assert [unit.code for unit in of_van_quan] == sorted(unit.code for unit in of_van_quan)
    assert len(of_van_quan) == 16
    assert all(UNITS.is_under(unit, "184") for unit in of_van_quan)
    assert sum(len(UNITS.communes(IN_2023, str(code))) for code in (178, *range(180, 190))) == 181


def test_towns_and_wards_count_where_the_plan_counts_them() -> None:
    assert len(UNITS.counting(["commune", "town", "ward"]).communes(IN_2023, "20")) == 200


def test_one_name_may_be_four_communes() -> None:
    named = [unit for unit in UNITS.named("Hòa Bình") if unit.is_valid(IN_2023)]
    assert [unit.code for unit in named] == ["06103", "06274", "06397", "06508"]
    assert [unit.code for unit in UNITS.named("hoa binh", "văn quan")] == ["06274"]


def test_people_name_a_unit_with_its_kind_and_its_district() -> None:
    def meant(text: str) -> list[str]:
        return [unit.code for unit in UNITS.meant_by(text) if unit.is_valid(IN_2023)]

    assert meant("xã Hòa Bình, huyện Văn Quan") == meant("hoa binh (van quan)") == ["06274"]
    assert (meant("huyện Văn Quan"), meant("thị trấn Văn Quan")) == (["184"], ["06253"])
    assert sorted(meant("Văn Quan")) == ["06253", "184"]
    assert meant("phường Hòa Bình") == meant("Atlantis") == meant("") == []


def test_a_unit_that_ended_has_heirs_however_often_it_was_merged() -> None:
    dai_dong = UNITS.known("06040")[0]
    assert [unit.title for unit in UNITS.heirs(dai_dong, AT_2025)] == ["thị trấn Thất Khê", "xã Đội Cấn"]
    assert all(unit.valid_from == AFTER_2025 for unit in UNITS.heirs(dai_dong, AFTER_2025))
    assert UNITS.heirs(dai_dong, IN_2023) == []


def test_nine_names_repeat_among_the_communes_of_2023() -> None:
    names = [unit.name for unit in UNITS.communes(IN_2023, "20")]
    assert len({name for name in names if names.count(name) > 1}) == 9


def test_a_code_that_is_used_again_is_another_unit() -> None:
    first, town, commune = UNITS.known("06040")
    assert (first.name, first.kind, first.valid_to) == ("Đại Đồng", "commune", date(2024, 11, 30))
    assert (town.name, town.kind, town.valid_to) == ("Thất Khê", "town", date(2025, 6, 30))
    assert (commune.name, commune.kind, commune.valid_to) == ("Thất Khê", "commune", None)
    assert UNITS.find("06040", IN_2023) == first
    assert UNITS.find("06040", AT_2025) == town
    assert UNITS.find("06040", AFTER_2025) == commune


def test_a_commune_that_was_split_has_a_larger_and_a_smaller_successor() -> None:
    dai_dong = UNITS.known("06040")[0]
    after = {succession.relation: unit.title for succession, unit in UNITS.successors(dai_dong)}
    assert after == {"split_default": "thị trấn Thất Khê", "split_minor": "xã Đội Cấn"}


def test_a_unit_that_only_grows_keeps_its_key() -> None:
    before, after = UNITS.find("06286", IN_2023), UNITS.find("06286", AT_2025)
    assert before is not None
    assert before == after
    dong_giap = UNITS.find("06295", IN_2023)
    assert dong_giap is not None
    assert [unit.key for _, unit in UNITS.successors(dong_giap)] == [before.key]


def test_no_unit_has_a_district_after_july_2025() -> None:
    then = UNITS.find("06280", IN_2023)
    now = UNITS.find("06280", AFTER_2025)
    assert then is not None
    assert now is not None
    district = UNITS.district(then)
    assert district is not None
    assert (district.code, district.title) == ("184", "huyện Văn Quan")
    assert UNITS.district(now) is None
    assert [unit.code for unit in UNITS.ancestors(now)] == ["20"]
    assert UNITS.find("184", AFTER_2025) is None


def test_a_district_is_its_own_district_and_the_province_has_none() -> None:
    city, province = UNITS.find("178", IN_2023), UNITS.find("20", IN_2023)
    assert city is not None
    assert province is not None
    assert UNITS.district(city) == city
    assert UNITS.district(province) is None


def test_titles_say_the_kind() -> None:
    titles = {
        code: unit.title
        for code in ("06280", "184", "178", "20", "05971", "06253")
        if (unit := UNITS.find(code, IN_2023))
    }
    assert titles == {
        "06280": "xã Điềm He",
        "184": "huyện Văn Quan",
        "178": "thành phố Lạng Sơn",
        "20": "tỉnh Lạng Sơn",
        "05971": "phường Hoàng Văn Thụ",
        "06253": "thị trấn Văn Quan",
    }
    commune = UNITS.find("06280", IN_2023)
    assert commune is not None
    assert commune.title_in("en") == "Điềm He commune"


def test_the_codes_of_2025_are_those_of_the_decision() -> None:
    """Decision 19/2025/QĐ-TTg, annex; other lists give these five the codes of other former communes."""
    named = {"Quốc Khánh": "06004", "Na Sầm": "06124", "Ba Sơn": "06196", "Cao Lộc": "06211", "Thiện Tân": "06436"}
    units = [unit for unit in UNITS if unit.valid_from == date(2025, 7, 1)]
    assert len(units) == 61 + 4
    assert {unit.name: unit.code for unit in units if unit.name in named} == named
    parts = {unit: [old.code for _, old in UNITS.predecessors(unit)] for unit in units}
    assert [unit.name for unit in units if unit.code not in parts[unit]] == [], "each took the code of one of its parts"


def test_an_unknown_code_or_day_finds_nothing() -> None:
    assert UNITS.find("99999", IN_2023) is None
    assert UNITS.known("99999") == []
    assert UNITS.find("06280", date(1990, 1, 1)) is None


@given(units, days)
def test_a_code_is_one_units_on_any_day(unit: Unit, on: date) -> None:
    assert sum(other.is_valid(on) for other in UNITS.known(unit.code)) <= 1


@given(units)
def test_what_ends_is_followed_by_what_exists_the_day_after(unit: Unit) -> None:
    if unit.valid_to is None or unit.kind in {"district", "city"}:
        assert UNITS.successors(unit) == []
        return
    following = UNITS.successors(unit)
    assert following
    assert all(after.is_valid(unit.valid_to + timedelta(days=1)) for _, after in following)
    relations = sorted(succession.relation for succession, _ in following)
    assert relations in (["whole"], ["split_default", "split_minor"])


@given(units)
def test_units_are_found_by_name_without_diacritics(unit: Unit) -> None:
    assert unit in UNITS.named(without_diacritics(unit.name).upper())
    district = UNITS.district(unit)
    if district is not None and district != unit:
        assert unit in UNITS.named(unit.name, district.name)


@given(units)
def test_parents_exist_as_long_as_their_children(unit: Unit) -> None:
    for ancestor in UNITS.ancestors(unit):
        assert ancestor.is_valid(unit.valid_from)
        assert ancestor.is_valid(unit.valid_to or date(2100, 1, 1))
