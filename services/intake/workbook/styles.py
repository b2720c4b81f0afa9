"""The looks of workbooks: discreet colours, borders, and text that Excel never takes for a formula."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from openpyxl.cell import Cell as ExcelCell
from openpyxl.cell import MergedCell
from openpyxl.styles import Alignment, Border, Font, NamedStyle, PatternFill, Protection, Side
from openpyxl.workbook import Workbook
from openpyxl.worksheet.header_footer import _HeaderFooterPart as HeaderFooterPart
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

FONT = "Calibri"
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_INEXACT, _DIGITS_SHOWN = 10**15, 60
"""From here on Excel rounds numbers, so they are written as text."""
_INK, _FAINT, _DEEP = "FF1F2933", "FF7B8794", "FF1F4E79"
_LINE = Side(style="thin", color="FFD5DBE1")
_BOX = Border(left=_LINE, right=_LINE, top=_LINE, bottom=_LINE)


def _fill(colour: str) -> PatternFill:
    return PatternFill("solid", fgColor=colour)


FAULTY_FILL = _fill("FFFBD5D5")
WHOLE_FORMAT, AMOUNT_FORMAT, TEXT_FORMAT = "#,##0", "#,##0.##", "@"

_STYLES: Mapping[str, Mapping[str, Any]] = {
    "ntm-title": {"font": Font(FONT, 15, bold=True, color=_DEEP)},
    "ntm-heading": {"font": Font(FONT, 12, bold=True, color=_DEEP), "alignment": Alignment(wrap_text=True)},
    "ntm-note": {"font": Font(FONT, 10, color=_FAINT)},
    "ntm-text": {
        "font": Font(FONT, 11, color=_INK),
        "alignment": Alignment(vertical="top", wrap_text=True),
    },
    "ntm-sample": {"font": Font(FONT, 11, bold=True, color="FFB54708")},
    "ntm-header": {
        "font": Font(FONT, 10, bold=True, color=_DEEP),
        "fill": _fill("FFE6EEF6"),
        "border": _BOX,
        "alignment": Alignment("center", "center", wrap_text=True),
    },
    "ntm-limits": {
        "font": Font(FONT, 9, color=_FAINT),
        "fill": _fill("FFF3F7FA"),
        "border": _BOX,
        "alignment": Alignment("center", "center", wrap_text=True),
    },
    "ntm-fixed": {
        "font": Font(FONT, 10, color=_INK),
        "border": _BOX,
        "number_format": TEXT_FORMAT,
        "alignment": Alignment(vertical="center"),
    },
    "ntm-input": {
        "font": Font(FONT, 11, color=_INK),
        "fill": _fill("FFFFFDF0"),
        "border": _BOX,
        "number_format": WHOLE_FORMAT,
        "alignment": Alignment("right", "center"),
        "protection": Protection(locked=False),
    },
    "ntm-previous": {
        "font": Font(FONT, 10, italic=True, color=_FAINT),
        "fill": _fill("FFF5F6F7"),
        "border": _BOX,
        "number_format": AMOUNT_FORMAT,
        "alignment": Alignment("right", "center"),
    },
    "ntm-closed": {"fill": PatternFill("lightUp", fgColor="FFC4CDD5", bgColor="FFF5F6F7"), "border": _BOX},
    "ntm-cell": {
        "font": Font(FONT, 10, color=_INK),
        "border": _BOX,
        "alignment": Alignment("left", "top", wrap_text=True),
    },
}


def new_workbook() -> Workbook:
    """Return a workbook without sheets, which knows the styles by their names."""
    workbook = Workbook()
    workbook.remove(workbook.worksheets[0])
    workbook.properties.creator = "NTM"
    for name, parts in _STYLES.items():
        workbook.add_named_style(NamedStyle(name, **parts))
    return workbook


def fit_for_print(sheet: Worksheet, paper: str) -> None:
    """Print the sheet in landscape, one page wide, with page numbers."""
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = paper
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    if sheet.oddFooter:
        sheet.oddFooter.center = HeaderFooterPart("&P / &N")


def clean(text: str) -> str:
    """Return the text without characters that no XML file can hold."""
    return _UNWRITABLE.sub("", text)


def put(cell: ExcelCell | MergedCell, value: str | float | None, style: str | None = None) -> ExcelCell:
    """Write into a cell. Text stays text: Excel never calculates one that begins with `=`, `+`, `-` or `@`."""
    assert isinstance(cell, ExcelCell)  # noqa: S101 - only the first cell of a merged range is written
    if style:
        cell.style = style
    if isinstance(value, str):
        cell.value = clean(value)
        cell.data_type = "s"
        cell.quotePrefix = value.startswith(("=", "+", "-", "@"))
    elif value is not None and abs(value) >= _INEXACT:
        return put(cell, str(value)[:_DIGITS_SHOWN])
    else:
        cell.value = value
    return cell
