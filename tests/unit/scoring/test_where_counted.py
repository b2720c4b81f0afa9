"""The units whose figures a measure counts: rates of the whole province and counts of its communes."""

from __future__ import annotations

from datetime import date

import pytest

from services.scoring.judging.aggregates import summed
from services.scoring.judging.assessments import assess_target
from services.scoring.judging.figures import Figures
from services.scoring.judging.judge import Judge
from shared.contracts.assessment import Assessment
from shared.contracts.status import Status
from shared.reference.load import Reference, load
from shared.reference.models import COMMUNE_LEVEL, Commitment, Unit
from tests.builders import a_reading, poverty, readings

END_OF_YEAR, MIDYEAR = date(2022, 12, 31), date(2023, 6, 30)
WIDE = {"poverty-rate", "poverty-rate-poor-districts", "gender-violence", "gender-violence-no-increase"} | {
    f"coverage-{benefit}" for benefit in ("health", "education", "credit", "production", "housing", "nutrition")
}


@pytest.fixture(scope="module")
def reference() -> Reference:
    return load()


def commitment(name: str, reference: Reference) -> Commitment:
    return next(one for one in reference.plan.commitments if one.id == name)


def unit(code: str, reference: Reference) -> Unit:
    found = reference.units.find(code, MIDYEAR)
    assert found
    return found


def assessed(name: str, figures: dict[int, Figures], reference: Reference, target: str = "20") -> Assessment:
    promise, place = commitment(name, reference), unit(target, reference)
    sums = summed([(promise, place)], figures, reference).get((promise.id, place.key), {})
    return assess_target(Judge(reference, MIDYEAR), promise, place, sums)


def test_wards_and_towns_count_for_what_is_promised_of_the_whole_province_and_for_nothing_else(
    reference: Reference,
) -> None:
    province = unit("20", reference)
    towns = reference.units.communes(MIDYEAR, "20", ("ward", "town"))
    assert len(towns) == 19
    for town in towns:
        counted = {
            one.id for one in reference.plan.commitments if any(reference.contributes(town, one, p) for p in [province])
        }
        assert counted == WIDE


def test_the_files_of_the_plan_let_units_count_what_is_expected_of_them(reference: Reference) -> None:
    for promise in reference.plan.commitments:
        for code in reference.elements_of(promise):
            for kind in reference.kinds_summed(promise):
                assert kind in reference.elements[code].counted_in, (promise.id, code, kind)
        if promise.id in WIDE:
            assert "towns" in (promise.source or ""), f"{promise.id}: the reading is not marked"


def test_the_rate_of_the_province_is_over_all_its_units_and_says_so(reference: Reference) -> None:
    everyone = reference.units.communes(MIDYEAR, "20", COMMUNE_LEVEL)
    figures = {
        place.key: readings(
            *poverty("2022-12", 200 if place.kind == "commune" else 50),
            *poverty("2023-05", 190 if place.kind == "commune" else 50),
        )
        for place in everyone
    }
    assessment = assessed("poverty-rate", figures, reference)
    (part,) = assessment.parts
    assert (part.units_counted, part.units_expected, part.denominator) == (200, 200, 200_000)
    assert part.numerator == 181 * 190 + 19 * 50
    assert part.counted_in == ["commune", "ward", "town"]
    assert "trên 200 xã, phường, thị trấn" in assessment.reason.vi
    assert "over 200 communes, wards, towns" in assessment.reason.en


def test_silent_towns_are_told_among_the_units_without_figures(reference: Reference) -> None:
    figures = {
        place.key: readings(*poverty("2022-12", 200), *poverty("2023-05", 190))
        for place in reference.units.communes(MIDYEAR, "20")
    }
    assessment = assessed("poverty-rate", figures, reference)
    assert assessment.parts[0].units_counted == 181
    assert "19 trong 200 xã, phường, thị trấn chưa có số liệu" in assessment.reason.vi


def test_a_poor_districts_rate_includes_its_town(reference: Reference) -> None:
    figures = {
        place.key: readings(*poverty("2022-12", 300), *poverty("2023-05", 250))
        for place in reference.units.communes(MIDYEAR, "181", COMMUNE_LEVEL)
    }
    (part,) = assessed("poverty-rate-poor-districts", figures, reference, "181").parts
    assert (part.units_counted, part.units_expected, part.status) == (19, 19, Status.MET)


def test_cases_of_towns_are_part_of_the_sum_and_the_words_name_the_kinds_of_units(reference: Reference) -> None:
    town, commune, district = (unit(code, reference) for code in ("06253", "06280", "185"))
    figures = {
        place.key: readings(a_reading("gbv_cases", "2022-02", 3), a_reading("gbv_cases", "2023-02", 2))
        for place in (town, commune, district)
    }
    assessment = assessed("gender-violence", figures, reference)
    assert assessment.parts[0].numerator == 6
    assert "ở các xã, phường, thị trấn" in assessment.reason.vi


def test_rural_workers_are_those_of_the_communes(reference: Reference) -> None:
    town = unit("06253", reference)
    figures = {town.key: readings(a_reading("jobs_found", "2023-02", 40))}
    assert assessed("new-jobs", figures, reference).parts[0].value is None
    jobs = {unit("06280", reference).key: readings(a_reading("jobs_found", "2023-02", 40))}
    assessment = assessed("new-jobs", jobs, reference)
    assert (assessment.parts[0].numerator, assessment.parts[0].counted_in) == (40, ["commune"])
    assert "ở các xã;" in assessment.reason.vi
