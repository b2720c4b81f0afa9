"""July 2025 in a plan that runs across it: what new communes begin with, and that no sum moves by a merger alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.scoring.judging.aggregates import summed
from services.scoring.judging.assessments import explain_criterion
from services.scoring.judging.figures import Figures
from services.scoring.judging.increments import Increment
from services.scoring.judging.inheritance import not_inherited, with_inherited
from services.scoring.judging.judge import Judge
from services.scoring.judging.readings import Reading
from shared.contracts.status import Stage, Status
from shared.reference.load import Reference, load
from shared.reference.models import COMMUNE_LEVEL, Commitment, Unit
from tests.builders import a_reading, poverty, readings
from tests.plan_2025 import PLAN, reference_with_2025

EVE, DAY = date(2025, 6, 30), date(2025, 7, 1)
POVERTY_RATE, POVERTY_COUNT, BORDER_COUNT = "poverty-rate", "poverty-communes", "border-communes"


def loaded() -> Reference:
    with TemporaryDirectory() as directory:
        return load(PLAN, reference_with_2025(Path(directory)))


REFERENCE = loaded()
COMMUNES = REFERENCE.units.communes(EVE, "20")
STAYING = [unit for unit in COMMUNES if REFERENCE.lineage.left(unit) is None]
NEW = REFERENCE.units.communes(DAY, "20")
ALL_OLD = REFERENCE.units.communes(EVE, "20", COMMUNE_LEVEL)
ALL_NEW = REFERENCE.units.communes(DAY, "20", COMMUNE_LEVEL)
MERGED = "06004"  # xã Quốc Khánh: four communes, no town
WITH_TOWN, WITH_SPLIT = "06112", "06613"  # xã Bình Gia; xã Đình Lập, with the larger part of xã Bính Xá


def unit_of(code: str, on: date = DAY) -> Unit:
    unit = REFERENCE.units.find(code, on)
    assert unit is not None
    return unit


def parts_of(unit: Unit) -> list[Unit]:
    return [old for _, old in REFERENCE.lineage.origins(unit)]


def target(name: str, code: str = "20") -> tuple[Commitment, Unit]:
    return next(one for one in REFERENCE.plan.commitments if one.id == name), unit_of(code, EVE)


def steps_of(name: str, figures: Mapping[int, Figures]) -> Mapping[date, Increment]:
    commitment, unit = target(name)
    return summed([(commitment, unit)], with_inherited(figures, REFERENCE), REFERENCE).get(
        (commitment.id, unit.key), {}
    )


def amounts(increment: Increment) -> tuple[Decimal, Decimal, int]:
    return increment.numerator, increment.denominator, increment.units


def total(name: str, figures: Mapping[int, Figures], on: date) -> Increment:
    """Return the province's sum on a day."""
    return sum((step for day, step in steps_of(name, figures).items() if day <= on), Increment())


def judged(unit: Unit, figures: Mapping[int, Figures], on: date = DAY) -> Status:
    known = with_inherited(figures, REFERENCE)[unit.key]
    return explain_criterion(Judge(REFERENCE, on).criterion("ntm-11", unit, known)).status


def all_report(poor: int = 100, units: Sequence[Unit] = COMMUNES) -> dict[int, Figures]:
    return {unit.key: readings(*poverty("2025-05", poor, known_from=date(2025, 6, 4))) for unit in units}


# --- who takes whose place ---------------------------------------------------------------------------------


def test_of_what_nobody_reports_each_commune_is_judged_by_the_time_in_which_it_exists() -> None:
    silent = Judge(REFERENCE, EVE)
    for day in (EVE, DAY, date(2025, 9, 6), date(2026, 1, 31)):
        for unit in (*COMMUNES, *NEW):
            found = silent.at(day).criterion_unreported("ntm-11", unit)
            assert found == Judge(REFERENCE, day).criterion("ntm-11", unit, Figures()), (day, unit)


def test_what_happens_after_a_plans_deadline_is_nothing_to_it() -> None:
    lineage, units = load().lineage, load().units
    assert all(lineage.family(unit.key) == (unit.key,) for unit in units)
    assert all(lineage.heirs(unit) == [] and lineage.left(unit) is None for unit in units)


