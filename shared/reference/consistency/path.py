"""Checks of a commitment's goal and path."""

from __future__ import annotations

from shared.reference.consistency.checks import Checks
from shared.reference.located import Place
from shared.reference.models import Commitment, Milestone, Plan, Total
from shared.texts import filled, phrase


def of_path(checks: Checks, place: Place, commitment: Commitment, plan: Plan) -> None:
    """Check that there is one goal, and that the path leads through the milestones to it without going back."""
    if (commitment.goal is None) == (commitment.change is None):
        checks.fault(
            (*place, "goal"),
            phrase("consistency_path.needs_goal_or_change"),
            phrase("consistency_path.state_level_or_change"),
            commitment.goal,
        )
    if commitment.starts is not None and commitment.starts > commitment.deadline:
        checks.fault(
            (*place, "starts"),
            phrase("consistency_path.starts_after_its_deadline"),
            phrase("consistency_path.look_at_both_dates"),
            commitment.starts,
        )
    if commitment.has_path and isinstance(commitment.measure, Total) and commitment.baseline is None:
        checks.fault(
            (*place, "baseline"),
            phrase("consistency_path.sum_over_year_begins"),
            phrase("consistency_path.write_baseline_0_or"),
        )
    for at, milestone in enumerate(commitment.milestones):
        _milestone((*place, "milestones", at), at, milestone, checks, commitment, plan)


def _milestone(place: Place, at: int, milestone: Milestone, checks: Checks, commitment: Commitment, plan: Plan) -> None:
    before = commitment.milestones[at - 1] if at else None
    after = before.on if before else plan.baseline_date
    if not commitment.has_path:
        checks.fault(
            place,
            phrase("consistency_path.this_commitment_has_no"),
            phrase("consistency_path.remove_milestones_or_has"),
        )
    if not after < milestone.on < commitment.deadline:
        checks.fault(
            (*place, "on"),
            filled(phrase("consistency_path.milestone_between"), after=after, deadline=commitment.deadline),
            phrase("consistency_path.correct_date_or_order"),
            milestone.on,
        )
    start = before.value if before else commitment.baseline
    course = [value for value in (start, milestone.value, commitment.goal) if value is not None]
    if course != sorted(course, reverse=commitment.direction == "at_most"):
        checks.fault(
            (*place, "value"),
            phrase("consistency_path.path_goes_back"),
            phrase("consistency_path.each_milestone_nearer_goal"),
            milestone.value,
        )
