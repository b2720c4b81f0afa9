"""An Excel workbook that passed the guard, read as a stream of rows of cells."""

from __future__ import annotations

import math
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from io import BytesIO
from typing import Any, cast

import structlog
from defusedxml.ElementTree import iterparse
from openpyxl import load_workbook
from openpyxl.utils.cell import range_boundaries
from openpyxl.xml.constants import SHEET_MAIN_NS

from shared.problems import Faults, Problem
from shared.spreadsheet.grid import COLUMN_LIMIT, LINE_LIMIT, ROW_LIMIT, Cell, Grid, Range, Row, Sheet, limited, name_of
from shared.spreadsheet.guard import refused

log = structlog.get_logger()

FACTS_SHEET = "_ntm"
"""The very hidden sheet that notes the unit, period, stage and criteria of a template."""

_FACT_LIMIT = 20
_HIDDEN_LINES = 300
"""The lines that are read of a hidden sheet, to say whether it has figures."""
_RANGE_CELLS = 100_000
"""The most cells of a file's array formulas."""
_MARKED = re.compile(rb"""<(?:\w+:)?(?:f[\s>/]|mergeCell\b)|hidden=|ht=["']0|width=["']0""")
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
            hidden: list[Sheet] = []
            for sheet in cast("list[Any]", workbook.worksheets):
                if sheet.title == FACTS_SHEET:
                    facts = _facts(sheet)
                elif sheet.sheet_state == "visible":
                    marks = _marks(archive, sheet._worksheet_path)
                    already = sum(len(earlier.rows) for earlier in sheets)
                    rows = tuple(limited(_rows(sheet, marks.formulas), already))
                    sheets.append(Sheet(sheet.title, rows, marks.merged, marks.hidden_rows, marks.hidden_columns))
                elif hasattr(sheet, "iter_rows"):
                    hidden.append(Sheet(sheet.title, tuple(_rows(sheet, frozenset(), _HIDDEN_LINES))))
        if len({sheet.title.casefold() for sheet in sheets}) < len(sheets):
            raise refused(Faults.DAMAGED_WORKBOOK, value="sheet names")
        return Grid(tuple(sheets), facts, tuple(hidden))
    except Problem:
        raise
    except Exception as error:
        # openpyxl raises anything for a malformed file: KeyError, TypeError, AttributeError, ...
        log.info("workbook not read", error=f"{type(error).__name__}: {error}"[:300])
        raise refused(Faults.DAMAGED_WORKBOOK, value="XML") from error


def _rows(sheet: Any, formulas: frozenset[str], last: int | None = None) -> Iterator[Row]:
    # the size that a file states may be wrong
    sheet.reset_dimensions()
    for number, read_cells in enumerate(sheet.iter_rows(max_col=COLUMN_LIMIT + 1, max_row=last), 1):
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
        return Cell(_date_as_shown(value, read_cell.number_format or "yyyy-mm-dd"), "date")
    if read_cell.data_type == "e" or (isinstance(value, float) and not math.isfinite(value)):
        return Cell(str(value), "error")
    if isinstance(value, int | float):
        number = int(value) if isinstance(value, float) and value.is_integer() else value
        scale = _scale(read_cell.number_format or "")
        return Cell(number, "scaled", scale) if scale else Cell(number, "number")
    text = str(value)[:_TEXT_LIMIT]
    return Cell(text) if text.strip() else None


_LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]')
"""Text, fillers and colours in a number format."""
_IN_THOUSANDS = re.compile(r"[0#?],+(?![0#?,])")


@lru_cache(maxsize=1024)
def _scale(number_format: str) -> str:
    """Return the format that shows a number in percent or in thousands; empty for any other."""
    shown = _LITERAL.sub("", number_format).partition(";")[0]
    return shown if "%" in shown or _IN_THOUSANDS.search(shown) else ""


