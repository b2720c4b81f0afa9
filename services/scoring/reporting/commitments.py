"""The table of the plan's commitments: plan, path, reached and share, with their notes; and the chart of the shares."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from services.scoring.reporting.facts import CommitmentFact
from services.scoring.reporting.paper import Bars, Cell, Column, Table
from services.scoring.reporting.words import Notes, Words, capital
from services.scoring.texts import phrase
from shared import text
from shared.contracts.assessment import Part
from shared.contracts.status import Status

_DONE, _NOT_DONE = phrase("report.done"), phrase("report.not_done")

_BARS = 25
"""The most commitments that one chart shows: more have no room on a page."""


def commitments_table(
    facts: Sequence[CommitmentFact], on: date, words: Words, name: str, *, with_units: bool = False
) -> Table:
    """Return the table of these commitments on a day; `with_units`: each with the unit that it binds."""
    notes = Notes()
    later = _later(facts, on, words)
    if later:
        notes.mark(later)
    columns = [
        Column(words.say(phrase("report.columns.number")), 9, "center"),
        *([Column(words.say(phrase("report.columns.unit")), 22)] if with_units else []),
        Column(words.say(phrase("report.columns.commitment")), 50),
        Column(words.say(phrase("report.columns.measured_in")), 15, "center"),
        Column(words.say(phrase("report.columns.plan")), 18, "right"),
        Column(words.say(phrase("report.columns.path")), 18, "right"),
        Column(words.say(phrase("report.columns.reached")), 20, "right"),
        Column(words.say(phrase("report.columns.share")), 16, "right"),
        Column(words.say(phrase("report.columns.status")), 21, "center"),
    ]
    rows = [
        [
            Cell(str(number), number),
            *([Cell(words.unit(fact.unit))] if with_units else []),
            *_cells(fact, words, notes, later),
        ]
        for number, fact in enumerate(facts, 1)
    ]
    caption = words.say(phrase("report.tables.commitments"), day=words.day(on))
    return Table(name, caption, columns, rows, notes.texts)


def _cells(fact: CommitmentFact, words: Words, notes: Notes, later: str | None) -> list[Cell]:
    part, share = fact.part, fact.share
    return [
        Cell(words.of(fact.commitment.title), marks=_marks_of_plan(part, words, notes)),
        Cell(words.measured_in(part)),
        _amount(part.goal, part, words),
        _amount(part.required, part, words),
        _reached(fact, words, notes, later),
        Cell("–") if share is None else Cell(words.number(share), share, _marks_of_share(part, words, notes)),
        Cell(capital(words.status(fact.known.status))),
    ]


def _marks_of_plan(part: Part, words: Words, notes: Notes) -> tuple[int, ...]:
    if not part.verified or (part.formula is not None and not part.formula.verified):
        return (notes.mark(words.say(phrase("report.notes.unverified"))),)
    return ()


def _marks_of_share(part: Part, words: Words, notes: Notes) -> tuple[int, ...]:
    falls = part.direction == "at_most"
    return (notes.mark(words.say(phrase("report.notes.share_of_fall"))),) if falls else ()


def _amount(value: float | None, part: Part, words: Words) -> Cell:
    """Return the cell of a number; one that would read as a different number's gets more decimals."""
    if value is None:
        return Cell("–")
    if part.measured_in == "yes_no":
        return Cell(words.of(_DONE if value >= 1 else _NOT_DONE), value)
    return Cell(words.number(value, text.digits_apart(value, part.value, part.goal, part.required)), value)


def _reached(fact: CommitmentFact, words: Words, notes: Notes, later: str | None) -> Cell:
    marks = tuple(_marks_of_figures(fact, words, notes))
    if later and fact.has_changed_since:
        marks = (notes.mark(later), *marks)
    if not fact.has_figures:
        why = phrase("report.no_figures") if fact.has_begun else phrase("report.not_begun_yet")
        return Cell(words.of(why), marks=marks)
    cell = _amount(fact.part.value, fact.part, words)
    return Cell(cell.text, cell.number, marks, bold=True)


def _marks_of_figures(fact: CommitmentFact, words: Words, notes: Notes) -> list[int]:
    part, marks = fact.part, []
    if fact.known.provisional:
        marks.append(notes.mark(words.say(phrase("report.notes.provisional"))))
    if fact.has_figures and fact.known.status == Status.NO_DATA:
        marks.append(notes.mark(words.say(phrase("report.notes.too_few"))))
    if fact.known.stale and part.stale_after_months is not None:
        marks.append(notes.mark(words.say(phrase("report.notes.stale"), months=part.stale_after_months)))
    return marks


def _later(facts: Sequence[CommitmentFact], on: date, words: Words) -> str | None:
    """Write the values that are others by figures which came after the day; None where none is."""
    changed = [
        words.say(phrase("report.notes.later_value"), number=number, value=_value(fact.actual.parts[0], words))
        for number, fact in enumerate(facts, 1)
        if fact.has_changed_since
    ]
    return words.say(phrase("report.notes.later"), day=words.day(on), values="; ".join(changed)) if changed else None


def _value(part: Part, words: Words) -> str:
    assert part.value is not None  # noqa: S101 - of a fact that has changed
    is_done = part.measured_in == "yes_no"
    return words.of(_DONE if part.value >= 1 else _NOT_DONE) if is_done else words.value(part.value, part)


def shares_chart(facts: Sequence[CommitmentFact], on: date, words: Words) -> Bars | None:
    """Return the chart of how much of the plan is reached, beside how much the path asks for; None without figures."""
    drawn = [fact for fact in facts if fact.share is not None][:_BARS]
    if not drawn:
        return None
    series = [
        (words.say(phrase("report.chart.reached")), [fact.share for fact in drawn]),
        (words.say(phrase("report.chart.required")), [fact.required_share for fact in drawn]),
    ]
    labels = [words.of(fact.commitment.title) for fact in drawn]
    return Bars(words.say(phrase("report.chart.title"), day=words.day(on)), labels, series, words.language)
