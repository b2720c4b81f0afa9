"""Checks of a paper's distribution list (Nơi nhận): its marks, its abbreviations, and who is missing from it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from shared.reference.models import RoleHolder
from shared.reference.plan_check.finding import Finding, Paper, nfc
from shared.reference.plan_check.names import breaks, initials, stem
from shared.texts import filled, phrase

_HEADING = re.compile(r"^\s*Nơi nhận\s*:?\s*$", re.IGNORECASE)
_ENTRY = re.compile(r"^\s*[-–+•]\s*(?P<text>.*\S)")
_REMARK = re.compile(r"\s*\([^()]*\)$")
_ARCHIVE = re.compile(r"^\s*[-–+•]?\s*Lưu\b", re.IGNORECASE)
_ABBREVIATION = re.compile(r"(?<![\w.])[A-ZĐƯÂĂÊÔƠ]+(?:[-–][A-ZĐƯÂĂÊÔƠ]+)*(?![\w.])")
_LEADERS = re.compile(r"(?<![\w.])(?P<chief>[A-ZĐƯÂĂÊÔƠ]+)\s*,\s*P(?P<deputy>[A-ZĐƯÂĂÊÔƠ]+)(?![\w.])")


class _Entry(NamedTuple):
    """An entry of the list; it may go on over several lines."""

    first: int
    last: int
    text: str


def entries_end_in_their_marks(paper: Paper) -> Iterator[Finding]:
    """Find entries that end in another mark than a semicolon, the last one in a full stop (Decree 30/2020/NĐ-CP).

    A remark in brackets may stand after the mark: `UBND tỉnh; (BC)`.
    """
    entries = list(_entries(paper))
    for entry in entries:
        text = _REMARK.sub("", entry.text) if entry.text.endswith(")") else entry.text
        ends = text[-1] if text and text[-1] in ".,;:" else ""
        is_last = entry is entries[-1]
        right = "." if is_last else ";"
        if ends == right:
            continue
        message = filled(
            phrase("plan_check_recipients.last_entry_mark") if is_last else phrase("plan_check_recipients.entry_mark"),
            mark=f"'{ends}'" if ends else phrase("plan_check_recipients.no_mark"),
        )
        expected = (text[: -len(ends)] if ends else text) + right
        yield Finding((entry.last,), "warning", "list-mark", message, entry.text, expected)


def abbreviations_are_whole(paper: Paper) -> Iterator[Finding]:
    """Find abbreviations of a chief that are cut short beside the deputy's: `C, PVP` for `CVP, PVP`."""
    for entry in _entries(paper):
        for match in _LEADERS.finditer(entry.text):
            chief, deputy = match["chief"], match["deputy"]
            whole = (deputy, f"C{deputy}", f"T{deputy}")
            if chief in whole or _ARCHIVE.match(entry.text):
                continue
            right = next((one for one in whole if one.startswith(chief)), None)
            if right is not None:
                expected = f"{right}, P{deputy}"
                message = filled(phrase("plan_check_recipients.abbreviation_cut"), stated=match[0], right=expected)
                yield Finding((entry.first,), "warning", "abbreviation-cut", message, match[0], expected)


def abbreviations_break_as_their_names(paper: Paper) -> Iterator[Finding]:
    """Find hyphens in an office's abbreviation where its name has no break: `LĐ-VL-BHXH` for `LĐVL-BHXH`."""
    offices = (name.vi for holder in paper.plan.roles for name in (holder.name, *holder.names.values()))
    names = {initials(name): name for name in map(stem, offices) if name}
    for entry in _entries(paper):
        for match in _ABBREVIATION.finditer(entry.text):
            letters = re.sub(r"[-–]", "", match[0])
            name = names.get(letters)
            if name is None:
                continue
            at = set[int]()
            for part in re.split(r"[-–]", match[0])[:-1]:
                at.add(max(at, default=0) + len(part))
            wrong = at - breaks(name)
            if wrong:
                kept = at - wrong
                right = "".join(("-" if position in kept else "") + one for position, one in enumerate(letters))
                message = filled(
                    phrase("plan_check_recipients.abbreviation_hyphen"), stated=match[0], right=right, name=name
                )
                yield Finding((entry.first,), "warning", "abbreviation-hyphen", message, match[0], right)


def owners_are_told(paper: Paper) -> Iterator[Finding]:
    """Find offices that own criteria or answer for commitments and are not among those whom the list tells.

    A copy for the files (Lưu) tells nobody. Roles without a line are not the paper's.
    """
    plan = paper.plan
    if not plan.distribution:
        return
    told = {role for entry in plan.distribution if entry.receives != "archive" for role in entry.roles}
    answers = {role for commitment in plan.commitments for role in commitment.responsible}
    for holder in plan.roles:
        if holder.line is None or holder.role in told or not (holder.owns or holder.role in answers):
            continue
        line, text = _where_its_like_is_told(paper, holder)
        message = filled(phrase("plan_check_recipients.owner_not_told"), office=holder.name)
        yield Finding((line,), "warning", "owner-not-told", message, text, holder.name.vi)


def _where_its_like_is_told(paper: Paper, holder: RoleHolder) -> tuple[int, str]:
    """Return the entry that tells offices which the paper names on the same line; else that line."""
    like = {other.role for other in paper.plan.roles if other.line == holder.line}
    for entry in paper.plan.distribution:
        if entry.receives != "archive" and not like.isdisjoint(entry.roles):
            return entry.line, entry.text
    line = holder.line or 1
    return line, holder.name.vi


def _entries(paper: Paper) -> Iterator[_Entry]:
    """Yield the entries below `Nơi nhận`, up to the first line that is neither an entry nor its continuation."""
    heading = next((at for at, text in enumerate(paper.lines, 1) if _HEADING.match(nfc(text))), None)
    if heading is None:
        return
    entry: _Entry | None = None
    for at, line in enumerate(paper.lines[heading:], heading + 1):
        text = nfc(line).strip()
        begun = _ENTRY.match(text)
        if begun:
            if entry:
                yield entry
            entry = _Entry(at, at, begun["text"])
        elif entry and text[:1].islower() and entry.last == at - 1 and entry.text[-1] not in ".;":
            entry = _Entry(entry.first, at, f"{entry.text} {text}")
        elif text:
            break
    if entry:
        yield entry
