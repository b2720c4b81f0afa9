"""Readings become values, whatever order they come in."""

from __future__ import annotations

import random
from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scoring.judging.figures import Figures, merge
from services.scoring.judging.observations import EarlierFiguresNeededError
from services.scoring.judging.readings import Reading, readings_in
from shared.contracts.status import Stage
from shared.reference.models import Ratio
from shared.reference.terms import Terms
from tests.builders import BASELINE_DATE, a_reading, a_warning, an_accepted_submission, as_read, poverty, readings

RATE = Ratio(numerator=["poor_households", "near_poor_households"], denominator=["households"])
TERMS = Terms(RATE, BASELINE_DATE, Stage.REPORTED)


def observed(*found: Reading) -> list[tuple[date, Decimal]]:
    seen = readings(*found).observed(TERMS)
    return [(one.effective, one.value) for one in seen]


def test_a_rate_is_the_sum_of_the_numerators_over_the_denominator() -> None:
    assert observed(*poverty("2023-05", 131, 1000)) == [(date(2023, 5, 31), Decimal("13.1"))]


def test_a_rate_never_mixes_two_periods() -> None:
    households, poor, near = poverty("2023-05", 131)
    assert observed(households, poor, a_reading("near_poor_households", "2023-06", 5)) == []
    assert len(observed(households, poor, near)) == 1


LATER = readings(*poverty("2023-04", 120), *poverty("2023-05", 110), *poverty("2023-06", 100))
CODES = [one.element for one in poverty("2023-05", 0)]


def by_baseline(*before: Reading) -> list[date]:
    figures = Figures({**readings(*before), **LATER})
    read = as_read(figures, dict.fromkeys(CODES, date(2023, 6, 30)), BASELINE_DATE, CODES)
    assert read.earlier
    return [one.effective for one in read.in_force_by_baseline(TERMS)]


def test_the_value_of_the_baseline_is_known_without_what_lies_between() -> None:
    assert by_baseline(*poverty("2022-11", 150), *poverty("2022-12", 140))[-1] == date(2022, 12, 31)
    assert by_baseline(*poverty("2022-12", 140, known_from=date(2023, 2, 1)))[-1] == date(2022, 12, 31)
    assert by_baseline(*poverty("2022-12", 140)[:2]) == [], "no period before has all of its elements"


def test_where_another_value_may_have_been_in_force_at_the_baseline_all_figures_are_asked_for() -> None:
    households, poor, near = poverty("2022-10", 150)
    apart = [a_reading(one.element, period, 1) for one in (households, poor) for period in ("2022-11", "2022-12")]
    with pytest.raises(EarlierFiguresNeededError):
        by_baseline(households, poor, near, *apart)
    with pytest.raises(EarlierFiguresNeededError):
        by_baseline(*poverty("2022-12", 140), *poverty("2023-01", 130, known_from=date(2022, 12, 20)))


def test_without_households_there_is_no_rate_that_could_be_used() -> None:
    (seen,) = readings(*poverty("2023-05", 0, 0)).observed(TERMS)
    assert (seen.is_unusable, seen.has_value) == (True, False)


def test_a_share_of_nobody_does_not_apply_where_there_may_be_nobody() -> None:
    share = Ratio(numerator=["children_six_enrolled"], denominator=["children_six"], may_be_empty=True)

    def seen(enrolled: int, children: int) -> tuple[bool, bool]:
        counts = {"children_six_enrolled": enrolled, "children_six": children}
        figures = readings(*(a_reading(code, "2023-H1", count) for code, count in counts.items()))
        (observation,) = figures.observed(Terms(share, BASELINE_DATE, Stage.REPORTED))
        return observation.applies, observation.is_unusable

    assert seen(0, 0) == (False, False)
    assert seen(3, 4) == (True, False)
    assert seen(3, 0) == (True, True), "three of none enrolled: a slip"


def test_a_late_report_for_an_older_period_does_not_replace_a_newer_one() -> None:
    june, may = poverty("2023-06", 120), poverty("2023-05", 200, known_from=date(2023, 8, 1))
    assert observed(*june, *may) == [(date(2023, 6, 30), Decimal(12))]