_TIMES = re.compile(r"h+[^a-z]*m+|m+[^a-z]*s+|am/pm|a/p")


def _date_as_shown(value: date, number_format: str) -> str:
    shown = _TIMES.sub("", _LITERAL.sub("", number_format).partition(";")[0].lower())
    day, month, year = "d" in shown, "m" in shown, "y" in shown or "e" in shown
    if year and not (day and not month):
        return f"{value:%Y-%m-%d}" if day else f"{value:%Y-%m}" if month else f"{value:%Y}"
    return "/".join(f"{value:{part}}" for part, is_shown in (("%d", day), ("%m", month)) if is_shown) or str(value)


@dataclass(frozen=True, slots=True)
class _Marks:
    """The marks of a sheet beside its values: formulas, merged cells, hidden rows and columns."""

    formulas: frozenset[str] = frozenset()
    """The addresses of the cells that hold formulas."""
    merged: tuple[Range, ...] = ()
    hidden_rows: frozenset[int] = frozenset()
    hidden_columns: frozenset[int] = frozenset()


def _marks(archive: zipfile.ZipFile, part: str) -> _Marks:
    content = archive.read(part)
    if not _MARKED.search(content):
        return _Marks()
    formulas: set[str] = set()
    merged, rows, columns = [], set(), set()
    number = 0
    for _, element in iterparse(BytesIO(content), forbid_dtd=True):
        match element.tag.removeprefix(f"{{{SHEET_MAIN_NS}}}"):
            case "row":
                number = int(element.get("r", number + 1))
                if _is_true(element.get("hidden")) or _is_zero(element.get("ht")):
                    rows.add(number)
                element.clear()
            case "c" if (formula := element.find(f"{{{SHEET_MAIN_NS}}}f")) is not None:
                formulas.add(element.get("r", ""))
                if formula.get("t") in {"array", "dataTable"} and (reference := formula.get("ref")):
                    formulas |= _addresses(_range(reference))
                if len(formulas) > _RANGE_CELLS:
                    raise refused(Faults.DAMAGED_WORKBOOK, value="formula")
            case "col" if _is_true(element.get("hidden")) or _is_zero(element.get("width")):
                columns |= {*range(int(element.get("min", 1)), min(int(element.get("max", 1)), COLUMN_LIMIT) + 1)}
            case "mergeCell":
                merged.append(_range(element.get("ref", "")))
    if "" in formulas:
        raise refused(Faults.DAMAGED_WORKBOOK, value="formula")
    return _Marks(frozenset(formulas), tuple(merged), frozenset(rows), frozenset(columns))


def _range(reference: str) -> Range:
    first_column, first_row, last_column, last_row = range_boundaries(reference)
    return Range(
        int(first_row or 1), int(first_column or 1), int(last_row or LINE_LIMIT), int(last_column or COLUMN_LIMIT)
    )


def _addresses(place: Range) -> set[str]:
    """Return the cells of an array formula, of which the file marks the first alone."""
    rows = range(place.first_row, min(place.last_row, LINE_LIMIT) + 1)
    columns = range(place.first_column, min(place.last_column, COLUMN_LIMIT) + 1)
    if len(rows) * len(columns) > _RANGE_CELLS:
        raise refused(Faults.DAMAGED_WORKBOOK, value="formula")
    return {name_of(row, column) for row in rows for column in columns}


def _is_true(attribute: str | None) -> bool:
    return attribute in {"1", "true"}


def _is_zero(attribute: str | None) -> bool:
    return attribute is not None and float(attribute) == 0


def _facts(sheet: Any) -> dict[str, str]:
    sheet.reset_dimensions()
    facts = {}
    for number, row in enumerate(sheet.iter_rows(max_col=2, values_only=True), 1):
        if number > _FACT_LIMIT:
            break
        if len(row) == 2 and row[0] and row[1] is not None:
            facts[str(row[0])] = str(row[1])[:200]
    return facts
