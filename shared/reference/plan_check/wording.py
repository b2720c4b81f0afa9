"""Checks of a paper's words: quotes, names, spelling."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from shared.contracts.bilingual import Bilingual
from shared.reference.models import StatedUnit, Unit
from shared.reference.plan_check import names
from shared.reference.plan_check.finding import Finding, Paper, nfc, of_lines
from shared.texts import filled, phrase


def quotes_stand_on_their_lines(paper: Paper) -> Iterator[Finding]:
    """Find quotes in the plan's data that do not stand on the line which the data name."""
    plan = paper.plan
    quotes = [
        *((each.line, each.quote) for each in plan.commitments),
        *((each.line, each.quote) for each in plan.duties),
        *((each.line, each.quote) for each in plan.document.basis),
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
        hits = [(number, match[0]) for number, text in enumerate(paper.lines, 1) for match in slip.finditer(nfc(text))]
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
        for match in re.finditer(r"\b([^\W\d_]+)\s+\1\b", nfc(text), re.IGNORECASE):
            first, second = match[0].split()
            if second.islower() and second not in rightly:
                message = filled(phrase("plan_check_wording.doubled_word"), words=match[0])
                yield Finding((number,), "warning", "doubled-word", message, match[0], first)


def offices_are_written_one_way(paper: Paper) -> Iterator[Finding]:
    """Find names of offices that the paper writes with different joints: dashes here, commas there.

    The lines are those of the rarer form; where a longer name contains it, also those that abbreviate that name.
    """
    offices = [
        *(name.vi for holder in paper.plan.roles for name in (holder.name, *holder.names.values())),
        paper.plan.document.issuer,
        *(criterion.lead.vi for one in paper.definitions.sets.values() for criterion in one.criteria),
    ]
    stems = dict.fromkeys(names.stem(office) for office in offices)
    lines = [nfc(text) for text in paper.lines]
    for stem in stems:
        if len(names.initials(stem)) < 3:
            continue
        forms = _forms(stem, lines)
        if len(forms) < 2:
            continue
        common, *rarer = sorted(forms, key=lambda form: (-len(forms[form]), forms[form]))
        for form in rarer:
            shorts = {names.initials(other) for other in stems if form in _forms(other, [other]) or form in other}
            where = sorted({*forms[form], *_abbreviated(shorts, lines)})
            message = filled(
                phrase("plan_check_wording.office_in_two_forms"),
                form=form,
                lines=of_lines([str(number) for number in forms[form]]),
                common=common,
                common_lines=of_lines([str(number) for number in forms[common]]),
            )
            yield Finding(tuple(where), "warning", "office-two-forms", message, form, common)


def _forms(stem: str, lines: list[str]) -> dict[str, list[int]]:
    """Return how a name is written, each form with its lines; blanks beside dashes make no difference."""
    pattern = names.with_any_joints(stem)
    forms: dict[str, list[int]] = {}
    for number, text in enumerate(lines, 1):
        for match in pattern.finditer(text):
            form = re.sub(r"\s*[-–]\s*", " - ", re.sub(r"\s+", " ", match[0]))
            if number not in forms.setdefault(form, []):
                forms[form].append(number)
    return forms


def _abbreviated(shorts: set[str], lines: list[str]) -> Iterator[int]:
    for number, text in enumerate(lines, 1):
        if any(re.sub("[-–]", "", one) in shorts for one in re.findall(r"(?<![\w/])[A-ZĐ][A-ZĐ-]+(?!\w)", text)):
            yield number


def _as_written(stated: StatedUnit, unit: Unit) -> Iterator[Finding]:
    if nfc(stated.name) != unit.name:
        message = filled(
            phrase("plan_check_wording.unit_misspelled"), stated=stated.name, right=unit.name, code=unit.code
        )
        yield Finding((stated.line,), "warning", "unit-misspelled", message, stated.name, unit.name)


def _tally(lines: Iterable[int]) -> Bilingual:
    """Name the lines of all hits: `dòng 19 (2×), 33`."""
    hits_by_line = sorted(Counter(lines).items())
    return of_lines([f"{number} ({hits}×)" if hits > 1 else f"{number}" for number, hits in hits_by_line])
