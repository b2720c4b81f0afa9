"""An Excel workbook that passed the guard, read as a stream of rows of cells."""

from __future__ import annotations

import math
import re
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from io import BytesIO
from typing import Any, cast

import structlog
from defusedxml.ElementTree import iterparse
from openpyxl import load_workbook
from openpyxl.xml.constants import SHEET_MAIN_NS

from shared.problems import Faults, Problem
from shared.spreadsheet.grid import COLUMN_LIMIT, LINE_LIMIT, ROW_LIMIT, Cell, Grid, Row, Sheet, limited, name_of
from shared.spreadsheet.guard import refused

log = structlog.get_logger()

FACTS_SHEET = "_ntm"
"""The very hidden sheet that notes the unit, period, stage and criteria of a template."""

_FACT_LIMIT = 20
_FORMULA = re.compile(rb"<(?:\w+:)?f[\s>/]")
_TEXT_LIMIT = 32_767
"""The most characters that Excel itself holds in a cell."""


def read_xlsx(body: bytes) -> Grid:
    """Return the workbook's visible sheets; a problem where it cannot be read."""
    try:
        # reads the stored results of formulas, never their text: to parse it can take minutes
        workbook = load_workbook(BytesIO(body), read_only=True, data_only=True, keep_links=False)
        with zipfile.ZipFile(BytesIO(body)) as archive:
            facts: dict[str, str] = {}
            sheets: list[Sheet] = []
            for sheet in cast("list[Any]", workbook.worksheets):
                if sheet.title == FACTS_SHEET:
                    facts = _facts(sheet)
                elif sheet.sheet_state == "visible":
                    formulas = _formulas(archive, sheet._worksheet_path)
                    already = sum(len(earlier.rows) for earlier in sheets)
                    sheets.append(Sheet(sheet.title, tuple(limited(_rows(sheet, formulas), already))))
        if len({sheet.title.casefold() for sheet in sheets}) < len(sheets):
            raise refused(Faults.DAMAGED_WORKBOOK, value="sheet names")
        return Grid(tuple(sheets), facts)
    except Problem:
        raise
    except Exception as error:
        # openpyxl raises anything for a malformed file: KeyError, TypeError, AttributeError, ...
        log.info("workbook not read", error=f"{type(error).__name__}: {error}"[:300])
        raise refused(Faults.DAMAGED_WORKBOOK, value="XML") from error


def _rows(sheet: Any, formulas: frozenset[str]) -> Iterator[Row]:
    # the size that a file states may be wrong
    sheet.reset_dimensions()
    for number, read_cells in enumerate(sheet.iter_rows(max_col=COLUMN_LIMIT + 1), 1):
        if number > LINE_LIMIT:
            raise refused(Faults.TOO_MANY_ROWS, expected=ROW_LIMIT)
        cells = {}
        for column, read_cell in enumerate(read_cells, 1):
            if read_cell.value is not None and (cell := _cell(read_cell)):
                cells[column] = cell
        if formulas:
            names = ((column, name_of(number, column)) for column in range(1, len(read_cells) + 1))
            cells |= {column: Cell("=", "formula") for column, name in names if name in formulas}
        if cells:
            yield Row(number, cells)


def _cell(read_cell: Any) -> Cell | None:
    value = read_cell.value
    if isinstance(value, bool):
        return Cell(value, "yes_no")
    if isinstance(value, datetime | date):
        shows_day = "d" in (read_cell.number_format or "d").lower().replace("[red]", "")
        return Cell(f"{value:%Y-%m-%d}" if shows_day else f"{value:%Y-%m}", "date")
    if read_cell.data_type == "e" or (isinstance(value, float) and not math.isfinite(value)):
        return Cell(str(value), "error")
    if isinstance(value, int | float):
        return Cell(int(value) if isinstance(value, float) and value.is_integer() else value, "number")
    text = str(value)[:_TEXT_LIMIT]
    return Cell(text) if text.strip() else None


def _formulas(archive: zipfile.ZipFile, part: str) -> frozenset[str]:
    """Return the addresses of the cells that hold formulas."""
    content = archive.read(part)
    if not _FORMULA.search(content):
        return frozenset()
    addresses = set()
    for _, element in iterparse(BytesIO(content), forbid_dtd=True):
        if element.tag == f"{{{SHEET_MAIN_NS}}}row":
            element.clear()
        elif element.tag == f"{{{SHEET_MAIN_NS}}}c" and element.find(f"{{{SHEET_MAIN_NS}}}f") is not None:
            addresses.add(element.get("r", ""))
    if "" in addresses:
        raise refused(Faults.DAMAGED_WORKBOOK, value="formula")
    return frozenset(addresses)


def _facts(sheet: Any) -> dict[str, str]:
    sheet.reset_dimensions()
    facts = {}
    for number, row in enumerate(sheet.iter_rows(max_col=2, values_only=True), 1):
        if number > _FACT_LIMIT:
            break
        if len(row) == 2 and row[0] and row[1] is not None:
            facts[str(row[0])] = str(row[1])[:200]
    return facts
