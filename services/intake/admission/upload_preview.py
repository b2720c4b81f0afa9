"""The preview of an upload: its faults and warnings, the figures it would change, the statuses before and after."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError
from pydantic import BaseModel, Field, ValidationError

from services.intake.admission.candidate import Checked
from services.intake.admission.former_figure import FormerFigure
from services.intake.rules.standing_figures import exact
from services.intake.workbook import CellFault, FilledRow, Skipped
from shared.characters import visible
from shared.contracts import subjects
from shared.contracts.bilingual import Language
from shared.contracts.period import Period
from shared.contracts.preview import Preview, PreviewRequest
from shared.contracts.refs import UnitCode
from shared.contracts.status import Status
from shared.contracts.submission import Receipt, Submission, SubmissionWarning, Value
from shared.nats.cloud_events import TRACE, trace_at_hand
from shared.reference.load import Reference

log = structlog.get_logger()

PREVIEW_SECONDS = 3
"""The longest wait for scoring, in seconds; without its answer a preview has no statuses."""


class CellRemark(BaseModel):
    """A fault or a warning of an upload, with its cell and its remedy."""

    sheet: str | None = Field(description="None where the fault concerns the whole file.")
    cell: str | None = Field(description="Such as C7.")
    unit: str | None
    element: str | None
    value: str | None = Field(description="The content of the cell.")
    code: str
    detail: str


class FigureChange(BaseModel):
    """A figure that is new, or differs from the former figure."""

    unit: UnitCode
    name: str
    element: str
    element_name: str
    period: Period
    sheet: str
    cell: str | None
    old: FormerFigure | None
    new: Value


class StatusPreview(BaseModel):
    """A commune's criterion that the file concerns, with its status before and after."""

    unit: UnitCode
    name: str
    criterion: str
    criterion_name: str
    before: Status
    after: Status
    reason: str


class PassedOverPart(BaseModel):
    """A row or sheet of a file that was not read, with the reason: a total, signatures, a hidden sheet."""

    sheet: str
    cell: str | None = Field(description="The first cell of the row; None for a sheet.")
    code: str
    detail: str


class UploadPreview(BaseModel):
    """The outcome that a file would have. Intake has accepted nothing of it yet."""

    rows: int
    periods: list[Period] = Field(default=[], description="The periods of the figures, in order; usually one.")
    acceptable: bool
    faults: list[CellRemark]
    warnings: list[CellRemark]
    passed_over: list[PassedOverPart] = Field(default=[], description="What of the file was not read.")
    changes: list[FigureChange]
    statuses: list[StatusPreview] | None = Field(description="None while scoring cannot tell them.")


class UploadReceipts(BaseModel):
    """The answer to a file that was accepted whole."""

    accepted: int
    items: list[Receipt]
    passed_over: list[PassedOverPart] = Field(default=[], description="What of the file was not read.")


def periods_of(rows: Iterable[FilledRow]) -> list[Period]:
    """Return the periods of the rows, the earliest first."""
    return sorted({Period.parse(row.item["period"]) for row in rows}, key=lambda period: (period.start, period.end))


def passed_over(parts: Iterable[Skipped], language: Language) -> list[PassedOverPart]:
    """Return what was passed over, as the answer shows it."""
    return [
        PassedOverPart(
            sheet=part.sheet, cell=part.cell, code=part.kind.code, detail=part.kind.text(part.value, language)
        )
        for part in parts
    ]


def remark(cell_fault: CellFault, language: Language) -> CellRemark:
    """Return a fault as the answer shows it."""
    return CellRemark(
        sheet=cell_fault.sheet,
        cell=cell_fault.cell,
        unit=cell_fault.unit,
        element=cell_fault.element,
        value=None if cell_fault.value is None else visible(cell_fault.value),
        code=cell_fault.fault.kind.code,
        detail=cell_fault.fault.text(language),
    )


def warning(row: FilledRow, about: SubmissionWarning, language: Language) -> CellRemark:
    """Return a warning about a row's figures, with its cell."""
    return CellRemark(
        sheet=row.sheet,
        cell=row.cells.get(about.pointer, row.cells["/unit"]),
        unit=row.item["unit"],
        element=about.pointer.removeprefix("/readings/") if about.pointer in row.cells else None,
        value=row.texts.get(about.pointer),
        code=about.code,
        detail=about.detail.in_(language),
    )


def changes_of(
    rows: Sequence[FilledRow],
    checked: Sequence[Checked],
    sent: Mapping[UUID, Receipt],
    reference: Reference,
    language: Language,
) -> list[FigureChange]:
    """Return every figure that differs from the standing one of its period; `sent`: the receipts of earlier figures."""
    changes = []
    for row, one in zip(rows, checked, strict=True):
        if one.candidate is None:
            continue
        submission = one.candidate.submission
        for code, value in submission.readings.items():
            before = one.before.get(code)
            if before and before.period == submission.period and before.value == exact(value):
                continue
            changes.append(
                FigureChange(
                    unit=submission.unit,
                    name=one.candidate.unit.title_in(language),
                    element=code,
                    element_name=reference.elements[code].name.in_(language),
                    period=submission.period,
                    sheet=row.sheet,
                    cell=row.cells.get(f"/readings/{code}"),
                    old=FormerFigure.of(before, reference.elements[code], sent) if before else None,
                    new=value,
                )
            )
    return changes


async def statuses_of(
    nats: Client, submissions: Iterable[Submission], reference: Reference, language: Language
) -> list[StatusPreview] | None:
    """Return the statuses to which the submissions would lead; None when scoring does not answer in time."""
    asked = PreviewRequest(submissions=[*submissions])
    if not asked.submissions:
        return []
    ends = {submission.unit: submission.period.end for submission in asked.submissions}
    try:
        async with asyncio.timeout(PREVIEW_SECONDS):
            headers = {TRACE: trace_at_hand()}
            body = asked.model_dump_json().encode()
            reply = await nats.request(subjects.PREVIEW, body, PREVIEW_SECONDS, headers=headers)
        preview = Preview.model_validate_json(reply.data)
    except (NatsError, TimeoutError, ValidationError) as error:
        log.warning("no preview of statuses", error=str(error)[:200] or type(error).__name__)
        return None
    statuses = []
    for status in preview.statuses:
        unit = reference.units.find(status.unit, ends[status.unit]) if status.unit in ends else None
        statuses.append(
            StatusPreview(
                unit=status.unit,
                name=unit.title_in(language) if unit else status.unit,
                criterion=status.criterion,
                criterion_name=reference.criterion(status.criterion).name.in_(language),
                before=status.before,
                after=status.after,
                reason=status.reason.in_(language),
            )
        )
    return statuses
