"""The judge: one pure function for every commitment."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from services.scoring.judging.observations import Observation
from services.scoring.judging.path import Point, Requirement
from services.scoring.judging.verdict import assess, event_of, status_since, worst
from shared.contracts.period import Period
from shared.contracts.status import Event, Status
from shared.reference.models import Break, Due
from shared.reference.series import Series
from tests.builders import BASELINE_DATE, DEADLINE, a_requirement, an_observation

MIDYEAR = date(2023, 7, 1)  # 182 of 365 days: the path is at about 15.01

values = st.decimals(min_value=0, max_value=40, places=2)
days = st.dates(min_value=date(2022, 12, 1), max_value=date(2024, 2, 1))
histories = st.lists(st.tuples(days, values), max_size=8, unique_by=lambda entry: entry[0]).map(
    lambda entries: [an_observation(float(value), day) for day, value in sorted(entries)]
)


def status_of(value: float, on: date = MIDYEAR, **changes: object) -> Status:
    return assess(a_requirement(**changes), [an_observation(value, min(on, MIDYEAR))], on).status


def test_without_a_reading_there_is_no_data() -> None:
    assert assess(a_requirement(), [], MIDYEAR).status == Status.NO_DATA


def test_what_nothing_shows_to_be_met_by_its_deadline_was_missed() -> None:
    silent = assess(a_requirement(), [], MIDYEAR)
    assert silent.holds_until == DEADLINE
    assert assess(a_requirement(), [], DEADLINE + timedelta(days=1)).status == Status.MISSED
    assert assess(a_requirement(deadline=None), [], DEADLINE + timedelta(days=1)).status == Status.NO_DATA


def test_a_reading_of_tomorrow_does_not_count_today() -> None:
    tomorrow = an_observation(5, MIDYEAR + timedelta(days=1))
    assert assess(a_requirement(), [tomorrow], MIDYEAR).status == Status.NO_DATA


def test_a_sum_that_has_moved_for_tomorrow_is_judged_again_then() -> None:
    first, tomorrow = (an_observation(5, MIDYEAR + timedelta(days=days), units_counted=1) for days in (0, 1))
    for seen in ([tomorrow], [first, tomorrow]):
        assert assess(a_requirement(), seen, MIDYEAR).holds_until == MIDYEAR


def test_the_goal_itself_is_met_and_a_hair_beyond_is_not() -> None:
    assert status_of(10) == Status.MET
    assert status_of(10.0001) != Status.MET


def test_a_commune_falls_behind_when_the_gap_exceeds_the_tolerance() -> None:
    required = assess(a_requirement(), [an_observation(15, MIDYEAR)], MIDYEAR).required
    assert required is not None
    assert status_of(float(required.value) + 0.99) == Status.ON_TRACK
    assert status_of(float(required.value) + 1.01) == Status.BEHIND


def test_the_tolerance_itself_is_still_on_track() -> None:
    on = BASELINE_DATE + timedelta(days=73)  # a fifth of the year: the path is at exactly 18
    assert assess(a_requirement(), [an_observation(19, on)], on).status == Status.ON_TRACK


def test_after_the_deadline_what_is_not_met_is_missed() -> None:
    assert status_of(11, DEADLINE) != Status.MISSED
    assert status_of(11, DEADLINE + timedelta(days=1)) == Status.MISSED
    assert status_of(9, DEADLINE + timedelta(days=1)) == Status.MET


def test_without_a_deadline_it_is_not_met_or_met() -> None:
    assert status_of(11, deadline=None) == Status.NOT_MET
    assert status_of(9, deadline=None) == Status.MET


def test_at_least_is_the_mirror_of_at_most() -> None:
    rising = a_requirement(direction="at_least", baseline=Fraction(104), goal=Fraction(124))
    assert assess(rising, [an_observation(124)], MIDYEAR).status == Status.MET
    assert assess(rising, [an_observation(113)], MIDYEAR).status == Status.ON_TRACK
    assert assess(rising, [an_observation(111)], MIDYEAR).status == Status.BEHIND


def test_a_change_counts_from_the_value_at_the_baseline_date() -> None:
    falling = a_requirement(goal=None, change=Fraction(-3), baseline=None)
    history = [an_observation(21, BASELINE_DATE), an_observation(18, MIDYEAR)]
    verdict = assess(falling, history, MIDYEAR)
    assert (verdict.goal, verdict.status) == (18, Status.MET)


def test_where_figures_begin_late_the_path_begins_with_them() -> None:
    verdict = assess(a_requirement(baseline=None), [an_observation(18, MIDYEAR)], MIDYEAR)
    assert verdict.baseline == Point(MIDYEAR, Fraction(18))
    assert verdict.status == Status.ON_TRACK


def test_a_milestone_bends_the_path() -> None:
    late = a_requirement(milestones=(Point(date(2023, 10, 1), Fraction(19)),))
    assert assess(late, [an_observation(19.5, MIDYEAR)], MIDYEAR).status == Status.ON_TRACK
    assert status_of(19.5) == Status.BEHIND


def test_yes_or_no_is_on_track_until_the_deadline() -> None:
    held = a_requirement(direction="at_least", goal=Fraction(1), baseline=Fraction(0), has_path=False)
    no = [an_observation(0)]
    assert assess(held, no, DEADLINE).status == Status.ON_TRACK
    assert assess(held, no, DEADLINE + timedelta(days=1)).status == Status.MISSED


def test_what_has_to_be_kept_falls_behind_with_the_first_loss() -> None:
    kept = a_requirement(direction="at_least", baseline=Fraction(181), goal=Fraction(181))
    assert assess(kept, [an_observation(181)], MIDYEAR).status == Status.MET
    assert assess(kept, [an_observation(180)], MIDYEAR).status == Status.BEHIND


def test_a_ceiling_is_only_met_when_its_time_is_over() -> None:
    fewer = a_requirement(goal=Fraction(30), ceiling=True, has_path=False)
    assert assess(fewer, [an_observation(12)], MIDYEAR).status == Status.ON_TRACK
    assert assess(fewer, [an_observation(31)], MIDYEAR).status == Status.BEHIND
    assert assess(fewer, [an_observation(12)], DEADLINE + timedelta(days=1)).status == Status.MET
    assert assess(fewer, [an_observation(31)], DEADLINE + timedelta(days=1)).status == Status.MISSED


def test_who_is_behind_recovers_only_on_the_path_itself() -> None:
    behind = an_observation(19, date(2023, 5, 1))
    within_tolerance = [behind, an_observation(15.5, MIDYEAR)]
    on_the_path = [behind, an_observation(15, MIDYEAR)]
    assert assess(a_requirement(), within_tolerance, MIDYEAR).status == Status.BEHIND
    assert assess(a_requirement(), on_the_path, MIDYEAR).status == Status.ON_TRACK
    assert status_of(15.5) == Status.ON_TRACK  # the same value without that history


WITHIN_THE_YEAR = st.dates(min_value=BASELINE_DATE, max_value=DEADLINE)
REQUIREMENTS = st.sampled_from(
    [
        a_requirement(),
        a_requirement(direction="at_least", baseline=Fraction(104), goal=Fraction(124)),
        a_requirement(milestones=(Point(date(2023, 10, 1), Fraction(19)),), steps=True),
        a_requirement(tolerance=Fraction(0)),
        a_requirement(direction="at_least", baseline=Fraction(181), goal=Fraction(181)),
    ]
)


@given(REQUIREMENTS, WITHIN_THE_YEAR)
def test_the_tolerated_value_is_still_on_track_and_the_next_worse_one_is_behind(
    requirement: Requirement, on: date
) -> None:
    seen = an_observation(float(requirement.baseline or 0), on)
    tolerated = assess(requirement, [seen], on).tolerated
    assert tolerated is not None
    next_worse = requirement.worse(tolerated, Fraction(1, 10**6))
    assert assess(requirement, [seen._replace(value=tolerated)], on).status in (Status.ON_TRACK, Status.MET)
    assert assess(requirement, [seen._replace(value=next_worse)], on).status == Status.BEHIND


def test_nothing_is_tolerated_where_no_path_decides() -> None:
    seen, after = [an_observation(15, BASELINE_DATE)], DEADLINE + timedelta(days=1)

    def tolerated(on: date, **changes: object) -> Fraction | None:
        return assess(a_requirement(**changes), seen, on).tolerated

    assert tolerated(MIDYEAR) is not None
    assert tolerated(MIDYEAR, deadline=None) is None
    assert tolerated(MIDYEAR, has_path=False) is None
    assert tolerated(MIDYEAR, ceiling=True) is None
    assert assess(a_requirement(), [], MIDYEAR).tolerated is None
    before = BASELINE_DATE - timedelta(days=9)
    assert assess(a_requirement(), [an_observation(15, before)], before).tolerated is None
    assert (tolerated(DEADLINE), tolerated(after)) == (11, None)
    assert tolerated(after, closes=after) == 11, "figures about the year are waited for"


def test_time_alone_makes_a_commune_fall_behind_on_the_day_that_was_foretold() -> None:
    observations = [an_observation(18, date(2023, 3, 1))]
    verdict = assess(a_requirement(), observations, date(2023, 3, 1))
    assert verdict.status == Status.ON_TRACK
    last = verdict.holds_until
    assert last is not None
    assert assess(a_requirement(), observations, last).status == Status.ON_TRACK
    assert assess(a_requirement(), observations, last + timedelta(days=1)).status == Status.BEHIND


QUARTERS = tuple(
    Due(Period.parse(f"2023-Q{quarter}"), by)
    for quarter, by in ((1, date(2023, 4, 10)), (2, date(2023, 7, 10)), (3, date(2023, 10, 10)))
)


def reported_for(period: str, value: float, on: date) -> Observation:
    return an_observation(value, on, period=Period.parse(period))


def test_nobody_falls_behind_between_reports_for_want_of_news() -> None:
    quarterly = a_requirement(reports=QUARTERS)
    first = reported_for("2023-Q1", 17.6, date(2023, 4, 8))
    assert assess(a_requirement(), [first], date(2023, 7, 10)).status == Status.BEHIND
    verdict = assess(quarterly, [first], date(2023, 7, 10))
    assert (verdict.status, verdict.holds_until) == (Status.ON_TRACK, date(2023, 7, 10))
    assert verdict.required
    assert verdict.required.on == date(2023, 3, 31)


def test_who_is_silent_when_the_report_was_due_falls_behind() -> None:
    quarterly = a_requirement(reports=QUARTERS)
    first = reported_for("2023-Q1", 17.6, date(2023, 4, 8))
    verdict = assess(quarterly, [first], date(2023, 7, 11))
    assert verdict.status == Status.BEHIND
    assert verdict.required
    assert verdict.required.on == date(2023, 6, 30)


def test_a_report_is_held_against_the_path_at_its_periods_end_however_early_it_comes() -> None:
    early = reported_for("2023-05", 15.9, date(2023, 6, 2))
    required = assess(a_requirement(reports=QUARTERS), [early], date(2023, 6, 29)).required
    assert required
    assert required.on == date(2023, 5, 31)


def test_a_year_reported_before_it_is_over_is_held_against_the_path_of_the_day() -> None:
    on = date(2023, 12, 15)
    required = assess(a_requirement(reports=QUARTERS), [reported_for("2023", 12, on)], on).required
    assert required
    assert required.on == on


def test_the_paths_next_point_is_a_milestone_or_the_end_of_a_period_to_be_reported() -> None:
    milestone = a_requirement(milestones=(Point(date(2023, 10, 1), Fraction(12)),))
    quarterly = a_requirement(reports=QUARTERS)
    seen = [an_observation(15, date(2023, 5, 1), denominator=Decimal(1200), numerator=Decimal(180))]
    ahead = [assess(one, seen, date(2023, 5, 1)).ahead for one in (a_requirement(), milestone, quarterly)]
    assert [point and point.on for point in ahead] == [None, date(2023, 10, 1), date(2023, 6, 30)]
    verdict = assess(milestone, seen, date(2023, 5, 1))
    assert (verdict.lacking(Fraction(12)), verdict.lacking(Fraction(10))) == (36, 60)


def test_what_lacks_is_exact_where_a_share_is_a_recurring_fraction() -> None:
    two_thirds = an_observation(0, numerator=Decimal(2000), denominator=Decimal(3000))
    assert assess(a_requirement(), [two_thirds], MIDYEAR).lacking(Fraction(10)) == 1700


@given(histories, values, values, days)
def test_a_better_reading_never_gives_a_worse_status(
    history: list[object], one: Decimal, other: Decimal, on: date
) -> None:
    better, worse = sorted((float(one), float(other)))
    before = [seen for seen in history if seen.effective < on]  # type: ignore[attr-defined]
    with_better = assess(a_requirement(), [*before, an_observation(better, on)], on).status
    with_worse = assess(a_requirement(), [*before, an_observation(worse, on)], on).status
    assert with_better.severity >= with_worse.severity


@given(histories, days)
def test_a_status_holds_exactly_as_long_as_it_says(history: list[object], on: date) -> None:
    seen = [one for one in history if one.effective <= on]  # type: ignore[attr-defined]
    verdict = assess(a_requirement(), seen, on)  # type: ignore[arg-type]
    horizon = verdict.holds_until or date(2024, 6, 1)
    later = on
    while later <= horizon:
        assert assess(a_requirement(), seen, later).status == verdict.status  # type: ignore[arg-type]
        later += timedelta(days=17)
    if verdict.holds_until:
        after = verdict.holds_until + timedelta(days=1)
        assert assess(a_requirement(), seen, after).status != verdict.status  # type: ignore[arg-type]


@given(histories, days)
def test_a_status_holds_as_long_as_it_says_where_reports_come_by_a_calendar(
    history: list[Observation], on: date
) -> None:
    seen = [one for one in history if one.effective <= on]
    quarterly = a_requirement(reports=QUARTERS)
    verdict = assess(quarterly, seen, on)
    horizon = verdict.holds_until or date(2024, 6, 1)
    assert all(
        assess(quarterly, seen, on + timedelta(days=number)).status == verdict.status
        for number in range(0, (horizon - on).days + 1, 7)
    )
    if verdict.holds_until and verdict.status != Status.NO_DATA:
        assert assess(quarterly, seen, verdict.holds_until + timedelta(days=1)).status != verdict.status


@given(histories, days)
def test_the_future_does_not_change_the_past(history: list[object], on: date) -> None:
    known = [one for one in history if one.effective <= on]  # type: ignore[attr-defined]
    assert assess(a_requirement(), history, on) == assess(a_requirement(), known, on)  # type: ignore[arg-type]


def test_a_criterion_takes_its_worst_part() -> None:
    assert worst([Status.MET, Status.ON_TRACK]) == Status.ON_TRACK
    assert worst([Status.NO_DATA, Status.BEHIND, Status.NOT_MET]) == Status.BEHIND
    assert worst([Status.NOT_MET, Status.NO_DATA]) == Status.NO_DATA


def test_every_change_of_status_has_its_name() -> None:
    named = {
        (Status.NO_DATA, Status.MET): Event.FIRST_DATA,
        (Status.NO_DATA, Status.ON_TRACK): Event.FIRST_DATA,
        (Status.NO_DATA, Status.BEHIND): Event.FELL_BEHIND,
        (Status.ON_TRACK, Status.BEHIND): Event.FELL_BEHIND,
        (Status.BEHIND, Status.ON_TRACK): Event.RECOVERED,
        (Status.BEHIND, Status.MET): Event.MET,
        (Status.MET, Status.BEHIND): Event.LOST,
        (Status.MET, Status.NOT_MET): Event.LOST,
        (Status.BEHIND, Status.MISSED): Event.MISSED,
        (Status.NOT_MET, Status.ON_TRACK): Event.CHANGED,
    }
    for (before, after), event in named.items():
        assert event_of(before, after) == event
    assert event_of(Status.MET, Status.MET) is None


def an_incomplete_sum(value: float, least: float, most: float) -> Observation:
    """Build a sum of which so many figures are missing that it may be any value between two."""
    return an_observation(value, units_counted=10, possible=(Fraction(str(least)), Fraction(str(most))))


def test_without_a_baseline_an_incomplete_sum_is_judged_only_where_no_path_decides() -> None:
    without = a_requirement(baseline=None)
    assert assess(without, [an_incomplete_sum(15, 14, 16)], MIDYEAR).status == Status.NO_DATA
    assert assess(without, [an_incomplete_sum(8, 7, 9)], MIDYEAR).status == Status.MET, "whatever is missing"
    assert assess(without, [an_incomplete_sum(9, 8, 11)], MIDYEAR).status == Status.NO_DATA, "it may be met or not"
    no_path = a_requirement(baseline=None, has_path=False)
    assert assess(no_path, [an_incomplete_sum(15, 14, 16)], MIDYEAR).status == Status.ON_TRACK


def test_the_verdict_on_an_incomplete_sum_holds_as_long_as_that_on_each_value_that_it_may_be() -> None:
    values = (14, 14.5, 15.5)
    least, likely, most = (assess(a_requirement(), [an_observation(one)], MIDYEAR).holds_until for one in values)
    assert least > likely > most
    verdict = assess(a_requirement(), [an_incomplete_sum(14.5, 14, 15.5)], MIDYEAR)
    assert (verdict.status, verdict.holds_until) == (Status.ON_TRACK, most)


MARCH, JUNE, JULY = date(2023, 3, 31), date(2023, 6, 30), date(2023, 7, 1)


def behind_from_july(day: date) -> tuple[Status, date | None]:
    """Return the status of a day: on track until the end of June, and then behind by time alone."""
    return (Status.ON_TRACK, JUNE) if day <= JUNE else (Status.BEHIND, None)


def test_a_status_has_held_since_the_day_on_which_time_or_a_value_made_it() -> None:
    begin = date(2023, 1, 1)
    assert status_since(behind_from_july, begin, [], JUNE) == begin
    assert status_since(behind_from_july, begin, [MARCH], JUNE) == begin, "a value that changes nothing"
    assert status_since(behind_from_july, begin, [], JULY) == JULY
    assert status_since(behind_from_july, begin, [MARCH, date(2023, 9, 1)], date(2023, 12, 1)) == JULY
    assert status_since(behind_from_july, begin, [date(2024, 1, 1)], JUNE) == begin, "a value of a day to come"
    assert status_since(behind_from_july, MARCH, [begin], JUNE) == begin, "a value of before the first day"

    def met_for_a_month(day: date) -> tuple[Status, date | None]:
        return (Status.MET if MARCH <= day < date(2023, 5, 1) else Status.ON_TRACK), None

    values = [MARCH, date(2023, 5, 1)]
    assert status_since(met_for_a_month, begin, values, date(2023, 4, 1)) == MARCH
    assert status_since(met_for_a_month, begin, values, JUNE) == date(2023, 5, 1), "it came back, and counts anew"


def a_compared_sum(value: float, before: float, on: date, **changes: object) -> Observation:
    """Build a sum of which a change is asked: with the value before, of the same units."""
    return an_observation(value, on, units_counted=10, before=Fraction(str(before)), **changes)


def test_former_values_of_a_change_are_moved_to_what_the_newest_is_compared_with() -> None:
    asked = a_requirement(goal=None, change=Fraction(-3), baseline=None)
    verdict = assess(asked, [a_compared_sum(19, 20, date(2023, 3, 31)), a_compared_sum(15, 18, JUNE)], MIDYEAR)
    assert [one.value for one in verdict.seen] == [17, 15], "one below the value before, as it was"
    assert verdict.baseline == Point(BASELINE_DATE, Fraction(18))
    assert verdict.goal == 15
    first = [a_compared_sum(19, 20, date(2023, 3, 31)), a_compared_sum(15, 18, JUNE, begins_with_first=True)]
    assert assess(asked, first, MIDYEAR).baseline == Point(date(2023, 3, 31), Fraction(18))


def test_the_baseline_is_the_newest_whole_value_by_its_day() -> None:
    seen = [
        an_observation(22, date(2022, 11, 30), units_counted=10),
        an_observation(20, BASELINE_DATE, units_counted=10),
        an_incomplete_sum(15, 14, 16),
    ]
    assert assess(a_requirement(baseline=None), seen, MIDYEAR).baseline == Point(BASELINE_DATE, Fraction(20))


def begun(day: date) -> Series:
    """Return the series of figures that begins with a break on a day."""
    words = {"vi": "chuẩn nghèo mới", "en": "the new poverty line"}
    return Series(
        day, Break(elements=["poor_households"], valid_from=day, reason=words, verified=True, source="a test")
    )


def test_what_the_plan_states_of_the_time_before_a_break_within_it_is_left_out_and_else_it_stands() -> None:
    milestones = (Point(date(2023, 9, 30), Fraction(12)),)
    seen = [an_observation(18, MARCH), an_observation(25, JUNE)]
    within = a_requirement(series=[begun(date(2020, 1, 1)), begun(date(2023, 4, 1))], milestones=milestones)
    verdict = assess(within, seen, MIDYEAR)
    assert [one.value for one in verdict.seen] == [25]
    assert (verdict.requirement.baseline, verdict.requirement.milestones) == (None, ())
    before = a_requirement(series=[begun(date(2020, 1, 1)), begun(BASELINE_DATE)], milestones=milestones)
    verdict = assess(before, seen, MIDYEAR)
    assert [one.value for one in verdict.seen] == [18, 25]
    assert (verdict.requirement.baseline, verdict.requirement.milestones) == (20, milestones)
