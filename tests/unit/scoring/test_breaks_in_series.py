"""Breaks in series: values that were counted by another poverty line are not compared with each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime

import pytest

from services.scoring.judging.aggregates import summed
from services.scoring.judging.assessments import assess_target, explain_criterion
from services.scoring.judging.changes import ChangesAt, Moment, PreviousVerdict
from services.scoring.judging.judge import Judge
from services.scoring.judging.readings import Reading
from shared.contracts.assessment import Assessment
from shared.contracts.status import Event, Status
from shared.contracts.verdict_change import Cause
from shared.reference.load import Reference
from shared.reference.models import Break, Commitment, CommunesMeeting, Unit
from shared.time import VIETNAM
from tests.binding_plan import binding_reference
from tests.builders import a_reading, poverty, readings

BORDER, UNBOUND = "06004", "06280"
MIDYEAR, NEW_YEAR = date(2023, 7, 1), date(2023, 1, 1)
GONE_OVER = date(2023, 8, 6)
"""The day after July's report was due, the first one by the line that holds from 1 July on."""

type Reports = Callable[[int], Sequence[Reading]]


def reference_with(day: date, *elements: str, verified: bool = True) -> Reference:
    """Return the plan of 2023 with a break in the series of poor households, or of these elements."""
    broken = Break(
        elements=list(elements) or ["poor_households", "near_poor_households"],
        valid_from=day,
        reason={"vi": "chuẩn nghèo mới", "en": "the new poverty line"},
        verified=verified,
        source="Invented for a test",
    )
    return replace(binding_reference(), breaks=[broken])


@pytest.fixture(scope="module")
def reference() -> Reference:
    return reference_with(MIDYEAR)


def commune(reference: Reference, code: str) -> Unit:
    unit = reference.units.find(code, MIDYEAR)
    assert unit is not None
    return unit


def judged(reference: Reference, on: date, *found: Reading, unit: str = BORDER) -> Assessment:
    return explain_criterion(Judge(reference, on).criterion("ntm-11", commune(reference, unit), readings(*found)))


def commitment_of(reference: Reference, name: str) -> Commitment:
    return next(one for one in reference.plan.commitments if one.id == name)


def assessed(reference: Reference, commitment: Commitment, on: date, reports: Reports, unit: str = "20") -> Assessment:
    target = commune(reference, unit)
    figures = {
        commune.key: readings(*reports(number))
        for number, commune in enumerate(reference.units.communes(MIDYEAR, unit, reference.kinds_counted(commitment)))
    }
    increments = summed([(commitment, target)], figures, reference).get((commitment.id, target.key), {})
    return assess_target(Judge(reference, on), commitment, target, increments)


HALF_A_YEAR = [
    *poverty("2022-12", 160),
    *(reading for month in range(1, 7) for reading in poverty(f"2023-{month:02}", 160 - 3 * month)),
]
"""A border commune on its way from 16 % to 13 %."""


# A commune's criterion


def test_a_rise_that_only_the_new_line_makes_is_no_falling_behind(reference: Reference) -> None:
    july = poverty("2023-07", 260, known_from=date(2023, 8, 3))
    on = date(2023, 8, 10)
    assert judged(replace(reference, breaks=[]), on, *HALF_A_YEAR, *july).status == Status.BEHIND
    found = judged(reference, on, *HALF_A_YEAR, *july)
    part = found.parts[0]
    assert (found.status, part.value, part.baseline, part.baseline_on) == (
        Status.ON_TRACK,
        26,
        26,
        date(2023, 8, 3),
    )
    assert part.projected is None
    assert "từ 01/07/2023 tính theo chuẩn nghèo mới, không so sánh với số liệu trước đó" in found.reason.vi
    assert "counted by the new poverty line since 1 July 2023, and not compared with earlier figures" in found.reason.en


def test_a_rise_after_the_break_is_falling_behind(reference: Reference) -> None:
    july, august = (
        poverty("2023-07", 200, known_from=date(2023, 8, 3)),
        poverty("2023-08", 230, known_from=date(2023, 9, 3)),
    )
    assert judged(reference, date(2023, 9, 10), *HALF_A_YEAR, *july, *august).status == Status.BEHIND


