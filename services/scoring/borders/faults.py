"""Faults of a file of borders, worded so that its keeper can correct them."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence

from services.scoring.texts import phrase
from shared.contracts.bilingual import Bilingual, Language
from shared.text import storable
from shared.texts import filled

_LONGEST = 80
_MOST = 10


class BorderError(ValueError):
    """One fault: its place in the file (empty: the whole file), the value found there, and the remedy."""

    def __init__(self, place: str, problem: Bilingual, remedy: Bilingual, found: object = None) -> None:
        super().__init__(place)
        self.place, self.problem, self.remedy = place, problem, remedy
        self.found = "" if found is None else _shortened(found)

    def text(self, language: Language) -> str:
        """Write the fault as `features[3].properties.code: no unit has this code (99999). Write ...`."""
        place = f"{self.place}: " if self.place else ""
        found = f" ({self.found})" if self.found else ""
        return f"{place}{self.problem.in_(language)}{found}. {self.remedy.in_(language)}"


class UnusableBordersError(Exception):
    """A file of borders that cannot be used; its message has the file and its first faults in both languages."""

    def __init__(self, file: str, faults: Sequence[BorderError]) -> None:
        self.faults = list(faults)
        title = filled(phrase("borders.unusable"), file=file)
        more = filled(phrase("borders.more_faults"), number=len(faults) - _MOST)
        languages: tuple[Language, ...] = ("vi", "en")
        lines = []
        for language in languages:
            lines += [title.in_(language), *(fault.text(language) for fault in self.faults[:_MOST])]
            lines += [more.in_(language)] if len(faults) > _MOST else []
        super().__init__("\n".join(lines))


def _shortened(found: object) -> str:
    text = storable(found if isinstance(found, str) else reprlib.repr(found))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
