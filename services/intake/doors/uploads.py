"""The door for workbooks: a template to fill in; a filled workbook is accepted whole or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse

from services.intake import rules
from services.intake.admission.accept import content_digest, receipts_of
from services.intake.admission.candidate import REQUEST_KEY, Checked, Posted, Refused
from services.intake.admission.corrections import faults_of, revised
from services.intake.admission.upload_preview import (
    UploadPreview,
    UploadReceipts,
    changes_of,
    passed_over,
    periods_of,
    remark,
    statuses_of,
    warning,
)
from services.intake.service import Intake, Serving
from services.intake.storage import figures, receipts
from services.intake.workbook import (
    MARKED_CELLS,
    CellFault,
    FilledRow,
    Layout,
    PreviousFigure,
    RowDefaults,
    TemplateRequest,
    Upload,
    blank_lines,
    draw_marked,
    draw_template,
    plan_layout,
    read,
    read_period,
    saved,
)
from shared.access.caller import Caller
from shared.characters import typed
from shared.contracts.period import Period
from shared.contracts.status import Stage
from shared.http.app import language_of
from shared.http.body import read_body
from shared.http.dependencies import SignedIn
from shared.http.work_slots import WorkSlots
from shared.nats.cloud_events import trace_at_hand
from shared.problems import Fault, Faults, Problem, Problems, bad_parameter, unknown_unit
from shared.reference.load import Reference
from shared.reference.models import Element, Unit
from shared.reference.naming import criteria_named, not_on_that_day
from shared.spreadsheet import read_apart
from shared.spreadsheet.guard import UPLOAD_LIMIT

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ALL = "all"

router = APIRouter()


_work_slots = WorkSlots(at_once=2, limit=20)
"""Slots for reading and drawing workbooks, which would take the processor from everything else."""

_CONTENT: dict[str, Any] = {
    XLSX: {"schema": {"type": "string", "format": "binary"}},
    "text/csv": {"schema": {"type": "string"}},
}


@dataclass(frozen=True, slots=True)
class _CheckedUpload:
    """An upload, its rows with their checks, and all faults."""

    upload: Upload
    rows: Sequence[FilledRow]
    checked: Sequence[Checked]
    faults: Sequence[CellFault]


@router.get(
    "/v1/templates/{criteria}.xlsx",
    response_class=Response,
    responses={200: {"content": {XLSX: _CONTENT[XLSX]}, "description": "The workbook."}},
)
async def get_template(
    intake: Serving,
    caller: SignedIn,
    criteria: str,
    unit: Annotated[str, Query(max_length=5, description="The unit whose communes the workbook lists, such as `184`.")],
    period: Annotated[str, Query(max_length=60, description="`2023-06`, `Q2 2023`, `6 tháng đầu năm 2023`, …")],
    stage: Stage = Stage.REPORTED,
) -> Response:
    """Draw a workbook to fill in: the unit's communes, the elements of some criteria (`ntm-11,ntm-12`, or `all`)."""
    reference = intake.runtime.reference
    parsed = parsed_period(period)
    place = covered_place(unit, parsed, caller, reference)
    layout = plan_layout(
        reference, TemplateRequest(place, parsed, criteria, stage), _elements(criteria, caller, reference)
    )
    if layout is None:
        raise Problem(Problems.NOTHING_TO_FILL)
    previous = await _previous(intake, layout)
    async with _work_slots.taken():
        content = await asyncio.to_thread(
            lambda: saved(draw_template(layout, blank_lines(layout, reference, previous), reference))
        )
    name = f"{criteria.replace(',', '_')}_{place.code}_{parsed}.xlsx"
    return _workbook(content, name)


