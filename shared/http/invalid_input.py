"""What FastAPI finds wrong with parameters and bodies, in words for people instead of pydantic's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from shared.contracts.bilingual import Bilingual
from shared.problems import Fault, Faults
from shared.texts import phrase


def faults_of(errors: Iterable[Mapping[str, Any]]) -> list[Fault]:
    """A fault for each of the errors, as `RequestValidationError.errors()` lists them."""
    return [_fault(error) for error in errors]


def _fault(error: Mapping[str, Any]) -> Fault:
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in error["loc"][1:])
    kind = _KINDS.get(error["type"], Faults.BAD_PARAMETER)
    details = {"value": error.get("input"), "expected": _expected(error)}
    return Fault("".join(f"/{step}" for step in steps), kind, details)


def _expected(error: Mapping[str, Any]) -> Bilingual:
    template, context = _EXPECTED.get(error["type"], _OTHERWISE), error.get("ctx", {})
    choices = str(context.get("expected", "")).replace("'", "").replace(" or ", ", ")
    words = {**context, "expected": choices}
    return Bilingual(vi=template.vi.format(**words), en=template.en.format(**words))


_KINDS = {
    "missing": Faults.MISSING,
    "extra_forbidden": Faults.UNKNOWN_FIELD,
    "string_too_long": Faults.TOO_LONG,
}
_WHOLE = phrase("invalid_input.whole")
_YES_NO = phrase("invalid_input.yes_no")
_CHOICE = phrase("invalid_input.choice")
_UUID = phrase("invalid_input.uuid")
_OBJECT = phrase("invalid_input.object")
_TEXT = phrase("invalid_input.text")
_OTHERWISE = phrase("invalid_input.otherwise")
_EXPECTED = {
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": _WHOLE,
    "int_from_float": _WHOLE,
    "bool_type": _YES_NO,
    "bool_parsing": _YES_NO,
    "literal_error": _CHOICE,
    "enum": _CHOICE,
    "uuid_type": _UUID,
    "uuid_parsing": _UUID,
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "dict_type": _OBJECT,
    "string_type": _TEXT,
    "string_too_short": phrase("invalid_input.expected.string_too_short"),
    "string_too_long": phrase("invalid_input.expected.string_too_long"),
    "greater_than_equal": phrase("invalid_input.expected.greater_than_equal"),
    "less_than_equal": phrase("invalid_input.expected.less_than_equal"),
}
