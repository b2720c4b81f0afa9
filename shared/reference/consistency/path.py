"""Whether a commitment's goal and path make sense."""

from __future__ import annotations

from shared.contracts.words import Bilingual
from shared.reference.consistency.checks import Checks
from shared.reference.located import Place
from shared.reference.models import Commitment, Milestone, Plan, Total


def of_path(checks: Checks, place: Place, commitment: Commitment, plan: Plan) -> None:
    """There is one goal; the path leads from the baseline through the milestones to it, in order and never back."""
    if (commitment.goal is None) == (commitment.change is None):
        checks.fault(
            (*place, "goal"),
            Bilingual(vi="cần có `goal` hoặc `change`, và chỉ một", en="it needs `goal` or `change`, and only one"),
            Bilingual(vi="Hãy ghi mức phải đạt, hoặc mức thay đổi.", en="State the level, or the change, to reach."),
            commitment.goal,
        )
    if commitment.starts is not None and commitment.starts > commitment.deadline:
        checks.fault(
            (*place, "starts"),
            Bilingual(vi="bắt đầu sau thời hạn", en="it starts after its deadline"),
            Bilingual(vi="Hãy xem lại hai ngày.", en="Look at both dates."),
            commitment.starts,
        )
    if commitment.has_path and isinstance(commitment.measure, Total) and commitment.baseline is None:
        checks.fault(
            (*place, "baseline"),
            Bilingual(vi="tổng trong năm bắt đầu từ 0", en="a sum over the year begins at nothing"),
            Bilingual(
                vi="Hãy ghi `baseline: 0` hoặc `has_path: false`.", en="Write `baseline: 0` or `has_path: false`."
            ),
        )
    for at, milestone in enumerate(commitment.milestones):
        _milestone((*place, "milestones", at), at, milestone, checks, commitment, plan)


def _milestone(place: Place, at: int, milestone: Milestone, checks: Checks, commitment: Commitment, plan: Plan) -> None:
    before = commitment.milestones[at - 1] if at else None
    after = before.on if before else plan.baseline_date
    if not commitment.has_path:
        checks.fault(
            place,
            Bilingual(vi="cam kết này không có lộ trình", en="this commitment has no path"),
            Bilingual(vi="Hãy bỏ mốc hoặc `has_path: false`.", en="Remove the milestones, or `has_path: false`."),
        )
    if not after < milestone.on < commitment.deadline:
        checks.fault(
            (*place, "on"),
            Bilingual(
                vi=f"mốc phải sau {after} và trước thời hạn {commitment.deadline}",
                en=f"a milestone lies after {after} and before the deadline {commitment.deadline}",
            ),
            Bilingual(vi="Hãy sửa ngày hoặc xếp lại các mốc.", en="Correct the date, or order the milestones."),
            milestone.on,
        )
    start = before.value if before else commitment.baseline
    course = [value for value in (start, milestone.value, commitment.goal) if value is not None]
    if course != sorted(course, reverse=commitment.direction == "at_most"):
        checks.fault(
            (*place, "value"),
            Bilingual(vi="lộ trình đi lùi", en="the path goes back"),
            Bilingual(
                vi="Mỗi mốc phải gần mục tiêu hơn mốc trước và không vượt mục tiêu.",
                en="Each milestone is nearer to the goal than the one before, and not beyond it.",
            ),
            milestone.value,
        )
