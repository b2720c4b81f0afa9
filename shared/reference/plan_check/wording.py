"""Checks of a paper's words: quotes, names, spelling."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator

from shared.contracts.bilingual import Bilingual
from shared.reference.models import StatedUnit, Unit
from shared.reference.plan_check.finding import Finding, Paper, of_lines
from shared.texts import filled, phrase


def quotes_stand_on_their_lines(paper: Paper) -> Iterator[Finding]:
    """Find quotes in the plan's data that do not stand on the line which the data name."""
    plan = paper.plan
    quotes = [
        *((each.line, each.quote) for each in plan.commitments),
        *((each.line, each.quote) for each in plan.stated_spans),
        *((each.line, each.quote) for each in plan.stated_counts),
        *((each.line, each.name) for each in plan.stated_units),
        *((each.line, each.text) for each in plan.distribution),
    ]
    for line, quote in dict.fromkeys(quotes):
        if quote not in paper.line(line):
            message = phrase("plan_check_wording.quote_not_found")
            yield Finding((line,), "error", "quote-not-found", message, quote, paper.line(line))


def units_are_written_right(paper: Paper) -> Iterator[Finding]:
    """Find names of units that are unknown or written with other diacritics."""
    for stated in paper.plan.stated_units:
        namesakes = [
            unit
            for unit in paper.definitions.units.named(stated.name, stated.district)
            if unit.is_valid(paper.plan.deadline)
        ]
        unit = next((unit for unit in namesakes if unit.code == stated.code), None)
        if unit is None:
            message = filled(
                phrase("plan_check_wording.no_such_unit"),
                unit=stated.name,
                code=stated.code,
                district=stated.district,
            )
            codes = ", ".join(unit.code for unit in namesakes)
            yield Finding((stated.line,), "error", "unit-unknown", message, stated.name, codes)
        else:
            yield from _as_written(stated, unit)


def words_are_spelled_right(paper: Paper) -> Iterator[Finding]:
    """Find misspellings that plans are known to have, counted over the text."""
    for known in paper.definitions.spelling.misspellings:
        slip = re.compile(rf"\b(?:{'|'.join(map(re.escape, known.wrong))})\b", re.IGNORECASE)
        hits = [(number, match[0]) for number, text in enumerate(paper.lines, 1) for match in slip.finditer(_nfc(text))]
        if not hits:
            continue
        lines = tuple(dict.fromkeys(number for number, _ in hits))
        forms = " / ".join(f"'{form}'" for form in dict.fromkeys(word.lower() for _, word in hits))
        message = filled(
            phrase("plan_check_wording.misspelled"),
            forms=forms,
            right=known.right,
            times=len(hits),
            lines=_tally(number for number, _ in hits),
        )
        yield Finding(lines, "warning", "misspelled", message, hits[0][1], known.right)


def words_are_not_doubled(paper: Paper) -> Iterator[Finding]:
    """Find words that stand twice (`đạt đạt`).

    Some words are rightly doubled, and a capital begins a name (`nhà giáo Giáo dục`).
    """
    rightly = set(paper.definitions.spelling.reduplications)
    for number, text in enumerate(paper.lines, 1):
        for match in re.finditer(r"\b([^\W\d_]+)\s+\1\b", _nfc(text), re.IGNORECASE):
            first, second = match[0].split()
            if second.islower() and second not in rightly:
                message = filled(phrase("plan_check_wording.doubled_word"), words=match[0])
                yield Finding((number,), "warning", "doubled-word", message, match[0], first)


def _as_written(stated: StatedUnit, unit: Unit) -> Iterator[Finding]:
    if _nfc(stated.name) != unit.name:
        message = filled(
            phrase("plan_check_wording.unit_misspelled"), stated=stated.name, right=unit.name, code=unit.code
        )
        yield Finding((stated.line,), "warning", "unit-misspelled", message, stated.name, unit.name)


def _tally(lines: Iterable[int]) -> Bilingual:
    """Name the lines of all hits: `dòng 19 (2×), 33`."""
    hits_by_line = sorted(Counter(lines).items())
    return of_lines([f"{number} ({hits}×)" if hits > 1 else f"{number}" for number, hits in hits_by_line])


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)
