"""The annexes: communes that are behind, late reporters, figures to look at again, the commitments of the districts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from itertools import groupby

from services.scoring.following.note import Note
from services.scoring.reporting.commitments import commitments_table
from services.scoring.reporting.facts import BEHIND, CriterionFact, ReportFacts
from services.scoring.reporting.paper import Annex, Cell, Column, Table
from services.scoring.reporting.words import Words, capital
from services.scoring.texts import phrase
from shared import text
from shared.contracts.assessment import Part
from shared.contracts.bilingual import Bilingual
from shared.contracts.period import Period
from shared.reference.models import CriterionKey

_GROUPS = {"men": phrase("reasons.groups.men"), "women": phrase("reasons.groups.women")}
_LACKS, _TO_FALL = phrase("report.lacking.more"), phrase("report.lacking.fewer")
_ROMAN = ("I", "II", "III", "IV", "V")

NOTES_NAMED = 10
"""A report names so many notes itself; where there are more, they stand in an annex."""


class AnnexKind(Enum):
    """The annexes in their order: title, and name of its sheet in a workbook."""

    BEHIND = phrase("report.annexes.behind"), phrase("report.sheets.behind")
    NOTES = phrase("report.annexes.notes"), phrase("report.sheets.notes")
    LATE = phrase("report.annexes.late"), phrase("report.sheets.late")
    DOUBTFUL = phrase("report.annexes.doubtful"), phrase("report.sheets.doubtful")
    BELOW = phrase("report.annexes.below"), phrase("report.sheets.below")

    @property
    def title(self) -> Bilingual:
        """The annex's title."""
        return self.value[0]

    @property
    def sheet(self) -> Bilingual:
        """The name of its sheet in a workbook."""
        return self.value[1]


def behind_of(facts: ReportFacts) -> list[CriterionFact]:
    """Return the communes' criteria that are behind, the worst first."""
    behind = [fact for fact in facts.criteria if fact.known.status in BEHIND]
    return sorted(behind, key=lambda fact: fact.known.status.severity)


def noted_of(facts: ReportFacts) -> list[tuple[CriterionFact, Note]]:
    """Return the communes' criteria that are behind and of which somebody has taken care with a note, by place."""
    noted = ((fact, facts.note_on(fact.unit, fact.criterion)) for fact in facts.criteria)
    return [(fact, note) for fact, note in noted if note and fact.known.status in BEHIND]


def late_of(facts: ReportFacts) -> list[CriterionFact]:
    """Return the communes' criteria of which a report is overdue."""
    return [fact for fact in facts.criteria if fact.known.overdue]


def doubtful_of(facts: ReportFacts) -> list[CriterionFact]:
    """Return the communes' criteria whose figures have to be looked at again."""
    return [fact for fact in facts.criteria if fact.has_doubtful_figures]


def said(facts: ReportFacts) -> list[AnnexKind]:
    """Return the annexes that have something to say, in their order."""
    noted = noted_of(facts)
    told: dict[AnnexKind, Sequence[object]] = {
        AnnexKind.BEHIND: behind_of(facts),
        AnnexKind.NOTES: noted if len(noted) > NOTES_NAMED else (),
        AnnexKind.LATE: late_of(facts),
        AnnexKind.DOUBTFUL: doubtful_of(facts),
        AnnexKind.BELOW: facts.commitments_below,
    }
    return [kind for kind, rows in told.items() if rows]


def annexes(facts: ReportFacts, words: Words) -> list[Annex]:
    """Return the annexes."""
    tables = {
        AnnexKind.BEHIND: _behind,
        AnnexKind.NOTES: _notes,
        AnnexKind.LATE: _late,
        AnnexKind.DOUBTFUL: _doubtful,
        AnnexKind.BELOW: _below,
    }
    return [Annex(label(kind, facts, words), words.of(kind.title), tables[kind](facts, words)) for kind in said(facts)]


def label(kind: AnnexKind, facts: ReportFacts, words: Words) -> str:
    """Return the label of an annex, such as `Phụ lục II`; ValueError where it has nothing to say."""
    return words.say(phrase("report.annex"), number=_ROMAN[said(facts).index(kind)])


def _below(facts: ReportFacts, words: Words) -> Table:
    return commitments_table(facts.commitments_below, facts.on, words, words.of(AnnexKind.BELOW.sheet), with_units=True)


def _behind(facts: ReportFacts, words: Words) -> Table:
    def rows() -> Iterable[Sequence[str]]:
        for fact in behind_of(facts):
            yield [
                *_place(fact, words),
                words.criterion(fact.criterion, facts.reference),
                capital(words.status(fact.known.status)),
                _lacking(fact, words),
            ]

    return _table(
        AnnexKind.BEHIND,
        [
            (phrase("report.columns.criterion"), 34),
            (phrase("report.columns.status"), 22),
            (phrase("report.columns.reason"), 60),
        ],
        rows(),
        words,
    )


def _lacking(fact: CriterionFact, words: Words) -> str:
    """Write what a commune lacks, for each indicator that is behind: its value, the goal, and how much is missing."""
    return "\n".join(_lacking_of(part, words) for part in fact.known.parts if part.status in BEHIND)