def test_until_the_first_figure_by_the_new_line_the_old_ones_stand(reference: Reference) -> None:
    late = poverty("2023-06", 142, known_from=date(2023, 7, 4))
    found = judged(reference, date(2023, 7, 20), *HALF_A_YEAR[:-3], *late)
    assert (found.status, found.parts[0].baseline, found.parts[0].break_in_series) == (Status.ON_TRACK, 16, None)


def test_a_line_that_was_not_read_in_its_source_is_marked() -> None:
    july = poverty("2023-07", 260, known_from=date(2023, 8, 3))
    found = judged(reference_with(MIDYEAR, verified=False), date(2023, 8, 10), *july)
    assert "không so sánh với số liệu trước đó (chưa đối chiếu văn bản)" in found.reason.vi


def test_figures_before_new_years_break_are_no_baseline_of_the_year() -> None:
    reference = reference_with(NEW_YEAR)
    january = poverty("2023-01", 300, known_from=date(2023, 2, 3))
    found = judged(reference, date(2023, 2, 20), *poverty("2022-12", 150), *january)
    assert (found.status, found.parts[0].baseline, found.parts[0].baseline_on) == (
        Status.ON_TRACK,
        30,
        date(2023, 2, 3),
    )


def test_a_break_before_the_time_that_the_plan_looks_at_separates_nothing() -> None:
    reference = reference_with(date(2022, 1, 1))
    found = judged(reference, date(2023, 2, 20), *poverty("2022-12", 150))
    assert (found.parts[0].break_in_series, found.parts[0].baseline) == (None, 15)


def test_the_trend_is_that_of_the_new_line_alone(reference: Reference) -> None:
    months = [
        reading
        for month, poor in ((7, 300), (8, 280), (9, 260), (10, 240), (11, 220))
        for reading in poverty(f"2023-{month:02}", poor)
    ]
    with_old = judged(reference, date(2023, 12, 1), *HALF_A_YEAR, *months).parts[0]
    alone = judged(reference, date(2023, 12, 1), *months).parts[0]
    assert with_old.projected is not None
    assert with_old.projected == alone.projected


def test_other_indicators_know_nothing_of_the_break(reference: Reference) -> None:
    found = [a_reading(code, "2023-09", 1) for code in reference.criterion("ntm-14").element_codes]
    verdict = Judge(reference, date(2023, 10, 20)).criterion("ntm-14", commune(reference, BORDER), readings(*found))
    assert verdict.series_from is None


# What is told


def told(before: PreviousVerdict, after: Assessment, series_from: date | None, cause: Cause = "figure") -> list[str]:
    reference = binding_reference()
    changes = ChangesAt(reference, Moment(date(2023, 8, 10), datetime(2023, 8, 10, 9, tzinfo=VIETNAM)), cause)
    found = changes.of_criterion(commune(reference, BORDER), "ntm-11", before, after, None, series_from)
    return [f"{change.event} {change.cause}" for change in found]


def test_a_status_that_only_the_new_line_turns_is_told_as_changed_by_the_rules(reference: Reference) -> None:
    july = poverty("2023-07", 260, known_from=date(2023, 8, 3))
    after = judged(reference, date(2023, 8, 10), *poverty("2023-06", 100), *july, unit=UNBOUND)
    assert after.status == Status.NOT_MET
    overdue = frozenset({*after.overdue, "2023-05"})
    before = PreviousVerdict(Status.MET, overdue)
    assert told(before, after, MIDYEAR) == ["changed rules", "report_arrived figure"]
    assert told(replace(before, series_from=MIDYEAR), after, MIDYEAR) == ["lost figure", "report_arrived figure"]
    assert told(before, after, None)[0] == "lost figure"
    assert told(before, after, MIDYEAR, "withdrawal")[0] == "changed withdrawal"
    first = PreviousVerdict(Status.NO_DATA, overdue)
    assert told(first, after, MIDYEAR)[0] == f"{Event.FIRST_DATA} figure"


# Sums over communes


