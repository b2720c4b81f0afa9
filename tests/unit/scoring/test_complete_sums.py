"""Sums over the year need their reports: how many have come, what the missing ones could turn, and like with like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import pytest

from services.scoring.judging.aggregates import summed
from services.scoring.judging.assessments import assess_target
from services.scoring.judging.contributor import Contributor
from services.scoring.judging.figures import Figures, merge
from services.scoring.judging.increments import Increment, difference
from services.scoring.judging.judge import Judge
from services.scoring.judging.readings import Reading
from shared.contracts.assessment import Assessment
from shared.contracts.status import Stage, Status
from shared.reference.load import Reference, load, with_plan
from shared.reference.models import Commitment, Unit
from tests.builders import a_reading, readings

MIDYEAR, NEW_YEAR, CLOSED = date(2023, 6, 30), date(2024, 1, 1), date(2024, 2, 1)
MONTHS = range(1, 13)

type Reported = Mapping[str, Sequence[Reading]]


@pytest.fixture(scope="module")
def reference() -> Reference:
    return load()


def offices(reference: Reference, on: date = MIDYEAR) -> list[Unit]:
    found = [unit for unit in reference.units if unit.kind in ("district", "city") and unit.is_valid(on)]
    return sorted(found, key=lambda unit: unit.code)


def months(element: str, amount: float, year: int = 2023, of: Sequence[int] = MONTHS) -> list[Reading]:
    return [a_reading(element, f"{year}-{month:02}", amount) for month in of]


def commitment_of(reference: Reference, name: str, **changes: object) -> Commitment:
    found = next(one for one in reference.plan.commitments if one.id == name)
    return found.model_copy(update=changes)


def assessed(reference: Reference, commitment: Commitment, reported: Reported, on: date) -> Assessment:
    plan = reference.plan
    others = [commitment if one.id == commitment.id else one for one in plan.commitments]
    reference = with_plan(reference, plan.model_copy(update={"commitments": others}))
    figures = {}
    for code, found in reported.items():
        unit = reference.units.find(code, MIDYEAR)
        assert unit is not None
        figures[unit.key] = readings(*found)
    province = reference.units.find("20", MIDYEAR)
    assert province is not None
    increments = summed([(commitment, province)], figures, reference).get((commitment.id, province.key), {})
    return assess_target(Judge(reference, on), commitment, province, increments)


def violence(reference: Reference, reported: Reported, on: date = CLOSED, **changes: object) -> Assessment:
    return assessed(reference, commitment_of(reference, "gender-violence", **changes), reported, on)


def jobs(reference: Reference, reported: Reported, on: date = CLOSED, **changes: object) -> Assessment:
    return assessed(reference, commitment_of(reference, "new-jobs", **changes), reported, on)


def both_years(reference: Reference, before: float, now: float) -> dict[str, list[Reading]]:
    return {
        office.code: [*months("gbv_cases", before, 2022), *months("gbv_cases", now)] for office in offices(reference)
    }


def test_fewer_cases_are_not_shown_by_one_of_132_reports(reference: Reference) -> None:
    reported = {office.code: months("gbv_cases", 10, 2022) for office in offices(reference)}
    reported["184"] = [*reported["184"], *months("gbv_cases", 1, of=[3])]
    found = violence(reference, reported)
    assert (found.status, found.reports_in, found.reports_due) == (Status.NO_DATA, 1, 132)
    assert "1 trong 132 báo cáo" in found.reason.vi
    assert "chưa đủ số liệu để kết luận" in found.reason.vi
    assert "1 of 132 reports" in found.reason.en


def test_with_the_plans_coverage_of_reports_a_sum_is_judged(reference: Reference) -> None:
    """90 % of 132 are 118.8, so 119 reports are enough and 118 are not."""
    whole = both_years(reference, 10, 5)

    def without(missing: int) -> Assessment:
        found = {code: list(own) for code, own in whole.items()}
        left_out = [(code, f"2023-{month:02}") for code in found for month in MONTHS][:missing]
        for code, period in left_out:
            found[code] = [reading for reading in found[code] if reading.period.text != period]
        return violence(reference, found)

    assert [without(missing).status for missing in (0, 13, 14)] == [Status.MET, Status.MET, Status.NO_DATA]
    assert [without(missing).reports_in for missing in (0, 13, 14)] == [132, 119, 118]


def test_the_same_offices_and_months_are_compared(reference: Reference) -> None:
    """An office that had 100 cases in each month last year and is silent now makes no fall."""
    reported = both_years(reference, 10, 10)
    reported["184"] = [*months("gbv_cases", 100, 2022), *months("gbv_cases", 100, of=range(2, 13))]
    found = violence(reference, reported)
    (part,) = found.parts
    assert (part.baseline, part.value) == (10 * 12 * 10 + 100 * 11, 10 * 12 * 10 + 100 * 11)
    assert (found.status, part.compared, found.reports_in) == (Status.MISSED, 131, 131)
    assert "so sánh trên 131 trong 132 báo cáo có ở cả hai năm" in found.reason.vi


def test_a_month_that_is_new_this_year_is_no_rise(reference: Reference) -> None:
    reported = both_years(reference, 10, 9)
    reported["184"] = [
        *months("gbv_cases", 10, 2022, range(2, 13)),
        *months("gbv_cases", 9),
        a_reading("gbv_cases", "2023-01", 900, revision=2),
    ]
    found = violence(reference, reported)
    (part,) = found.parts
    assert (part.baseline, part.value, part.whole) == (10 * 131, 9 * 131, 9 * 131 + 900)
    assert (found.status, part.compared, found.reports_in) == (Status.MET, 131, 132)
    assert "tính tất cả số liệu: 2.079 vụ" in found.reason.vi


def test_before_the_years_end_the_months_so_far_are_compared(reference: Reference) -> None:
    """By 30 June the reports of five months were due: 50 cases an office before, and 51 now."""
    for now, status in ((10, Status.ON_TRACK), (11, Status.BEHIND), (9, Status.ON_TRACK)):
        found = violence(reference, both_years(reference, 10, now), on=MIDYEAR)
        (part,) = found.parts
        assert (part.baseline, part.value) == (11 * 60, 11 * 6 * now)
        assert (found.status, found.reports_due, found.reports_in) == (status, 55, 55)


def test_where_there_was_nothing_before_nothing_is_the_best(reference: Reference) -> None:
    assert violence(reference, both_years(reference, 0, 0)).status == Status.MET
    assert violence(reference, both_years(reference, 0, 0), on=MIDYEAR).status == Status.ON_TRACK
    assert violence(reference, both_years(reference, 0, 1)).status == Status.MISSED


def test_without_the_year_before_nothing_is_compared(reference: Reference) -> None:
    reported = {office.code: months("gbv_cases", 5) for office in offices(reference)}
    assert violence(reference, reported, on=MIDYEAR).status == Status.NO_DATA


def test_a_sum_that_grows_and_has_passed_its_goal_stands(reference: Reference) -> None:
    found = jobs(reference, {"184": months("jobs_found", 1000, of=[1])}, on=MIDYEAR)
    assert (found.status, found.reports_in, found.reports_due) == (Status.MET, 1, 55)
    assert jobs(reference, {"184": months("jobs_found", 999, of=[1])}, on=MIDYEAR).status == Status.NO_DATA


def test_a_sum_that_may_not_pass_its_goal_and_has_stays_behind_and_missed(reference: Reference) -> None:
    ceiling = {"direction": "at_most", "goal": 100, "has_path": False}
    above, below = ({"184": months("jobs_found", amount, of=[1])} for amount in (101, 99))
    assert [jobs(reference, above, on, **ceiling).status for on in (MIDYEAR, CLOSED)] == [Status.BEHIND, Status.MISSED]
    assert [jobs(reference, below, on, **ceiling).status for on in (MIDYEAR, CLOSED)] == [Status.NO_DATA] * 2
    whole = {office.code: months("jobs_found", 0) for office in offices(reference)}
    assert [jobs(reference, whole, on, **ceiling).status for on in (MIDYEAR, CLOSED)] == [Status.ON_TRACK, Status.MET]


def test_a_sum_below_its_goal_is_missed_only_when_the_reports_have_come(reference: Reference) -> None:
    whole = {office.code: months("jobs_found", 1) for office in offices(reference)}
    assert jobs(reference, whole).status == Status.MISSED
    half = {code: own[:6] for code, own in whole.items()}
    assert jobs(reference, half).status == Status.NO_DATA
    assert jobs(reference, half, on=date(2023, 7, 1)).status == Status.BEHIND


def test_a_report_counts_from_its_due_day_on_and_a_late_one_from_its_arrival(reference: Reference) -> None:
    """January's report is due on 5 February; until then neither it nor its lack counts."""
    early = [a_reading("jobs_found", "2023-01", 5, known_from=date(2023, 1, 28))]
    late = [a_reading("jobs_found", "2023-01", 5, known_from=date(2023, 3, 2))]

    def counted(found: Sequence[Reading], on: date) -> tuple[int | None, int | None]:
        assessment = jobs(reference, {"184": found}, on)
        return assessment.reports_in, assessment.reports_due

    assert counted(early, date(2023, 2, 5)) == (0, 0)
    assert counted(early, date(2023, 2, 6)) == (1, 11)
    assert counted(late, date(2023, 3, 1)) == (0, 11)
    assert counted(late, date(2023, 3, 2)) == (1, 11)
    assert counted(late, date(2023, 3, 6)) == (1, 22)


