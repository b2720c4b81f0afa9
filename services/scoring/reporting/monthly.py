"""The monthly report on a province or a district: from its facts to a paper."""

from __future__ import annotations

from collections.abc import Iterator

from services.scoring.reporting.annexes import annexes
from services.scoring.reporting.facts import ReportFacts
from services.scoring.reporting.frame import Office, frame_of, issuer_of
from services.scoring.reporting.paper import Block, Paper, Paragraph
from services.scoring.reporting.sections import assessment, proposals, results
from services.scoring.reporting.words import Words
from services.scoring.texts import phrase
from shared.contracts.bilingual import Language


def monthly_report(facts: ReportFacts, office: Office, language: Language = "vi") -> Paper:
    """Return the report of a month.

    A month that has not begun, or until whose end nobody has reported, gives a report that says so: it has no tables,
    since a zero in them would be nobody's figure.
    """
    words = Words(language)
    is_told = facts.has_begun and facts.has_figures
    return Paper(
        frame=frame_of(facts, office, words),
        marks=list(_marks(facts, words)),
        blocks=[*_opening(facts, office, words), *(_told(facts, words) if is_told else _untold(facts, words))],
        annexes=annexes(facts, words) if is_told else (),
        attached_to=words.say(phrase("report.attached_to"), issuer=issuer_of(facts, office)),
    )


def _marks(facts: ReportFacts, words: Words) -> Iterator[str]:
    if facts.reference.plan.sample:
        yield words.say(phrase("report.sample"))
    if facts.has_begun and not facts.is_over:
        yield words.say(
            phrase("report.not_over"),
            month=facts.month.start.month,
            year=facts.month.start.year,
            day=words.day(facts.on),
        )


def _opening(facts: ReportFacts, office: Office, words: Words) -> Iterator[Block]:
    document, issuer = facts.reference.plan.document, issuer_of(facts, office)
    month, year, unit = facts.month.start.month, facts.month.start.year, words.unit(facts.unit)
    plan = document.title
    if issuer != document.issuer:
        plan = words.say(phrase("report.plan_of"), plan=plan, issuer=document.issuer)
    yield Paragraph(words.say(phrase("report.opening"), plan=plan, issuer=issuer, month=month, year=year, unit=unit))


def _told(facts: ReportFacts, words: Words) -> Iterator[Block]:
    yield from results(facts, words)
    yield from assessment(facts, words)
    yield from proposals(facts, words)
    yield Paragraph(words.say(phrase("report.closing"), month=facts.month.start.month, year=facts.month.start.year))


def _untold(facts: ReportFacts, words: Words) -> Iterator[Block]:
    yield Paragraph(
        words.say(
            phrase("report.no_figures_yet") if facts.has_begun else phrase("report.not_begun"),
            month=facts.month.start.month,
            year=facts.month.start.year,
            unit=words.unit(facts.unit),
            day=words.day(facts.on),
        )
    )
    yield Paragraph(words.say(phrase("report.closing"), month=facts.month.start.month, year=facts.month.start.year))
