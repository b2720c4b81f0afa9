"""Every kind of commitment that the plan knows, by one of its own: one judge for all, they differ by measure only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date

import pytest

from services.scoring.judging.aggregates import summed
from services.scoring.judging.assessments import assess_target
from services.scoring.judging.judge import Judge
from services.scoring.judging.readings import Reading
from shared.contracts.assessment import Assessment
from shared.contracts.status import Status
from shared.reference.load import Reference, load
from tests.builders import a_reading, poverty, readings

MIDYEAR, AFTER, CLOSED = date(2023, 6, 30), date(2024, 1, 1), date(2024, 2, 1)
ADVANCED = ("06280", "06121", "06637")

type Reported = Sequence[Reading]


@pytest.fixture(scope="module")
def reference() -> Reference:
    return load()


def assessed(
    commitment: str, reported: Mapping[str, Reported], reference: Reference, on: date, unit: str = "20"
) -> Assessment:
    """The commitment at a day, by what was reported for units (by code)."""
    promise = next(one for one in reference.plan.commitments if one.id == commitment)

    def key(code: str) -> int:
        found = reference.units.find(code, MIDYEAR)
        assert found is not None
        return found.key

    figures = {key(code): readings(*found) for code, found in reported.items()}
    target = reference.units.by_key(key(unit))
    steps = summed([(promise, target)], figures, reference).get((promise.id, target.key), {})
    return assess_target(Judge(reference, on), promise, target, steps)


def everywhere(reference: Reference, figures: Callable[[int], Reported], under: str = "20") -> dict[str, Reported]:
    """Return the reports of every commune, which follow from its place in the list."""
    communes = reference.units.communes(MIDYEAR, under)
    return {unit.code: figures(number) for number, unit in enumerate(communes)}


def each_month(reference: Reference, element: str, amount: float, year: int = 2023) -> dict[str, Reported]:
    """Return the reports of each district for every month of the year."""
    offices = (unit for unit in reference.units if unit.kind in ("district", "city") and unit.is_valid(MIDYEAR))
    return {unit.code: [a_reading(element, f"{year}-{month:02}", amount) for month in range(1, 13)] for unit in offices}


def labour(period: str, trained: int) -> list[Reading]:
    trained_elements = ("trained_men", "trained_women", "trade_trained_men", "trade_trained_women")
    certified = ("certified_men", "certified_women")
    return [
        *(a_reading(element, period, 1000) for element in ("workers_men", "workers_women")),
        *(a_reading(element, period, trained) for element in (*trained_elements, *certified)),
    ]


def test_a_count_of_communes_that_meet_a_criterion(reference: Reference) -> None:
    """Line 35: 87 of 181 communes, from 77."""

    def communes(meeting: int) -> Assessment:
        figures = everywhere(reference, lambda number: poverty("2023-05", 100 if number < meeting else 300))
        return assessed("poverty-communes", figures, reference, MIDYEAR)

    assert [communes(meeting).status for meeting in (87, 82, 75)] == [Status.MET, Status.ON_TRACK, Status.BEHIND]
    (part,) = communes(82).parts
    assert (part.value, part.goal, part.missing, part.units_counted) == (82, 87, 5, 181)


def test_a_count_says_how_many_communes_are_silent(reference: Reference) -> None:
    """165 communes that all meet it, of 181, lack 16: not because these fail, but because they are silent."""
    figures = everywhere(reference, lambda number: poverty("2023-05", 100) if number < 165 else [])
    assessment = assessed("poverty-communes", figures, reference, MIDYEAR)
    (part,) = assessment.parts
    assert (part.value, part.units_counted, part.units_expected) == (165, 165, 181)
    assert "; 16 trong 181 xã chưa có số liệu" in assessment.reason.vi
    assert "; 16 of 181 communes have no figures" in assessment.reason.en
    whole = assessed("poverty-communes", everywhere(reference, lambda _: poverty("2023-05", 100)), reference, MIDYEAR)
    assert "chưa có số liệu" not in whole.reason.vi


def test_a_change_of_an_indicator_in_percentage_points(reference: Reference) -> None:
    """Line 33: the province's poverty rate falls by 3 points."""
    fallen = everywhere(reference, lambda _: [*poverty("2022", 200), *poverty("2023-05", 170)])
    short = everywhere(reference, lambda _: [*poverty("2022", 200), *poverty("2023-05", 199)])
    met, behind = (assessed("poverty-rate", figures, reference, MIDYEAR) for figures in (fallen, short))
    assert (met.status, met.parts[0].goal) == (Status.MET, 17)
    assert (behind.status, behind.parts[0].missing) == (Status.BEHIND, 181 * 29)


