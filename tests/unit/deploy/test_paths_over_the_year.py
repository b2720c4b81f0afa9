"""The commitments that are behind at the end of each month of the sample year, under three ways of judging their pace.

`pytest -s` prints the numbers. *Straight*: every count of communes on a straight path, every share compared daily.
*Members*: a cohort is behind when more than a tenth of its communes are not on their own pace. *Steps*, which the plan
has: counts of communes are asked for at the milestones of each quarter, shares when their reports were due.

Chosen are the steps. On 2 October 6 of 21 commitments are behind instead of 12, on 6 February none instead of 6; all
but those that fell below what they had end missed, so an office can act upon each. The members' way calls all 6 counts
of communes behind on 2 October, of which the steps call 2: a commune has many criteria and some are always late. It
would also need members, and the plan's paper names all of no cohort.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from uuid import NAMESPACE_URL, uuid5

import pytest

from deploy.local.sample import SEED, sample_reference
from deploy.local.sample.year import plan_year
from services.scoring.judging.aggregates import summed
from services.scoring.judging.figures import Figures, merge
from services.scoring.judging.judge import Judge
from services.scoring.judging.readings import Reading
from shared.contracts.status import Status
from shared.contracts.submission import Submission
from shared.reference.load import Reference, load
from shared.reference.models import CohortMeeting, CommunesMeeting
from shared.time import VIETNAM

FEBRUARY, OCTOBER = date(2023, 2, 6), date(2023, 10, 2)
DAYS = sorted([FEBRUARY, *(date(2023, month, 2) for month in range(2, 13)), date(2023, 12, 28)])
CLOSED = date(2024, 2, 1)

type Behind = Mapping[date, frozenset[tuple[str, str]]]


@pytest.fixture(scope="module")
def reference() -> Reference:
    return sample_reference()


@pytest.fixture(scope="module")
def figures(reference: Reference) -> dict[int, Figures]:
    """Return the figures of the whole year; each is known from the day on which it was first sent."""
    arrived: defaultdict[int, list[Reading]] = defaultdict(list)
    for day in plan_year(reference, SEED):
        received = datetime(day.on.year, day.on.month, day.on.day, 9, tzinfo=VIETNAM)
        for post in day.posts:
            for number, item in enumerate(post.submissions):
                submission = Submission.model_validate(item)
                unit = reference.units.find(submission.unit, submission.period.end)
                assert unit
                name = uuid5(NAMESPACE_URL, f"{day.on}/{post.agency}/{number}")
                arrived[unit.key] += [
                    Reading(
                        element,
                        submission.period,
                        Decimal(int(value)),
                        submission.stage,
                        submission.revision,
                        received,
                        day.on,
                        name,
                    )
                    for element, value in submission.readings.items()
                ]
    return {key: merge(Figures(), readings) for key, readings in arrived.items()}


def behind(reference: Reference, figures: Mapping[int, Figures]) -> Behind:
    return {day: with_status(Status.BEHIND, reference, figures, day) for day in DAYS}


def with_status(
    status: Status, reference: Reference, figures: Mapping[int, Figures], day: date
) -> frozenset[tuple[str, str]]:
    province = reference.plan.unit
    once = [
        (commitment, target)
        for commitment, target in reference.targets
        if target.code == province or province not in commitment.units  # districts are counted in the province's sum
    ]
    sums, judge = summed(once, figures, reference), Judge(reference, day)
    return frozenset(
        (commitment.id, target.code)
        for commitment, target in once
        if judge.target(
            commitment, judge.observations_of(commitment, target, sums.get((commitment.id, target.key), {}))
        ).status
        == status
    )


def straight(reference: Reference) -> Reference:
    """Return the plan without milestones, and the calendar without reports on single elements."""
    commitments = [one.model_copy(update={"milestones": []}) for one in reference.plan.commitments]
    plan = reference.plan.model_copy(update={"commitments": commitments})
    return replace(reference, plan=plan, calendar=[report for report in reference.calendar if report.criteria])


def by_members(reference: Reference, figures: Mapping[int, Figures]) -> Behind:
    """Return the counts of communes that are behind if each member is judged by its own pace."""
    found: dict[date, frozenset[tuple[str, str]]] = {}
    for day in DAYS:
        judge, late = Judge(reference, day), set()
        for commitment in reference.plan.commitments:
            match commitment.measure:
                case CohortMeeting(cohort=cohort, group=group):
                    members = [reference.units.by_key(key) for key in reference.members_of(cohort, group)]
                    keys, asked = reference.criteria_of_cohort(cohort), Decimal(len(members))
                    baseline = Decimal(0)
                case CommunesMeeting(criterion=key):
                    members = reference.units.communes(day, reference.plan.unit)
                    assert commitment.goal is not None
                    assert commitment.baseline is not None
                    keys, asked, baseline = [key], commitment.goal, commitment.baseline
                case _:
                    continue
            on_pace = sum(
                all(
                    judge.criterion(key, member, figures[member.key]).status in (Status.MET, Status.ON_TRACK)
                    for key in keys
                )
                for member in members
            )
            if on_pace < asked - (asked - baseline) * reference.plan.tolerance:
                late.add((commitment.id, reference.plan.unit))
        found[day] = frozenset(late)
    return found


def test_steps_call_behind_what_an_office_can_act_upon(reference: Reference, figures: dict[int, Figures]) -> None:
    steps, lines, members = (
        behind(reference, figures),
        behind(straight(reference), figures),
        by_members(reference, figures),
    )
    print(f"\n{'day':12} {'straight':>8} {'steps':>6} {'members':>8}")
    for day in DAYS:
        print(f"{day!s:12} {len(lines[day]):8} {len(steps[day]):6} {len(members[day]):8}")
    assert all(len(steps[day]) <= len(lines[day]) for day in DAYS)
    assert steps[FEBRUARY] == frozenset()
    assert len(lines[FEBRUARY]) >= 6
    assert 2 * len(steps[OCTOBER]) <= len(lines[OCTOBER])
    missed = with_status(Status.MISSED, reference, figures, CLOSED)
    fell_below_what_they_had = {("education-communes", "20")}
    assert steps[OCTOBER] - missed <= fell_below_what_they_had
    assert len(lines[OCTOBER] - missed) > len(steps[OCTOBER] - missed)


def test_the_members_pace_cannot_be_judged_where_the_plan_names_no_members() -> None:
    whole = [cohort.id for cohort in load().plan.cohorts if len(cohort.members) == cohort.size]
    assert whole == ["border-2023"]
