"""Checks of a plan's duties: criteria of its own sector, numbers, persons, reporting dates, the document's number
and day."""

from __future__ import annotations

import re
from collections.abc import Iterator

from shared.contracts.bilingual import Bilingual
from shared.reference.models import Commitment, CommunesMeeting
from shared.reference.plan_check.finding import Finding, Paper, joined, listed
from shared.texts import filled, phrase

_DATE = re.compile(r"\d{1,2}/\d{1,2}/\d{4}|\b\d{1,2}/(?:\d{4}|\d{1,2})\b|năm \d{4}|\d{4}\s*[-–]\s*\d{4}")
_DAY = re.compile(r"ngày\s+\d{1,2}\b")


def criteria_are_the_issuers(paper: Paper) -> Iterator[Finding]:
    """Find goals for a criterion that another sector leads in its set."""
    for commitment in paper.plan.commitments:
        if not isinstance(commitment.measure, CommunesMeeting):
            continue
        criterion = paper.definitions.criterion(commitment.measure.criterion)
        if criterion.sector != paper.plan.document.sector:
            message = filled(
                phrase("plan_check_duties.led_by_another"),
                number=criterion.number,
                criterion=criterion.name,
                lead=criterion.lead,
            )
            yield Finding((commitment.line,), "warning", "led-by-another", message, commitment.quote, criterion.lead.vi)


def commitments_have_numbers(paper: Paper) -> Iterator[Finding]:
    """Find commitments without a number (dates aside), which nobody can miss."""
    unnumbered = [each for each in paper.plan.commitments if not re.search(r"\d", _DATE.sub("", each.quote))]
    if unnumbered:
        lines = tuple(dict.fromkeys(each.line for each in unnumbered))
        message = filled(
            phrase("plan_check_duties.without_number"),
            count=len(unnumbered),
            lines=listed(lines),
            titles=joined("; ", (each.title for each in unnumbered)),
        )
        yield Finding(lines, "warning", "no-number", message, unnumbered[0].quote)


def commitments_have_persons(paper: Paper) -> Iterator[Finding]:
    """Find commitments for which no person is named."""
    lacking = [each for each in paper.plan.commitments if not each.person]
    what = phrase("plan_check_duties.without_person")
    yield from _lacking(paper, lacking, "no-person", what)


def commitments_have_reporting_dates(paper: Paper) -> Iterator[Finding]:
    """Find commitments without a date of reporting."""
    lacking = [each for each in paper.plan.commitments if not each.reporting]
    what = phrase("plan_check_duties.without_reporting_date")
    yield from _lacking(paper, lacking, "no-reporting-date", what)


def the_paper_is_numbered_and_dated(paper: Paper) -> Iterator[Finding]:
    """Find a blank number or day of the document."""
    document = paper.plan.document
    if not document.number:
        message = phrase("plan_check_duties.number_is_blank")
        line = paper.line_of("Số:")
        yield Finding((line,), "warning", "number-blank", message, paper.line(line))
    if not document.dated or not _DAY.search(document.dated):
        message = phrase("plan_check_duties.day_is_blank")
        line = paper.line_of(document.dated or "ngày")
        yield Finding((line,), "warning", "day-blank", message, paper.line(line))


def _lacking(paper: Paper, lacking: list[Commitment], code: str, what: Bilingual) -> Iterator[Finding]:
    if not lacking:
        return
    lines = tuple(sorted({each.line for each in lacking}))
    share = f"{len(lacking)}/{len(paper.plan.commitments)}"
    message = filled(phrase("plan_check_duties.commitments_lack"), share=share, what=what, lines=listed(lines))
    yield Finding(lines, "warning", code, message, "")
