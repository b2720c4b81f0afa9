"""The number of criteria that communes meet: their average, and the communes below a number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scoring.judging.aggregates import summed
from services.scoring.judging.assessments import assess_target
from services.scoring.judging.contributor import Contributor
from services.scoring.judging.figures import Figures, merge
from services.scoring.judging.increments import Increment, difference
from services.scoring.judging.judge import Judge
from services.scoring.judging.observations import Observation
from shared.contracts.assessment import Assessment
from shared.contracts.status import Status
from shared.reference.load import Reference, load
from shared.reference.models import Commitment, CommunesBelow, CriteriaAverage, Unit
from tests.builders import a_reading, poverty, readings

BEGINNING, MIDYEAR = date(2022, 12, 31), date(2023, 6, 30)
RECOGNISED = tuple(f"recognised_{number:02}" for number in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 15, 16, 17, 19))


@pytest.fixture(scope="module")
def reference() -> Reference:
    return load()


def a_commitment(reference: Reference, measure: CriteriaAverage | CommunesBelow, **changes: Any) -> Commitment:
    border = next(one for one in reference.plan.commitments if one.id == "border-communes")
    return border.model_copy(update={"measure": measure, "baseline": None, **changes})


def meeting(number: int, period: str = "2022", **changes: Any) -> list[Any]:
    """Return the readings by which a commune meets this number of the criteria that sectors recognise."""
    return [a_reading(element, period, int(at < number), **changes) for at, element in enumerate(RECOGNISED)]


def border(reference: Reference) -> list[Unit]:
    keys = reference.members_of("border-2023")
    return [unit for unit in reference.units.communes(MIDYEAR, "20") if unit.key in keys]


def place(code: str, reference: Reference) -> Unit:
    found = reference.units.find(code, MIDYEAR)
    assert found
    return found


def observed(
    promise: Commitment, figures: Mapping[int, Figures], reference: Reference, target: str = "20"
) -> Observation | None:
    unit = place(target, reference)
    sums = summed([(promise, unit)], figures, reference).get((promise.id, unit.key), {})
    seen = Judge(reference, MIDYEAR).observations_of(promise, unit, sums)
    return seen[-1] if seen else None


def assessed(promise: Commitment, figures: Mapping[int, Figures], reference: Reference) -> Assessment:
    unit = place("20", reference)
    sums = summed([(promise, unit)], figures, reference).get((promise.id, unit.key), {})
    return assess_target(Judge(reference, MIDYEAR), promise, unit, sums)


AVERAGE = CriteriaAverage(criteria_set="ntm", cohort="border-2023")


def test_the_average_is_of_all_members_and_a_criterion_without_figures_is_not_met(reference: Reference) -> None:
    figures = {unit.key: readings(*meeting(10 + number % 3)) for number, unit in enumerate(border(reference))}
    seen = observed(a_commitment(reference, AVERAGE), figures, reference)
    assert seen
    assert seen.value == Fraction(sum(10 + number % 3 for number in range(20)), 20)
    assert (seen.units_counted, seen.units_expected) == (20, 20)
    assert seen.criteria
    assert seen.criteria.without_figures == 20 * (19 - len(RECOGNISED))


def test_a_silent_commune_meets_nothing_and_the_words_say_how_much_is_without_figures(reference: Reference) -> None:
    silent, *others = border(reference)
    figures = {unit.key: readings(*meeting(12)) for unit in others}
    assessment = assessed(a_commitment(reference, AVERAGE), figures, reference)
    (part,) = assessment.parts
    assert part.value == pytest.approx(12 * 19 / 20)
    assert (part.criteria_without_figures, part.status) == (19 * 4 + 19, Status.BEHIND)
    assert "11,4 tiêu chí/xã" in assessment.reason.vi
    assert "1 trong 20 xã chưa có số liệu" in assessment.reason.vi
    assert "95 lượt tiêu chí chưa có số liệu, tính là chưa đạt" in assessment.reason.vi
    assert "95 of the communes' criteria have no figures" in assessment.reason.en
    assert silent.key not in figures


def test_the_average_has_a_path(reference: Reference) -> None:
    """From 10 to 14 over the year: 12 are asked for in the middle, and 10 are behind."""
    promise = a_commitment(reference, AVERAGE, goal=14)
    begin = {unit.key: meeting(10) for unit in border(reference)}
    statuses = []
    for number in (10, 12, 14):
        figures = {key: readings(*first, *meeting(number, "2023-05")) for key, first in begin.items()}
        (part,) = assessed(promise, figures, reference).parts
        assert part.baseline == 10
        statuses.append(part.status)
    assert statuses == [Status.BEHIND, Status.ON_TRACK, Status.MET]


def test_no_commune_below_a_number_of_criteria(reference: Reference) -> None:
    below = a_commitment(
        reference, CommunesBelow(criteria_set="ntm", criteria=11), direction="at_most", goal=0, measured_in="communes"
    )
    communes = reference.units.communes(MIDYEAR, "20")
    figures = {unit.key: readings(*meeting(10 if at < 3 else 11)) for at, unit in enumerate(communes)}
    seen = observed(below, figures, reference)
    assert seen
    assert (seen.value, seen.units_expected) == (3, 181)
    (part,) = assessed(below, figures, reference).parts
    assert part.missing == 3
    del figures[communes[-1].key]
    silent = observed(below, figures, reference)
    assert silent
    assert silent.value == 4, "of a silent commune nobody knows that it meets any"


def test_districts_and_the_province_have_both_measures_too(reference: Reference) -> None:
    average = a_commitment(reference, CriteriaAverage(criteria_set="ntm"))
    communes = reference.units.communes(MIDYEAR, "20")
    here = {unit.key for unit in reference.units.communes(MIDYEAR, "184")}
    figures = {unit.key: readings(*meeting(12 if unit.key in here else 8)) for unit in communes}
    of_district, of_province = (observed(average, figures, reference, code) for code in ("184", "20"))
    assert of_district
    assert of_province
    assert of_district.value == 12
    assert of_province.value == Fraction(12 * len(here) + 8 * (181 - len(here)), 181)


def test_criteria_with_figures_of_their_own_count_as_judged(reference: Reference) -> None:
    (unit,) = border(reference)[:1]
    figures = {unit.key: readings(*meeting(9), *poverty("2022", 100), *poverty("2023-05", 200))}
    promise = a_commitment(reference, AVERAGE)
    province = place("20", reference)
    increments = summed([(promise, province)], figures, reference)[promise.id, province.key]
    assert [(day, one.numerator) for day, one in sorted(increments.items()) if one.numerator] == [
        (BEGINNING, 10),
        (date(2023, 5, 31), -1),
    ]


@given(
    st.lists(st.tuples(st.sampled_from(RECOGNISED), st.integers(1, 12), st.booleans(), st.integers(1, 3)), max_size=25)
)
def test_moving_by_differences_equals_a_recomputation(arrivals: list[tuple[str, int, bool, int]]) -> None:
    reference = load()
    unit = border(reference)[0]
    promises = [
        a_commitment(reference, AVERAGE),
        a_commitment(reference, CommunesBelow(criteria_set="ntm", criteria=3), id="below"),
    ]
    moved: defaultdict[tuple[str, date], Increment] = defaultdict(Increment)
    state = Figures()
    for element, month, holds, revision in arrivals:
        after = merge(state, [a_reading(element, f"2023-{month:02}", int(holds), revision=revision)])
        for one in promises:
            new, old = (Contributor(reference, unit, side).increments(one) for side in (after, state))
            for on, step in difference(new, old).items():
                moved[one.id, on] += step
        state = after
    scratch = {
        (one.id, on): step
        for one in promises
        for on, step in Contributor(reference, unit, state).increments(one).items()
    }
    assert {key: step for key, step in moved.items() if step != Increment()} == scratch


def test_the_plan_steers_its_border_communes_by_their_average_and_marks_the_goal(reference: Reference) -> None:
    promise = next(one for one in reference.plan.commitments if one.id == "border-communes")
    assert promise.measure == AVERAGE
    assert not promise.verified
    assert replace(reference).cohort_of(promise) == "border-2023"


def test_the_plan_holds_no_border_commune_to_a_criterion(reference: Reference) -> None:
    """One that stands still does not fall behind by itself, and one that never reported owes nothing."""
    units = border(reference)
    assert len(units) == 20
    assert not {unit.key for unit in units} & reference.bound_communes(MIDYEAR).keys()
    still = Judge(reference, MIDYEAR).criterion("ntm-11", units[0], readings(*poverty("2022-12", 200)))
    silent = Judge(reference, date(2024, 2, 1)).criterion("ntm-11", units[0], readings())
    assert (still.status, silent.status, silent.overdue) == (Status.NOT_MET, Status.NO_DATA, [])
