"""The requirements of a plan: of communes by the measures of criteria, and of districts and the province."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from services.scoring.judging.observations import Observation, exact
from services.scoring.judging.path import Point, Requirement
from shared.contracts.period import Granularity
from shared.reference.freshness import stale_from
from shared.reference.load import Reference
from shared.reference.models import (
    CohortMeeting,
    Commitment,
    CriteriaMet,
    CriterionKey,
    Goal,
    Group,
    Indicator,
    Total,
    Unit,
)
from shared.reference.terms import Terms


class MeasureRequirement(NamedTuple):
    """The requirement of one measure of a criterion, with what is known of its figures beforehand."""

    indicator: Indicator
    group: Group
    terms: Terms
    goal: Goal
    requirement: Requirement
    official: Granularity | None
    """The length of the periods whose figures are the official ones; all others are provisional."""
    stands_months: int | None
    """The months for which its figures may stand for the present; None: until the next ones."""
    ages_until: date
    """The day after which figures age no more: after the plan is closed its verdict stands."""

    def is_provisional(self, newest: Observation) -> bool:
        """Tell whether the figures are not the official ones."""
        return self.official is not None and newest.period.granularity != self.official

    def is_stale(self, newest: Observation, on: date) -> bool:
        """Tell whether the figures are too old on a day to stand for the present."""
        return stale_from(newest.period, self.stands_months) <= min(on, self.ages_until)


def of_criterion(
    reference: Reference, key: CriterionKey, unit: Unit, deadline: date | None
) -> Iterator[MeasureRequirement]:
    """Yield what a criterion requires of a commune: for men and women apart where the set asks for that."""
    criterion, plan, reports = reference.criterion(key), reference.plan, reference.due_on(key)
    ages_until = date.max if deadline is None else reference.ages_until(deadline)
    for indicator in criterion.indicators:
        goal = reference.goal(key, indicator, unit, plan.year)
        requirement = Requirement(
            direction=indicator.direction,
            goal=exact(goal.goal),
            baseline_date=plan.baseline_date,
            deadline=deadline,
            tolerance=exact(plan.tolerance),
            has_path=indicator.measured_in != "yes_no",
            reports=reports,
            series=reference.series_of(indicator.element_codes),
            closes=None if reports else plan.closes,
        )
        for group in indicator.groups:
            months = reference.stands_months(group.measure.element_codes)
            terms = reference.terms_of(group.measure)
            yield MeasureRequirement(indicator, group, terms, goal, requirement, criterion.official, months, ages_until)


def of_commitment(reference: Reference, commitment: Commitment) -> Requirement:
    """Return the requirement of a commitment of districts and the province."""
    plan, reports = reference.plan, reference.dues_of(commitment)
    # what sectors confirm is complete with the decisions of recognition, which are signed until the plan is closed
    waits_for_closing = not reports or isinstance(commitment.measure, CohortMeeting | CriteriaMet)
    return Requirement(
        direction=commitment.direction,
        goal=_exact(commitment.goal),
        baseline_date=plan.baseline_date,
        deadline=commitment.deadline,
        baseline=_exact(commitment.baseline),
        change=_exact(commitment.change),
        milestones=tuple(Point(milestone.on, exact(milestone.value)) for milestone in commitment.milestones),
        tolerance=exact(commitment.tolerance if commitment.tolerance is not None else plan.tolerance),
        # between two milestones half a commune would be asked for, and communes are recognised late in a year
        steps=reference.counts_communes(commitment),
        has_path=commitment.has_path,
        ceiling=isinstance(commitment.measure, Total) and commitment.direction == "at_most",
        reports=reports,
        series=reference.series_summed(commitment),
        closes=plan.closes if waits_for_closing and commitment.deadline == plan.deadline else None,
    )


def _exact(number: Decimal | None) -> Fraction | None:
    return None if number is None else exact(number)
