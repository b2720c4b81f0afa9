"""Faults of reference files, worded so that the keeper of the file can correct them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic_core import ErrorDetails

from shared.contracts.bilingual import Bilingual, Language
from shared.problems.pydantic_errors import words_for
from shared.texts import filled, phrase


@dataclass(frozen=True, slots=True)
class FileFault:
    """One fault of a file: its place, the value found there, and the remedy."""

    file: Path
    line: int
    field: str
    found: str
    problem: Bilingual
    remedy: Bilingual

    def text(self, language: Language) -> str:
        """Write the fault as `x.yaml:12: commitments[2].goal: not a valid number (found: ten). Write a number ...`."""
        place = f"{self.file}:{self.line}: " + (f"{self.field}: " if self.field else "")
        found = f" ({phrase('reference_faults.found').in_(language)}: {self.found})" if self.found else ""
        return f"{place}{self.problem.in_(language)}{found}. {self.remedy.in_(language)}"


class InvalidReferenceError(Exception):
    """Reference data that cannot be used; `faults` lists all faults of the first faulty file."""

    def __init__(self, faults: list[FileFault]) -> None:
        self.faults = faults
        super().__init__("\n".join(fault.text("en") for fault in faults))


_DATE = (
    phrase("reference_faults.date.problem"),
    phrase("reference_faults.date.remedy"),
)
_NUMBER = (
    phrase("reference_faults.number.problem"),
    phrase("reference_faults.number.remedy"),
)
_WORDS: dict[str, tuple[Bilingual, Bilingual]] = {
    "date": _DATE,
    "datetime": _DATE,
    "decimal": _NUMBER,
    "int": _NUMBER,
    "float": _NUMBER,
    "finite": _NUMBER,
    "missing": (
        phrase("reference_faults.missing.problem"),
        phrase("reference_faults.missing.remedy"),
    ),
    "extra_forbidden": (
        phrase("reference_faults.extra_forbidden.problem"),
        phrase("reference_faults.extra_forbidden.remedy"),
    ),
    "not_above": (
        phrase("reference_faults.not_above.problem"),
        phrase("reference_faults.not_above.remedy"),
    ),
    "string_type": (
        phrase("reference_faults.string_type.problem"),
        phrase("reference_faults.string_type.remedy"),
    ),
    "literal_error": (
        phrase("reference_faults.literal_error.problem"),
        phrase("reference_faults.literal_error.remedy"),
    ),
    "enum": (
        phrase("reference_faults.enum.problem"),
        phrase("reference_faults.enum.remedy"),
    ),
    "union_tag_invalid": (
        phrase("reference_faults.union_tag_invalid.problem"),
        phrase("reference_faults.union_tag_invalid.remedy"),
    ),
    "union_tag_not_found": (
        phrase("reference_faults.union_tag_not.problem"),
        phrase("reference_faults.union_tag_not.remedy"),
    ),
    "string_pattern_mismatch": (
        phrase("reference_faults.string_pattern_mismatch.problem"),
        phrase("reference_faults.string_pattern_mismatch.remedy"),
    ),
}
_OTHERWISE = (
    phrase("reference_faults.other.problem"),
    phrase("reference_faults.other.remedy"),
)


def explain(error: ErrorDetails) -> tuple[Bilingual, Bilingual]:
    """Word an error of pydantic: the problem and the remedy."""
    problem, remedy = words_for(error["type"], _WORDS, _OTHERWISE)
    return filled(problem, **{**error.get("ctx", {}), "reason": error["msg"]}), remedy
