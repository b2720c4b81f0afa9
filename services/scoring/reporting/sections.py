"""The sections of the report in words: results, assessment, proposals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from services.scoring.following.difficulty import Difficulty
from services.scoring.following.note import Note
from services.scoring.reporting.annexes import (
    NOTES_NAMED,
    AnnexKind,
    author,
    behind_of,
    doubtful_of,
    label,
    late_of,
    noted_of,
)
from services.scoring.reporting.commitments import commitments_table, shares_chart
from services.scoring.reporting.criteria import criteria_table
from services.scoring.reporting.facts import BEHIND, HELD, CommitmentFact, CriterionFact, ReportFacts
from services.scoring.reporting.paper import Block, Heading, Paragraph
from services.scoring.reporting.words import Words, capital
from services.scoring.texts import phrase
from shared.contracts.status import Event, Status

_DIFFICULTIES_NAMED = 10
"""A report names the first ones alone: those that nobody has answered, the oldest first."""

_EVENTS = {
    Event.MET: phrase("report.results.events.met"),
    Event.LOST: phrase("report.results.events.lost"),
    Event.FELL_BEHIND: phrase("report.results.events.fell_behind"),
    Event.RECOVERED: phrase("report.results.events.recovered"),
    Event.MISSED: phrase("report.results.events.missed"),
}
"""The events that the report counts, in words."""


def results(facts: ReportFacts, words: Words) -> Iterator[Block]:
    """Yield section I: plan, path, what is reached, its share; communes by criterion; the changes of the month."""
    yield Heading(words.say(phrase("report.results.title")))
    yield Heading(words.say(phrase("report.results.commitments")), 2)
    if facts.commitments:
        yield Paragraph(_standing(facts, words))
        yield commitments_table(facts.commitments, facts.on, words, words.say(phrase("report.sheets.commitments")))
        if chart := shares_chart(facts.commitments, facts.on, words):
            yield chart
    else:
        yield Paragraph(words.say(phrase("report.results.no_commitments"), unit=words.unit(facts.unit)))
    yield Heading(words.say(phrase("report.results.criteria")), 2)
    yield from _of_communes(facts, words)
    yield Heading(words.say(phrase("report.results.changes")), 2)
    yield Paragraph(_of_month(facts, words))


def _standing(facts: ReportFacts, words: Words) -> str:
    statuses = Counter(fact.known.status for fact in facts.commitments)
    clauses = [
        words.say(
            phrase("report.results.with_status"), count=words.number(statuses[status]), status=words.status(status)
        )
        for status in (Status.MET, Status.ON_TRACK, Status.BEHIND, Status.MISSED, Status.NOT_MET, Status.NO_DATA)
        if statuses[status]
    ]
    return words.say(
        phrase("report.results.standing"),
        year=facts.reference.plan.year,
        unit=words.unit(facts.unit),
        count=words.number(len(facts.commitments)),
        day=words.day(facts.on),
        standing=words.all_of(clauses),
    )


def _of_communes(facts: ReportFacts, words: Words) -> Iterator[Block]:
    if all(set(counts) == {Status.NO_DATA} for counts in facts.statuses.values()):
        communes = words.number(facts.communes)
        yield Paragraph(words.say(phrase("report.results.communes_silent"), count=communes, day=words.day(facts.on)))
        return
    communes = words.number(facts.communes)
    yield Paragraph(
        words.say(
            phrase("report.results.communes"), unit=words.unit(facts.unit), count=communes, day=words.day(facts.on)
        )
    )
    yield criteria_table(facts, words)


def _of_month(facts: ReportFacts, words: Words) -> str:
    received = (
        words.say(phrase("report.results.received"), count=words.number(facts.submissions))
        if facts.submissions
        else words.say(phrase("report.results.nothing_received"))
    )
    counts = [
        words.say(told, count=words.number(facts.changes[event]))
        for event, told in _EVENTS.items()
        if facts.changes[event]
    ]
    changed = (
        words.say(phrase("report.results.changed"), changes=words.all_of(counts))
        if counts
        else words.say(phrase("report.results.unchanged"))
    )
    return f"{received} {changed}"


def assessment(facts: ReportFacts, words: Words) -> Iterator[Block]:
    """Yield section II: what is met, what is behind and why."""
    yield Heading(words.say(phrase("report.assessment.title")))
    yield Heading(words.say(phrase("report.assessment.held")), 2)
    held = [said for status in HELD if (said := _held(facts, status, words))]
    yield from _items(held, words.say(phrase("report.assessment.none_held")))
    yield Heading(words.say(phrase("report.assessment.behind")), 2)
    behind = [*(_behind(fact, facts, words) for fact in _with(facts, BEHIND)), *_communes_behind(facts, words)]
    yield from _items(behind, words.say(phrase("report.assessment.none_behind")))
    yield from _noted(facts, words)
    yield Heading(words.say(phrase("report.assessment.causes")), 2)
    yield from _items(_causes(facts, words), words.say(phrase("report.assessment.no_causes")))
    yield Heading(words.say(phrase("report.assessment.difficulties")), 2)
    yield from _items(_difficulties(facts, words), words.say(phrase("report.assessment.no_difficulties")))


def _difficulties(facts: ReportFacts, words: Words) -> list[str]:
    """Write the first difficulties in the words of those who reported them, and how many more there are."""
    unanswered = sum(one.answered_at is None for one in facts.difficulties)
    said = [_difficulty(one, facts, words) for one in facts.difficulties[:_DIFFICULTIES_NAMED]]
    if more := len(facts.difficulties) - len(said):
        said.append(words.say(phrase("report.assessment.more_difficulties"), count=words.number(more)))
    if unanswered:
        said.append(words.say(phrase("report.assessment.unanswered"), count=words.number(unanswered)))
    return said


def _difficulty(one: Difficulty, facts: ReportFacts, words: Words) -> str:
    report = one.report
    place = report.unit.name if report.district is None else f"{report.unit.name}, {report.district.name}"
    known = report.criterion in facts.reference.criterion_keys
    about = f" ({words.criterion(report.criterion, facts.reference)})" if report.criterion and known else ""
    told = " ".join(report.words.split()).rstrip(".")
    answered, waits = phrase("report.assessment.answered"), phrase("report.assessment.not_answered")
    state = waits if one.answered_at is None else answered
    return words.say(
        phrase("report.assessment.difficulty"), place=capital(place), about=about, told=told, state=words.say(state)
    )


def _with(facts: ReportFacts, statuses: Sequence[Status]) -> list[CommitmentFact]:
    """Return the commitments with these statuses, in their order."""
    return [fact for status in statuses for fact in facts.commitments if fact.known.status == status]


def _held(facts: ReportFacts, status: Status, words: Words) -> str | None:
    """Write which commitments have a status, each with what is reached; None where none has it."""
    held = [_reached(fact, words) for fact in _with(facts, (status,))]
    if not held:
        return None
    count, items = words.number(len(held)), "; ".join(held)
    return words.say(phrase("report.assessment.held_items"), count=count, status=words.status(status), items=items)


def _reached(fact: CommitmentFact, words: Words) -> str:
    title, part = words.of(fact.commitment.title), fact.part
    if not fact.has_figures or part.value is None or part.measured_in == "yes_no":
        return title
    if part.value == part.required == 0:
        return words.say(phrase("report.assessment.not_asked_yet"), title=title)
    return words.say(phrase("report.assessment.reached"), title=title, value=words.value(part.value, part))


def _behind(fact: CommitmentFact, facts: ReportFacts, words: Words) -> str:
    """Write how far a commitment is behind, and the note of those who took care of it."""
    gap, note = _gap(fact, words), facts.note_on(fact.unit, fact.commitment.id)
    if note is None:
        return gap
    told = words.say(phrase("report.assessment.note"), **_quoted(note, words))
    return f"{gap} {told}"


def _quoted(note: Note, words: Words) -> dict[str, str]:
    """Return a note for a sentence: its words, who wrote it, and the day."""
    return {"told": note.words.rstrip("."), "by": author(note, words), "day": words.day(note.on)}


def _noted(facts: ReportFacts, words: Words) -> Iterator[Block]:
    """Yield the notes on communes that are behind, or where they stand."""
    noted = noted_of(facts)
    if not noted:
        return
    count = words.number(len(noted))
    if len(noted) > NOTES_NAMED:
        annex = label(AnnexKind.NOTES, facts, words)
        yield Paragraph(words.say(phrase("report.assessment.notes_in_annex"), count=count, annex=annex))
        return
    yield Paragraph(words.say(phrase("report.assessment.notes"), count=count))
    for fact, note in noted:
        place = words.all_of(words.unit(unit) for unit in (fact.unit, fact.district) if unit)
        yield Paragraph(
            words.say(
                phrase("report.assessment.note_on_commune"),
                place=capital(place),
                criterion=words.criterion(fact.criterion, facts.reference),
                **_quoted(note, words),
            )
        )


def _gap(fact: CommitmentFact, words: Words) -> str:
    """Write how far a commitment is behind its path, what is missing to its goal, and where the trend leads."""
    title, part = words.of(fact.commitment.title), fact.part
    if part.value is None or part.goal is None or part.measured_in == "yes_no":
        return words.say(phrase("report.assessment.undone"), title=title, status=words.status(fact.known.status))
    rises = part.direction == "at_least"
    said = [words.say(phrase("report.assessment.value"), title=title, value=words.value_apart(part.value, part))]
    if fact.known.status != Status.MISSED and part.required is not None and part.required_on is not None:
        path = phrase("report.assessment.path_up") if rises else phrase("report.assessment.path_down")
        required, gap = words.value_apart(part.required, part), words.difference(abs(part.gap or 0), part)
        said.append(words.say(path, day=words.day(part.required_on), required=required, gap=gap))
    is_over = part.deadline is None or part.deadline <= fact.known.on
    if part.missing and part.missing_unit and part.deadline and (not is_over or fact.known.status == Status.MISSED):
        lacks = phrase("report.assessment.lacks_up") if rises else phrase("report.assessment.lacks_down")
        missing = f"{words.number(part.missing)} {words.of(part.missing_unit)}"
        goal, deadline = words.value_apart(part.goal, part), words.day(part.deadline)
        said.append(words.say(lacks, goal=goal, day=deadline, missing=missing))
    if not is_over and part.projected and not part.projected.in_time:
        said.append(words.say(phrase("report.assessment.trend_fails")))
    return "; ".join(said) + "."


def _communes_behind(facts: ReportFacts, words: Words) -> list[str]:
    behind = behind_of(facts)
    if not behind:
        return []
    return [
        words.say(
            phrase("report.assessment.communes_behind"),
            communes=words.number(len({fact.unit.key for fact in behind})),
            places=_places(behind, words),
            annex=label(AnnexKind.BEHIND, facts, words),
        )
    ]


def _places(named: Iterable[CriterionFact], words: Words) -> str:
    """Write in how many communes of each district something is so, most communes first; empty without districts."""
    communes = {fact.unit.key: fact for fact in named}.values()
    counts = Counter(words.unit(fact.district) for fact in communes if fact.district)
    if len(counts) < 2:
        return ""
    each = [
        words.say(phrase("report.assessment.in_district"), district=name, count=number)
        for name, number in counts.most_common()
    ]
    return f" ({words.all_of(each)})"


def _causes(facts: ReportFacts, words: Words) -> list[str]:
    said = []
    if unjudged := [fact for fact in _with(facts, (Status.NO_DATA,)) if fact.has_begun]:
        titles = "; ".join(words.of(fact.commitment.title) for fact in unjudged)
        count = words.number(len(unjudged))
        said.append(words.say(phrase("report.assessment.unjudged"), count=count, titles=titles))
    if late := late_of(facts):
        communes = words.number(len({fact.unit.key for fact in late}))
        annex = label(AnnexKind.LATE, facts, words)
        said.append(
            words.say(phrase("report.assessment.late"), communes=communes, places=_places(late, words), annex=annex)
        )
    if doubtful := doubtful_of(facts):
        communes, annex = (
            words.number(len({fact.unit.key for fact in doubtful})),
            label(AnnexKind.DOUBTFUL, facts, words),
        )
        said.append(words.say(phrase("report.assessment.doubtful"), communes=communes, annex=annex))
    if provisional := sum(facts.provisional.values()):
        said.append(words.say(phrase("report.assessment.provisional"), count=words.number(provisional)))
    return said


def proposals(facts: ReportFacts, words: Words) -> Iterator[Block]:
    """Yield section III: who should do what next."""
    yield Heading(words.say(phrase("report.proposals.title")))
    asked = [
        *_of_commitments(facts, words),
        *_of_communes_named(facts, words),
    ]
    yield from _items(asked, words.say(phrase("report.proposals.none")))


def _of_commitments(facts: ReportFacts, words: Words) -> Iterator[str]:
    """Yield what each group of offices is asked for, with all commitments for which it is responsible together."""
    of_offices: dict[str, list[str]] = {}
    for fact in _with(facts, BEHIND):
        of_offices.setdefault(_offices(fact, facts, words), []).append(_aimed_at(fact, facts, words))
    for offices, items in of_offices.items():
        yield words.say(phrase("report.proposals.commitment"), offices=offices, items="; ".join(items))


def _offices(fact: CommitmentFact, facts: ReportFacts, words: Words) -> str:
    plan = facts.reference.plan
    roles = [holder for role in fact.commitment.responsible if (holder := plan.role_on(role, facts.on))]
    named = words.all_of(dict.fromkeys(words.of(holder.name_in(fact.unit.kind)) for holder in roles))
    return named or words.say(phrase("report.proposals.everybody"))


def _aimed_at(fact: CommitmentFact, facts: ReportFacts, words: Words) -> str:
    """Write a commitment, and what it should have reached by the next day on which its path is judged."""
    part, aim = fact.part, ""
    point = (part.next.required, part.next.on) if part.next and part.next.on > facts.on else (part.goal, part.deadline)
    if point[0] is not None and point[1] is not None and point[1] > facts.on and part.measured_in != "yes_no":
        rises = part.direction == "at_least"
        words_of_aim = phrase("report.proposals.aim") if rises else phrase("report.proposals.aim_down")
        aim = words.say(words_of_aim, required=words.value(point[0], part), day=words.day(point[1]))
    return words.say(phrase("report.proposals.item"), title=words.of(fact.commitment.title), aim=aim)


def _of_communes_named(facts: ReportFacts, words: Words) -> Iterator[str]:
    asked = (
        (AnnexKind.BEHIND, phrase("report.proposals.behind"), behind_of(facts)),
        (AnnexKind.LATE, phrase("report.proposals.late"), late_of(facts)),
        (AnnexKind.DOUBTFUL, phrase("report.proposals.doubtful"), doubtful_of(facts)),
    )
    for kind, proposal, named in asked:
        if named:
            communes = words.number(len({fact.unit.key for fact in named}))
            yield words.say(proposal, communes=communes, annex=label(kind, facts, words))


def _items(said: Sequence[str], otherwise: str) -> Iterator[Block]:
    """Yield each item as a paragraph with a dash, or what is said where there is none."""
    if not said:
        yield Paragraph(otherwise)
    for item in said:
        yield Paragraph(f"- {item}")
