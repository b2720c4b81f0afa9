"""Counts and rates need their reports: what missing ones could turn, old figures, and like compared with like."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date

import pytest

from services.scoring.judging.aggregates import summed
from services.scoring.judging.assessments import assess_target, explain_criterion
from services.scoring.judging.contributor import Contributor
from services.scoring.judging.figures import Figures, merge
from services.scoring.judging.increments import Increment, difference
from services.scoring.judging.judge import Judge
from services.scoring.judging.readings import Reading
from shared.contracts.assessment import Assessment
from shared.contracts.status import Status
from shared.reference.load import Reference, load, with_plan
from shared.reference.models import Rate, Unit
from tests.builders import a_reading, poverty, readings

MIDYEAR, NEW_YEAR = date(2023, 6, 30), date(2024, 1, 1)

type Reports = Callable[[int], Sequence[Reading]]


@pytest.fixture(scope="module")
def reference() -> Reference:
    """Return the plan with its rate over the 181 communes alone."""
    packaged = load()
    commitments = [
        one.model_copy(update={"measure": one.measure.model_copy(update={"counted_in": None})})
        if isinstance(one.measure, Rate)
        else one
        for one in packaged.plan.commitments
    ]
    return with_plan(packaged, packaged.plan.model_copy(update={"commitments": commitments}))


def education(reference: Reference, period: str, *, holds: bool = True) -> list[Reading]:
    codes = reference.criterion("ntm-14").element_codes
    values = {code: 1 if reference.elements[code].type == "yes_no" else 100 for code in codes}
    values |= {"universal_education": int(holds)}
    return [a_reading(code, period, value) for code, value in values.items()]


def assessed(reference: Reference, commitment_id: str, on: date, reports: Reports, unit: str = "20") -> Assessment:
    commitment = next(one for one in reference.plan.commitments if one.id == commitment_id)
    target = reference.units.find(unit, MIDYEAR)
    assert target is not None
    figures = {
        commune.key: readings(*reports(number))
        for number, commune in enumerate(reference.units.communes(MIDYEAR, unit))
    }
    increments = summed([(commitment, target)], figures, reference).get((commitment.id, target.key), {})
    return assess_target(Judge(reference, on), commitment, target, increments)


def test_a_count_says_how_many_of_the_reports_that_were_due_have_come(reference: Reference) -> None:
    """May's report was due on 5 June; 170 communes have sent it, 11 stand at April's."""
    found = assessed(
        reference,
        "poverty-communes",
        MIDYEAR,
        lambda number: poverty("2023-05" if number < 170 else "2023-04", 100 if number < 90 else 300),
    )
    assert (found.status, found.reports_in, found.reports_due) == (Status.MET, 170, 181)
    assert "170 trong 181 báo cáo" in found.reason.vi


def test_a_count_that_missing_reports_could_turn_is_not_judged(reference: Reference) -> None:
    """160 of 181 communes have reported; the goal is 87."""

    def counted(meeting: int) -> Assessment:
        def reports(number: int) -> Sequence[Reading]:
            return poverty("2023-05", 100 if number < meeting else 300) if number < 160 else ()

        return assessed(reference, "poverty-communes", MIDYEAR, reports)

    assert counted(87).status == Status.MET, "the others can only add"
    assert counted(86).status == Status.NO_DATA
    assert counted(20).status == Status.BEHIND, "21 more do not reach the path either"
    assert "21 trong 181 xã chưa có số liệu" in counted(86).reason.vi
    assert "chưa đủ số liệu để kết luận" in counted(86).reason.vi


def test_communes_that_owe_the_newest_report_may_have_lost_what_they_met(reference: Reference) -> None:
    def counted(meeting_of_old: int) -> Status:
        def reports(number: int) -> Sequence[Reading]:
            if number < 100:
                return poverty("2023-05", 100 if number < 80 else 300)
            return poverty("2022", 100 if number < 100 + meeting_of_old else 300)

        return assessed(reference, "poverty-communes", MIDYEAR, reports).status

    assert counted(81) == Status.NO_DATA, "161 met it once, but 81 of them may not any more"


def test_the_day_after_reports_were_due_is_judged(reference: Reference) -> None:
    found = assessed(reference, "poverty-communes", date(2023, 6, 5), lambda _: poverty("2023-04", 100))
    assert (found.status, found.holds_until) == (Status.MET, date(2023, 6, 5))
    silent = assessed(reference, "poverty-communes", date(2023, 6, 6), lambda _: poverty("2023-04", 100))
    assert (silent.status, silent.reports_in, silent.overdue) == (Status.NO_DATA, 0, ["2023-05"])


def test_before_anything_is_due_figures_of_before_stand(reference: Reference) -> None:
    found = assessed(
        reference, "poverty-communes", date(2023, 1, 20), lambda number: poverty("2022", 100 if number < 87 else 300)
    )
    assert (found.status, found.reports_due) == (Status.MET, 0)
    assert "báo cáo" not in found.reason.vi


def test_a_rate_with_too_few_reports_is_not_judged(reference: Reference) -> None:
    def rate(reported: int) -> Status:
        def reports(number: int) -> Sequence[Reading]:
            return [*poverty("2022", 200), *(poverty("2023-05", 100) if number < reported else ())]

        return assessed(reference, "poverty-rate", MIDYEAR, reports).status

    assert [rate(163), rate(162)] == [Status.MET, Status.NO_DATA]


def test_what_nobody_has_reported_for_a_year_is_not_kept(reference: Reference) -> None:
    """181 of 181 stayed met through 2024 without one report for 2023."""
    for on in (date(2023, 7, 11), NEW_YEAR, date(2024, 7, 1)):
        found = assessed(reference, "education-communes", on, lambda _: education(reference, "2022-H2"))
        assert (found.status, found.reports_in, found.reports_due) == (Status.NO_DATA, 0, 181)
    assert found.stale
    assert (found.parts[0].value, found.parts[0].units_stale, found.parts[0].units_counted) == (0, 181, 181)
    assert "181 trong 181 xã không được tính vì số liệu cũ quá 12 tháng" in found.reason.vi
    assert "chưa có số liệu" not in found.reason.vi


def test_a_few_old_figures_are_told_and_do_not_count_as_kept(reference: Reference) -> None:
    def reports(number: int) -> Sequence[Reading]:
        return education(reference, "2022-H2" if number < 10 else "2023-H2")

    on = date(2024, 1, 15)
    found = assessed(reference, "education-communes", on, reports)
    (part,) = found.parts
    assert (part.value, part.units_stale, found.stale) == (171, 10, True)
    assert (found.status, found.reports_in) == (Status.MISSED, 171)
    last_year = assessed(reference, "education-communes", date(2023, 12, 31), reports)
    assert (last_year.parts[0].units_stale, last_year.stale) == (0, False)


def test_time_alone_makes_figures_old(reference: Reference) -> None:
    found = assessed(reference, "education-communes", date(2023, 12, 31), lambda _: education(reference, "2022-H2"))
    assert found.holds_until == date(2023, 12, 31)


def test_a_closed_plan_ages_no_more(reference: Reference) -> None:
    """Figures of the first half of 2023 are a year old in July 2024, when the plan has been closed for months."""
    halves = [*education(reference, "2023-H1"), *education(reference, "2023-H2")]
    found = assessed(reference, "education-communes", date(2025, 3, 1), lambda _: halves)
    assert (found.status, found.stale) == (Status.MET, False)


def test_a_communes_criterion_keeps_its_status_and_says_how_old_the_figures_are(reference: Reference) -> None:
    (commune,) = (unit for unit in reference.units.communes(MIDYEAR, "20") if unit.code == "06280")
    figures = readings(*education(reference, "2022-H2"))
    fresh, old = (
        explain_criterion(Judge(reference, on).criterion("ntm-14", commune, figures))
        for on in (date(2023, 12, 31), date(2024, 3, 1))
    )
    assert (fresh.status, fresh.stale) == (Status.MET, False)
    assert (old.status, old.stale, old.parts[0].age_months) == (Status.MET, True, 14)
    assert "số liệu đã 14 tháng, quá thời hạn 12 tháng" in old.reason.vi
    assert "months old" not in fresh.reason.en


def test_a_decision_stands_until_the_next_one(reference: Reference) -> None:
    (commune,) = (unit for unit in reference.units.communes(MIDYEAR, "20") if unit.code == "06280")
    figures = readings(a_reading("recognised_02", "2022", 1))
    old = explain_criterion(Judge(reference, date(2029, 1, 1)).criterion("ntm-2", commune, figures))
    assert (old.status, old.stale) == (Status.MET, False)


def test_a_rate_is_compared_with_the_same_communes(reference: Reference) -> None:
    """163 communes fall from 10 % to 7 %; 18 poor ones report for the first time."""

    def reports(number: int) -> Sequence[Reading]:
        return [*poverty("2022", 100), *poverty("2023-05", 70)] if number < 163 else poverty("2023-05", 600)

    found = assessed(reference, "poverty-rate", MIDYEAR, reports)
    (part,) = found.parts
    assert (found.status, part.value, part.baseline, part.goal) == (Status.MET, 7, 10, 7)
    assert (part.compared, part.units_counted) == (163, 181)
    assert part.whole == pytest.approx(100 * (163 * 70 + 18 * 600) / 181_000)
    assert "so sánh trên 163 trong 181 xã có số liệu ở cả hai thời điểm" in found.reason.vi
    assert "163 of 181 communes" in found.reason.en


def test_a_rate_that_stands_is_not_behind_for_others_that_begin_to_report(reference: Reference) -> None:
    def reports(number: int) -> Sequence[Reading]:
        return [*poverty("2022", 100), *poverty("2023-01", 99)] if number < 163 else poverty("2023-01", 600)

    found = assessed(reference, "poverty-rate", date(2023, 2, 3), reports)
    assert (found.status, found.parts[0].value) == (Status.ON_TRACK, pytest.approx(9.9))


def test_communes_that_stop_reporting_stay_in_both(reference: Reference) -> None:
    def reports(number: int) -> Sequence[Reading]:
        return [*poverty("2022", 100), *(poverty("2023-05", 60) if number < 170 else ())]

    (part,) = assessed(reference, "poverty-rate", MIDYEAR, reports).parts
    assert (part.compared, part.baseline) == (181, 10)
    assert part.value == pytest.approx((170 * 60 + 11 * 100) / 1810)


def test_where_too_few_have_a_baseline_first_figures_stand_for_it_and_the_words_say_so(reference: Reference) -> None:
    def reports(number: int) -> Sequence[Reading]:
        first = "2023-01" if number < 170 else "2023-03"
        return [*poverty(first, 100), *poverty("2023-05", 69)]

    found = assessed(reference, "poverty-rate", MIDYEAR, reports)
    (part,) = found.parts
    assert (found.status, part.baseline, part.begins_with_first) == (Status.MET, 10, True)
    assert part.baseline_on == date(2023, 1, 31)
    assert "lấy số liệu đầu tiên làm gốc" in found.reason.vi


def test_a_corrected_baseline_is_compared(reference: Reference) -> None:
    corrected = poverty("2022", 120, revision=2, known_from=date(2023, 4, 1))
    found = assessed(
        reference, "poverty-rate", MIDYEAR, lambda _: [*poverty("2022", 100), *corrected, *poverty("2023-05", 90)]
    )
    assert (found.status, found.parts[0].baseline) == (Status.MET, 12)


def test_moving_sums_by_differences_equals_making_them_anew(reference: Reference) -> None:
    """Reports in any order, late ones, corrections, first figures that change."""
    (commune,) = (unit for unit in reference.units.communes(MIDYEAR, "20") if unit.code == "06280")
    arriving = [
        poverty("2023-03", 100, known_from=date(2023, 4, 3)),
        poverty("2023-02", 150, known_from=date(2023, 4, 9)),
        poverty("2023-03", 90, revision=2, known_from=date(2023, 5, 1)),
        poverty("2022", 200, known_from=date(2023, 5, 5)),
        poverty("2023", 80, known_from=date(2023, 12, 18)),
        poverty("2022", 0, households=0, revision=2, known_from=date(2024, 1, 2)),
    ]
    names = ("poverty-rate", "poverty-rate-poor-districts", "poverty-communes")
    for commitment in (one for one in reference.plan.commitments if one.id in names):
        figures, moved = Figures(), dict[date, Increment]()
        for found in arriving:
            after = merge(figures, found)
            change = _change(reference, commune, figures, after)[commitment.id]
            moved = {
                day: total
                for day in {*moved, *change}
                if (total := moved.get(day, Increment()) + change.get(day, Increment())) != Increment()
            }
            figures = after
            assert moved == Contributor(reference, commune, figures).increments(commitment)


def _change(
    reference: Reference, commune: Unit, before: Figures, after: Figures
) -> Mapping[str, Mapping[date, Increment]]:
    return {
        one.id: difference(
            Contributor(reference, commune, after).increments(one),
            Contributor(reference, commune, before).increments(one),
        )
        for one in reference.plan.commitments
    }
