"""The words of the monthly report in one language, and how it writes values, days and lists."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

from services.scoring.judging.reasons import UNITS, amount
from shared import text
from shared.contracts.assessment import Part
from shared.contracts.bilingual import Bilingual, Language
from shared.contracts.status import Status
from shared.reference.models import CriterionKey, Unit
from shared.reference.reference import Reference
from shared.text import STATUSES
from shared.texts import filled


class Words(NamedTuple):
    """The report's words in a language."""

    language: Language

    def say(self, words: Bilingual, **details: object) -> str:
        """Return a text with its details; a bilingual detail in the report's language."""
        return filled(words, **details).in_(self.language)

    def of(self, words: Bilingual) -> str:
        """Return a text without details; curly brackets in it are its own."""
        return words.in_(self.language)

    def number(self, value: float, digits: int | None = None) -> str:
        """Write a number."""
        return text.number(value, self.language, digits)

    def percent(self, value: float) -> str:
        """Write a percentage."""
        return text.percent(value, self.language)

    def day(self, value: date) -> str:
        """Write a day."""
        return text.day(value, self.language)

    def unit(self, unit: Unit) -> str:
        """Name a unit with its kind."""
        return unit.title_in(self.language)

    def status(self, status: Status) -> str:
        """Name a status."""
        return self.of(STATUSES[status])

    def value(self, value: float, part: Part) -> str:
        """Write a value of a measure with its unit: `78 xã`, `12,5 %`."""
        return amount(value, part.measured_in, self.language)

    def value_apart(self, value: float, part: Part) -> str:
        """Write a value of a measure with its unit, otherwise than the measure's other values from which it differs."""
        digits = text.digits_apart(value, part.value, part.goal, part.required)
        return amount(value, part.measured_in, self.language, digits=digits)

    def difference(self, value: float, part: Part) -> str:
        """Write a difference of two values of a measure with its unit; one of percentages in points."""
        return amount(value, part.measured_in, self.language, difference=True)

    def measured_in(self, part: Part) -> str:
        """Name the unit in which a measure is counted; empty for what is done or not."""
        if part.measured_in == "percent":
            return "%"
        return self.of(UNITS[part.measured_in]) if part.measured_in in UNITS else ""

    def criterion(self, key: CriterionKey, reference: Reference) -> str:
        """Name a criterion by its number and name, and by its set where that is not the plan's first."""
        criterion = reference.criterion(key)
        named = f"{criterion.number}. {self.of(criterion.name)}"
        of_set = reference.set_of(key)
        return (
            named if of_set == reference.plan.criteria_sets[0] else f"{named} ({self.of(reference.sets[of_set].name)})"
        )

    def all_of(self, words: Iterable[str]) -> str:
        """Join words as a list."""
        return ", ".join(words)


class Notes:
    """The notes below a table: each text once, in the order in which the table refers to them."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def mark(self, words: str) -> int:
        """Return the number of the note with these words."""
        if words not in self.texts:
            self.texts.append(words)
        return self.texts.index(words) + 1


def capital(words: str) -> str:
    """Return words with a capital at their beginning."""
    return words[:1].upper() + words[1:]


def sentence(words: Sequence[str]) -> str:
    """Join clauses to a sentence."""
    return capital("; ".join(words)) + "."