def test_a_change_that_is_reached_to_the_household_is_met_and_one_household_less_is_said_to_miss_it(
    reference: Reference,
) -> None:
    """Line 33: a fall of 5 points, here from 43 to 28 of 300: neither share is a decimal number."""

    def fallen_to(poor: int, households: int) -> Assessment:
        """Each commune has had 43 poor households in 300."""
        figures = [*poverty("2022", 43, 300), *poverty("2023-12", poor, households)]
        reported = everywhere(reference, lambda _: figures, "184")
        return assessed("poverty-rate-poor-districts", reported, reference, date(2024, 1, 31), unit="184")

    assert (fallen_to(28, 300).status, fallen_to(28_000, 300_000).status) == (Status.MET, Status.MET)
    missed = fallen_to(28_001, 300_000)
    assert missed.status == Status.MISSED
    assert "9,334 % (" in missed.reason.vi
    assert "mục tiêu ≤ 9,333 %" in missed.reason.vi


def test_a_target_that_a_district_has_for_itself(reference: Reference) -> None:
    """Line 33: poor districts fall by 5 points, each of them by its own figures."""
    figures = everywhere(reference, lambda _: [*poverty("2022", 300), *poverty("2023-05", 250)], "181")
    figures |= everywhere(reference, lambda _: [*poverty("2022", 300), *poverty("2023-05", 270)], "184")
    assert assessed("poverty-rate-poor-districts", figures, reference, MIDYEAR, "181").status == Status.MET
    other = assessed("poverty-rate-poor-districts", figures, reference, AFTER, "184")
    assert other.status == Status.NO_DATA, "nobody has sent the year's official result"
    figures = {code: [*found, *poverty("2023", 270)] for code, found in figures.items()}
    other = assessed("poverty-rate-poor-districts", figures, reference, AFTER, "184")
    assert (other.status, other.parts[0].value, other.parts[0].goal) == (Status.MISSED, 27, 25)


def test_a_level_of_an_indicator(reference: Reference) -> None:
    """Line 71: 50 % of rural workers trained in a trade."""
    half = everywhere(reference, lambda _: labour("2023-Q2", 500))
    less = everywhere(reference, lambda number: labour("2023-Q2", 499 if number else 500))
    assert assessed("trade-training", half, reference, MIDYEAR).status == Status.MET
    (part,) = assessed("trade-training", less, reference, MIDYEAR).parts
    assert (part.status, part.missing) == (Status.ON_TRACK, 360)


def test_a_sum_over_the_year_wherever_it_is_counted(reference: Reference) -> None:
    """Line 55: 1,000 jobs found, by districts and the province's employment service centre.

    The commune's 20 stand beside a figure of its district for the same month, which counts for all of it.
    """
    reported = each_month(reference, "jobs_found", 0) | {
        "20": [a_reading("jobs_found", "2023-02", 400)],
        "06280": [a_reading("jobs_found", "2023-04", 20)],
    }
    jobs = (a_reading("jobs_found", "2023-03", 100, revision=2), a_reading("jobs_found", "2022-12", 900))
    reported["184"] = [*reported["184"], *jobs]
    (part,) = assessed("new-jobs", reported, reference, MIDYEAR).parts
    assert (part.value, part.missing, part.status) == (500, 500, Status.ON_TRACK)
    assert assessed("new-jobs", reported, reference, AFTER).status == Status.BEHIND
    assert assessed("new-jobs", reported, reference, CLOSED).status == Status.MISSED


def test_something_that_is_kept(reference: Reference) -> None:
    """Line 71: 181 of 181 communes keep the education criterion; the first that loses it is told."""
    elements = reference.criterion("ntm-14").element_codes

    def kept(by: int) -> Assessment:
        def figures(number: int) -> list[Reading]:
            holds = {code: 1 if reference.elements[code].type == "yes_no" else 100 for code in elements}
            lost = holds | {"universal_education": 0}
            return [a_reading(code, "2023-H1", value) for code, value in (holds if number < by else lost).items()]

        return assessed("education-communes", everywhere(reference, figures), reference, date(2023, 8, 1))

    assert [kept(181).status, kept(180).status] == [Status.MET, Status.BEHIND]
    assert "còn thiếu 1 xã" in kept(180).reason.vi


