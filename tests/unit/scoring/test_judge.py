"""Assessments of a commune's criteria, with their reasons."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import pytest

from services.scoring.judging.aggregates import series
from services.scoring.judging.assessments import explain_criterion, explain_target
from services.scoring.judging.changes import ChangesAt, Moment, PreviousVerdict, events
from services.scoring.judging.completeness import Expected
from services.scoring.judging.contributor import Contributor
from services.scoring.judging.judge import Judge
from services.scoring.judging.readings import Reading
from services.scoring.update.published_changes import messages_of
from shared.contracts.status import Event, Stage, Status
from shared.reference.load import Reference
from shared.reference.models import Rate, Unit
from shared.text import quarter_of
from shared.time import VIETNAM
from tests.binding_plan import binding_reference
from tests.builders import a_reading, a_warning, poverty, readings

MIDYEAR = date(2023, 6, 30)


@pytest.fixture(scope="module")
def reference() -> Reference:
    return binding_reference()


def commune(reference: Reference, code: str) -> Unit:
    unit = reference.units.find(code, MIDYEAR)
    assert unit is not None
    return unit


def labour(period: str, trained_women: int) -> list[Reading]:
    return [
        a_reading(element, period, value)
        for element, value in {
            "workers_men": 1000,
            "workers_women": 1000,
            "trained_men": 800,
            "trained_women": trained_women,
            "certified_men": 300,
            "certified_women": 300,
        }.items()
    ]


def test_a_commune_that_no_cohort_binds_is_not_met_rather_than_behind(reference: Reference) -> None:
    unbound = next(
        unit
        for unit in reference.units.communes(MIDYEAR, "20")
        if not any(unit.code in cohort.members for cohort in reference.plan.cohorts)
    )
    verdict = explain_criterion(
        Judge(reference, MIDYEAR).criterion("ntm-11", unbound, readings(*poverty("2023-05", 300)))
    )
    assert verdict.status == Status.NOT_MET


def test_a_border_commune_is_behind_when_it_stands_still(reference: Reference) -> None:
    still = readings(*poverty("2022-12", 200))
    verdict = explain_criterion(Judge(reference, MIDYEAR).criterion("ntm-11", commune(reference, "06004"), still))
    assert verdict.status == Status.BEHIND
    assert verdict.parts[0].missing == 70


def test_women_alone_can_keep_a_commune_from_the_labour_criterion(reference: Reference) -> None:
    unit = commune(reference, "06280")
    assert (
        explain_criterion(Judge(reference, MIDYEAR).criterion("ntm-12", unit, readings(*labour("2023-05", 800)))).status
        == Status.MET
    )
    verdict = explain_criterion(Judge(reference, MIDYEAR).criterion("ntm-12", unit, readings(*labour("2023-05", 600))))
    failing = [(part.indicator, part.group) for part in verdict.parts if part.status != Status.MET]
    assert verdict.status == Status.NOT_MET
    assert failing == [("12.1", "women")]


def test_the_reason_says_value_counts_goal_and_what_is_missing_in_both_languages(reference: Reference) -> None:
    found = readings(*poverty("2023-05", 219, 1204))
    verdict = explain_criterion(Judge(reference, MIDYEAR).criterion("ntm-11", commune(reference, "06280"), found))
    assert "18,19 % (219/1.204 hộ) (tháng 5/2023); mục tiêu ≤ 13 %" in verdict.reason.vi
    assert "còn phải giảm 63 hộ" in verdict.reason.vi
    assert "ngưỡng chưa đối chiếu văn bản" in verdict.reason.vi
    assert "18.19 % (219/1,204 households) (May 2023); goal ≤ 13 %" in verdict.reason.en


def test_poverty_figures_are_provisional_until_the_years_review(reference: Reference) -> None:
    unit = commune(reference, "06280")
    monthly = explain_criterion(Judge(reference, MIDYEAR).criterion("ntm-11", unit, readings(*poverty("2023-05", 100))))
    yearly = explain_criterion(Judge(reference, MIDYEAR).criterion("ntm-11", unit, readings(*poverty("2022", 100))))
    assert monthly.provisional
    assert not yearly.provisional


def test_advanced_criteria_are_judged_only_where_a_cohort_binds(reference: Reference) -> None:
    named, other = commune(reference, "06280"), commune(reference, "06004")
    assert "advanced-11" in reference.criteria_of(named)
    assert "advanced-11" not in reference.criteria_of(other)


def test_a_report_is_overdue_the_day_after_its_last_day_and_no_longer_when_it_arrives(reference: Reference) -> None:
    unit = commune(reference, "06280")
    january = poverty("2023-01", 100, known_from=date(2023, 2, 3))
    on_time = explain_criterion(Judge(reference, date(2023, 3, 5)).criterion("ntm-11", unit, readings(*january)))
    late = explain_criterion(Judge(reference, date(2023, 3, 6)).criterion("ntm-11", unit, readings(*january)))
    assert on_time.overdue == []
    assert on_time.holds_until == date(2023, 3, 5)
    assert late.overdue == ["2023-02"]
    arrived = readings(*january, *poverty("2023-02", 90, known_from=date(2023, 3, 6)))
    assert explain_criterion(Judge(reference, date(2023, 3, 6)).criterion("ntm-11", unit, arrived)).overdue == []
    assert events(PreviousVerdict(late.status), late.status, late.overdue) == [Event.OVERDUE]
    assert events(PreviousVerdict(late.status, frozenset(late.overdue)), on_time.status, on_time.overdue) == [
        Event.REPORT_ARRIVED
    ]


def test_who_is_bound_by_nothing_and_never_reported_is_not_overdue(reference: Reference) -> None:
    silent = Judge(reference, date(2024, 2, 1)).criterion("ntm-11", commune(reference, "06280"), readings())
    assert (silent.status, silent.overdue, silent.is_blank) == (Status.NO_DATA, [], True)


def test_a_bound_commune_that_never_reported_is_overdue_with_the_first_report_and_misses_its_deadline(
    reference: Reference,
) -> None:
    border = commune(reference, "06004")
    days = [date(2023, 1, 1), date(2023, 2, 5), date(2023, 2, 6), date(2023, 12, 31), date(2024, 1, 1)]
    silent = [Judge(reference, on).criterion("ntm-11", border, readings()) for on in days]
    assert [one.status for one in silent] == [*[Status.NO_DATA] * 4, Status.MISSED]
    assert [one.overdue[:1] for one in silent] == [[], [], ["2023-01"], ["2023-01"], ["2023-01"]]
    assert [one.holds_until for one in silent[:3]] == [date(2023, 2, 5), date(2023, 2, 5), date(2023, 3, 5)]


def test_silence_is_no_news_to_who_looks_for_the_first_time(reference: Reference) -> None:
    border, on = commune(reference, "06004"), date(2023, 6, 30)
    unreported = Judge(reference, on).criterion("ntm-11", border, readings())
    before = PreviousVerdict(unreported.status, frozenset(unreported.overdue))
    assert before == PreviousVerdict(Status.NO_DATA, frozenset({"2023-01", "2023-02", "2023-03", "2023-04", "2023-05"}))
    first = Judge(reference, on).criterion("ntm-11", border, readings(*poverty("2022-12", 200)))
    assert events(before, first.status, first.overdue) == [Event.FELL_BEHIND]


def test_of_whom_the_plan_binds_also_silence_is_judged(reference: Reference) -> None:
    bound = reference.bound_communes(MIDYEAR)
    border, named = commune(reference, "06004"), commune(reference, "06280")
    assert len(bound) == 20 + 3
    assert bound[border.key] == ["ntm-11", "ntm-12", "ntm-14", "ntm-18"]
    assert bound[named.key] == ["advanced-11", "advanced-12"]


def test_a_quarterly_criterion_is_held_against_the_path_at_the_quarters_end(reference: Reference) -> None:
    border = commune(reference, "06004")
    found = readings(
        *labour("2022", 600), *(one._replace(known_from=date(2023, 4, 8)) for one in labour("2023-Q1", 630))
    )
    between, due = (
        explain_criterion(Judge(reference, date(2023, 7, day)).criterion("ntm-12", border, found)) for day in (10, 11)
    )
    women = [next(part for part in one.parts if part.group == "women") for one in (between, due)]
    assert [part.required_on for part in women] == [date(2023, 3, 31), date(2023, 6, 30)]
    assert [one.status for one in (between, due)] == [Status.ON_TRACK, Status.BEHIND]
    assert due.overdue == ["2023-Q2"]
    assert women[0].next
    assert (women[0].next.on, women[0].missing) == (date(2023, 9, 30), 70)
    assert f"đến 30/09/2023 cần thêm {women[0].next.missing} lao động để đúng lộ trình" in between.reason.vi
    assert f"{women[0].next.missing} more workers by 30 September 2023 to be on the path" in between.reason.en


def test_the_readings_behind_a_value_are_told_with_their_submissions_and_stages(reference: Reference) -> None:
    found = readings(*poverty("2023-04", 200), *poverty("2023-05", 190, stage=Stage.VERIFIED))
    (part,) = explain_criterion(Judge(reference, MIDYEAR).criterion("ntm-11", commune(reference, "06004"), found)).parts
    assert [(one.element, one.value, str(one.period), one.stage, one.submission) for one in part.readings] == [
        (element, value, "2023-05", Stage.VERIFIED, UUID(int=1))
        for element, value in (("poor_households", 190), ("near_poor_households", 0), ("households", 1000))
    ]


def test_the_trend_is_told_once_there_are_months_enough(reference: Reference) -> None:
    months = [one for month in range(1, 6) for one in poverty(f"2023-{month:02}", 200 - 8 * month)]
    verdict = explain_criterion(
        Judge(reference, MIDYEAR).criterion("ntm-11", commune(reference, "06004"), readings(*months))
    )
    projected = verdict.parts[0].projected
    assert projected
    assert projected.on
    assert projected.in_time is True
    assert f"theo xu hướng đạt vào {quarter_of(projected.on, 'vi')}" in verdict.reason.vi
    still = [one for month in range(1, 6) for one in poverty(f"2023-{month:02}", 200)]
    verdict = explain_criterion(
        Judge(reference, MIDYEAR).criterion("ntm-11", commune(reference, "06004"), readings(*still))
    )
    assert "xu hướng hiện nay không dẫn tới mục tiêu" in verdict.reason.vi


def test_an_assessment_shows_what_was_remarkable_about_its_newest_figures(reference: Reference) -> None:
    old, new = a_warning("households"), a_warning("poor_households")
    january = [reading._replace(warnings=(old,)) for reading in poverty("2023-01", 200)]
    households, poor, near = poverty("2023-05", 100)
    found = readings(*january, households, poor._replace(warnings=(new,)), near)
    verdict = explain_criterion(Judge(reference, MIDYEAR).criterion("ntm-11", commune(reference, "06280"), found))
    assert [part.warnings for part in verdict.parts] == [[new]]


def test_an_aggregate_lists_no_single_communes_warnings(reference: Reference) -> None:
    commitment, measure = next(
        (one, one.measure) for one in reference.plan.commitments if isinstance(one.measure, Rate)
    )
    values = {code: 1000 if code in measure.denominator else 10 for code in measure.element_codes}
    found = [a_reading(code, "2023-05", value, warnings=(a_warning(code),)) for code, value in values.items()]
    steps = Contributor(reference, commune(reference, "06280"), readings(*found)).increments(commitment)
    observations = series(commitment, steps, reference.plan.baseline_date, Expected(1, reference.plan.coverage))
    (part,) = explain_target(commitment, Judge(reference, MIDYEAR).target(commitment, observations)).parts
    assert (part.value is None, part.warnings) == (False, [])


def test_a_change_goes_out_as_a_cloud_event_on_its_commune_subject(reference: Reference) -> None:
    unit = commune(reference, "06280")
    assessment = explain_criterion(
        Judge(reference, MIDYEAR).criterion("ntm-11", unit, readings(*poverty("2023-05", 100)))
    )
    moment = Moment(MIDYEAR, datetime(2023, 6, 30, 9, tzinfo=VIETNAM))
    (change,) = ChangesAt(reference, moment).of_criterion(unit, "ntm-11", PreviousVerdict(), assessment, None)
    (message,) = messages_of(change, "20", trace=None)
    assert message.subject == "ntm.v1.status.184.06280.ntm-11"
    assert message.headers["ce-id"] == message.headers["Nats-Msg-Id"] == str(change.id)
    assert message.headers["ce-specversion"] == "1.0"
    assert message.headers["ce-province"] == "20"
    (again,) = ChangesAt(reference, moment).of_criterion(unit, "ntm-11", PreviousVerdict(), assessment, None)
    assert again.id == change.id
