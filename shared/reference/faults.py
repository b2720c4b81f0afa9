"""What is wrong with a file of reference data, so that its keeper can mend it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic_core import ErrorDetails

from shared.contracts.words import Bilingual, Language
from shared.texts import phrase


@dataclass(frozen=True, slots=True)
class FileFault:
    """One fault: where it is, what was found there, and what to do."""

    file: Path
    line: int
    field: str
    found: str
    problem: Bilingual
    remedy: Bilingual

    def text(self, language: Language) -> str:
        """`plans/x.yaml:12: commitments[2].goal: found "ten": ... .`"""
        place = f"{self.file}:{self.line}: " + (f"{self.field}: " if self.field else "")
        word = "giá trị" if language == "vi" else "found"
        found = f" ({word}: {self.found})" if self.found else ""
        return f"{place}{self.problem.in_(language)}{found}. {self.remedy.in_(language)}"


class InvalidReferenceError(Exception):
    """Reference data that cannot be used; `faults` has them all."""

    def __init__(self, faults: list[FileFault]) -> None:
        self.faults = faults
        super().__init__("\n".join(fault.text("en") for fault in faults))


_KINDS: dict[str, tuple[Bilingual, Bilingual]] = {
    "missing": (
        phrase("reference_faults.kinds.missing"),
        phrase("reference_faults.kinds.missing.add"),
    ),
    "extra_forbidden": (
        phrase("reference_faults.kinds.extra_forbidden"),
        phrase("reference_faults.kinds.extra_forbidden.correct_its_name_or"),
    ),
    "string_type": (
        phrase("reference_faults.kinds.string_type"),
        phrase("reference_faults.kinds.string_type.put_in_quotation_marks"),
    ),
    "literal_error": (
        phrase("reference_faults.kinds.literal_error"),
        phrase("reference_faults.kinds.literal_error.choose_one_these"),
    ),
    "enum": (
        phrase("reference_faults.kinds.enum"),
        phrase("reference_faults.kinds.enum.choose_one_these"),
    ),
    "union_tag_invalid": (
        phrase("reference_faults.kinds.union_tag_invalid"),
        phrase("reference_faults.kinds.union_tag_invalid.choose_one_these"),
    ),
    "union_tag_not_found": (
        phrase("reference_faults.kinds.union_tag_not"),
        phrase("reference_faults.kinds.union_tag_not.add"),
    ),
    "string_pattern_mismatch": (
        phrase("reference_faults.kinds.string_pattern_mismatch"),
        phrase("reference_faults.kinds.string_pattern_mismatch.write_in_that_form"),
    ),
}
_DATES = (
    phrase("reference_faults.dates"),
    phrase("reference_faults.dates.write_as_2023_12"),
)
_NUMBERS = (
    phrase("reference_faults.numbers"),
    phrase("reference_faults.numbers.write_number_with_point"),
)


def explain(error: ErrorDetails) -> tuple[Bilingual, Bilingual]:
    """What pydantic complains of and what to do, in both languages."""
    kind = error["type"]
    if kind.startswith("date"):
        return _DATES
    if kind.startswith(("decimal", "int", "float", "finite")):
        return _NUMBERS
    if kind in _KINDS:
        problem, remedy = _KINDS[kind]
        context = {name: str(value) for name, value in error.get("ctx", {}).items()}
        return Bilingual(vi=problem.vi.format(**context), en=problem.en.format(**context)), remedy
    told = error["msg"]
    return (
        Bilingual(vi=f"không hợp lệ: {told}", en=f"not valid: {told}"),
        phrase("reference_faults.correct_as_field_s"),
    )
