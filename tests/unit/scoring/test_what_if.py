"""Suppositions and the verdicts that follow from them, and the numbers that communes lack to a criterion."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.scoring.asking.nearest import NearestPage, Ranking, missing_of, page_of
from services.scoring.asking.scenario import supposed_readings
from services.scoring.asking.what_if_comparison import Inputs, WhatIf, compare
from services.scoring.asking.what_if_request import Supposition, reference_under
from services.scoring.judging.aggregates import summed
from services.scoring.judging.changes import Moment
from services.scoring.judging.figures import Figures
from services.scoring.judging.judge import Judge
from shared.access.caller import EVERYTHING, Caller
from shared.contracts.status import Stage
from shared.contracts.submission import Submission
from shared.http.paging import encode_cursor
from shared.problems import Problem
from shared.reference.load import Reference, load
from tests.builders import DIEM_HE, a_reading, poverty, readings

TODAY = date(2023, 6, 30)
NOW = Moment(on=TODAY, at=datetime(2023, 6, 30, 2, tzinfo=UTC))
BORDER = "06004"
PROVINCE = Caller("tests", ("20",), (EVERYTHING,))


def reference_if(**supposed: Any) -> Reference:
    return reference_under(Supposition.model_validate(supposed), load())


def key_of(code: str) -> int:
    unit = load().units.find(code, TODAY)
    assert unit
    return unit.key


def a_submission(**changes: Any) -> Submission:
    counts = {"households": 1000, "poor_households": 100, "near_poor_households": 0}
    return Submission.model_validate({"unit": BORDER, "period": "2023-06", "readings": counts, **changes})


def test_nothing_supposed_of_the_plan_leaves_it_as_it_is() -> None:
    assert reference_if() is load()
    assert reference_if(plan={}).plan == load().plan


def test_what_is_left_out_of_a_change_stays() -> None:
    plan = reference_if(
        plan={"coverage": 0.5, "commitments": [{"id": "poverty-communes", "deadline": "2023-09-30"}]}
    ).plan
    before = {one.id: one for one in load().plan.commitments}
    after = {one.id: one for one in plan.commitments}
    changed = after.pop("poverty-communes")
    was = before.pop("poverty-communes")
    # the milestone at the end of September is no longer on the way to a goal of that day
    assert changed == was.model_copy(update={"deadline": date(2023, 9, 30), "milestones": was.milestones[:2]})
    assert after == before
    assert (plan.coverage, plan.tolerance) == (Decimal("0.5"), load().plan.tolerance)


def test_a_goal_and_a_change_from_the_baseline_take_each_others_place() -> None:
    changes = [{"id": "poverty-communes", "change": 5}, {"id": "poverty-rate", "goal": 12}]
    plan = reference_if(plan={"commitments": changes}).plan
    found = {one.id: (one.goal, one.change) for one in plan.commitments}
    assert found["poverty-communes"] == (None, Decimal(5))
    assert found["poverty-rate"] == (Decimal(12), None)
    with pytest.raises(Problem, match="refused"):
        reference_if(plan={"commitments": [{"id": "poverty-communes", "goal": 90, "change": 5}]})


def test_milestones_beyond_a_supposed_goal_are_left_out_and_those_that_are_supposed_are_checked() -> None:
    (lower,) = [
        one
        for one in reference_if(plan={"commitments": [{"id": "poverty-communes", "goal": 79}]}).plan.commitments
        if one.id == "poverty-communes"
    ]
    assert [one.value for one in lower.milestones] == [77, 78]
    late = [{"on": "2024-02-01", "value": 80}]
    with pytest.raises(Problem, match="refused"):
        reference_if(plan={"commitments": [{"id": "poverty-communes", "milestones": late}]})


def test_two_changes_of_one_commitment_both_count() -> None:
    changes = [{"id": "poverty-communes", "goal": 90}, {"id": "poverty-communes", "tolerance": 0.2}]
    plan = reference_if(plan={"commitments": changes}).plan
    (one,) = [one for one in plan.commitments if one.id == "poverty-communes"]
    assert (one.goal, one.tolerance) == (Decimal(90), Decimal("0.2"))


def test_more_members_than_the_plan_has_room_for_are_refused() -> None:
    members = [unit.code for unit in load().units.communes(TODAY, "20")][:21]
    with pytest.raises(Problem) as refused:
        reference_if(plan={"cohorts": [{"id": "border-2023", "members": members}]})
    assert "20" in refused.value.faults[0].text("vi")


@pytest.mark.parametrize(
    ("period", "on", "known_from"),
    [
        ("2023-06", TODAY, TODAY),
        ("2022-12", TODAY, TODAY),
        ("2023-09", date(2023, 12, 31), date(2023, 9, 30)),
        ("2023", TODAY, TODAY),
        ("2023", date(2023, 10, 1), date(2023, 10, 1)),
    ],
)
def test_supposed_figures_come_in_as_soon_as_they_can(period: str, on: date, known_from: date) -> None:
    found = supposed_readings([a_submission(period=period)], load(), NOW, on)
    assert {one.known_from for one in found[key_of(BORDER)]} == {known_from}


def test_units_that_do_not_exist_are_passed_over() -> None:
    assert supposed_readings([a_submission(unit="99998")], load(), NOW, TODAY) == {}


def a_case(
    figures: dict[int, Figures], *submissions: Submission, then: Reference | None = None, on: date = TODAY
) -> Inputs:
    reference = load()
    arriving = supposed_readings(submissions, reference, NOW, on)
    sums = summed(reference.targets, figures, reference)
    touched = {unit: one for unit, one in figures.items() if unit in arriving}
    communes = [unit for unit in reference.units.communes(on, "20") if unit.key in (figures if then else arriving)]
    return Inputs(reference, then or reference, arriving, figures if then else touched, sums, communes, PROVINCE, on)


def targets_in(found: WhatIf) -> dict[tuple[str, str], Any]:
    return {(one.commitment.id, one.unit.code): one.after for one in found.targets}


FIGURES = st.fixed_dictionaries(
    {
        code: st.lists(
            st.tuples(st.sampled_from(["2022-12", "2023-03", "2023-05"]), st.integers(0, 1000)), max_size=3
        ).map(lambda found: readings(*(one for period, poor in found for one in poverty(period, poor))))
        for code in ("06004", "06025", DIEM_HE, "06121")
    }
)
SUPPOSED = st.lists(
    st.builds(
        lambda unit, period, poor, revision: a_submission(
            unit=unit,
            period=period,
            revision=revision,
            readings={"households": 1000, "poor_households": poor, "near_poor_households": 0},
        ),
        st.sampled_from(["06004", DIEM_HE]),
        st.sampled_from(["2022-12", "2023-05", "2023-06", "2020"]),
        st.integers(0, 1000),
        st.integers(1, 2),
    ),
    max_size=4,
)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(FIGURES, SUPPOSED)
def test_sums_that_are_moved_come_to_what_sums_made_anew_come_to(
    figures: dict[str, Figures], supposed: list[Submission]
) -> None:
    by_key = {key_of(code): one for code, one in figures.items()}
    anew = reference_if(plan={"coverage": 0.9})
    assert anew.plan == load().plan
    moved, made = compare(a_case(by_key, *supposed)), compare(a_case(by_key, *supposed, then=anew))
    assert targets_in(moved) == targets_in(made)
    assert moved.statuses == made.statuses
    assert moved.without_effect == made.without_effect


def test_nothing_supposed_changes_nothing() -> None:
    figures = {key_of(BORDER): readings(*poverty("2022-12", 200))}
    for case in (a_case(figures), a_case(figures, then=reference_if(plan={"tolerance": 0.1}))):
        found = compare(case)
        assert (found.statuses, found.targets, found.without_effect) == ([], [], [])
        assert found.target_counts.before == found.target_counts.after


def test_what_stands_at_a_later_stage_is_not_moved_and_that_is_said() -> None:
    standing = readings(*poverty("2023-06", 200, stage=Stage.VERIFIED, submission=UUID(int=10**30)))
    found = compare(a_case({key_of(BORDER): standing}, a_submission()))
    assert found.statuses == []
    assert found.without_effect == [f"/submissions/0/readings/{code}" for code in a_submission().readings]


def labour(men: int, women: int, certified: int = 50) -> Figures:
    """Build the counts of 100 men and 100 women, of whom these numbers are trained."""
    counts = {
        "workers_men": 100,
        "workers_women": 100,
        "trained_men": men,
        "trained_women": women,
        "certified_men": certified,
        "certified_women": certified,
    }
    return readings(*(a_reading(element, "2023-03", count) for element, count in counts.items()))


def ranked(criterion: str, figures: dict[str, Figures]) -> tuple[Ranking, dict[int, Figures]]:
    reference = load()
    by_key = {key_of(code): one for code, one in figures.items()}
    communes = [reference.units.by_key(key) for key in by_key]
    return Ranking.of(communes, missing_of(Judge(reference, TODAY), communes, criterion, by_key)), by_key


def a_page(
    criterion: str, figures: dict[str, Figures], after: tuple[int, str] = (0, ""), limit: int = 10
) -> NearestPage:
    ranking, by_key = ranked(criterion, figures)
    return page_of(Judge(load(), TODAY), ranking, criterion, by_key, after=after, limit=limit)


def test_men_and_women_lack_apart_and_count_together() -> None:
    page = a_page("ntm-12", {BORDER: labour(60, 65, 15), DIEM_HE: labour(80, 56), "06121": labour(70, 70)})
    assert [(one.unit.code, one.missing) for one in page.items] == [(DIEM_HE, 14), (BORDER, 25)]
    parts = [(part.indicator, part.group, part.missing) for part in page.items[1].parts]
    assert parts == [("12.1", "men", 10), ("12.1", "women", 5), ("12.2", "men", 5), ("12.2", "women", 5)]
    assert {part.missing_unit.vi for part in page.items[1].parts} == {"lao động"}
    assert (page.lacking, page.met, page.no_data) == (2, 1, 0)


def test_a_yes_no_item_that_lacks_counts_as_one() -> None:
    def education(universal: bool, enrolled: int) -> Figures:
        counts = {"children_six": 100, "children_six_enrolled": enrolled, "leavers": 10, "leavers_continuing": 10}
        return readings(
            *(a_reading(element, "2023-03", count) for element, count in counts.items()),
            a_reading("universal_education", "2023-03", int(universal)),
        )

    page = a_page("ntm-14", {BORDER: education(False, 98), DIEM_HE: education(True, 95)})
    assert [(one.unit.code, one.missing) for one in page.items] == [(BORDER, 1), (DIEM_HE, 3)]
    ((item,), (children,)) = (one.parts for one in page.items)
    assert (item.missing_unit.en, children.missing_unit.en) == ("items", "children")
    assert (children.value, children.goal, children.gap) == (95, 98, 3)


def test_communes_without_all_figures_are_counted_and_not_listed() -> None:
    half = readings(a_reading("workers_men", "2023-03", 100), a_reading("trained_men", "2023-03", 10))
    ranking, _ = ranked("ntm-12", {BORDER: half, DIEM_HE: Figures(), "06121": labour(69, 70)})
    assert ([unit.code for _, unit in ranking.lacking], ranking.met, ranking.no_data) == (["06121"], 0, 2)


def test_pages_follow_each_other_also_where_communes_lack_the_same() -> None:
    figures = {code: readings(*poverty("2023-03", 150)) for code in (BORDER, DIEM_HE, "06121")}
    first = a_page("ntm-11", figures, limit=2)
    assert ([one.unit.code for one in first.items], first.next) == ([BORDER, "06121"], encode_cursor(20, "06121"))
    second = a_page("ntm-11", figures, after=(20, "06121"), limit=2)
    assert ([one.unit.code for one in second.items], second.next) == ([DIEM_HE], None)
