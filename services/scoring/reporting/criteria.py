"""The table of the communes by criterion and status."""

from __future__ import annotations

from services.scoring.reporting.facts import ReportFacts
from services.scoring.reporting.paper import Cell, Column, Table
from services.scoring.reporting.words import Notes, Words, capital
from services.scoring.texts import phrase
from shared.contracts.status import Status

STATUSES = (Status.MET, Status.ON_TRACK, Status.BEHIND, Status.MISSED, Status.NOT_MET, Status.NO_DATA)
"""The statuses in the order of the columns."""


def criteria_table(facts: ReportFacts, words: Words) -> Table:
    """Return the number of communes by criterion and status, with the criteria whose figures are provisional."""
    notes = Notes()
    columns = [
        Column(words.say(phrase("report.columns.criterion")), 50),
        Column(words.say(phrase("report.columns.communes")), 15, "right"),
        *(Column(capital(words.status(status)), 17, "right") for status in STATUSES),
    ]
    rows = []
    for key, counts in facts.statuses.items():
        marks: list[int] = []
        if number := facts.provisional[key]:
            marks.append(notes.mark(words.say(phrase("report.notes.provisional_communes"), count=words.number(number))))
        if key in facts.unverified:
            marks.append(notes.mark(words.say(phrase("report.notes.unverified"))))
        rows.append(
            [
                Cell(words.criterion(key, facts.reference), marks=tuple(marks)),
                _count(sum(counts.values()), words),
                *(_count(counts[status], words) for status in STATUSES),
            ]
        )
    return Table(
        words.say(phrase("report.sheets.criteria")),
        words.say(phrase("report.tables.criteria")),
        columns,
        rows,
        notes.texts,
    )


def _count(number: int, words: Words) -> Cell:
    return Cell(words.number(number), number)
