"""`GET /v1/reports/{month}.docx`: the monthly report of the province or of a district, as offices hand it in."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Query, Request, Response

from services.scoring.asking.changes import scoring_of
from services.scoring.asking.pdf import report_as_pdf
from services.scoring.asking.report_facts import report_facts
from services.scoring.drawing.docx import draw_docx
from services.scoring.drawing.xlsx import draw_xlsx
from services.scoring.reporting.monthly import monthly_report
from services.scoring.reporting.paper import Paper
from services.scoring.service import Scoring
from services.scoring.settings import settings
from services.scoring.texts import phrase
from shared.access.caller import Caller
from shared.contracts.bilingual import Language
from shared.contracts.period import Period
from shared.http.dependencies import SignedIn
from shared.problems import Fault, Faults, Problem, Problems, bad_parameter, unknown_unit
from shared.reference.models import Unit
from shared.reference.naming import not_on_that_day
from shared.service.runtime import Runtime

router = APIRouter(prefix="/v1/reports")

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PDF = "application/pdf"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_REPORTED_ON = ("province", "district", "city")

UnitAsked = Annotated[
    str | None, Query(alias="unit", description="Code of a district; by default the plan's province.")
]
LanguageAsked = Annotated[Language, Query(alias="lang", description="The language of the report.")]


class Report(NamedTuple):
    """A report, and the name of its file without its ending."""

    paper: Paper
    name: str


async def report_of(scoring: Scoring, caller: Caller, month: str, unit: str | None, language: Language) -> Report:
    """Return the report of a month on a unit that the key covers; a problem where there can be none."""
    runtime = scoring.runtime
    period = _month_of(month, runtime)
    place = _unit_of(unit, min(period.end, runtime.clock.today()), runtime, caller)
    facts = await report_facts(scoring, place, period)
    paper = await asyncio.to_thread(monthly_report, facts, settings().office, language)
    return Report(paper, f"ntm-{period}-{place.code}")


@router.get(
    "/{month}.docx", response_class=Response, responses={200: {"content": {DOCX: {"schema": {"type": "string"}}}}}
)
async def report_as_docx(
    month: str, request: Request, caller: SignedIn, unit: UnitAsked = None, language: LanguageAsked = "vi"
) -> Response:
    """Return the report as a Word document in the form of Decree 30/2020/NĐ-CP.

    Its figures are those of the other answers with `as_of` the month's last day, or today where the month is not over,
    which it says. Where nobody has reported it has no tables.
    """
    report = await report_of(scoring_of(request), caller, month, unit, language)
    return _file(await _drawn(report.paper), DOCX, f"{report.name}.docx")


@router.get(
    "/{month}.pdf", response_class=Response, responses={200: {"content": {PDF: {"schema": {"type": "string"}}}}}
)
async def report_as_pdf_file(
    month: str, request: Request, caller: SignedIn, unit: UnitAsked = None, language: LanguageAsked = "vi"
) -> Response:
    """Return the Word document as PDF; 501 where the system has no LibreOffice."""
    report = await report_of(scoring_of(request), caller, month, unit, language)
    return _file(await report_as_pdf(await _drawn(report.paper), settings().pdf_url), PDF, f"{report.name}.pdf")


@router.get(
    "/{month}.xlsx", response_class=Response, responses={200: {"content": {XLSX: {"schema": {"type": "string"}}}}}
)
async def report_as_xlsx(
    month: str, request: Request, caller: SignedIn, unit: UnitAsked = None, language: LanguageAsked = "vi"
) -> Response:
    """Return the same report as a workbook, in which the numbers of the tables stand unrounded."""
    report = await report_of(scoring_of(request), caller, month, unit, language)
    words_sheet = phrase("report.sheets.report").in_(language)
    return _file(await asyncio.to_thread(draw_xlsx, report.paper, words_sheet), XLSX, f"{report.name}.xlsx")


async def _drawn(paper: Paper) -> bytes:
    return await asyncio.to_thread(draw_docx, paper, settings().report_template)


def _file(content: bytes, media_type: str, name: str) -> Response:
    return Response(content, media_type=media_type, headers={"content-disposition": f'attachment; filename="{name}"'})


def _month_of(month: str, runtime: Runtime) -> Period:
    """Return the month asked for: of the time from the first plan's beginning to the last plan's deadline, or today."""
    first = runtime.plans.references[0].plan.first_day
    last = max(runtime.clock.today(), *(reference.plan.deadline for reference in runtime.plans.references))
    expected = f"{first:%Y-%m} … {last:%Y-%m}"
    try:
        period = Period.parse(month)
    except ValueError:
        raise bad_parameter("month", month, expected) from None
    if period.granularity != "month" or not first <= period.end or period.start > last:
        raise bad_parameter("month", month, expected)
    return period


def _unit_of(code: str | None, on: date, runtime: Runtime, caller: Caller) -> Unit:
    reference = runtime.plans.in_force(on)
    asked = code or reference.plan.unit
    unit = reference.units.find(asked, on)
    if unit is None:
        raise Problem(Problems.REFUSED, not_on_that_day("/unit", asked, reference.units, on))
    if unit.kind not in _REPORTED_ON or not reference.units.is_under(unit, reference.plan.unit):
        raise unknown_unit("/unit", asked)
    if not caller.covers_unit(unit, reference.units):
        raise Problem(Problems.OUT_OF_SCOPE, Fault("/unit", Faults.OUTSIDE_UNITS, {"value": asked}))
    return unit
