"""Verdicts on a commune's criteria and on the commitments of the plan, and their published assessments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from services.scoring.judging import due_reports, path, reasons
from services.scoring.judging.aggregates import elements_of
from services.scoring.judging.assessments import with_numbers
from services.scoring.judging.figures import Figures
from services.scoring.judging.observations import Observation
from services.scoring.judging.verdict import Verdict, assess, status_since, worst
from shared.contracts.assessment import Assessment, Part
from shared.contracts.status import Status
from shared.reference.load import Reference
from shared.reference.models import Commitment, CriterionKey, Goal, Group, Indicator, Ratio, Total, Unit


@dataclass(frozen=True, slots=True)
class MeasureVerdict:
    """The verdict on one measure of a criterion."""

    indicator: Indicator
    group: Group
    goal: Goal
    verdict: Verdict
    provisional: bool


@dataclass(frozen=True, slots=True)
class CriterionVerdict:
    """The verdict on a commune's criterion: everything but its published words."""

    status: Status
    on: date
    parts: Sequence[MeasureVerdict]
    overdue: Sequence[str]
    holds_until: date | None
    """The last day on which the status holds if nothing is reported; None: it holds for good."""

    @property
    def is_blank(self) -> bool:
        """True where the criterion has no figures, and time alone never changes its status."""
        return self.status == Status.NO_DATA and self.holds_until is None


def assess_criterion(key: CriterionKey, unit: Unit, figures: Figures, reference: Reference, on: date) -> Assessment:
    """Judge a commune's criterion and explain the verdict."""
    return explain_criterion(judge_criterion(key, unit, figures, reference, on))


def judge_criterion(
    key: CriterionKey, unit: Unit, figures: Figures, reference: Reference, on: date
) -> CriterionVerdict:
    """Judge a commune's criterion and find the overdue reports on it."""
    parts = judge_parts(key, unit, figures, reference, on)
    # no report is expected for a time in which the commune did not exist
    dues = [due for due in reference.due_on(key) if unit.is_valid(due.period.end)]
    begins = reference.plan.first_day if binds(key, unit, reference) else None
    awaited = due_reports.awaited(dues, figures, reference.criterion(key).element_codes, on, begins)
    late = [due.period.text for due in awaited if due.by < on]
    ends = [due.by for due in awaited if due.by >= on]
    ends += [part.verdict.holds_until for part in parts if part.verdict.holds_until is not None]
    return CriterionVerdict(_status(parts), on, parts, late, min(ends, default=None))


def judge_parts(
    key: CriterionKey, unit: Unit, figures: Figures, reference: Reference, on: date
) -> Sequence[MeasureVerdict]:
    """Judge every indicator of a criterion, for men and women apart where the set asks for that."""
    criterion, plan = reference.criterion(key), reference.plan
    deadline = plan.deadline if binds(key, unit, reference) else None
    parts = []
    for indicator in criterion.indicators:
        goal = reference.goal(key, indicator, unit, plan.year)
        requirement = path.Requirement(
            direction=indicator.direction,
            goal=goal.goal,
            baseline_date=plan.baseline_date,
            deadline=deadline,
            tolerance=plan.tolerance,
            has_path=indicator.measured_in != "yes_no",
            reports=reference.due_on(key),
        )
        for group in indicator.groups:
            verdict = assess(requirement, figures.observed(group.measure, plan.baseline_date, plan.counts_from), on)
            newest = verdict.observation
            provisional = (
                criterion.official is not None
                and newest is not None
                and newest.period.granularity != criterion.official
            )
            parts.append(MeasureVerdict(indicator, group, goal, verdict, provisional))
    return parts


def _status(parts: Sequence[MeasureVerdict]) -> Status:
    return worst([part.verdict.status for part in parts])


def criterion_since(key: CriterionKey, unit: Unit, figures: Figures, reference: Reference, on: date) -> date:
    """Return the day since which a commune's criterion has had its status of the day `on`, by today's figures."""
    plan = reference.plan

    def status_on(day: date) -> tuple[Status, date | None]:
        parts = judge_parts(key, unit, figures, reference, day)
        ends = [part.verdict.holds_until for part in parts if part.verdict.holds_until is not None]
        return _status(parts), min(ends, default=None)

    observed = [
        figures.observed(measure, plan.baseline_date, plan.counts_from) for measure in reference.criterion(key).measures
    ]
    days = {seen.effective for observations in observed for seen in observations}
    return max(unit.valid_from, status_since(status_on, plan.baseline_date, days, on))


