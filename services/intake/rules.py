"""Pure: is this submission acceptable? Every fault is found, not just the first, each with its field and remedy.

The rules themselves (ranges, sums, who counts what for which periods) are reference data.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from shared.access import Caller
from shared.contracts import Bilingual, Period, Stage, Submission
from shared.contracts.submission import READING_LIMIT, Value
from shared.problems import Fault, Faults
from shared.reference.load import Reference
from shared.reference.models import Element, SumRule, Unit

FIELD_LIMIT = 50


def parse(item: object) -> Submission | list[Fault]:
    """The submission that the JSON value is, or what is wrong with its shape."""
    readings = item.get("readings") if isinstance(item, dict) else None
    for pointer, found, limit in (("", item, FIELD_LIMIT), ("/readings", readings, READING_LIMIT)):
        if isinstance(found, dict) and len(found) > limit:
            # a fault for each of a million fields would take the service's time, and nobody would read them
            return [Fault(pointer, Faults.TOO_LONG, {"expected": limit})]
    try:
        return Submission.model_validate(item)
    except ValidationError as error:
        return _shape_faults(error.errors(include_url=False))


def examine(submission: Submission, caller: Caller, reference: Reference, today: date) -> list[Fault]:
    """What is wrong with a well-formed submission; nothing when it is acceptable."""
    units = reference.units
    opens = opening_day(submission.period)
    if opens > today:
        # which unit the code will be by then is as unknown as the figure
        details = {"value": submission.period, "today": today, "opens": opens}
        return [Fault("/period", Faults.FUTURE_PERIOD, details)]
    unit = units.find(submission.unit, submission.period.end)
    if unit is None:
        return [_absent(submission, reference)]
    if not caller.covers_unit(unit, units):
        return [Fault("/unit", Faults.OUTSIDE_UNITS, {"value": submission.unit})]
    faults = list(_stage_faults(submission, unit, caller, reference))
    for code, value in submission.readings.items():
        faults += _reading_faults(code, value, unit, submission.period, caller, reference)
    if not faults:
        faults += _sum_faults(submission.readings, reference.sum_rules)
    return faults


def _stage_faults(submission: Submission, unit: Unit, caller: Caller, reference: Reference) -> Iterable[Fault]:
    """A district verifies (thẩm tra) what its communes count; a sector confirms (thẩm định) it for the province."""
    units = reference.units
    needed = {
        Stage.VERIFIED: units.district(unit),
        Stage.CONFIRMED: units.find(reference.plan.unit, submission.period.end),
    }
    office = needed.get(submission.stage)
    if office and not caller.covers_unit(office, units):
        yield Fault("/stage", Faults.OUTSIDE_STAGE, {"value": submission.stage.value, "expected": office.title})


def opening_day(period: Period) -> date:
    """From when on a period can be reported: the first day of its last month, for the year's official review comes
    before 20 December. A whole year's figure in January would stand above every month that follows.
    """
    return max(period.start, period.end.replace(day=1))


def is_out_of_scope(faults: Iterable[Fault]) -> bool:
    """Whether the key is what stands in the way, and not the figures."""
    scope = (Faults.OUTSIDE_UNITS, Faults.OUTSIDE_CRITERIA, Faults.OUTSIDE_STAGE)
    return all(fault.kind in scope for fault in faults)


def _absent(submission: Submission, reference: Reference) -> Fault:
    known = reference.units.known(submission.unit)
    if not known:
        return Fault("/unit", Faults.UNKNOWN_UNIT, {"value": submission.unit})
    successors = [successor for unit in known for _, successor in reference.units.successors(unit)]
    advice = ", ".join(f"{unit.code} {unit.title}" for unit in successors)
    return Fault(
        "/unit",
        Faults.UNIT_NOT_VALID,
        {
            "value": submission.unit,
            "period": submission.period,
            "successors": f"→ {advice}" if advice else "",
        },
    )


def _reading_faults(
    code: str, value: Value, unit: Unit, period: Period, caller: Caller, reference: Reference
) -> Iterable[Fault]:
    pointer = f"/readings/{code}"
    element = reference.elements.get(code)
    if element is None:
        yield Fault(pointer, Faults.UNKNOWN_ELEMENT, {"value": code})
        return
    criteria = tuple(element.criteria)
    if not caller.covers_criteria(criteria):
        yield Fault(pointer, Faults.OUTSIDE_CRITERIA, {"element": code, "expected": ", ".join(criteria) or "*"})
        return
    if unit.kind not in element.counted_in:
        expected = ", ".join(element.counted_in)
        yield Fault(pointer, Faults.NOT_COUNTED_HERE, {"element": code, "value": unit.code, "expected": expected})
    if period.granularity not in element.periods:
        expected = ", ".join(element.periods)
        yield Fault(pointer, Faults.WRONG_GRANULARITY, {"element": code, "value": period, "expected": expected})
    if fault := _value_fault(pointer, element, value):
        yield fault


def _value_fault(pointer: str, element: Element, value: Value) -> Fault | None:
    details: dict[str, object] = {"value": value}
    if element.type == "yes_no":
        return None if isinstance(value, bool) else Fault(pointer, Faults.NOT_YES_NO, details)
    if isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value)):
        return Fault(pointer, Faults.NOT_A_NUMBER, details)
    if element.type == "count" and isinstance(value, float):
        return Fault(pointer, Faults.NOT_WHOLE, details)
    exact = Decimal(str(value)) if isinstance(value, float) else value
    if exact < element.minimum:
        return Fault(pointer, Faults.TOO_SMALL, details | {"expected": element.minimum})
    if exact > element.maximum:
        return Fault(pointer, Faults.TOO_GREAT, details | {"expected": element.maximum})
    return None


def _sum_faults(readings: Mapping[str, Value], sum_rules: Iterable[SumRule]) -> Iterable[Fault]:
    for rule in sum_rules:
        if rule.whole not in readings or not any(part in readings for part in rule.parts):
            continue
        if rule.relation == "equal" and not all(part in readings for part in rule.parts):
            continue
        present = [part for part in rule.parts if part in readings]
        total, whole = sum(readings[part] for part in present), readings[rule.whole]
        if total > whole or (rule.relation == "equal" and total != whole):
            yield Fault(
                f"/readings/{present[0]}",
                Faults.SUM_DISAGREES,
                {
                    "parts": " + ".join(present),
                    "value": total,
                    "whole": rule.whole,
                    "expected": whole,
                    "reason": rule.reason,
                },
            )


_EXPECTED = {
    "string_type": Bilingual(vi="cần chuỗi ký tự", en="text is expected"),
    "enum": Bilingual(
        vi="cần một trong: reported, verified, confirmed",
        en="one of reported, verified, confirmed is expected",
    ),
    "int_type": Bilingual(vi="cần số nguyên", en="a whole number is expected"),
    "greater_than_equal": Bilingual(vi="cần số từ 1 trở lên", en="a number from 1 up is expected"),
    "less_than_equal": Bilingual(vi="cần số không quá 1000", en="a number of at most 1000 is expected"),
    "dict_type": Bilingual(
        vi='cần đối tượng dạng {"households": 1204}', en='an object such as {"households": 1204} is expected'
    ),
    "model_type": Bilingual(vi="cần một đối tượng JSON", en="a JSON object is expected"),
}
_UNIT_CODE = Bilingual(
    vi='cần mã đơn vị 2, 3 hoặc 5 chữ số, ví dụ "06280"',
    en='a unit code of 2, 3 or 5 digits is expected, such as "06280"',
)
_OTHERWISE = Bilingual(vi="không đúng định dạng", en="not of the expected form")

_KINDS = {
    "missing": Faults.MISSING,
    "extra_forbidden": Faults.UNKNOWN_FIELD,
    "period": Faults.BAD_PERIOD,
    "too_short": Faults.EMPTY,
    "too_long": Faults.TOO_LONG,
    "string_too_long": Faults.TOO_LONG,
}


def _shape_faults(errors: Iterable[ErrorDetails]) -> list[Fault]:
    """One fault per place: a value that fits none of a union's types is wrong once, not three times."""
    faults: dict[str, Fault] = {}
    for error in errors:
        place = error["loc"][:2] if error["loc"][:1] == ("readings",) else error["loc"]
        pointer = "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in place)
        faults.setdefault(pointer, _shape_fault(pointer, error))
    return list(faults.values())


def _shape_fault(pointer: str, error: ErrorDetails) -> Fault:
    location, found = error["loc"], _brief(error["input"])
    if location[0:1] == ("readings",) and len(location) > 1:
        if location[-1] == "[key]":
            return Fault(pointer, Faults.UNKNOWN_ELEMENT, {"value": found})
        return Fault(pointer, Faults.NOT_A_NUMBER, {"value": found})
    kind = _KINDS.get(error["type"], Faults.WRONG_TYPE)
    expected: object = _UNIT_CODE if pointer == "/unit" else _EXPECTED.get(error["type"], _OTHERWISE)
    if kind is Faults.TOO_LONG:
        expected = str(error.get("ctx", {}).get("max_length"))
    return Fault(pointer, kind, {"value": found, "expected": expected})


def _brief(value: object) -> str:
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."
