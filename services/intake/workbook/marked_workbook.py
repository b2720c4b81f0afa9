"""The marked workbook: a faulty file given back, its faults marked in their cells and listed on a sheet of their own.

The workbook is drawn anew from the values that were read, so it contains nothing else of the file that was sent. A
template comes back as a template, to be corrected and sent again; any other file as a plain table with the same
addresses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal

from openpyxl.comments import Comment
from openpyxl.utils import get_column_letter
from openpyxl.utils.cell import range_boundaries
from openpyxl.workbook import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from services.intake.texts import phrase
from services.intake.workbook.columns import Header
from services.intake.workbook.layout import (
    CODE_ROW,
    Layout,
    PreviousFigure,
    TemplateLine,
    TemplateRequest,
    blank_lines,
    plan_layout,
)
from services.intake.workbook.numbers import yes_or_no
from services.intake.workbook.reading import CellFault, Upload
from services.intake.workbook.styles import FAULTY_FILL, clean, fit_for_print, new_workbook, put
from services.intake.workbook.template import DATA_SHEET, draw_template
from shared.characters import visible
from shared.contracts.bilingual import Language
from shared.contracts.status import Stage
from shared.reference.load import Reference
from shared.spreadsheet.grid import Cell, Sheet

FAULT_SHEET = "Lỗi"
_TITLES = (
    phrase("marked.sheet"),
    phrase("marked.cell"),
    phrase("marked.unit"),
    phrase("marked.element"),
    phrase("marked.value"),
    phrase("marked.fault"),
)
_HEADING = phrase("marked.heading")
_WIDTHS = (16, 9, 10, 30, 18, 90)
MARKED_CELLS = 60_000
"""The most cells of a file that is given back: drawing more takes too long."""

_LISTED = 1000
"""The most faults that the workbook lists; the others show once these are corrected."""
_COMMENT_SIZE = (140, 320)
_SHOWN_TEXT, _COMMENT_TEXT = 500, 2000
_NOT_IN_TITLES = re.compile(r"[\\/*?:\[\]']")
_PLAIN_WIDTH = 18


def draw_marked(upload: Upload, faults: Iterable[CellFault], reference: Reference, language: Language) -> Workbook:
    """Return the workbook with the faults in its cells."""
    listed = [*faults][:_LISTED]
    workbook = _template_again(upload, reference) or _plain(upload)
    by_cell: dict[tuple[str, str], list[str]] = {}
    for cell_fault in listed:
        if cell_fault.sheet and cell_fault.cell:
            by_cell.setdefault((cell_fault.sheet, cell_fault.cell), []).append(cell_fault.fault.text(language))
    sheets = dict(zip(upload.headers, workbook.worksheets, strict=False))
    for (title, name), texts in by_cell.items():
        cell = sheets[title][name]
        cell.fill = FAULTY_FILL
        comment = Comment(clean("\n".join(texts))[:_COMMENT_TEXT], "NTM")
        comment.height, comment.width = _COMMENT_SIZE
        cell.comment = comment
    for cell_fault in listed:
        if cell_fault.sheet and (place := cell_fault.fault.details.get("range")):
            _fill(sheets[cell_fault.sheet], str(place))
    _list(workbook, listed, reference, language)
    return workbook


def _fill(sheet: Worksheet, place: str) -> None:
    """Colour the cells of a range, as far as the sheet reaches."""
    first_column, first_row, last_column, last_row = range_boundaries(place)
    for row in sheet.iter_rows(
        first_row, min(last_row or 1, sheet.max_row), first_column, min(last_column or 1, sheet.max_column)
    ):
        for cell in row:
            cell.fill = FAULTY_FILL


def _safe(title: str) -> str:
    """Return the title without the characters that Excel refuses in titles, and cut to its length."""
    return _NOT_IN_TITLES.sub(" ", clean(title)).strip()[:31] or "Sheet"


def _template_again(upload: Upload, reference: Reference) -> Workbook | None:
    """Return the template with its figures; None where the file no longer has a template's columns."""
    unit, period = upload.given.unit, upload.given.period
    if len(upload.headers) != 1 or unit is None or period is None or "template" not in upload.grid.facts:
        return None
    title, header = next(iter(upload.headers.items()))
    place = reference.units.find(unit, period.end)
    sheet = next(candidate for candidate in upload.grid.sheets if candidate.title == title)
    if place is None or header.row != CODE_ROW:
        return None
    asked = TemplateRequest(place, period, upload.grid.facts.get("criteria", ""), upload.given.stage or Stage.REPORTED)
    layout = plan_layout(reference, asked, header.elements.values())
    codes = next(row for row in sheet.rows if row.number == header.row)
    if layout is None or [codes.text(column) for column in sorted(codes.cells)] != [*layout.codes]:
        return None
    workbook = draw_template(layout, _lines(layout, sheet, header, reference), reference)
    if title != DATA_SHEET:
        workbook[DATA_SHEET].title = _safe(title)
    return workbook


