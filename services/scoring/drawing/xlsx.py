"""A paper as a workbook: a sheet for each table, where numbers are numbers, and one for the words between them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from io import BytesIO
from math import ceil

from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.header_footer import _HeaderFooterPart as HeaderFooterPart
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from services.scoring.drawing.chart import bar_chart
from services.scoring.reporting.paper import Bars, Cell, Column, Heading, Paper, Paragraph, Table
from shared.text import storable

_FONT = "Times New Roman"
_LINE = Side(style="thin", color="000000")
_BOX = Border(left=_LINE, right=_LINE, top=_LINE, bottom=_LINE)
_TEXT_WIDTH = 82
"""The width of the sheet of words, in characters."""
_CHARACTERS = 0.62
"""Characters in a column, for each unit of its width in the paper."""
_LINE_HEIGHT = 15
"""The height of a line of words, in points."""


def draw_xlsx(paper: Paper, words_sheet: str) -> bytes:
    """Return the paper as a .xlsx; `words_sheet`: the name of the sheet with the words between the tables."""
    workbook = Workbook()
    words = workbook.active
    assert isinstance(words, Worksheet)  # noqa: S101 - of a new workbook it always is
    words.title = words_sheet
    _write_words(words, paper)
    tables = [block for block in paper.blocks if isinstance(block, Table)]
    for table in tables:
        _write_table(workbook, table, table.caption, paper)
    for annex in paper.annexes:
        _write_table(workbook, annex.table, f"{annex.label}. {annex.title}", paper)
    charts = [block for block in paper.blocks if isinstance(block, Bars)]
    if charts and tables:
        sheet = workbook.worksheets[1]
        for chart in charts:
            drawn = bar_chart(chart)
            drawn.title = None
            _across(sheet, sheet.max_row + 2, tables[0], chart.title, bold=True)
            sheet.add_chart(drawn, f"A{sheet.max_row + 1}")
    written = BytesIO()
    workbook.save(written)
    return written.getvalue()


def _write_words(sheet: Worksheet, paper: Paper) -> None:
    frame = paper.frame
    _page(sheet, fitted=True)
    sheet.column_dimensions["A"].width = _TEXT_WIDTH
    row = 1
    for text, bold in ((frame.above, False), (frame.issuer, True), (frame.kind, True), (frame.summary, True)):
        _line(sheet, row, text, bold=bold, align="center" if row > 2 else "left")
        row += 1
    for mark in paper.marks:
        _line(sheet, row, mark, bold=True)
        row += 1
    for block in paper.blocks:
        if isinstance(block, Heading | Paragraph):
            _line(sheet, row, block.text, bold=isinstance(block, Heading))
            row += 1
    for text in (frame.recipients_title, *(f"- {recipient}" for recipient in frame.recipients)):
        _line(sheet, row, text)
        row += 1


def _line(sheet: Worksheet, row: int, text: str, *, bold: bool = False, align: str = "left") -> None:
    """Write a line of the sheet of words."""
    _text(sheet, row, 1, text, bold=bold, align=align)
    _make_room(sheet, row, [(text, _TEXT_WIDTH)])


def _write_table(workbook: Workbook, table: Table, title: str, paper: Paper) -> None:
    sheet: Worksheet = workbook.create_sheet(table.name[:31])
    _page(sheet, fitted=len(table.columns) > 5)
    row = 1
    for line in (title, *paper.marks):
        _across(sheet, row, table, line, bold=True)
        row += 1
    for place, column in enumerate(table.columns, 1):
        _text(sheet, row, place, column.title, bold=True, boxed=True, align="center")
        sheet.column_dimensions[get_column_letter(place)].width = _width(column)
    _make_room(sheet, row, [(column.title, _width(column)) for column in table.columns])
    sheet.print_title_rows = f"{row}:{row}"
    sheet.freeze_panes = f"A{row + 1}"
    for cells in table.rows:
        row += 1
        for place, (cell, column) in enumerate(zip(cells, table.columns, strict=True), 1):
            _write_cell(sheet, row, place, cell, column)
        texts = zip(cells, table.columns, strict=True)
        _make_room(sheet, row, [(cell.text, _width(column)) for cell, column in texts])
    for number, note in enumerate(table.notes, 1):
        row += 1
        _across(sheet, row, table, f"({number}) {note}")


def _width(column: Column) -> float:
    """Return the characters that a column has room for."""
    return max(6, column.width * _CHARACTERS)


def _across(sheet: Worksheet, row: int, table: Table, text: str, *, bold: bool = False) -> None:
    """Write a line over all columns of a table."""
    sheet.merge_cells(start_row=row, start_column=1, end_row=row, end_column=len(table.columns))
    _text(sheet, row, 1, text, bold=bold)
    _make_room(sheet, row, [(text, sum(map(_width, table.columns)))])


def _make_room(sheet: Worksheet, row: int, texts: Sequence[tuple[str, float]]) -> None:
    """Make a row as high as its words need; each has so many characters in a line. Not every program does it itself."""
    lines = max(sum(max(1, ceil(len(line) / width)) for line in text.split("\n")) for text, width in texts)
    sheet.row_dimensions[row].height = _LINE_HEIGHT * lines


def _write_cell(sheet: Worksheet, row: int, place: int, cell: Cell, column: Column) -> None:
    """Write a number as itself, shown as the paper writes it; words with the marks of the notes."""
    marks = "".join(f" ({mark})" for mark in cell.marks)
    written = sheet.cell(row, place)
    if cell.number is None or not re.match(r"-?[\d.,]+$", cell.text):
        _text(sheet, row, place, f"{cell.text}{marks}", bold=cell.bold, boxed=True, align=column.align)
        return
    written.value = cell.number
    decimals = _decimals(cell.text, cell.number)
    base = f"#,##0.{'0' * decimals}".rstrip(".")
    written.number_format = f'{base}"{marks}"' if marks else base
    written.font = Font(_FONT, 11, bold=cell.bold)
    written.alignment = Alignment(horizontal=column.align, vertical="top")
    written.border = _BOX


def _decimals(text: str, number: float) -> int:
    """Return the decimals with which the paper writes a number, in whichever language."""
    _, *behind = re.split("[.,]", text)
    return len(behind[-1]) if behind and not float(number).is_integer() else 0


def _text(
    sheet: Worksheet,
    row: int,
    place: int,
    text: str,
    *,
    bold: bool = False,
    boxed: bool = False,
    align: str = "left",
    wraps: bool = True,
) -> None:
    """Write words, which Excel never takes for a formula."""
    cell = sheet.cell(row, place)
    cell.value = storable(text)
    cell.data_type = "s"
    cell.quotePrefix = text.startswith(("=", "+", "-", "@"))
    cell.font = Font(_FONT, 11, bold=bold)
    cell.alignment = Alignment(horizontal=align, vertical="top", wrap_text=wraps)
    if boxed:
        cell.border = _BOX


def _page(sheet: Worksheet, *, fitted: bool) -> None:
    sheet.page_setup.paperSize = sheet.PAPERSIZE_A4
    sheet.page_setup.orientation = "portrait"
    sheet.page_margins.top = sheet.page_margins.bottom = 0.79
    sheet.page_margins.left, sheet.page_margins.right = 1.18, 0.59
    if sheet.oddHeader:
        sheet.oddHeader.center = HeaderFooterPart("&P")
    if fitted:
        sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
        sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
