"""The paper that the checks read, and the findings that they return."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from shared.contracts.bilingual import Bilingual
from shared.reference.definitions import Definitions
from shared.reference.models import Plan
from shared.texts import filled, phrase

type Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Paper:
    """A plan, the lines of its source text, and the definitions against which both are checked."""

    plan: Plan
    lines: tuple[str, ...]
    definitions: Definitions

    def line(self, number: int) -> str:
        """Return a line, counted from 1; empty beyond the text."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""

    def line_of(self, words: str) -> int:
        """Return the number of the first line that has these words; 1 when none has."""
        return next((number for number, text in enumerate(self.lines, 1) if words in text), 1)


@dataclass(frozen=True, slots=True)
class Finding:
    """An error in the paper: `found` are its words or figure, `expected` the right ones.

    `lines` are all lines that show the error, in order.
    """

    lines: tuple[int, ...]
    severity: Severity
    code: str
    message: Bilingual
    found: str
    expected: str = ""

    @property
    def line(self) -> int:
        """The first line that shows the error."""
        return self.lines[0]


def nfc(text: str) -> str:
    """Return the text with its diacritics composed, however the paper's file has them."""
    return unicodedata.normalize("NFC", text)


def listed(lines: Iterable[int]) -> Bilingual:
    """Name lines: `dòng 19, 33` and `lines 19, 33`."""
    return of_lines([str(number) for number in sorted(set(lines))])


def of_lines(lines: list[str]) -> Bilingual:
    """Put the word for one or several lines before them."""
    word = phrase("plan_check.line") if len(lines) == 1 else phrase("plan_check.lines")
    return filled(word, lines=", ".join(lines))


def joined(separator: str, texts: Iterable[Bilingual]) -> Bilingual:
    """Join texts, each language by itself."""
    listed = list(texts)
    return Bilingual(vi=separator.join(text.vi for text in listed), en=separator.join(text.en for text in listed))
