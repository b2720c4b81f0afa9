"""What FastAPI finds wrong with parameters and bodies, in words for people instead of pydantic's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from shared.contracts.words import Bilingual
from shared.problems import Fault, Faults


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
_WHOLE = Bilingual(vi="cần số nguyên", en="a whole number is expected")
_YES_NO = Bilingual(vi="cần true hoặc false", en="true or false is expected")
_CHOICE = Bilingual(vi="cần một trong: {expected}", en="one of these is expected: {expected}")
_UUID = Bilingual(
    vi="cần mã dạng 0f8fad5b-d9cb-469f-a165-70867728950e",
    en="an id such as 0f8fad5b-d9cb-469f-a165-70867728950e is expected",
)
_OBJECT = Bilingual(vi="cần một đối tượng JSON", en="a JSON object is expected")
_TEXT = Bilingual(vi="cần chuỗi ký tự", en="text is expected")
_OTHERWISE = Bilingual(vi="không đúng định dạng", en="it is not of the expected form")
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
    "string_too_short": Bilingual(
        vi="cần ít nhất {min_length} ký tự", en="at least {min_length} characters are expected"
    ),
    "string_too_long": Bilingual(vi="{max_length} ký tự", en="{max_length} characters"),
    "greater_than_equal": Bilingual(vi="cần số từ {ge} trở lên", en="a number from {ge} up is expected"),
    "less_than_equal": Bilingual(vi="cần số không quá {le}", en="a number of at most {le} is expected"),
}