def _lacking_of(part: Part, words: Words) -> str:
    name = words.of(part.name)
    if part.group:
        name = f"{name} ({words.of(_GROUPS[part.group])})"
    if part.value is None or part.goal is None or part.measured_in == "yes_no":
        return words.say(phrase("report.lacking.undone"), name=name)
    sign = "≥" if part.direction == "at_least" else "≤"
    value, goal = words.value_apart(part.value, part), words.value_apart(part.goal, part)
    said = words.say(phrase("report.lacking.value"), name=name, value=value, sign=sign, goal=goal)
    if part.missing and part.missing_unit:
        missing = f"{words.number(part.missing)} {words.of(part.missing_unit)}"
        lacks = _LACKS if part.direction == "at_least" else _TO_FALL
        said += words.say(lacks, missing=missing)
    return said


def _notes(facts: ReportFacts, words: Words) -> Table:
    rows = (
        [
            *_place(fact, words),
            words.criterion(fact.criterion, facts.reference),
            note.words,
            f"{capital(author(note, words))}, {words.day(note.on)}",
        ]
        for fact, note in noted_of(facts)
    )
    return _table(
        AnnexKind.NOTES,
        [
            (phrase("report.columns.criterion"), 22),
            (phrase("report.columns.note"), 60),
            (phrase("report.columns.noted_by"), 34),
        ],
        rows,
        words,
    )


def author(note: Note, words: Words) -> str:
    """Name who wrote a note."""
    return note.by or words.say(phrase("report.somebody"))


def _late(facts: ReportFacts, words: Words) -> Table:
    def rows() -> Iterable[Sequence[str]]:
        for _, of_commune in groupby(late_of(facts), lambda fact: fact.unit.key):
            late = list(of_commune)
            yield [*_place(late[0], words), _periods(late, facts, words)]

    return _table(AnnexKind.LATE, [(phrase("report.columns.late_reports"), 100)], rows(), words)


def _periods(late: Sequence[CriterionFact], facts: ReportFacts, words: Words) -> str:
    """Write which reports of a commune are overdue, period by period, with the criteria that they are about."""
    by_period: dict[str, list[CriterionKey]] = {}
    for fact in late:
        for period in fact.known.overdue:
            by_period.setdefault(period, []).append(fact.criterion)
    written = []
    for period in sorted(by_period, key=lambda text_of: Period.parse(text_of).end):
        numbers = words.all_of(_short(key, facts) for key in by_period[period])
        written.append(words.say(phrase("report.late_report"), period=_named(period, words), criteria=numbers))
    return capital("; ".join(written))


def _named(period: str, words: Words) -> str:
    return text.period_name(Period.parse(period), words.language)


def _short(key: CriterionKey, facts: ReportFacts) -> str:
    """Write a criterion by its number, and by its key where it is not of the plan's first set."""
    is_first = facts.reference.set_of(key) == facts.reference.plan.criteria_sets[0]
    return str(facts.reference.criterion(key).number) if is_first else key


def _doubtful(facts: ReportFacts, words: Words) -> Table:
    def rows() -> Iterable[Sequence[str]]:
        for fact in doubtful_of(facts):
            name = words.criterion(fact.criterion, facts.reference)
            yield [*_place(fact, words), name, _doubts(fact, words)]

    return _table(
        AnnexKind.DOUBTFUL,
        [(phrase("report.columns.criterion"), 40), (phrase("report.columns.doubt"), 76)],
        rows(),
        words,
    )


def _doubts(fact: CriterionFact, words: Words) -> str:
    doubts: list[str] = []
    for part in fact.known.parts:
        name = words.of(part.name)
        if part.contradiction:
            doubts.append(
                words.say(phrase("report.doubts.contradiction"), name=name, figures=words.of(part.contradiction))
            )
        if part.stale and part.age_months is not None:
            doubts.append(words.say(phrase("report.doubts.stale"), name=name, months=part.age_months))
        doubts += [
            words.say(phrase("report.doubts.warning"), name=name, warning=words.of(warning.detail))
            for warning in part.warnings
        ]
    return capital("; ".join(dict.fromkeys(doubts)))


def _place(fact: CriterionFact, words: Words) -> list[str]:
    return [words.unit(fact.unit), words.unit(fact.district) if fact.district else ""]


def _table(kind: AnnexKind, own: Sequence[tuple[Bilingual, int]], rows: Iterable[Sequence[str]], words: Words) -> Table:
    """Return an annex's table of communes."""
    columns = [
        Column(words.say(phrase("report.columns.number")), 9, "center"),
        Column(words.say(phrase("report.columns.commune")), 26),
        Column(words.say(phrase("report.columns.district")), 26),
        *(Column(words.of(title), width) for title, width in own),
    ]
    numbered = [[Cell(str(number), number), *(Cell(written) for written in row)] for number, row in enumerate(rows, 1)]
    return Table(words.of(kind.sheet), "", columns, numbered)