def test_the_larger_part_of_a_split_commune_takes_its_place() -> None:
    binh_xa = unit_of("06622", EVE)
    assert [(day, heir.title) for day, heir in REFERENCE.lineage.heirs(binh_xa)] == [(DAY, "xã Đình Lập")]


def test_a_commune_that_becomes_part_of_a_ward_leaves_the_plan() -> None:
    hoang_dong = unit_of("05986", EVE)
    assert REFERENCE.lineage.left(hoang_dong) == DAY
    province = unit_of("20")
    assert REFERENCE.communes_counted(province, EVE) == 175
    assert REFERENCE.communes_counted(province, DAY) == len(STAYING) == 168


def test_a_cohorts_commune_is_bound_through_whoever_takes_its_place_and_not_by_its_code() -> None:
    border = next(cohort for cohort in REFERENCE.plan.cohorts if cohort.id == "border-2025")
    old, new = unit_of("06004", EVE), unit_of(MERGED)
    other = unit_of("06016", EVE)
    assert old.code in border.members
    assert other.code not in border.members
    assert REFERENCE.binds(old, "ntm-11")
    assert REFERENCE.binds(new, "ntm-11")
    assert border in REFERENCE.cohorts_of(new)
    assert new in [heir for _, heir in REFERENCE.lineage.heirs(other)]
    assert not REFERENCE.binds(other, "ntm-11"), "a commune that merges into a bound one was bound to nothing"


# --- what a new commune begins with ------------------------------------------------------------------------


def test_a_commune_of_whole_communes_begins_with_their_figures_added_up() -> None:
    new = unit_of(MERGED)
    figures = {
        old.key: readings(*poverty("2025-05", 10 * number, 100 * number, submission=UUID(int=number)))
        for number, old in enumerate(parts_of(new), 1)
    }
    count = len(figures)
    known = with_inherited(figures, REFERENCE)[new.key]
    part = explain_criterion(Judge(REFERENCE, DAY).criterion("ntm-11", new, known)).parts[0]
    whole = count * (count + 1) // 2
    assert (part.numerator, part.denominator) == (10 * whole, 100 * whole)
    assert part.submissions == [UUID(int=number) for number in range(1, count + 1)]
    assert not_inherited(new, with_inherited(figures, REFERENCE), REFERENCE) == []


def test_what_is_inherited_has_come_no_further_than_the_least_of_it_and_is_known_when_all_of_it_is() -> None:
    new = unit_of(MERGED)
    figures = {old.key: readings(*poverty("2025-05", 10, stage=Stage.VERIFIED)) for old in parts_of(new)}
    late = parts_of(new)[-1].key
    figures[late] = readings(*poverty("2025-05", 10, known_from=date(2025, 7, 3)))
    inherited = [one for one in with_inherited(figures, REFERENCE)[new.key].values() if one.element == "households"]
    assert [(one.stage, one.known_from) for one in inherited] == [(Stage.REPORTED, date(2025, 7, 3))]


def test_of_yes_and_no_all_have_to_hold() -> None:
    new = unit_of(MERGED)
    first, *others = parts_of(new)

    def held(by_the_first: int) -> bool:
        figures = {old.key: readings(a_reading("recognised_02", "2025-05", 1)) for old in others}
        figures[first.key] = readings(a_reading("recognised_02", "2025-05", by_the_first))
        (reading,) = with_inherited(figures, REFERENCE)[new.key].values()
        return bool(reading.value)

    assert held(1)
    assert not held(0)


def test_cases_of_the_past_and_decisions_on_recognition_stay_with_whom_they_were_of() -> None:
    new = unit_of(MERGED)
    of_each = readings(a_reading("jobs_found", "2025-05", 5), a_reading("ntm_recognised", "2025-05-20", 1))
    figures = {old.key: of_each for old in parts_of(new)}
    assert with_inherited(figures, REFERENCE)[new.key] == {}


def test_only_periods_that_all_have_figures_of_are_inherited() -> None:
    new = unit_of(MERGED)
    figures = {old.key: readings(*poverty("2025-04", 10)) for old in parts_of(new)}
    ahead = parts_of(new)[0].key
    figures[ahead] = readings(*poverty("2025-04", 10), *poverty("2025-05", 12))
    known = with_inherited(figures, REFERENCE)[new.key]
    assert {period.text for _, period in known} == {"2025-04"}


