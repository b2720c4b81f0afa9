"""Pure: the assessments that are published, of a commune's criterion and of a commitment of the plan."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from services.scoring import calendar, judge, reasons
from services.scoring.judge import Verdict, assess
from services.scoring.measures import Observation, Readings, observe
from shared.contracts import Assessment, Bilingual, Part, Status
from shared.reference.load import Reference
from shared.reference.models import Commitment, CriterionKey, Group, Indicator, Rate, Ratio, Total, Unit


def assess_criterion(key: CriterionKey, unit: Unit, readings: Readings, reference: Reference, on: date) -> Assessment:
    """Judge a commune's criterion: every indicator, men and women apart where the set says so."""
    criterion, plan = reference.criterion(key), reference.plan
    parts, verdicts = [], []
    for indicator in criterion.indicators:
        for group in indicator.groups:
            commitment = judge.Commitment(
                direction=indicator.direction,
                goal=indicator.goal,
                baseline_date=plan.baseline_date,
                deadline=plan.deadline if binds(key, unit, reference) else None,
                tolerance=plan.tolerance,
                has_path=indicator.measured_in != "yes_no",
            )
            observations = observe(group.measure, readings, plan.baseline_date, plan.counts_from)
            verdict = assess(commitment, observations, on)
            newest = verdict.observation
            provisional = (
                criterion.official is not None
                and newest is not None
                and (newest.period.granularity != criterion.official)
            )
            verdicts.append(verdict)
            parts.append(_indicator_part(indicator, group, verdict, provisional, commitment.deadline))

    reports = [report for report in reference.calendar if key in report.criteria]
    elements = frozenset(criterion.element_codes)
    late = calendar.overdue(reports, readings, elements, plan.year, on)
    next_due = calendar.next_deadline(reports, readings, elements, plan.year, on)
    ends = [end for end in (*(verdict.holds_until for verdict in verdicts), next_due) if end is not None]
    status = judge.worst([part.status for part in parts])
    return Assessment(
        status=status,
        on=on,
        parts=parts,
        provisional=any(part.provisional for part in parts),
        overdue=late,
        reason=reasons.explain(parts, late, on),
        holds_until=min(ends, default=None),
    )


def assess_target(commitment: Commitment, series: Sequence[Observation], reference: Reference, on: date) -> Assessment:
    """Judge a commitment of the plan by the series of the district or province that it binds."""
    plan = reference.plan
    judged = judge.Commitment(
        direction=commitment.direction,
        goal=commitment.goal,
        baseline_date=plan.baseline_date,
        deadline=commitment.deadline,
        baseline=commitment.baseline,
        change=commitment.change,
        milestones=tuple(judge.Point(milestone.on, milestone.value) for milestone in commitment.milestones),
        tolerance=commitment.tolerance if commitment.tolerance is not None else plan.tolerance,
        has_path=commitment.has_path,
        ceiling=isinstance(commitment.measure, Total) and commitment.direction == "at_most",
    )
    verdict = assess(judged, series, on)
    part = _part(
        Part(
            indicator=commitment.id,
            name=commitment.title,
            status=verdict.status,
            direction=commitment.direction,
            measured_in=commitment.measured_in,
            verified=commitment.verified,
            source=commitment.source,
        ),
        verdict,
        commitment.counted,
        commitment.deadline,
    )
    # the days of an aggregate are the system's own, not a period that somebody reported for
    part = part.model_copy(update={"period": None, "stage": None})
    if not isinstance(commitment.measure, Rate) and verdict.short is not None:
        part = part.model_copy(update={"missing": max(0, math.ceil(verdict.short))})
    return Assessment(
        status=verdict.status,
        on=on,
        parts=[part],
        reason=reasons.explain([part], [], on),
        holds_until=verdict.holds_until,
    )


def binds(key: CriterionKey, unit: Unit, reference: Reference) -> bool:
    """Whether a cohort of the plan holds the commune to the criterion."""
    return any(unit.code in cohort.members and key in cohort.criteria for cohort in reference.plan.cohorts)


def criteria_of(unit: Unit, reference: Reference) -> list[CriterionKey]:
    """What a commune is judged by: the plan's first set, and of the others what a cohort binds it to."""
    first = reference.plan.criteria_sets[0]
    return [key for key in reference.criterion_keys if key.startswith(f"{first}-") or binds(key, unit, reference)]


def _indicator_part(
    indicator: Indicator, group: Group, verdict: Verdict, provisional: bool, deadline: date | None
) -> Part:
    part = Part(
        indicator=indicator.number,
        name=indicator.name,
        group=group.group,
        status=verdict.status,
        direction=indicator.direction,
        measured_in=indicator.measured_in,
        provisional=provisional,
        verified=indicator.verified,
        source=indicator.source,
    )
    counted = indicator.counted if isinstance(group.measure, Ratio) else None
    return _part(part, verdict, counted, deadline)


def _part(part: Part, verdict: Verdict, counted: Bilingual | None, deadline: date | None) -> Part:
    seen = verdict.observation
    return part.model_copy(
        update={
            "goal": _number(verdict.goal),
            "required": _number(verdict.required),
            "gap": _number(verdict.gap),
            "baseline": _number(verdict.baseline.value if verdict.baseline else None),
            "baseline_on": verdict.baseline.on if verdict.baseline else None,
            "deadline": deadline,
            "missing": _missing(part, verdict),
            "missing_unit": counted,
            **(
                {
                    "value": _number(seen.value),
                    "numerator": _number(seen.numerator),
                    "denominator": _number(seen.denominator),
                    "period": seen.period,
                    "stage": seen.stage,
                    "submissions": list(seen.submissions),
                    "warnings": list(seen.warnings),
                    "units_counted": seen.units_counted,
                }
                if seen
                else {}
            ),
        }
    )


def _missing(part: Part, verdict: Verdict) -> int | None:
    """How many households, workers … lack to the goal, the denominator staying as it is."""
    seen = verdict.observation
    if seen is None or seen.denominator is None or verdict.goal is None or verdict.short is None:
        return None
    if part.status == Status.MET:
        return 0
    return max(0, math.ceil(verdict.short * seen.denominator / 100))


def _number(value: Decimal | None) -> float | None:
    return None if value is None else round(float(value), 4)


__all__ = ["assess_criterion", "assess_target", "binds", "criteria_of"]