def test_the_day_after_a_report_was_due_is_judged(reference: Reference) -> None:
    reported = {office.code: months("jobs_found", 100, of=[1]) for office in offices(reference)[:10]}
    on = date(2023, 2, 6)
    assert jobs(reference, reported, on).status == Status.MET
    less = {code: months("jobs_found", 20, of=[1]) for code in reported}
    before, after = jobs(reference, less, date(2023, 3, 5)), jobs(reference, less, date(2023, 3, 6))
    assert (before.status, before.holds_until, after.status) == (Status.ON_TRACK, date(2023, 3, 5), Status.NO_DATA)


def test_reports_of_an_earlier_stage_do_not_count(reference: Reference) -> None:
    verified = with_plan(reference, reference.plan.model_copy(update={"counts_from": Stage.VERIFIED}))
    reported = {office.code: months("jobs_found", 1000) for office in offices(reference)}
    assert jobs(verified, reported).reports_in is None
    reviewed = {code: [reading._replace(stage=Stage.VERIFIED) for reading in found] for code, found in reported.items()}
    assert jobs(verified, reviewed).reports_in == 132


def test_a_communes_report_adds_to_the_sum_and_is_no_report_of_its_district(reference: Reference) -> None:
    found = jobs(reference, {"06280": months("jobs_found", 7), "20": months("jobs_found", 3)})
    (part,) = found.parts
    assert (part.value, found.reports_in, found.reports_due) == (120, 0, 132)