def test_a_trend_down_against_the_year_before(reference: Reference) -> None:
    """Line 97: fewer cases than the year before; only the year's closing can tell that there were."""
    before = [a_reading("gbv_cases", f"2022-{month:02}", 10) for month in range(1, 13)]

    def cases(a_month: int, commitment: str = "gender-violence") -> list[Status]:
        reported = each_month(reference, "gbv_cases", 0, year=2022)
        reported = {code: [*found, *each_month(reference, "gbv_cases", 0)[code]] for code, found in reported.items()}
        reported["184"] = [*before, *each_month(reference, "gbv_cases", a_month)["184"]]
        return [assessed(commitment, reported, reference, on).status for on in (MIDYEAR, AFTER, CLOSED)]

    assert cases(9) == [Status.ON_TRACK, Status.ON_TRACK, Status.MET]
    assert cases(10) == [Status.ON_TRACK, Status.BEHIND, Status.MISSED]
    assert cases(25) == [Status.BEHIND, Status.BEHIND, Status.MISSED]
    no_increase = "gender-violence-no-increase"
    assert cases(10, no_increase)[-1] == Status.MET, "as many as before are no increase, and no decrease either"
    assert cases(11, no_increase)[-1] == Status.MISSED


def test_a_coverage_of_those_who_are_entitled(reference: Reference) -> None:
    """Line 123: 100 % of the entitled poor households reached."""

    def reached(households: int) -> Assessment:
        entitled, got = "poor_households_entitled_health", "poor_households_reached_health"
        figures = everywhere(
            reference, lambda _: [a_reading(entitled, "2023-05", 50), a_reading(got, "2023-05", households)]
        )
        return assessed("coverage-health", figures, reference, MIDYEAR)

    assert reached(50).status == Status.MET
    assert reached(49).parts[0].missing == 181


def test_a_cohort_whose_communes_have_to_meet_all_that_binds_them(reference: Reference) -> None:
    """Line 19: 5 communes reach the advanced standard, of which 3 are named; one criterion alone is not enough."""
    both = [*poverty("2023-05", 50), *labour("2023-Q1", 800)]
    figures = {ADVANCED[0]: both, ADVANCED[1]: both, ADVANCED[2]: poverty("2023-05", 50), "06004": both}
    (part,) = assessed("advanced-communes", figures, reference, MIDYEAR).parts
    assert (part.value, part.goal, part.missing) == (2, 5, 3)


def test_an_activity_with_dates(reference: Reference) -> None:
    """Line 107: the action month of June; who was silent until it was over has missed it."""
    held = {"20": [a_reading("action_month_domestic_violence_held", "2023-06-28", 1)]}
    last_day, next_day = date(2023, 6, 30), date(2023, 7, 1)
    commitment = "action-month-domestic-violence"
    assert assessed(commitment, held, reference, last_day).status == Status.MET
    assert [assessed(commitment, {}, reference, on).status for on in (last_day, next_day)] == [
        Status.NO_DATA,
        Status.MISSED,
    ]


def test_only_reports_about_an_activitys_own_days_say_whether_it_was_held(reference: Reference) -> None:
    """Line 107: the action months of June, and from 15 November to 15 December."""
    element, january, july = "action_month_domestic_violence_held", date(2023, 1, 5), date(2023, 7, 31)
    june, last_june, no_in_july = (
        a_reading(element, "2023-06", 1),
        a_reading(element, "2022-06", 1),
        a_reading(element, "2023-07", 0),
    )
    late_june = a_reading(element, "2023-06", 1, known_from=date(2023, 8, 10))

    def status(*found: Reading, on: date) -> Status:
        return assessed("action-month-domestic-violence", {"20": found}, reference, on).status

    assert status(last_june, on=january) == Status.NO_DATA
    assert status(last_june, on=july) == Status.MISSED
    assert status(june, no_in_july, on=july) == Status.MET
    assert status(no_in_july, late_june, on=date(2023, 8, 10)) == Status.MET

    november = {"20": [a_reading("action_month_gender_held", period, 1) for period in ("2023-10", "2024-01")]}
    assert assessed("action-month-gender", november, reference, date(2024, 1, 31)).status == Status.MISSED
    for period in ("2023-11", "2023-12", "2023-12-15"):
        held = {"20": [a_reading("action_month_gender_held", period, 1)]}
        assert assessed("action-month-gender", held, reference, date(2024, 1, 31)).status == Status.MET


def test_what_was_kept_last_year_does_not_show_that_it_is_kept_this_year(reference: Reference) -> None:
    """Line 105: trusted addresses and shelters."""
    before = {"20": [a_reading("trusted_addresses_kept", "2022-12", 1)]}
    assert assessed("trusted-addresses", before, reference, MIDYEAR).status == Status.NO_DATA


def test_what_is_kept_by_the_province_itself_and_by_no_commune(reference: Reference) -> None:
    """Line 105: trusted addresses and shelters."""
    kept = [a_reading("trusted_addresses_kept", "2023-05", 1)]
    assert assessed("trusted-addresses", {"20": kept}, reference, MIDYEAR).status == Status.MET
    assert assessed("trusted-addresses", {"06280": kept}, reference, MIDYEAR).status == Status.NO_DATA
