"""Paths as a plan writes them: straight, through milestones, by months; and what the loader says of others."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest

from services.scoring.judging.judge import Judge
from services.scoring.judging.path import Point
from services.scoring.judging.verdict import assess
from shared.contracts.status import Status
from shared.reference.load import PACKAGED, InvalidReferenceError, Reference, load, load_file
from tests.builders import a_requirement, an_observation

PLAN = (PACKAGED / "plans" / "lang-son-2023.yaml").read_text(encoding="utf-8")
JOBS = "    goal: 1000\n    deadline: 2023-12-31\n"


def with_jobs(tmp_path: Path, path: str) -> Reference:
    """The plan, with this in the place of the goal and deadline of line 55: 1,000 jobs in the year."""
    assert PLAN.count(JOBS) == 1
    file = tmp_path / "plan.yaml"
    file.write_text(PLAN.replace(JOBS, path), encoding="utf-8")
    return load_file(file)


def required(reference: Reference, on: date) -> Fraction:
    jobs = next(one for one in reference.plan.commitments if one.id == "new-jobs")
    course = Judge(reference, on).target(jobs, [an_observation(0, date(2023, 1, 1), units_counted=1)]).course
    assert course
    return course.required(on)


def test_without_milestones_the_path_is_straight() -> None:
    assert required(load(), date(2023, 7, 1)) == Fraction(1000 * 182, 365)


def test_a_monthly_schedule_names_months_and_means_their_last_days(tmp_path: Path) -> None:
    schedule = [50, 100, 200, 300, 400, 500, 550, 600, 700, 800, 900]
    lines = "".join(
        f"      - {{on: 2023-{month:02}, value: {value}}}\n" for month, value in enumerate(schedule, start=1)
    )
    reference = with_jobs(tmp_path, f"{JOBS}    milestones:\n{lines}")
    asked = [required(reference, day) for day in (date(2023, 1, 31), date(2023, 6, 30), date(2023, 7, 31))]
    assert asked == [50, 500, 550]
    assert required(reference, date(2023, 12, 31)) == 1000


def test_milestones_may_be_days_and_periods_of_any_length(tmp_path: Path) -> None:
    milestones = "    milestones: [{on: 2023-02-15, value: 10}, {on: 2023-Q2, value: 300}, {on: 2023-11, value: 990}]\n"
    reference = with_jobs(tmp_path, JOBS + milestones)
    asked = [required(reference, day) for day in (date(2023, 2, 15), date(2023, 6, 30), date(2023, 11, 30))]
    assert asked == [10, 300, 990]


def test_who_keeps_a_schedule_that_starts_slowly_is_on_track(tmp_path: Path) -> None:
    slow = with_jobs(tmp_path, JOBS + "    milestones: [{on: 2023-09, value: 200}]\n")
    for reference, status in ((slow, Status.ON_TRACK), (load(), Status.BEHIND)):
        jobs = next(one for one in reference.plan.commitments if one.id == "new-jobs")
        seen = [an_observation(130, date(2023, 6, 30), units_counted=1)]
        assert Judge(reference, date(2023, 6, 30)).target(jobs, seen).status == status


@pytest.mark.parametrize(
    ("path", "field", "problem"),
    [
        (JOBS + "    change: 5\n", "goal", "only one"),
        ("    deadline: 2023-12-31\n", "goal", "only one"),
        (JOBS + "    starts: 2024-01-01\n", "starts", "after its deadline"),
        (JOBS + "    milestones: [{on: 2023-12, value: 900}]\n", "milestones[0].on", "before the deadline"),
        (JOBS + "    milestones: [{on: 2022-12, value: 1}]\n", "milestones[0].on", "a milestone lies after"),
        (
            JOBS + "    milestones: [{on: 2023-03, value: 10}, {on: 2023-02, value: 20}]\n",
            "milestones[1].on",
            "a milestone lies after 2023-03-31",
        ),
        (
            JOBS + "    milestones: [{on: 2023-03, value: 20}, {on: 2023-04, value: 10}]\n",
            "milestones[1].value",
            "goes back",
        ),
        (JOBS + "    milestones: [{on: 2023-03, value: 1001}]\n", "milestones[0].value", "goes back"),
        (JOBS + "    has_path: false\n    milestones: [{on: 2023-03, value: 1}]\n", "milestones[0]", "no path"),
        (JOBS + "    milestones: [{on: tomorrow, value: 1}]\n", "milestones[0].on", "not a period"),
    ],
)
def test_a_path_that_cannot_be_meant_is_refused_by_its_field(
    tmp_path: Path, path: str, field: str, problem: str
) -> None:
    with pytest.raises(InvalidReferenceError) as raised:
        with_jobs(tmp_path, path)
    (fault,) = raised.value.faults
    assert fault.field.endswith(field)
    assert problem in fault.problem.en


def test_a_sum_over_the_year_with_a_path_says_that_it_begins_at_nothing(tmp_path: Path) -> None:
    file = tmp_path / "plan.yaml"
    assert PLAN.count("    baseline: 0\n") == 1
    file.write_text(PLAN.replace("    baseline: 0\n", ""), encoding="utf-8")
    with pytest.raises(InvalidReferenceError, match="begins at nothing"):
        load_file(file)


def test_a_number_of_communes_is_asked_for_at_milestones_and_nothing_more_between_them() -> None:
    """A cohort of 10: none by March, 1 by June, 3 by September, 10 at the end."""
    quarters = [(date(2023, 3, 31), 0), (date(2023, 6, 30), 1), (date(2023, 9, 30), 3)]
    cohort = a_requirement(
        direction="at_least",
        goal=Fraction(10),
        baseline=Fraction(0),
        milestones=tuple(Point(on, Fraction(value)) for on, value in quarters),
        steps=True,
    )

    def judged(value: int, on: date) -> tuple[Status, Fraction | None]:
        verdict = assess(cohort, [an_observation(value, date(2022, 12, 31), units_counted=10)], on)
        return verdict.status, verdict.required.value if verdict.required else None

    assert judged(0, date(2023, 6, 29)) == (Status.ON_TRACK, 0)
    assert judged(0, date(2023, 6, 30)) == (Status.ON_TRACK, 1), "one commune is the tolerance of ten"
    assert judged(1, date(2023, 9, 29)) == (Status.ON_TRACK, 1)
    assert judged(1, date(2023, 9, 30)) == (Status.BEHIND, 3)
    assert judged(2, date(2023, 12, 30)) == (Status.ON_TRACK, 3)
    assert judged(8, date(2024, 1, 1)) == (Status.MISSED, 10)


def test_a_status_between_milestones_holds_until_the_next_one_and_says_which() -> None:
    cohort = a_requirement(
        direction="at_least",
        goal=Fraction(10),
        baseline=Fraction(0),
        milestones=(Point(date(2023, 6, 30), Fraction(1)), Point(date(2023, 9, 30), Fraction(3))),
        steps=True,
    )
    verdict = assess(cohort, [an_observation(1, date(2023, 1, 1), units_counted=10)], date(2023, 7, 15))
    assert verdict.holds_until == date(2023, 9, 29)
    assert verdict.ahead == Point(date(2023, 9, 30), Fraction(3))
