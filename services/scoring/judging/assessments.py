"""The numbers of a verdict in its published assessment."""

from __future__ import annotations

from decimal import Decimal

from services.scoring.judging.observations import Observation
from services.scoring.judging.readings import Reading
from services.scoring.judging.trend import project
from services.scoring.judging.verdict import Verdict
from shared.contracts.assessment import Part, PartReading, Waypoint


def with_numbers(part: Part, verdict: Verdict, *, countable: bool) -> Part:
    """Return the part with the verdict's numbers. `countable`: the distance to the goal is counted in whole things."""
    seen, required = verdict.observation, verdict.required
    numbers = {
        "goal": _number(verdict.goal),
        "required": _number(required.value if required else None),
        "required_on": required.on if required else None,
        "gap": _number(verdict.gap),
        "missing": verdict.lacking(verdict.goal) if countable and verdict.goal is not None else None,
        "next": _next(verdict, countable),
        "projected": project(verdict),
        "baseline": _number(verdict.baseline.value if verdict.baseline else None),
        "baseline_on": verdict.baseline.on if verdict.baseline else None,
        "deadline": verdict.requirement.deadline,
    }
    return part.model_copy(update=numbers | (_of_observation(seen) if seen else {}))


def _of_observation(seen: Observation) -> dict[str, object]:
    numbers: dict[str, object] = {
        "value": _number(seen.value),
        "numerator": _number(seen.numerator),
        "denominator": _number(seen.denominator),
        "units_counted": seen.units_counted,
    }
    if seen.units_counted is not None:
        return numbers  # the days of an aggregate are not periods that were reported for
    return numbers | {
        "period": seen.period,
        "stage": seen.stage,
        "readings": [_reading(one) for one in seen.readings],
        "submissions": seen.submissions,
        "warnings": seen.warnings,
    }


def _reading(one: Reading) -> PartReading:
    return PartReading(
        element=one.element, value=float(one.value), period=one.period, stage=one.stage, submission=one.submission
    )


def _next(verdict: Verdict, countable: bool) -> Waypoint | None:
    ahead = verdict.ahead
    if ahead is None:
        return None
    missing = verdict.lacking(ahead.value) if countable else None
    return Waypoint(on=ahead.on, required=round(float(ahead.value), 4), missing=missing)


def _number(value: Decimal | None) -> float | None:
    return None if value is None else round(float(value), 4)
