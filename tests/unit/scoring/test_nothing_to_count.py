"""Measures of nobody: no child of six hinders nothing, and no household at all is a figure to be checked."""

from __future__ import annotations

from datetime import date

import pytest

from services.scoring.judging.aggregates import summed
from services.scoring.judging.assessments import assess_target, explain_criterion
from services.scoring.judging.judge import Judge
from services.scoring.judging.readings import Reading
from shared.contracts.assessment import Assessment
from shared.contracts.status import Status
from shared.reference.load import Reference, load
from tests.builders import a_reading, poverty, readings

TODAY = date(2023, 8, 1)


@pytest.fixture(scope="module")
def reference() -> Reference:
    return load()


def education(children: int, enrolled: int, period: str = "2023-H1", **others: int) -> list[Reading]:
    counts = {
        "children_six": children, "children_six_enrolled": enrolled, "universal_education": 1,
        "leavers": 10, "leavers_continuing": 9, **others,
    }  # fmt: skip
    return [a_reading(code, period, count) for code, count in counts.items()]


def assessed(reference: Reference, criterion: str, *found: Reading) -> Assessment:
    unit = reference.units.find("06280", TODAY)
    assert unit
    return explain_criterion(Judge(reference, TODAY).criterion(criterion, unit, readings(*found)))


def test_no_child_of_six_hinders_nothing_and_is_said(reference: Reference) -> None:
    assessment = assessed(reference, "ntm-14", *education(0, 0))
    assert assessment.status == Status.MET
    children = assessment.parts[0]
    assert (children.applies, children.value, children.missing, children.gap) == (False, None, 0, None)
    assert "không áp dụng, vì không có đối tượng (6 tháng đầu năm 2023)" in assessment.reason.vi
    assert "does not apply" in assessment.reason.en


def test_another_measure_of_the_criterion_still_counts(reference: Reference) -> None:
    assert assessed(reference, "ntm-14", *education(0, 0, universal_education=0)).status == Status.NOT_MET


def test_once_there_are_children_again_they_count(reference: Reference) -> None:
    before = education(0, 0, "2022")
    assert assessed(reference, "ntm-14", *before, *education(10, 5)).status == Status.NOT_MET
    assert assessed(reference, "ntm-14", *before, *education(10, 10)).status == Status.MET


def test_no_household_brings_back_no_older_figure(reference: Reference) -> None:
    """A correction to 0 households left last year's rate in force."""
    before = poverty("2022-12", 100)
    assert assessed(reference, "ntm-11", *before).status == Status.MET
    assessment = assessed(reference, "ntm-11", *before, *poverty("2023-06", 0, 0))
    assert (assessment.status, assessment.parts[0].value) == (Status.NO_DATA, None)
    assert "không tính được, vì mẫu số bằng 0 (tháng 6/2023)" in assessment.reason.vi


def test_a_commune_without_children_keeps_the_criterion_in_the_provinces_count(reference: Reference) -> None:
    commitment, province = next(target for target in reference.targets if target[0].id == "education-communes")
    communes = reference.units.communes(TODAY, "20")
    figures = {
        unit.key: readings(*(education(0, 0) if number < 3 else education(10, 10)))
        for number, unit in enumerate(communes)
    }
    sums = summed([(commitment, province)], figures, reference)[commitment.id, province.key]
    (part,) = assess_target(Judge(reference, TODAY), commitment, province, sums).parts
    assert (part.value, part.units_counted) == (181, 181)


def test_a_commune_without_households_adds_nothing_to_a_rate(reference: Reference) -> None:
    commitment, province = next(target for target in reference.targets if target[0].id == "poverty-rate")
    communes = reference.units.communes(TODAY, "20")
    figures = {
        unit.key: readings(*poverty("2023-06", 100, 0 if number == 0 else 1000)) for number, unit in enumerate(communes)
    }
    sums = summed([(commitment, province)], figures, reference)[commitment.id, province.key]
    (part,) = assess_target(Judge(reference, TODAY), commitment, province, sums).parts
    assert (part.value, part.units_counted) == (10, 180)
