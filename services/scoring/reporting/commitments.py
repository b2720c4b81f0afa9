"""The table of the plan's commitments: plan, path, reached and share, with their notes; and the chart of the shares."""

from __future__ import annotations

from collections.abc import Sequence

from services.scoring.reporting.facts import CommitmentFact
from services.scoring.reporting.paper import Bars, Cell, Column, Table
from services.scoring.reporting.words import Notes, Words, capital
from services.scoring.texts import phrase
from shared import text
from shared.contracts.assessment import Part
from shared.contracts.status import Status

_DONE, _NOT_DONE = phrase("report.done"), phrase("report.not_done")

_BARS = 15
"""The most commitments that one chart shows."""


def share_of_plan(part: Part, value: float | None) -> float | None:
    """Return which share of the plan a value is, in percent; None where that says nothing.

    Of what has to fall it is the share of the fall: how far it has come from the baseline to the goal.
    """
    if value is None or part.goal is None or part.measured_in == "yes_no":
        return None
    if part.direction == "at_least":
        return 100 * value / part.goal if part.goal > 0 else None
    if part.baseline is None or part.baseline <= part.goal:
        return None
    return 100 * (part.baseline - value) / (part.baseline - part.goal)


def commitments_table(facts: Sequence[CommitmentFact], words: Words, name: str, *, with_units: bool = False) -> Table:
    """Return the table of these commitments; `with_units`: each with the unit that it binds."""
    notes = Notes()
    on = facts[0].known.on
    columns = [
        Column(words.say(phrase("report.columns.number")), 8, "center"),
        *([Column(words.say(phrase("report.columns.unit")), 20)] if with_units else []),
        Column(words.say(phrase("report.columns.commitment")), 42),
        Column(words.say(phrase("report.columns.measured_in")), 14, "center"),
        Column(words.say(phrase("report.columns.plan")), 16, "right"),
        Column(words.say(phrase("report.columns.path"), day=words.day(on)), 18, "right"),
        Column(words.say(phrase("report.columns.reached"), day=words.day(on)), 20, "right"),
        Column(words.say(phrase("report.columns.share")), 16, "right"),
        Column(words.say(phrase("report.columns.status")), 21, "center"),
    ]
    rows = [
        [Cell(str(number), number), *([Cell(words.unit(fact.unit))] if with_units else []), *_cells(fact, words, notes)]
        for number, fact in enumerate(facts, 1)
    ]
    return Table(name, words.say(phrase("report.tables.commitments")), columns, rows, notes.texts)


def _cells(fact: CommitmentFact, words: Words, notes: Notes) -> list[Cell]:
    part = fact.part
    share = share_of_plan(part, part.value) if fact.has_figures else None
    return [
        Cell(words.of(fact.commitment.title), marks=_marks_of_plan(part, words, notes)),
        Cell(words.measured_in(part)),
        _amount(part.goal, part, words),
        _amount(part.required, part, words),
        _reached(fact, words, notes),
        Cell("–") if share is None else Cell(words.number(share), share, _marks_of_share(part, words, notes)),
        Cell(capital(words.status(fact.known.status))),
    ]


def _marks_of_plan(part: Part, words: Words, notes: Notes) -> tuple[int, ...]:
    if not part.verified or (part.formula is not None and not part.formula.verified):
        return (notes.mark(words.say(phrase("report.notes.unverified"))),)
    return ()


def _marks_of_share(part: Part, words: Words, notes: Notes) -> tuple[int, ...]:
    return (notes.mark(words.say(phrase("report.notes.share_of_fall"))),) if part.direction == "at_most" else ()


def _amount(value: float | None, part: Part, words: Words) -> Cell:
    """Return the cell of a number; one that would read as a different number's gets more decimals."""
    if value is None:
        return Cell("–")
    if part.measured_in == "yes_no":
        return Cell(words.of(_DONE if value >= 1 else _NOT_DONE), value)
    return Cell(words.number(value, _digits(part, value)), value)


def _digits(part: Part, value: float) -> int | None:
    return text.digits_apart(value, part.value, part.goal, part.required)


def _reached(fact: CommitmentFact, words: Words, notes: Notes) -> Cell:
    part = fact.part
    marks = [*_marks_of_figures(fact, words, notes)]
    if not fact.has_figures:
        return Cell(words.say(phrase("report.no_figures")), marks=tuple(marks))
    cell = _amount(part.value, part, words)
    return Cell(cell.text, cell.number, tuple(marks), bold=True)


def _marks_of_figures(fact: CommitmentFact, words: Words, notes: Notes) -> list[int]:
    part, marks = fact.part, []
    if fact.known.provisional:
        marks.append(notes.mark(words.say(phrase("report.notes.provisional"))))
    if fact.has_figures and fact.known.status == Status.NO_DATA:
        marks.append(notes.mark(words.say(phrase("report.notes.too_few"))))
    if fact.known.stale and part.stale_after_months is not None:
        marks.append(notes.mark(words.say(phrase("report.notes.stale"), months=part.stale_after_months)))
    later = fact.actual.parts[0]
    if later.value is not None and later.value != part.value:
        value = (
            words.value(later.value, later)
            if later.measured_in != "yes_no"
            else words.of(_DONE if later.value >= 1 else _NOT_DONE)
        )
        marks.append(notes.mark(words.say(phrase("report.notes.later"), day=words.day(fact.known.on), value=value)))
    return marks


def shares_chart(facts: Sequence[CommitmentFact], words: Words) -> Bars | None:
    """Return the chart of how much of the plan is reached, beside how much the path asks for; None without figures."""
    drawn = [fact for fact in facts if fact.has_figures and share_of_plan(fact.part, fact.part.value) is not None]
    if not drawn:
        return None
    drawn = drawn[:_BARS]
    reached = [share_of_plan(fact.part, fact.part.value) for fact in drawn]
    required = [share_of_plan(fact.part, fact.part.required) for fact in drawn]
    labels = [words.of(fact.commitment.title) for fact in drawn]
    on = drawn[0].known.on
    series = [
        (words.say(phrase("report.chart.reached")), reached),
        (words.say(phrase("report.chart.required")), required),
    ]
    return Bars(words.say(phrase("report.chart.title"), day=words.day(on)), labels, series)
