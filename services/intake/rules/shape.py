"""Checking that a JSON value has the shape of a submission."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from services.intake.texts import phrase
from shared.characters import typed, whole_digits
from shared.contracts.period import Period
from shared.contracts.submission import READING_LIMIT, Submission, Value
from shared.problems import Fault, Faults
from shared.problems.pydantic_errors import EXPECTED, KINDS, expected_by, pointer_of
from shared.reference.load import Reference
from shared.reference.naming import unit_named
from shared.reference.units import Units
from shared.texts import filled

FIELD_LIMIT = 50

_CANDIDATE_LIMIT = 8
_FOUND_LENGTH = 60
_NAME_LENGTH = 100
_DIGITS_MEANT = str.maketrans("OoQIl", "00011")
"""Letters that stand in codes for the digits that they look like: a hint for the sender, never taken for the code."""
_LARGEST = 2**53
"""From here on a float does not hold every whole number."""


def parse(item: object, reference: Reference) -> Submission | list[Fault]:
    """Return the JSON value as a submission, or the faults of its shape.

    The reference data supply the codes where a unit's name stands in place of its code.
    """
    readings = item.get("readings") if isinstance(item, dict) else None
    for pointer, value, limit in (("", item, FIELD_LIMIT), ("/readings", readings, READING_LIMIT)):
        if isinstance(value, dict) and len(value) > limit:
            # a fault for each of a million fields would take the service's time, and nobody would read them
            return [Fault(pointer, Faults.TOO_LONG, {"expected": limit})]
    parsed = _parse(item, reference)
    if isinstance(parsed, Submission) or (mended := _as_typed(item)) is item:
        return parsed if isinstance(parsed, Submission) else [*parsed.values()]
    again = _parse(mended, reference)
    # a fault shows the value as it was sent
    return again if isinstance(again, Submission) else [parsed.get(at, fault) for at, fault in again.items()]


def _parse(item: object, reference: Reference) -> Submission | dict[str, Fault]:
    """Return the submission, or its faults by pointer."""
    try:
        return _whole_numbers(Submission.model_validate(item))
    except ValidationError as error:
        faults = _shape_faults(error.errors(include_url=False))
        if isinstance(item, dict) and "/unit" in faults:
            faults["/unit"] = _unit_fault(item, reference.units) or faults["/unit"]
        return faults


def _as_typed(item: object) -> object:
    """Return the item with its codes and names as a keyboard types them, and the whole number 2 for a revision 2.0.

    Only a submission with a fault comes here, so the others cost nothing. Return the item itself where nothing differs.
    """
    if not isinstance(item, dict):
        return item
    mended = _with_typed_names(item)
    for name, value in mended.items():
        if isinstance(value, str) and name != "source_ref" and len(value) <= _NAME_LENGTH:
            mended[name] = typed(value)
        elif isinstance(value, dict):
            mended[name] = _with_typed_names(value)
        elif isinstance(value, float) and name == "revision" and value.is_integer():
            mended[name] = int(value)
    is_same = mended == item and all(type(value) is type(item[name]) for name, value in mended.items())
    return item if is_same else mended


def _with_typed_names(fields: dict[object, object]) -> dict[object, object]:
    names = [typed(name) if isinstance(name, str) and len(name) <= _NAME_LENGTH else name for name in fields]
    # two fields that would get one name stay as they are, to be refused
    return dict(zip(names, fields.values(), strict=True)) if len({*names}) == len(names) else dict(fields)


def _whole_numbers(submission: Submission) -> Submission:
    """Return the submission with 1204 where a program writes 1204.0, as every other door has it."""
    readings = submission.readings
    # asked in C, since every submission comes here
    if float not in map(type, readings.values()):
        return submission
    whole = {code: _whole(value) if isinstance(value, float) else value for code, value in readings.items()}
    return submission.model_copy(update={"readings": whole})


def _whole(value: float) -> Value:
    return int(value) if value.is_integer() and abs(value) < _LARGEST else value


def _unit_fault(item: dict[str, object], units: Units) -> Fault | None:
    """Return a fault that says the code that was meant: people write names, and spreadsheets drop a leading zero."""
    given = item.get("unit")
    if isinstance(given, bool) or not isinstance(given, str | int | float) or len(written := str(given)) > _NAME_LENGTH:
        return None
    text = whole_digits(written)
    if (digits := text.translate(_DIGITS_MEANT)).isdigit() and units.known(digits):
        text = digits
    on = _end_of(item.get("period"))
    is_code = text.isascii() and text.isdigit()
    known = (units.known(text) or units.known(text.zfill(5))) if is_code else units.meant_by(text)
    meant = [unit for unit in known if on is None or unit.is_valid(on)] or known
    if not meant:
        return None
    if is_code:
        expected = filled(phrase("shape.likely_unit"), expected=_UNIT_CODE, unit=unit_named(meant[-1]))
        return Fault("/unit", Faults.WRONG_TYPE, {"value": _brief(given), "expected": expected})
    candidates = tuple(unit_named(unit, units) for unit in meant[:_CANDIDATE_LIMIT])
    return Fault("/unit", Faults.UNIT_BY_NAME, {"value": _brief(given), "candidates": candidates})


def _end_of(period: object) -> date | None:
    try:
        return Period.parse(period).end if isinstance(period, str) else None
    except ValueError:
        return None


_EXPECTED = {
    **EXPECTED,
    "enum": phrase("shape.expected.enum"),
    "dict_type": phrase("shape.expected.dict_type"),
}
_UNIT_CODE = phrase("shape.unit_code")
_OTHERWISE = phrase("shape.otherwise")

_KINDS = {
    **KINDS,
    "period": Faults.BAD_PERIOD,
    "too_short": Faults.EMPTY,
    "too_long": Faults.TOO_LONG,
}


def _shape_faults(errors: Iterable[ErrorDetails]) -> dict[str, Fault]:
    """Return one fault for each pointer: a value that fits none of a union's types is one fault, not three."""
    faults: dict[str, Fault] = {}
    for error in errors:
        place = error["loc"][:2] if error["loc"][:1] == ("readings",) else error["loc"]
        pointer = pointer_of(place)
        faults.setdefault(pointer, _shape_fault(pointer, error))
    return faults


def _shape_fault(pointer: str, error: ErrorDetails) -> Fault:
    location, value = error["loc"], _brief(error["input"])
    if location[0:1] == ("readings",) and len(location) > 1:
        if location[-1] == "[key]":
            return Fault(pointer, Faults.UNKNOWN_ELEMENT, {"value": value})
        return Fault(pointer, Faults.NOT_A_NUMBER, {"value": value})
    kind = _KINDS.get(error["type"], Faults.WRONG_TYPE)
    expected: object = _UNIT_CODE if pointer == "/unit" else expected_by(error, _EXPECTED, _OTHERWISE)
    if kind is Faults.TOO_LONG:
        expected = error.get("ctx", {}).get("max_length")
    return Fault(pointer, kind, {"value": value, "expected": expected})


def _brief(value: object) -> object:
    """Return the value as a fault shows it: text quoted and cut, objects and lists without their content."""
    if isinstance(value, dict | list):
        return type(value)()
    if not isinstance(value, str):
        return value
    return f'"{value}"' if len(value) <= _FOUND_LENGTH else f'"{value[:_FOUND_LENGTH]}..."'