def test_its_own_figures_take_over_when_they_come() -> None:
    new, figures = unit_of(MERGED), all_report(poor=20)
    assert judged(new, figures) == Status.MET
    figures[new.key] = readings(*poverty("2025-07", 900, 4000))
    assert judged(new, figures, date(2025, 8, 5)) == Status.BEHIND


@pytest.mark.parametrize(
    ("code", "of", "words"),
    [
        (WITH_TOWN, "06100", ["thị trấn Bình Gia", "không có số liệu"]),
        (WITH_SPLIT, "06622", ["xã Bính Xá đã chia"]),
        (WITH_SPLIT, "06628", ["gồm cả một phần của xã Bính Xá"]),
    ],
)
def test_what_cannot_be_split_or_added_up_is_named_with_its_reason(code: str, of: str, words: list[str]) -> None:
    new, known = unit_of(code), with_inherited(all_report(), REFERENCE)
    assert known[new.key] == {}
    assert judged(new, all_report()) == Status.NO_DATA
    told = {one.unit.code: one for one in not_inherited(new, known, REFERENCE)}
    assert told[of].elements == ["households", "near_poor_households", "poor_households"]
    assert all(word in told[of].reason.vi for word in words)


# --- sums --------------------------------------------------------------------------------------------------


@st.composite
def figures_of_communes(draw: st.DrawFn) -> dict[int, Figures]:
    """Some communes' counts of some months, most in time, some of June only in July."""
    found = {}
    for unit in draw(st.lists(st.sampled_from(COMMUNES), unique=True, max_size=25)):
        known: list[Reading] = []
        for month in draw(st.sets(st.integers(1, 6), max_size=3)):
            in_time = date(2025, month + 1, 5)
            late = draw(st.sampled_from([0, 0, 0, 9, 40]))
            counts = draw(st.integers(0, 200)), draw(st.integers(300, 4000))
            known += poverty(f"2025-{month:02}", *counts, known_from=in_time + timedelta(days=late))
        found[unit.key] = readings(*known)
    return found


@settings(max_examples=40, deadline=None)
@given(figures_of_communes())
def test_totals_are_the_same_on_both_sides_of_the_day(figures: dict[int, Figures]) -> None:
    remaining = {unit.key: figures[unit.key] for unit in STAYING if unit.key in figures}
    for name in (POVERTY_COUNT, BORDER_COUNT):
        assert total(name, figures, DAY) == total(name, remaining, EVE)
    # no household leaves the province with a commune that becomes part of a ward
    assert total(POVERTY_RATE, figures, DAY) == total(POVERTY_RATE, figures, EVE)


@settings(max_examples=20, deadline=None)
@given(figures_of_communes(), st.lists(st.integers(0, 900), min_size=len(ALL_NEW), max_size=len(ALL_NEW)))
def test_nothing_is_doubled_when_the_new_communes_report(figures: dict[int, Figures], poor: list[int]) -> None:
    own = {
        unit.key: readings(*poverty("2025-07", count, 5000, known_from=date(2025, 8, 4)))
        for unit, count in zip(ALL_NEW, poor, strict=True)
    }
    after = total(POVERTY_RATE, figures | own, date(2025, 8, 31))
    assert amounts(after) == (sum(poor), 5000 * len(ALL_NEW), len(ALL_OLD))
    assert after.reports == len(ALL_OLD)


def test_a_plans_communes_are_counted_through_whoever_takes_their_place() -> None:
    figures = all_report(poor=20)
    assert total(POVERTY_COUNT, figures, EVE).numerator == 175
    assert total(POVERTY_COUNT, figures, DAY).numerator == len(STAYING)
    new = unit_of(MERGED)
    figures[new.key] = readings(*poverty("2025-07", 900, 4000, known_from=date(2025, 8, 4)))
    after = total(POVERTY_COUNT, figures, date(2025, 8, 31))
    assert amounts(after) == (len(STAYING) - len(parts_of(new)), 0, len(STAYING))
    assert after.reports == len(parts_of(new)), "all others owe the report of July"


