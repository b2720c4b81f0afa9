"""Assessments: verdicts as they are published, with their numbers and the reason in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from services.scoring.judging import reasons
from services.scoring.judging.increments import Increment
from services.scoring.judging.judge import CriterionVerdict, Judge, MeasureVerdict, overdue_of
from services.scoring.judging.observations import Observation
from services.scoring.judging.readings import Reading
from services.scoring.judging.trend import project
from services.scoring.judging.verdict import Verdict
from shared.contracts.assessment import Assessment, BreakInSeries, FormulaChosen, Part, Waypoint
from shared.reference.models import Commitment, CriteriaAverage, Formula, Ratio, Unit, UnitKind


def explain_criterion(judged: CriterionVerdict) -> Assessment:
    """Return the published assessment of a criterion."""
    parts = [_part_of_measure(measure) for measure in judged.parts]
    return Assessment(
        status=judged.status,
        on=judged.on,
        parts=parts,
        provisional=any(part.provisional for part in parts),
        stale=any(part.stale for part in parts),
        contradictory=judged.is_contradictory,
        overdue=list(judged.overdue),
        reason=reasons.explain(parts, judged.overdue),
        holds_until=judged.holds_until,
    )


def explain_target(
    commitment: Commitment,
    verdict: Verdict,
    counted_in: Sequence[UnitKind] = (),
    formula: Formula | None = None,
) -> Assessment:
    """Return the published assessment of a commitment.

    `counted_in`: the kinds of units that it counts. `formula`: the reading on which its value rests.
    """
    part = Part(
        **_numbers(verdict, countable=True),
        indicator=commitment.id,
        name=commitment.title,
        status=verdict.status,
        direction=commitment.direction,
        measured_in=commitment.measured_in,
        missing_unit=reasons.CRITERIA_IN_ALL if isinstance(commitment.measure, CriteriaAverage) else commitment.counted,
        counted_in=list(counted_in),
        formula=_formula_chosen(formula),
        verified=commitment.verified,
        source=commitment.source,
    )
    overdue = overdue_of(verdict)
    return Assessment(
        status=verdict.status,
        on=verdict.on,
        parts=[part],
        stale=part.stale,
        reports_in=part.reports_in,
        reports_due=part.reports_due,
        overdue=overdue,
        reason=reasons.explain([part], overdue),
        holds_until=verdict.holds_until,
    )


def assess_target(
    judge: Judge, commitment: Commitment, target: Unit, increments: Mapping[date, Increment]
) -> Assessment:
    """Judge a commitment by its summed increments, on the judge's day or the unit's last day, and explain it."""
    judge = judge.at(target.last_day(judge.on))
    verdict = judge.target(commitment, judge.observations_of(commitment, target, increments))
    reference = judge.reference
    return explain_target(commitment, verdict, reference.kinds_summed(commitment), reference.formula_behind(commitment))


def _part_of_measure(judged: MeasureVerdict) -> Part:
    measure, indicator = judged.measure, judged.measure.indicator
    countable = isinstance(measure.group.measure, Ratio)
    return Part(
        **_numbers(judged.verdict, countable=countable),
        indicator=indicator.number,
        name=indicator.name,
        group=measure.group.group,
        status=judged.verdict.status,
        direction=indicator.direction,
        measured_in=indicator.measured_in,
        missing_unit=indicator.counted if countable else None,
        provisional=judged.is_provisional,
        stale=judged.is_stale,
        contradiction=reasons.contradiction(judged.verdict.observation, judged.disagreeing),
        stale_after_months=measure.stands_months,
        age_months=_months_since(judged.verdict),
        formula=_formula_chosen(indicator.formula),
        not_reported=list(judged.not_reported),
        verified=measure.goal.verified,
        source=measure.goal.source,
    )


def _formula_chosen(formula: Formula | None) -> FormulaChosen | None:
    return FormulaChosen.model_validate(formula, from_attributes=True) if formula else None


def _months_since(verdict: Verdict) -> int | None:
    """Return the whole months since the end of the newest figures' period; None without figures, or before it ends."""
    newest, on = verdict.observation, verdict.on
    if newest is None or newest.period.end > on:
        return None
    end = newest.period.end + timedelta(days=1)
    return max(0, (on.year - end.year) * 12 + on.month - end.month - (on.day < end.day))


def _numbers(verdict: Verdict, *, countable: bool) -> dict[str, Any]:
    """Return a part's fields of a verdict's numbers. `countable`: the distance to the goal is counted in whole things.

    They are given to the part as it is made: adding them afterwards takes as long as making it.
    """
    newest, required = verdict.observation, verdict.required
    return {
        "goal": _number(verdict.goal),
        "required": _number(required.value if required else None),
        "required_on": required.on if required else None,
        "tolerated": _number(verdict.tolerated),
        "gap": _number(verdict.gap),
        "missing": verdict.lacking(verdict.goal) if countable and verdict.goal is not None else None,
        "next": _next(verdict, countable),
        "projected": project(verdict),
        "baseline": _number(verdict.baseline.value if verdict.baseline else None),
        "baseline_on": verdict.baseline.on if verdict.baseline else None,
        "deadline": verdict.requirement.deadline,
        "break_in_series": _break_before(verdict),
        **(_of_observation(newest) if newest else {}),
    }


def _break_before(verdict: Verdict) -> BreakInSeries | None:
    series = verdict.series
    return BreakInSeries.model_validate(series.after, from_attributes=True) if series else None


def _of_observation(observation: Observation) -> dict[str, object]:
    numbers: dict[str, object] = {
        "value": _number(observation.value) if observation.has_value else None,
        "applies": observation.applies,
        "numerator": _number(observation.numerator),
        "denominator": _number(observation.denominator),
    }
    if observation.units_counted is None:
        return numbers | {
            "period": observation.period,
            "stage": observation.stage,
            "readings": [_part_reading(reading) for reading in observation.readings],
            "submissions": observation.submissions,
            "warnings": observation.warnings,
        }
    numbers |= {  # the days of an aggregate are not periods that were reported for
        "units_counted": observation.units_counted,
        "units_expected": observation.units_expected,
        "reports_in": observation.reports_in,
        "reports_due": observation.reports_due,
        "compared": observation.compared,
        "whole": _number(observation.whole),
        "begins_with_first": observation.begins_with_first,
        "units_stale": observation.units_stale,
        "stale": observation.units_stale > 0,
        "stale_after_months": observation.stands_months,
    }
    if (criteria := observation.criteria) is not None:
        numbers |= {
            "units_stale": None,
            "stale": criteria.stale > 0,
            "criteria_without_figures": criteria.without_figures,
            "criteria_stale": criteria.stale,
            "criteria_waiting": criteria.waiting,
        }
    return numbers


def _part_reading(reading: Reading) -> dict[str, object]:
    return {
        "element": reading.element,
        "value": float(reading.value),
        "period": reading.period,
        "stage": reading.stage,
        "submission": reading.submission,
    }


def _next(verdict: Verdict, countable: bool) -> Waypoint | None:
    ahead = verdict.ahead
    if ahead is None:
        return None
    missing = verdict.lacking(ahead.value) if countable else None
    return Waypoint(on=ahead.on, required=float(ahead.value), missing=missing)


def _number(value: Fraction | Decimal | None) -> float | None:
    """Return the number unrounded: it is rounded where people read it, so that it never contradicts the status."""
    return None if value is None else float(value)