def rises_by_the_new_line(number: int, *, late: int = 0) -> list[Reading]:
    """Return the reports of a commune at 20 % by the old line and at 30 % by the new one; the first ones are late."""
    months = [reading for month in (5, 6) for reading in poverty(f"2023-{month:02}", 200)]
    july = poverty("2023-07", 300, known_from=date(2023, 8, 3)) if number >= late else []
    return [*poverty("2022-12", 210), *months, *july]


def test_a_sum_never_mixes_what_was_counted_by_two_lines(reference: Reference) -> None:
    rate = commitment_of(reference, "poverty-rate-poor-districts")

    def district(on: date) -> Assessment:
        return assessed(reference, rate, on, rises_by_the_new_line, "184")

    before = district(date(2023, 8, 5))
    assert (before.parts[0].value, before.parts[0].baseline) == (20, 21), "July's reports are not all due yet"
    after = district(GONE_OVER)
    part = after.parts[0]
    assert (after.status, part.value, part.baseline, part.goal) == (Status.ON_TRACK, 30, 30, 25)
    assert part.begins_with_first
    assert "tính theo chuẩn nghèo mới" in after.reason.vi


def test_a_sum_waits_for_the_reports_by_the_new_line(reference: Reference) -> None:
    rate = commitment_of(reference, "poverty-rate-poor-districts")
    found = assessed(reference, rate, GONE_OVER, lambda number: rises_by_the_new_line(number, late=5), "184")
    part = found.parts[0]
    assert (found.status, part.value) == (Status.NO_DATA, 30)
    assert part.units_expected is not None
    assert part.units_counted == part.units_expected - 5


def test_a_count_of_communes_begins_anew_with_the_new_line(reference: Reference) -> None:
    count = next(
        one
        for one in reference.plan.commitments
        if isinstance(one.measure, CommunesMeeting) and one.measure.criterion == "ntm-11"
    )

    def reports(number: int) -> list[Reading]:
        by_the_old = 100 if number < 85 else 200
        by_the_new = 100 if number < 40 else 200
        return [
            *poverty("2022-12", by_the_old),
            *(reading for month in (5, 6) for reading in poverty(f"2023-{month:02}", by_the_old)),
            *poverty("2023-07", by_the_new, known_from=date(2023, 8, 3)),
        ]

    before = assessed(reference, count, date(2023, 8, 5), reports)
    assert (before.status, before.parts[0].value) == (Status.ON_TRACK, 85)
    after = assessed(reference, count, GONE_OVER, reports)
    part = after.parts[0]
    assert (after.status, part.value, part.baseline, part.goal) == (Status.ON_TRACK, 40, 40, 87)
    assert assessed(replace(reference, breaks=[]), count, GONE_OVER, reports).status == Status.BEHIND


def test_a_number_that_the_plan_states_for_its_own_beginning_is_of_the_line_of_that_day() -> None:
    """The plan's own 77 communes of a year that begins with the new line were counted by it."""
    reference = reference_with(NEW_YEAR)
    count = next(
        one
        for one in reference.plan.commitments
        if isinstance(one.measure, CommunesMeeting) and one.measure.criterion == "ntm-11"
    )
    found = assessed(reference, count, date(2023, 3, 6), lambda number: poverty("2023-01", 100 if number < 80 else 200))
    assert (found.parts[0].value, found.parts[0].baseline) == (80, 77)


def test_cases_are_compared_with_those_of_a_year_before_only_where_the_same_is_counted() -> None:
    reference = reference_with(NEW_YEAR, "gbv_cases")
    violence = commitment_of(reference, "gender-violence")
    offices = [unit for unit in reference.units if unit.kind in ("district", "city") and unit.is_valid(MIDYEAR)]
    figures = {
        office.key: readings(
            *(a_reading("gbv_cases", f"{year}-{month:02}", 5) for year in (2022, 2023) for month in range(1, 6))
        )
        for office in offices
    }
    province = commune(reference, "20")
    increments = summed([(violence, province)], figures, reference).get((violence.id, province.key), {})
    found = assess_target(Judge(reference, date(2023, 6, 20)), violence, province, increments)
    assert found.status == Status.NO_DATA
    assert "tính theo chuẩn nghèo mới, không so sánh với số liệu trước đó" in found.reason.vi