def test_a_split_commune_stands_for_its_heirs_until_the_larger_part_reports() -> None:
    binh_xa = unit_of("06622", EVE)
    figures = {binh_xa.key: readings(*poverty("2025-05", 80))}
    minor, larger = unit_of("06625"), unit_of(WITH_SPLIT)
    figures[minor.key] = readings(*poverty("2025-07", 30, 500, known_from=date(2025, 8, 4)))
    assert total(POVERTY_RATE, figures, date(2025, 8, 31)).denominator == 1500
    figures[larger.key] = readings(*poverty("2025-07", 60, 900, known_from=date(2025, 8, 5)))
    assert total(POVERTY_RATE, figures, date(2025, 8, 31)).denominator == 1400


def test_a_late_report_of_an_old_commune_counts_until_the_new_one_reports() -> None:
    new, figures = unit_of(MERGED), all_report(poor=20)
    old = parts_of(new)[0]
    june = poverty("2025-06", 500, known_from=date(2025, 7, 5))
    figures[old.key] = readings(*figures[old.key].values(), *june)
    before, after = (total(POVERTY_RATE, figures, date(2025, 7, day)).numerator for day in (4, 5))
    assert after - before == 480


def test_the_judged_series_does_not_break_where_the_tree_changes() -> None:
    figures = all_report(units=ALL_OLD)
    seen = Judge(REFERENCE, DAY).observations_of(*target(POVERTY_RATE), steps_of(POVERTY_RATE, figures))
    assert {(one.units_counted, one.units_expected, one.value) for one in seen if one.effective <= DAY} == {
        (194, 194, 10)
    }


def test_what_ended_before_the_plan_stands_in_its_baseline_until_the_grown_commune_reports() -> None:
    ended, grown = unit_of("06007", date(2024, 11, 30)), unit_of("05998", EVE)
    figures = {ended.key: readings(*poverty("2024-10", 50)), grown.key: readings(*poverty("2024-11", 100))}
    assert amounts(total(POVERTY_RATE, figures, REFERENCE.plan.baseline_date)) == (150, 2000, 1)
    figures[grown.key] = readings(*poverty("2024-11", 100), *poverty("2024-12", 140, 1900, known_from=date(2025, 1, 5)))
    after = total(POVERTY_RATE, figures, date(2025, 1, 31))
    assert amounts(after) == (140, 1900, 1)
    assert (after.comparison.before_numerator, after.comparison.before_denominator) == (140, 1900)


def test_kin_are_all_whose_figures_have_to_do_with_each_other() -> None:
    split, larger, minor = unit_of("06622", EVE), unit_of(WITH_SPLIT), unit_of("06625")
    found = REFERENCE.lineage.families([split.key])
    assert {split.key, larger.key, minor.key, *(old.key for old in parts_of(minor))} <= set(found)
    assert found == REFERENCE.lineage.families(found)


def test_offices_that_have_ended_owe_no_more_reports() -> None:
    """Since July 2025 there are no districts."""
    commitment, province = target("new-jobs")
    owed = {due.period.text: offices for due, offices in REFERENCE.offices_that_owe(commitment, province)}
    assert (owed["2025-06"], owed["2025-07"], len(owed)) == (11, 0, 12)


def test_flows_of_a_merged_commune_are_compared_with_those_of_all_its_parts() -> None:
    """The month's cases in each of the four communes that Quốc Khánh was made of, a year before."""
    heir, parts = unit_of(MERGED), parts_of(unit_of(MERGED))
    cases = {part.key: readings(a_reading("gbv_cases", "2024-08", 3)) for part in parts}
    cases[heir.key] = readings(a_reading("gbv_cases", "2025-08", 5))
    sum_of = total("gender-violence", cases, date(2025, 9, 1))
    assert (sum_of.numerator, sum_of.comparison.before_numerator) == (5, 3 * len(parts))
    assert sum_of.comparison.new_numerator == 0
    del cases[parts[0].key]
    lacking = total("gender-violence", cases, date(2025, 9, 1))
    assert (lacking.comparison.before_numerator, lacking.comparison.new_numerator) == (0, 5)


def test_flows_before_a_merger_are_compared_by_the_communes_of_then() -> None:
    part = parts_of(unit_of(MERGED))[0]
    cases = {part.key: readings(a_reading("gbv_cases", "2024-03", 4), a_reading("gbv_cases", "2025-03", 1))}
    sum_of = total("gender-violence", cases, date(2025, 9, 1))
    assert (sum_of.numerator, sum_of.comparison.before_numerator) == (1, 4)