def test_figures_for_the_time_before_the_plan_are_in_force_from_their_period_on() -> None:
    assert observed(*poverty("2022-12", 150, known_from=date(2023, 1, 5))) == [(BASELINE_DATE, Decimal(15))]


def test_the_years_figure_is_a_later_word_than_decembers() -> None:
    december, year = poverty("2023-12", 120), poverty("2023", 110, known_from=date(2023, 12, 31))
    assert observed(*december, *year)[-1] == (date(2023, 12, 31), Decimal(11))


def test_a_later_stage_outranks_a_higher_revision() -> None:
    reported = a_reading("households", "2023-05", 10, revision=9)
    verified = a_reading("households", "2023-05", 11, stage=Stage.VERIFIED)
    assert merge(Figures(), [verified, reported])["households", reported.period].value == 11


def test_a_figure_keeps_the_warnings_that_point_at_it_and_no_others() -> None:
    jump, whole = a_warning("poor_households"), a_warning("poor_households", pointer="/period")
    found = an_accepted_submission(warnings=[jump, whole])
    by_element = {one.element: one for one in readings_in(found, found.id, found.received_at, found.warnings)}
    assert by_element["poor_households"].warnings == (jump,)
    assert by_element["households"].warnings == ()


def test_a_correction_takes_the_warnings_of_what_it_corrects_away() -> None:
    doubted = a_reading("households", "2023-05", 10, warnings=(a_warning("households"),))
    corrected = a_reading("households", "2023-05", 11, revision=2)
    (kept,) = merge(Figures(), [corrected, doubted]).values()
    assert kept.warnings == ()


def test_a_value_shows_the_warnings_of_every_figure_behind_it() -> None:
    households, poor, near = poverty("2023-05", 131)
    first, second = a_warning("households"), a_warning("poor_households")
    doubted = [poor._replace(warnings=(second,)), households._replace(warnings=(first,)), near]
    (seen,) = readings(*doubted).observed(TERMS)
    assert seen.warnings == [first, second]


@given(
    st.lists(
        st.tuples(st.sampled_from(list(Stage)), st.integers(1, 3), st.integers(0, 5), st.integers(1, 28)),
        min_size=1,
        max_size=10,
    ),
    st.randoms(),
)
def test_the_order_of_arrival_does_not_matter(
    versions: list[tuple[Stage, int, int, int]], shuffled: random.Random
) -> None:
    arrived = [
        a_reading(
            "households",
            "2023-05",
            value,
            stage=stage,
            revision=revision,
            known_from=date(2023, 6, day),
            submission=UUID(int=number),
        )
        for number, (stage, revision, value, day) in enumerate(versions)
    ]
    mixed = shuffled.sample(arrived, len(arrived))
    one_by_one = Figures()
    for reading in mixed:
        one_by_one = merge(one_by_one, [reading])
    assert one_by_one == merge(Figures(), arrived) == merge(Figures(), mixed)
    (kept,) = one_by_one.values()
    assert kept.known_from == min(reading.known_from for reading in arrived)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["households", "poor_households", "near_poor_households"]),
            st.integers(1, 4),
            st.integers(0, 3),
            st.integers(1, 3),
            st.integers(1, 28),
        ),
        max_size=20,
    )
)
def test_what_is_measured_step_by_step_is_what_is_measured_at_once(
    arrived: list[tuple[str, int, int, int, int]],
) -> None:
    step_by_step = Figures()
    for number, (element, month, value, revision, day) in enumerate(arrived):
        reading = a_reading(
            element,
            f"2023-{month:02}",
            value,
            revision=revision,
            known_from=date(2023, month, day),
            submission=UUID(int=number),
        )
        step_by_step = merge(step_by_step, [reading])
        step_by_step.observed(TERMS)
    at_once = Figures(step_by_step)
    assert step_by_step.observed(TERMS) == at_once.observed(TERMS)
