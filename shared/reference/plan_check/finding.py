"""What a check looks at, and what it finds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from shared.contracts.words import Bilingual
from shared.reference.definitions import Definitions
from shared.reference.models import Plan
from shared.texts import filled, phrase

type Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Paper:
    """A plan, the lines of the text it was taken from, and the reference data to hold both against."""

    plan: Plan
    lines: tuple[str, ...]
    catalogue: Definitions

    def line(self, number: int) -> str:
        """The words of a line, counted from 1; empty beyond the text."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""

    def line_of(self, words: str) -> int:
        """The first line that has these words; 1 when none has."""
        return next((number for number, text in enumerate(self.lines, 1) if words in text), 1)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong: `found` are the source's words or figure, `expected` what should stand there.

    `lines` are all the lines that it is about, in order; `line` is the first.
    """

    lines: tuple[int, ...]
    severity: Severity
    code: str
    message: Bilingual
    found: str
    expected: str = ""

    @property
    def line(self) -> int:
        """Where to look first."""
        return self.lines[0]


def listed(lines: Iterable[int]) -> Bilingual:
    """Name lines: `dòng 19, 33` and `lines 19, 33`."""
    return of_lines([str(number) for number in sorted(set(lines))])


def of_lines(lines: list[str]) -> Bilingual:
    """Put the word for one or several lines before them."""
    word = phrase("plan_check.line") if len(lines) == 1 else phrase("plan_check.lines")
    return filled(word, lines=", ".join(lines))


def joined(separator: str, texts: Iterable[Bilingual]) -> Bilingual:
    """Join texts, each language by itself."""
    several = list(texts)
    return Bilingual(vi=separator.join(text.vi for text in several), en=separator.join(text.en for text in several))
