"""Pydantic's errors as faults, in words for people: of bodies and parameters, of submissions, of reference files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic_core import ErrorDetails

from shared.contracts.bilingual import Bilingual
from shared.problems.faults import Faults
from shared.problems.problem import Fault
from shared.texts import filled, phrase

KINDS = {
    "missing": Faults.MISSING,
    "extra_forbidden": Faults.UNKNOWN_FIELD,
    "string_too_long": Faults.TOO_LONG,
}
"""The kinds of faults, by the type of pydantic's error."""

_CHOICE = phrase("pydantic_errors.choice")
_NEAR = phrase("pydantic_errors.near")
_OBJECT = phrase("pydantic_errors.object")

EXPECTED = {
    "int": phrase("pydantic_errors.whole_number"),
    "bool": phrase("pydantic_errors.yes_no"),
    "literal_error": _CHOICE,
    "enum": _CHOICE,
    "uuid": phrase("pydantic_errors.uuid"),
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "dict_type": _OBJECT,
    "string_type": phrase("pydantic_errors.text"),
    "string_too_short": phrase("pydantic_errors.string_too_short"),
    "string_too_long": phrase("pydantic_errors.string_too_long"),
    "greater_than_equal": phrase("pydantic_errors.greater_than_equal"),
    "less_than_equal": phrase("pydantic_errors.less_than_equal"),
}
"""The values that would be right, by the type of pydantic's error or its first word (`int` for `int_parsing`)."""

_OTHERWISE = phrase("pydantic_errors.otherwise")


def faults_of(errors: Iterable[Mapping[str, Any]]) -> list[Fault]:
    """Return a fault for each error of `RequestValidationError.errors()`, whose locations begin with the place."""
    return [
        Fault(
            pointer_of(error["loc"][1:]),
            KINDS.get(error["type"], Faults.BAD_PARAMETER),
            {"value": error.get("input"), "expected": expected_by(error, EXPECTED, _OTHERWISE)},
        )
        for error in errors
    ]


def pointer_of(steps: Iterable[int | str]) -> str:
    """Return the JSON pointer (RFC 6901) of a place in what was sent."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def expected_by(
    error: ErrorDetails | Mapping[str, Any], table: Mapping[str, Bilingual], otherwise: Bilingual
) -> Bilingual:
    """Return the words for the value that would have been right, with the bounds or choices that the error names."""
    context = error.get("ctx", {})
    choices = str(context.get("expected", "")).replace("'", "").replace(" or ", ", ")
    words = filled(words_for(error["type"], table, otherwise), **{**context, "expected": choices})
    given = error.get("input")
    near = get_close_matches(given.lower(), choices.split(", "), 1) if choices and isinstance(given, str) else []
    return filled(_NEAR, words=words, near=near[0]) if near else words


def words_for[Words](error_type: str, table: Mapping[str, Words], otherwise: Words) -> Words:
    """Return a table's words for a type of error, found by the type or by its first word, else `otherwise`."""
    return table.get(error_type) or table.get(error_type.partition("_")[0], otherwise)