def test_a_correction_counts_once(reference: Reference) -> None:
    reported = {office.code: months("jobs_found", 10) for office in offices(reference)}
    corrected = [a_reading("jobs_found", "2023-01", 4, revision=2, known_from=date(2023, 5, 1))]
    reported["184"] = [*reported["184"], *corrected]
    found = jobs(reference, reported)
    assert (found.parts[0].value, found.reports_in) == (10 * 132 - 6, 132)


def test_flows_after_the_deadline_are_not_part_of_the_sum(reference: Reference) -> None:
    reported = {office.code: months("jobs_found", 10) for office in offices(reference)}
    found = jobs(reference, reported, deadline=MIDYEAR, on=date(2023, 12, 1))
    assert (found.parts[0].value, found.reports_due) == (10 * 66, 66)


def test_moving_a_compared_sum_by_differences_equals_making_it_anew(reference: Reference) -> None:
    """Reports in any order, corrections, the year before after the year itself."""
    commitment = commitment_of(reference, "gender-violence")
    (office,) = (office for office in offices(reference) if office.code == "184")
    arriving = [
        a_reading("gbv_cases", "2023-03", 4),
        a_reading("gbv_cases", "2022-03", 9, known_from=date(2023, 5, 1)),
        a_reading("gbv_cases", "2022-01", 2, known_from=date(2023, 1, 3)),
        a_reading("gbv_cases", "2023-01", 3, known_from=date(2023, 2, 9)),
        a_reading("gbv_cases", "2023-03", 7, revision=2, known_from=date(2023, 6, 1)),
        a_reading("gbv_cases", "2022-03", 0, revision=2, known_from=date(2023, 6, 2)),
    ]
    figures, moved = Figures(), dict[date, Increment]()
    for reading in arriving:
        after = merge(figures, [reading])
        changed = difference(
            Contributor(reference, office, after).increments(commitment),
            Contributor(reference, office, figures).increments(commitment),
        )
        moved = {
            day: total
            for day in {*moved, *changed}
            if (total := moved.get(day, Increment()) + changed.get(day, Increment())) != Increment()
        }
        figures = after
    assert moved == Contributor(reference, office, figures).increments(commitment)
    at_end = sum(moved.values(), Increment())
    assert (at_end.numerator, at_end.comparison.before_numerator, at_end.comparison.units) == (10, 2, 2)
    assert at_end.reports == 2
    assert all(day <= date(2023, 6, 2) + timedelta(days=200) for day in moved)