def _lines(layout: Layout, sheet: Sheet, header: Header, reference: Reference) -> list[TemplateLine]:
    """Return the rows as the file has them: perhaps in another order, or some deleted."""
    known = {line.code: line for line in blank_lines(layout, reference)}
    everything = frozenset(element.code for element in layout.elements)
    lines = []
    for row in sheet.rows:
        if row.number <= header.row:
            continue
        code, name, district = (row.text(header.roles.get(role)) for role in ("unit", "name", "district"))
        counted = known[code].counted if code in known else everything
        filled = {element.code: row.cells[at] for at, element in header.elements.items() if at in row.cells}
        previous = {
            element.code: earlier
            for at, element in header.elements.items()
            if (earlier := _previous(row.cells.get(at + 1))) is not None
        }
        lines.append(TemplateLine(row.number, code, name, district, counted, previous, filled))
    return lines


def _previous(cell: Cell | None) -> PreviousFigure | None:
    """Return the earlier figure that the column beside shows: a number, or yes or no."""
    if cell is None or cell.kind not in {"number", "text"}:
        return None
    if cell.kind == "number":
        return PreviousFigure(Decimal(str(cell.value)))
    answer = yes_or_no(cell.text)
    return None if answer is None else PreviousFigure(Decimal(answer))


def _plain(upload: Upload) -> Workbook:
    """Return the sheets that were read, as text and numbers; formulas are left out."""
    workbook = new_workbook()
    for title, header in upload.headers.items():
        sheet = workbook.create_sheet(_safe(title))
        for row in next(candidate for candidate in upload.grid.sheets if candidate.title == title).rows:
            style = "ntm-header" if row.number == header.row else "ntm-cell"
            for column, cell in row.cells.items():
                value = "" if cell.kind == "formula" else cell.value
                put(sheet.cell(row.number, column), value[:_SHOWN_TEXT] if isinstance(value, str) else value, style)
        for column in header.read:
            sheet.column_dimensions[get_column_letter(column)].width = _PLAIN_WIDTH
        sheet.freeze_panes = f"A{header.row + 1}"
    return workbook


def _list(workbook: Workbook, faults: Iterable[CellFault], reference: Reference, language: Language) -> None:
    sheet: Worksheet = workbook.create_sheet(FAULT_SHEET, 0)
    put(sheet.cell(1, 1), _HEADING.in_(language), "ntm-title")
    for column, (title, width) in enumerate(zip(_TITLES, _WIDTHS, strict=True), 1):
        put(sheet.cell(2, column), title.in_(language), "ntm-header")
        sheet.column_dimensions[get_column_letter(column)].width = width
    for row, found in enumerate(faults, 3):
        element = reference.elements.get(found.element or "")
        texts = (
            found.sheet,
            found.cell,
            found.unit,
            element.name.in_(language) if element else found.element,
            None if found.value is None else visible(found.value),
            found.fault.text(language),
        )
        for column, text in enumerate(texts, 1):
            put(sheet.cell(row, column), text, "ntm-cell")
    sheet.freeze_panes = "A3"
    fit_for_print(sheet, sheet.PAPERSIZE_A4)
    workbook.active = 0