@router.post(
    "/v1/uploads",
    status_code=202,
    response_model=UploadReceipts,
    responses={
        200: {
            "model": UploadPreview,
            "description": "With `dry_run`: what would change. Nothing is accepted.",
            "content": {XLSX: _CONTENT[XLSX]},
        },
        422: {
            "description": "Nothing is accepted: a problem document with a cell for each fault, or the workbook.",
            "content": {XLSX: _CONTENT[XLSX]},
        },
    },
    openapi_extra={"requestBody": {"required": True, "content": _CONTENT}},
)
async def upload(
    request: Request,
    intake: Serving,
    caller: SignedIn,
    dry_run: bool = False,
    unit: Annotated[str | None, Query(max_length=5, description="The unit to look for names in first.")] = None,
    period: Annotated[str | None, Query(max_length=60, description="For files that state no period.")] = None,
    stage: Annotated[Stage | None, Query(description="For files that state no stage; `reported` by default.")] = None,
    confirmed: Annotated[bool, Query(description="Confirms the figures that need a confirmation.")] = False,
    correct: Annotated[bool, Query(description="Sends the next revision where another figure stands already.")] = False,
    idempotency_key: Annotated[str | None, Header(pattern=REQUEST_KEY)] = None,
    _traceparent: Annotated[str | None, Header(alias="traceparent")] = None,  # `Observed` has read it
) -> Response:
    """Send a filled workbook or a CSV file (told apart by content): all of it is accepted, or nothing.

    A faulty file comes back with its faults marked where the request accepts an .xlsx.
    """
    if unit is not None and not intake.runtime.reference.units.known(typed(unit)):
        raise unknown_unit("/unit", unit)
    intake.admission.group_commit.check_open()
    given = RowDefaults(typed(unit) if unit else None, parsed_period(period) if period else None, stage)
    posted = Posted(caller, language_of(request), trace_at_hand(), idempotency_key)
    ways = _Ways(dry_run, confirmed, correct, marks=XLSX in request.headers.get("accept", ""))
    async with _work_slots.in_hand():
        body = await read_body(request, UPLOAD_LIMIT)
        if idempotency_key is not None:
            posted = replace(posted, request_digest=content_digest(request.url.query.encode() + b"\n" + body))
        return await _take(intake, body, given, posted, ways)


@dataclass(frozen=True, slots=True)
class _Ways:
    """The ways in which a request wants its file to be treated."""

    dry_run: bool
    confirmed: bool
    correct: bool
    marks: bool
    """Whether it takes a workbook with the faults marked in it."""


async def _take(intake: Intake, body: bytes, given: RowDefaults, posted: Posted, ways: _Ways) -> Response:
    """Accept all of a file or nothing of it, or say what would change."""
    about = {"upload": {"bytes": len(body), "sha256": content_digest(body)}}
    try:
        async with _work_slots.at_work():
            file = await read_apart(body)
            read_upload = await asyncio.to_thread(read, file, intake.runtime.reference, given)
    except Problem as problem:
        if not ways.dry_run and problem.kind in (Problems.FILE_REFUSED, Problems.NOTHING_FILLED):
            await intake.admission.group_commit.submit([Refused(about, posted, problem)])
        raise
    checked_upload = await _check(intake, read_upload, posted, confirmed=ways.confirmed, correct=ways.correct)
    if checked_upload.faults and ways.marks and read_upload.size <= MARKED_CELLS:
        language = posted.language
        async with _work_slots.at_work():
            marked = await asyncio.to_thread(
                lambda: saved(
                    draw_marked(checked_upload.upload, checked_upload.faults, intake.runtime.reference, language)
                )
            )
        return _workbook(marked, "ntm.xlsx", 200 if ways.dry_run else 422)
    if ways.dry_run:
        preview = await _preview(intake, checked_upload, posted)
        return JSONResponse(preview.model_dump(mode="json"))
    if checked_upload.faults:
        refusal = _problem(checked_upload)
        await intake.admission.group_commit.submit([Refused(about, posted, refusal)])
        raise refusal
    receipts = receipts_of(await intake.admission.accept_whole([row.item for row in checked_upload.rows], posted))
    parts = passed_over(read_upload.skipped, posted.language)
    answer = UploadReceipts(accepted=len(receipts), items=receipts, passed_over=parts)
    return JSONResponse(answer.model_dump(mode="json"), 202)


async def _check(intake: Intake, upload: Upload, posted: Posted, *, confirmed: bool, correct: bool) -> _CheckedUpload:
    """Check every row, also against the standing figures."""
    sent = [replace(row, item={**row.item, "confirmed": True}) if confirmed else row for row in upload.rows]
    checked = await intake.admission.check([row.item for row in sent], posted)
    rows = [revised(row, check, correct=correct) for row, check in zip(sent, checked, strict=True)]
    if rows != sent:
        checked = await intake.admission.check([row.item for row in rows], posted)
    faults = [
        row.found(fault)
        for row, before, check in zip(rows, sent, checked, strict=True)
        for fault in faults_of(before, check, intake.runtime.reference, correct=correct)
    ]
    return _CheckedUpload(upload, rows, checked, [*upload.faults, *faults])


