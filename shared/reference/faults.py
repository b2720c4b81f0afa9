"""What is wrong with a file of reference data, so that its keeper can mend it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic_core import ErrorDetails

from shared.contracts.words import Bilingual, Language


@dataclass(frozen=True, slots=True)
class Fault:
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


class ReferenceFault(Exception):  # noqa: N818 - the field's word; it carries every fault of the files it is about
    """Reference data that cannot be used; `faults` has them all."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        super().__init__("\n".join(fault.text("en") for fault in faults))


_KINDS: dict[str, tuple[Bilingual, Bilingual]] = {
    "missing": (
        Bilingual(vi="thiếu trường bắt buộc", en="a required field is missing"),
        Bilingual(vi="Hãy bổ sung.", en="Add it."),
    ),
    "extra_forbidden": (
        Bilingual(vi="không có trường này", en="there is no such field"),
        Bilingual(vi="Hãy sửa tên trường hoặc bỏ đi.", en="Correct its name, or remove it."),
    ),
    "string_type": (
        Bilingual(vi="phải là chữ", en="must be text"),
        Bilingual(vi='Hãy đặt trong dấu nháy, ví dụ "06280".', en='Put it in quotation marks, as in "06280".'),
    ),
    "literal_error": (
        Bilingual(vi="không phải giá trị được phép: {expected}", en="not an allowed value: {expected}"),
        Bilingual(vi="Hãy chọn một giá trị trong số đó.", en="Choose one of these."),
    ),
    "enum": (
        Bilingual(vi="không phải giá trị được phép: {expected}", en="not an allowed value: {expected}"),
        Bilingual(vi="Hãy chọn một giá trị trong số đó.", en="Choose one of these."),
    ),
    "union_tag_invalid": (
        Bilingual(vi="không phải loại được phép: {expected_tags}", en="not an allowed kind: {expected_tags}"),
        Bilingual(vi="Hãy chọn một loại trong số đó.", en="Choose one of these."),
    ),
    "union_tag_not_found": (
        Bilingual(vi="thiếu trường {discriminator}", en="the field {discriminator} is missing"),
        Bilingual(vi="Hãy bổ sung.", en="Add it."),
    ),
    "string_pattern_mismatch": (
        Bilingual(vi="không đúng dạng {pattern}", en="does not have the form {pattern}"),
        Bilingual(vi="Hãy viết đúng dạng đó.", en="Write it in that form."),
    ),
}
_DATES = (
    Bilingual(vi="không phải ngày", en="not a date"),
    Bilingual(vi="Hãy viết như 2023-12-31.", en="Write it as 2023-12-31."),
)
_NUMBERS = (
    Bilingual(vi="không phải số hợp lệ", en="not a valid number"),
    Bilingual(vi="Hãy viết số, dấu thập phân là dấu chấm.", en="Write a number, with a point for decimals."),
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
        Bilingual(vi="Hãy sửa lại theo mô tả trường.", en="Correct it as the field's description says."),
    )
