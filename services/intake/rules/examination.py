"""Examining a well-formed submission by itself: its unit, period, stage, key and figures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal

from services.intake.rules.standing_figures import exact
from services.intake.rules.sums import disagreement, rules_touched
from services.intake.rules.wording import element_named, figure
from services.intake.texts import phrase
from shared.access.caller import EVERYTHING, Caller
from shared.contracts.period import Period
from shared.contracts.status import Stage
from shared.contracts.submission import Submission, Value
from shared.problems import Fault, Faults
from shared.reference.load import Reference
from shared.reference.models import COMMUNE_LEVEL, UNIT_KINDS, Element, Unit
from shared.reference.naming import criteria_named, time_of, unit_named, units_named
from shared.text import GRANULARITIES
from shared.texts import filled

_SCOPE = frozenset({Faults.OUTSIDE_UNITS, Faults.OUTSIDE_CRITERIA, Faults.OUTSIDE_STAGE})


def examine(submission: Submission, caller: Caller, reference: Reference, today: date) -> list[Fault]:
    """Return all faults of a well-formed submission; none when it is acceptable."""
    units, period = reference.units, submission.period
    opens = opening_day(period, reference)
    if opens > today:
        # nobody knows yet which unit will have the code by then
        return [Fault("/period", Faults.FUTURE_PERIOD, {"value": period, "today": today, "opens": opens})]
    unit = units.find(submission.unit, period.end)
    if unit is None:
        return [_unit_fault(submission, reference)]
    if not caller.covers_unit(unit, units):
        return [Fault("/unit", Faults.OUTSIDE_UNITS, {"value": unit_named(unit)})]
    faults = [] if submission.stage is Stage.REPORTED else list(_stage_faults(submission, unit, caller, reference))
    for code, value in submission.readings.items():
        faults += _reading_faults(code, value, unit, period, caller, reference)
    return faults or list(_sum_faults(submission.readings, reference))


def opening_day(period: Period, reference: Reference) -> date:
    """Return the first day on which the calendar lets a period be reported."""
    return reference.opening_day(period)


def due(submission: Submission, unit: Unit, reference: Reference, received_on: date) -> date | None:
    """Return the day by which the figures were due, where they are late; None where they are in time.

    Of several reports the one due first counts. A correction is not late, since a report came before it. Reports for
    another year than the plan's are never late.
    """
    period, plan = submission.period, reference.plan
    if submission.revision > 1 or period.end.year != plan.year or unit.kind not in COMMUNE_LEVEL:
        return None
    reports = (report for code in submission.readings for report in reference.reports_of(code, period))
    return min((by for report in reports if (by := report.due_day_of(period)) < received_on), default=None)


def is_out_of_scope(faults: Iterable[Fault]) -> bool:
    """Say whether all faults are limits of the key, and none is about the figures."""
    return all(fault.kind in _SCOPE for fault in faults)


def _stage_faults(submission: Submission, unit: Unit, caller: Caller, reference: Reference) -> Iterator[Fault]:
    """Yield a fault where the key may not use the stage.

    A district verifies (thẩm tra) the figures of its communes; a sector confirms (thẩm định) them for the province.
    """
    units = reference.units
    needed = {
        Stage.VERIFIED: units.district(unit),
        Stage.CONFIRMED: units.find(reference.plan.unit, submission.period.end),
    }
    office = needed.get(submission.stage)
    if office and not caller.covers_unit(office, units):
        yield Fault("/stage", Faults.OUTSIDE_STAGE, {"value": submission.stage, "expected": unit_named(office)})


def _unit_fault(submission: Submission, reference: Reference) -> Fault:
    """Return the fault of a code that no unit has in the period, with the units that had the code, and their heirs."""
    units, end = reference.units, submission.period.end
    known = units.known(submission.unit)
    if not known:
        return Fault("/unit", Faults.UNKNOWN_UNIT, {"value": submission.unit})
    heirs = [heir for unit in known for heir in units.heirs(unit, end)]
    named = units_named(heirs, units)
    advice = filled(phrase("examination.send_for_heirs"), heirs=named) if heirs else phrase("examination.check_code")
    return Fault(
        "/unit",
        Faults.UNIT_NOT_VALID,
        {
            "value": submission.unit,
            "period": submission.period,
            "held": tuple(time_of(unit) for unit in known),
            "advice": advice,
        },
    )


def _reading_faults(
    code: str, value: Value, unit: Unit, period: Period, caller: Caller, reference: Reference
) -> Iterator[Fault]:
    element = reference.elements.get(code)
    if element is None:
        yield Fault(f"/readings/{code}", Faults.UNKNOWN_ELEMENT, {"value": code})
        return
    criteria = tuple(element.criteria)
    if not caller.covers_criteria(criteria):
        expected = criteria_named(criteria or (EVERYTHING,))
        details: dict[str, object] = {"element": element_named(element), "expected": expected}
        yield Fault(f"/readings/{code}", Faults.OUTSIDE_CRITERIA, details)
        return
    if unit.kind not in element.counted_in:
        kinds = tuple(UNIT_KINDS[kind] for kind in element.counted_in)
        details = {"element": element_named(element), "value": unit_named(unit), "expected": kinds}
        yield Fault(f"/readings/{code}", Faults.NOT_COUNTED_HERE, details)
    if period.granularity not in element.periods:
        kinds = tuple(GRANULARITIES[granularity] for granularity in element.periods)
        sent = GRANULARITIES[period.granularity]
        details = {"element": element_named(element), "value": sent, "expected": kinds}
        yield Fault(f"/readings/{code}", Faults.WRONG_GRANULARITY, details)
    if fault := _value_fault(element, value):
        yield fault


def _value_fault(element: Element, value: Value) -> Fault | None:
    kind = _value_kind(element, value)
    if kind is None:
        return None
    bound = {Faults.TOO_SMALL: element.minimum, Faults.TOO_GREAT: element.maximum}.get(kind)
    expected = {} if bound is None else {"expected": figure(element, bound)}
    return Fault(f"/readings/{element.code}", kind, {"value": value, **expected})


def _value_kind(element: Element, value: Value) -> Faults | None:
    if element.type == "yes_no":
        return None if isinstance(value, bool) else Faults.NOT_YES_NO
    if isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value)):
        return Faults.NOT_A_NUMBER
    if element.type == "count" and isinstance(value, float) and not value.is_integer():
        return Faults.NOT_WHOLE
    amount: Decimal | int = exact(value) if isinstance(value, float) else value
    if amount < element.minimum:
        return Faults.TOO_SMALL
    return Faults.TOO_GREAT if amount > element.maximum else None


def _sum_faults(readings: Mapping[str, Value], reference: Reference) -> Iterator[Fault]:
    values: dict[str, Decimal] | None = None
    for rule in rules_touched(readings, reference):
        values = values or {code: exact(value) for code, value in readings.items()}
        if broken := disagreement(rule, values, reference):
            yield Fault(f"/readings/{broken.parts[0]}", Faults.SUM_DISAGREES, broken.details)
