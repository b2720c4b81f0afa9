"""Checks of what a plan owes: whose criteria they are, how much, by whom, reported when, on a dated paper."""

from __future__ import annotations

import re
from collections.abc import Iterator

from shared.contracts.words import Bilingual
from shared.reference.models import Commitment, CommunesMeeting
from shared.reference.plan_check.finding import LANGUAGES, Finding, Paper, listed
from shared.texts import phrase

_DATE = re.compile(r"\d{1,2}/\d{1,2}/\d{4}|\b\d{1,2}/(?:\d{4}|\d{1,2})\b|năm \d{4}|\d{4}\s*[-–]\s*\d{4}")
_DAY = re.compile(r"ngày\s+\d{1,2}\b")


def criteria_are_the_issuers(paper: Paper) -> Iterator[Finding]:
    """A plan's goals for a criterion belong to the sector that leads it in its set."""
    for commitment in paper.plan.commitments:
        if not isinstance(commitment.measure, CommunesMeeting):
            continue
        criterion = paper.catalogue.criterion(commitment.measure.criterion)
        if criterion.sector != paper.plan.document.sector:
            message = Bilingual(
                vi=f"tiêu chí {criterion.number} {criterion.name.vi} do {criterion.lead.vi} chủ trì, "
                "kế hoạch nhận là của ngành mình",
                en=f"criterion {criterion.number} {criterion.name.en} is led by another sector "
                f"({criterion.lead.en}), the plan claims it",
            )
            yield Finding((commitment.line,), "warning", "led-by-another", message, commitment.quote, criterion.lead.vi)


def commitments_have_numbers(paper: Paper) -> Iterator[Finding]:
    """A commitment without a number (dates aside) cannot be missed."""
    unnumbered = [each for each in paper.plan.commitments if not re.search(r"\d", _DATE.sub("", each.quote))]
    if unnumbered:
        lines = tuple(dict.fromkeys(each.line for each in unnumbered))
        count = len(unnumbered)
        titles_vi, titles_en = ("; ".join(each.title.in_(one) for each in unnumbered) for one in LANGUAGES)
        message = Bilingual(
            vi=f"{count} cam kết không có số liệu ({listed(lines, 'vi')}): {titles_vi}",
            en=f"{count} commitments without a number ({listed(lines, 'en')}): {titles_en}",
        )
        yield Finding(lines, "warning", "no-number", message, unnumbered[0].quote)


def commitments_have_persons(paper: Paper) -> Iterator[Finding]:
    """Somebody by name answers for each commitment."""
    lacking = [each for each in paper.plan.commitments if not each.person]
    what = phrase("plan_check_duties.what")
    yield from _lacking(paper, lacking, "no-person", what)


def commitments_have_reporting_dates(paper: Paper) -> Iterator[Finding]:
    """Each commitment says when its progress is reported."""
    lacking = [each for each in paper.plan.commitments if not each.reporting]
    what = phrase("plan_check_duties.what.give_no_date_reporting")
    yield from _lacking(paper, lacking, "no-reporting-date", what)


def the_paper_is_numbered_and_dated(paper: Paper) -> Iterator[Finding]:
    """A document has a number and a day."""
    document = paper.plan.document
    if not document.number:
        message = phrase("plan_check_duties.message")
        line = paper.line_of("Số:")
        yield Finding((line,), "warning", "number-blank", message, paper.line(line))
    if not document.dated or not _DAY.search(document.dated):
        message = phrase("plan_check_duties.message.document_s_day_blank")
        line = paper.line_of(document.dated or "ngày")
        yield Finding((line,), "warning", "day-blank", message, paper.line(line))


def _lacking(paper: Paper, lacking: list[Commitment], code: str, what: Bilingual) -> Iterator[Finding]:
    if not lacking:
        return
    lines = tuple(sorted({each.line for each in lacking}))
    share = f"{len(lacking)}/{len(paper.plan.commitments)}"
    message = Bilingual(
        vi=f"{share} cam kết {what.vi} ({listed(lines, 'vi')})",
        en=f"{share} commitments {what.en} ({listed(lines, 'en')})",
    )
    yield Finding(lines, "warning", code, message, "")
