"""Checks of words: quotes, names, spelling."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator

from shared.contracts.words import Bilingual
from shared.reference.models import StatedUnit, Unit
from shared.reference.plan_check.finding import Finding, Paper
from shared.texts import phrase


def quotes_stand_on_their_lines(paper: Paper) -> Iterator[Finding]:
    """What the plan's data quote must stand on the line that they name: a safeguard for the data."""
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
            message = phrase("plan_check_wording.message")
            yield Finding((line,), "error", "quote-not-found", message, quote, paper.line(line))


def units_are_written_right(paper: Paper) -> Iterator[Finding]:
    """Units are found diacritics aside, then held against their own spelling."""
    for stated in paper.plan.stated_units:
        found = [
            unit
            for unit in paper.catalogue.units.named(stated.name, stated.district)
            if unit.is_valid(paper.plan.deadline)
        ]
        unit = next((unit for unit in found if unit.code == stated.code), None)
        if unit is None:
            message = Bilingual(
                vi=f"không có đơn vị {stated.name} mã {stated.code} thuộc {stated.district}",
                en=f"there is no unit {stated.name} of code {stated.code} in {stated.district}",
            )
            codes = ", ".join(unit.code for unit in found)
            yield Finding((stated.line,), "error", "unit-unknown", message, stated.name, codes)
        else:
            yield from _as_written(stated, unit)


def words_are_spelled_right(paper: Paper) -> Iterator[Finding]:
    """Slips that plans are known to make, counted over the text."""
    for known in paper.catalogue.spelling.misspellings:
        slip = re.compile(rf"\b(?:{'|'.join(map(re.escape, known.wrong))})\b", re.IGNORECASE)
        hits = [(number, match[0]) for number, text in enumerate(paper.lines, 1) for match in slip.finditer(_nfc(text))]
        if not hits:
            continue
        lines = tuple(dict.fromkeys(number for number, _ in hits))
        forms = " / ".join(f"'{form}'" for form in dict.fromkeys(word.lower() for _, word in hits))
        times = len(hits)
        where_vi, where_en = _tally(hits, "dòng"), _tally(hits, "line")
        message = Bilingual(
            vi=f"viết sai {forms} thay cho '{known.right}', {times} lần: {where_vi}",
            en=f"{forms} written for '{known.right}', {times}×: {where_en}",
        )
        yield Finding(lines, "warning", "misspelled", message, hits[0][1], known.right)


def words_are_not_doubled(paper: Paper) -> Iterator[Finding]:
    """`đạt đạt`. Some words are rightly doubled, and a capital begins a name (`nhà giáo Giáo dục`)."""
    rightly = set(paper.catalogue.spelling.reduplications)
    for number, text in enumerate(paper.lines, 1):
        for match in re.finditer(r"\b([^\W\d_]+)\s+\1\b", _nfc(text), re.IGNORECASE):
            first, second = match[0].split()
            if second.islower() and second not in rightly:
                message = Bilingual(vi=f"lặp từ '{match[0]}'", en=f"a word stands twice: '{match[0]}'")
                yield Finding((number,), "warning", "doubled-word", message, match[0], first)


def _as_written(stated: StatedUnit, unit: Unit) -> Iterator[Finding]:
    if _nfc(stated.name) != unit.name:
        message = Bilingual(
            vi=f"tên đơn vị viết sai: '{stated.name}', đúng là '{unit.name}' ({unit.code})",
            en=f"the unit's name is misspelled: '{stated.name}' for '{unit.name}' ({unit.code})",
        )
        yield Finding((stated.line,), "warning", "unit-misspelled", message, stated.name, unit.name)


def _tally(hits: list[tuple[int, str]], word: str) -> str:
    per_line = Counter(number for number, _ in hits)
    told = (f"{number} ({times}×)" if times > 1 else f"{number}" for number, times in sorted(per_line.items()))
    plural = "s" if word == "line" and len(per_line) > 1 else ""
    return f"{word}{plural} {', '.join(told)}"


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)