def explain_criterion(judged: CriterionVerdict) -> Assessment:
    """Return the published assessment of a criterion: the verdict's numbers and words."""
    parts = [_indicator_part(part) for part in judged.parts]
    return Assessment(
        status=judged.status,
        on=judged.on,
        parts=parts,
        provisional=any(part.provisional for part in parts),
        overdue=list(judged.overdue),
        reason=reasons.explain(parts, judged.overdue),
        holds_until=judged.holds_until,
    )


def assess_target(commitment: Commitment, series: Sequence[Observation], reference: Reference, on: date) -> Assessment:
    """Judge a commitment by the values of the district or province that it binds, and explain the verdict."""
    return explain_target(commitment, judge_target(commitment, series, reference, on), on)


def judge_target(commitment: Commitment, series: Sequence[Observation], reference: Reference, on: date) -> Verdict:
    """Judge a commitment by the values of the district or province that it binds."""
    return assess(_requirement_of(commitment, reference), series, on)


def target_since(commitment: Commitment, series: Sequence[Observation], reference: Reference, on: date) -> date:
    """Return the day since which a commitment has had its status of the day `on`, by today's figures."""
    requirement = _requirement_of(commitment, reference)

    def status_on(day: date) -> tuple[Status, date | None]:
        verdict = assess(requirement, series, day)
        return verdict.status, verdict.holds_until

    return status_since(status_on, reference.plan.baseline_date, {seen.effective for seen in series}, on)


def _requirement_of(commitment: Commitment, reference: Reference) -> path.Requirement:
    plan = reference.plan
    elements = sorted(elements_of(commitment, reference))
    criteria = dict.fromkeys(key for element in elements for key in reference.criteria_of_element(element))
    return path.Requirement(
        direction=commitment.direction,
        goal=commitment.goal,
        baseline_date=plan.baseline_date,
        deadline=commitment.deadline,
        baseline=commitment.baseline,
        change=commitment.change,
        milestones=tuple(path.Point(milestone.on, milestone.value) for milestone in commitment.milestones),
        tolerance=commitment.tolerance if commitment.tolerance is not None else plan.tolerance,
        has_path=commitment.has_path,
        ceiling=isinstance(commitment.measure, Total) and commitment.direction == "at_most",
        reports=reference.due_on(*criteria),
    )


def overdue_of(verdict: Verdict) -> list[str]:
    """Return the periods of a commitment's overdue reports.

    There are none once the commitment has a value: missing reports then show at the communes that owe them.
    """
    return [] if verdict.seen else [due.period.text for due in verdict.requirement.reports if due.by < verdict.on]


def explain_target(commitment: Commitment, verdict: Verdict, on: date) -> Assessment:
    """Return the published assessment of a commitment."""
    part = Part(
        indicator=commitment.id,
        name=commitment.title,
        status=verdict.status,
        direction=commitment.direction,
        measured_in=commitment.measured_in,
        missing_unit=commitment.counted,
        verified=commitment.verified,
        source=commitment.source,
    )
    part = with_numbers(part, verdict, countable=True)
    overdue = overdue_of(verdict)
    return Assessment(
        status=verdict.status,
        on=on,
        parts=[part],
        overdue=overdue,
        reason=reasons.explain([part], overdue),
        holds_until=verdict.holds_until,
    )


def binds(key: CriterionKey, unit: Unit, reference: Reference) -> bool:
    """Tell whether a cohort of the plan binds the commune to the criterion."""
    return key in reference.bound_to(unit)


def criteria_of(unit: Unit, reference: Reference) -> list[CriterionKey]:
    """Return the criteria that a commune is judged by: the plan's first set, and those that a cohort binds it to."""
    return [key for key in reference.criterion_keys if is_judged_by(key, unit, reference)]


def is_judged_by(key: CriterionKey, unit: Unit, reference: Reference) -> bool:
    """Tell whether the commune is judged by the criterion: one of the plan's first set, or one that binds it."""
    return reference.set_of(key) == reference.plan.criteria_sets[0] or binds(key, unit, reference)


def _indicator_part(judged: MeasureVerdict) -> Part:
    indicator = judged.indicator
    countable = isinstance(judged.group.measure, Ratio)
    part = Part(
        indicator=indicator.number,
        name=indicator.name,
        group=judged.group.group,
        status=judged.verdict.status,
        direction=indicator.direction,
        measured_in=indicator.measured_in,
        missing_unit=indicator.counted if countable else None,
        provisional=judged.provisional,
        verified=judged.goal.verified,
        source=judged.goal.source,
    )
    return with_numbers(part, judged.verdict, countable=countable)
