"""Numbers and yes or no as people write them: `1.204`, `1,204`, `1 204`, `12,5`, `Có`.

A lone `1.204` can mean 1204 or 1.204. A column's decimal mark follows from its other figures, from whether it takes
whole numbers only, and from the rest of the file; a figure that stays ambiguous is refused, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from shared.characters import typed, whole_digits
from shared.text import plain

_LONGEST = 40
"""The most characters of a figure, blanks included."""

_BLANKS = re.compile(r"\s+")
_WHOLE = r"(?:[0-9]+|[1-9][0-9]{{0,2}}(?:{group}[0-9]{{3}})+|[1-9][0-9]{{0,2}}(?: [0-9]{{3}})+)"
_YES = frozenset({"co", "yes", "y", "true", "dat", "1", "x", "\u2713", "\u2714", "\u2611", "\u221a"})
_NO = frozenset({"khong", "no", "n", "false", "khong dat", "chua dat", "chua", "0"})


class DecimalMark(StrEnum):
    """The mark before the decimals: `1.234,5` or `1,234.5`."""

    COMMA = ","
    POINT = "."

    @property
    def group(self) -> str:
        """The mark that separates the thousands."""
        return "." if self is DecimalMark.COMMA else ","


_FORMS = {
    mark: re.compile(f"-?{_WHOLE.format(group=re.escape(mark.group))}(?:{re.escape(mark)}[0-9]+)?")
    for mark in DecimalMark
}


def meanings(text: str) -> dict[DecimalMark, Decimal]:
    """Return the number that the text means by each decimal mark; empty where it is no number."""
    if len(text) > _LONGEST:
        return {}
    written = _BLANKS.sub(" ", typed(text))
    numbers = {}
    for mark, form in _FORMS.items():
        if form.fullmatch(written):
            bare = written.replace(" ", "").replace(mark.group, "").replace(mark, ".")
            numbers[mark] = Decimal(bare)
    return numbers


def is_ambiguous(numbers: dict[DecimalMark, Decimal]) -> bool:
    """Say whether the number depends on the decimal mark."""
    return len(set(numbers.values())) > 1


@dataclass(frozen=True, slots=True)
class Evidence:
    """The decimal marks in the unmistakable figures of a column or a file."""

    marks: frozenset[DecimalMark]

    @classmethod
    def of(cls, texts: Iterable[str]) -> Evidence:
        """Return the marks that the texts prove; a text that is no number, or the same by both marks, proves none."""
        return cls(frozenset(mark for text in texts if len(numbers := meanings(text)) == 1 for mark in numbers))


def mark_of(texts: Iterable[str], around: Evidence, *, whole: bool) -> DecimalMark | None:
    """Return the decimal mark of a column's ambiguous figures; None where they could be read either way.

    `around` is the evidence of the whole file; with `whole` the column takes whole numbers only.
    """
    column = list(texts)
    if marks := Evidence.of(column).marks:
        return next(iter(marks)) if len(marks) == 1 else None
    if not whole:
        return next(iter(around.marks)) if len(around.marks) == 1 else None
    ambiguous = [numbers for text in column if is_ambiguous(numbers := meanings(text))]
    fitting = {mark for mark in DecimalMark if all(_is_whole(numbers[mark]) for numbers in ambiguous)}
    return next(iter(fitting)) if len(fitting) == 1 and around.marks <= fitting else None


def value_of(exact: Decimal) -> int | float:
    """Return the number as JSON has it: whole numbers without decimals."""
    return int(exact) if _is_whole(exact) else float(exact)


def yes_or_no(text: str) -> bool | None:
    """Read `Có`, `Không`, `yes`, `no`, `x`, 1 or 0, with or without diacritics; None where the text is neither."""
    word = whole_digits(plain(text[:_LONGEST]))
    return True if word in _YES else False if word in _NO else None


def _is_whole(exact: Decimal) -> bool:
    return exact == exact.to_integral_value()