async def _preview(intake: Intake, checked_upload: _CheckedUpload, posted: Posted) -> UploadPreview:
    reference, language = intake.runtime.reference, posted.language
    sound = [check.submission for check in checked_upload.checked if check.submission and not check.faults]
    standing = {reading.submission for check in checked_upload.checked for reading in check.before.values()}
    async with intake.runtime.engine.connect() as connection:
        sent = await receipts.receipts_of(connection, standing)
    return UploadPreview(
        rows=len(checked_upload.rows),
        periods=periods_of(checked_upload.rows),
        acceptable=not checked_upload.faults,
        faults=[remark(found, language) for found in checked_upload.faults],
        warnings=[
            warning(row, about, language)
            for row, check in zip(checked_upload.rows, checked_upload.checked, strict=True)
            for about in check.warnings
        ],
        passed_over=passed_over(checked_upload.upload.skipped, language),
        changes=changes_of(checked_upload.rows, checked_upload.checked, sent, reference, language),
        statuses=await statuses_of(intake.runtime.nats, sound, reference, language),
    )


def _problem(checked_upload: _CheckedUpload) -> Problem:
    """Return the problem with every fault and its cell; a fault's pointer is that in the row's submission."""
    faults = [
        replace(cell_fault.fault, sheet=cell_fault.sheet, cell=cell_fault.cell) for cell_fault in checked_upload.faults
    ]
    kind = Problems.OUT_OF_SCOPE if rules.is_out_of_scope(faults) else Problems.REFUSED
    return Problem(kind, *faults)


async def _previous(intake: Intake, layout: Layout) -> dict[tuple[int, str], PreviousFigure]:
    keys = [unit.key for unit in layout.units]
    codes = [element.code for element in layout.elements]
    async with intake.runtime.engine.connect() as connection:
        newest = await figures.newest_before(connection, keys, codes, layout.asked.period.end)
    return {key: PreviousFigure(reading.value, reading.period) for key, reading in newest.items()}


def _elements(criteria: str, caller: Caller, reference: Reference) -> list[Element]:
    """Return the elements of the requested criteria; a problem where one is unknown or outside the key's scope."""
    asked_for = [element for element in reference.elements.values() if reference.is_asked_for(element.code)]
    if criteria == ALL:
        return [element for element in asked_for if caller.covers_criteria(tuple(element.criteria))]
    keys = criteria.split(",")
    for key in keys:
        if key not in reference.criterion_keys:
            raise bad_parameter("criteria", key, (*reference.criterion_keys, ALL))
        if not caller.covers_criteria((key,)):
            details = {"element": criteria_named([key]), "expected": criteria_named([key])}
            raise Problem(Problems.OUT_OF_SCOPE, Fault("/criteria", Faults.OUTSIDE_CRITERIA, details))
    return [element for element in asked_for if not set(keys).isdisjoint(element.criteria)]


def parsed_period(written: str) -> Period:
    """Return the period that people have written; a problem where it is none."""
    period = read_period(written)
    if period is None:
        raise Problem(Problems.INVALID_QUERY, Fault("/period", Faults.PERIOD_NOT_READ, {"value": written}))
    return period


def covered_place(code: str, period: Period, caller: Caller, reference: Reference) -> Unit:
    """Return the unit of a code at the end of a period; a problem where there is none that the caller covers."""
    place = reference.units.find(typed(code), period.end)
    if place is None:
        raise Problem(Problems.REFUSED, not_on_that_day("/unit", code, reference.units, period.end))
    if not caller.covers_unit(place, reference.units):
        raise Problem(Problems.OUT_OF_SCOPE, Fault("/unit", Faults.OUTSIDE_UNITS, {"value": code}))
    return place


def _workbook(content: bytes, name: str, status: int = 200) -> Response:
    return Response(content, status, {"Content-Disposition": f'attachment; filename="{name}"'}, XLSX)
