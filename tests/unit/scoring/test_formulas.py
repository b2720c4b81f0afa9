"""Formulas that a source leaves open: a plan chooses one, every figure says which, and no two diverge."""

from __future__ import annotations

from datetime import date

import pytest

from services.scoring.judging.aggregates import summed
from services.scoring.judging.assessments import assess_target, explain_criterion
from services.scoring.judging.judge import Judge
from services.scoring.judging.readings import Reading
from shared.contracts.assessment import Assessment
from shared.contracts.status import Status
from shared.reference.load import Reference, load, with_plan
from shared.reference.models import Rate
from tests.builders import a_reading, poverty, readings

ON = date(2023, 6, 30)
VARIANT = "without_capacity_left_out"


@pytest.fixture(scope="module")
def reference() -> Reference:
    return load()


@pytest.fixture(scope="module")
def by_variant(reference: Reference) -> Reference:
    """Return the plan that leaves households without capacity to work out."""
    return with_plan(reference, reference.plan.model_copy(update={"formulas": {"ntm-11": VARIANT}}))


def without_capacity(period: str, poor: int, near_poor: int = 0) -> list[Reading]:
    return [
        a_reading("poor_households_without_work_capacity", period, poor),
        a_reading("near_poor_households_without_work_capacity", period, near_poor),
    ]


def judged(reference: Reference, *found: Reading) -> Assessment:
    unit = reference.units.find("06280", ON)
    assert unit is not None
    return explain_criterion(Judge(reference, ON).criterion("ntm-11", unit, readings(*found)))


def test_the_formula_as_it_stands_says_that_it_was_not_verified(reference: Reference) -> None:
    found = judged(reference, *poverty("2023-05", 160), *without_capacity("2023-05", 40))
    assert (found.status, found.parts[0].value) == (Status.NOT_MET, 16)
    assert found.parts[0].formula is not None
    assert (found.parts[0].formula.id, found.parts[0].formula.verified) == ("all_households", False)
    assert "công thức: tính cả hộ không có khả năng lao động (chưa đối chiếu văn bản)" in found.reason.vi
    assert "formula: households without capacity to work included (not verified)" in found.reason.en


def test_a_plan_that_chooses_the_variant_is_judged_by_it(by_variant: Reference) -> None:
    found = judged(by_variant, *poverty("2023-05", 160), *without_capacity("2023-05", 40))
    part = found.parts[0]
    assert (found.status, part.value, part.numerator, part.denominator) == (Status.MET, 12, 120, 1000)
    assert "công thức: trừ hộ không có khả năng lao động (chưa đối chiếu văn bản)" in found.reason.vi


def test_without_the_variants_figures_nothing_is_judged_and_the_words_name_them(by_variant: Reference) -> None:
    found = judged(by_variant, *poverty("2023-05", 160), *without_capacity("2023-05", 40)[:1])
    assert found.status == Status.NO_DATA
    assert "chưa có số liệu, còn thiếu: Hộ cận nghèo không có khả năng lao động; công thức" in found.reason.vi
    assert "no data yet, still missing: Near-poor households without capacity to work" in found.reason.en
    assert "còn thiếu" not in judged(by_variant).reason.vi


def test_more_households_without_capacity_than_poor_ones_are_judged_by_nothing(by_variant: Reference) -> None:
    found = judged(by_variant, *poverty("2023-05", 30), *without_capacity("2023-05", 40))
    assert (found.status, found.parts[0].value) == (Status.NO_DATA, None)


def test_a_rate_of_the_same_formula_follows_the_plans_choice(reference: Reference, by_variant: Reference) -> None:
    values = []
    for chosen in (reference, by_variant):
        rate = next(one for one in chosen.plan.commitments if one.id == "poverty-rate-poor-districts")
        measure = chosen.criterion("ntm-11").measures[0]
        assert isinstance(rate.measure, Rate)
        assert rate.measure.element_codes == measure.element_codes
        target = chosen.units.find("184", ON)
        assert target is not None
        figures = {
            unit.key: readings(*poverty("2023-05", 160), *without_capacity("2023-05", 40))
            for unit in chosen.units.communes(ON, "184", chosen.kinds_counted(rate))
        }
        sums = summed([(rate, target)], figures, chosen)[rate.id, target.key]
        assessment = assess_target(Judge(chosen, ON), rate, target, sums)
        assert "chưa đối chiếu văn bản" in assessment.reason.vi
        values.append(assessment.parts[0].value)
    assert values == [16, 12]


def test_a_count_of_communes_says_by_which_formula_they_meet_the_criterion(reference: Reference) -> None:
    count = next(one for one in reference.plan.commitments if one.id == "poverty-communes")
    formula = reference.formula_behind(count)
    assert formula is not None
    assert not formula.verified


def test_forms_ask_for_the_figures_only_where_the_plan_needs_them(reference: Reference, by_variant: Reference) -> None:
    code = "poor_households_without_work_capacity"
    assert (reference.is_asked_for(code), by_variant.is_asked_for(code)) == (False, True)
    assert reference.is_asked_for("workers"), "it finds slips though nothing is calculated from it"
    assert code in reference.elements, "and whoever reports it may"


def test_another_plan_may_return_to_the_sets_own_formula(reference: Reference, by_variant: Reference) -> None:
    returned = with_plan(by_variant, by_variant.plan.model_copy(update={"formulas": {}}))
    assert returned.criterion("ntm-11") == reference.criterion("ntm-11")
    assert returned.plan == reference.plan
