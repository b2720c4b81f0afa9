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
from itertools import pairwise
from typing import Any, Literal, cast

import structlog
from defusedxml.ElementTree import iterparse
from openpyxl import load_workbook
from openpyxl.utils.cell import range_boundaries
from openpyxl.xml.constants import SHEET_MAIN_NS

from shared.problems import Faults, Problem
from shared.spreadsheet.grid import (
    COLUMN_LIMIT,
    LINE_LIMIT,
    ROW_LIMIT,
    Cell,
    Grid,
    Range,
    Row,
    Sheet,
    check_length,
    limited,
    name_of,
)
from shared.spreadsheet.guard import refused
from shared.text import plain

log = structlog.get_logger()

FACTS_SHEET = "_ntm"
"""The very hidden sheet that notes the unit, period, stage and criteria of a template."""

_FACT_LIMIT = 20
_HIDDEN_LINES = 300
"""The lines that are read of a hidden sheet, to say whether it has figures."""
_RANGE_CELLS = 100_000
"""The most cells of a file's array formulas."""
_MARKED = re.compile(rb"""<(?:\w+:)?(?:f[\s>/]|mergeCell\b)|hidden\s*=|ht\s*=\s*["'][01]\b|width\s*=\s*["']0""")
_ROW = re.compile(rb"""<(?:\w+:)?row\b[^<>]*?\sr\s*=\s*["'](\d+)""")
_ADDRESS = re.compile(rb"""<(?:\w+:)?c\b[^<>]*?\sr\s*=\s*["']([A-Za-z]+\d+)""")
_SEEN_HEIGHT, _SEEN_WIDTH = 2, 0.3
"""The points of a row and the digits of a column below which nobody sees what stands in it."""
_TEXT_LIMIT, _FORMAT_LIMIT = 32_767, 255
"""The most characters that Excel itself holds in a cell, and in the format of a number."""


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
        check_length(
            sum(_length(cell) for sheet in (*sheets, *hidden) for row in sheet.rows for cell in row.cells.values())
        )
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
        return Cell(_date_as_shown(value, _format(read_cell) or "yyyy-mm-dd"), "date")
    if read_cell.data_type == "e" or (isinstance(value, float) and not math.isfinite(value)):
        return Cell(str(value), "error")
    if isinstance(value, int | float):
        number = int(value) if isinstance(value, float) and value.is_integer() else value
        scale = _scale(_format(read_cell))
        return Cell(number, "scaled", scale) if scale else Cell(number, "number", look=_look(read_cell))
    text = str(value)[:_TEXT_LIMIT]
    return Cell(text, look=_look(read_cell)) if text.strip() else None


def _length(cell: Cell) -> int:
    return len(cell.value) if isinstance(cell.value, str) else 0


def _format(read_cell: Any) -> str:
    return (read_cell.number_format or "")[:_FORMAT_LIMIT]


_WHITE = ("FFFFFFFF", "00FFFFFF")
_WHITE_THEME, _WHITE_INDEXES = 0, (1, 9)


def _look(read_cell: Any) -> Literal["", "white", "struck"]:
    """Return what hides or strikes out the content of a cell: white on white, or a line through it."""
    if not read_cell.has_style:
        return ""
    font, fill = read_cell.font, read_cell.fill
    if font.strike:
        return "struck"
    is_on_white = fill.fill_type is None or (fill.fill_type == "solid" and _is_white(fill.fgColor))
    return "white" if is_on_white and font.color is not None and _is_white(font.color) else ""


def _is_white(color: Any) -> bool:
    match color.type:
        case "rgb":
            return color.rgb in _WHITE
        case "theme":
            return color.theme == _WHITE_THEME and not color.tint
        case _:
            return color.type == "indexed" and color.indexed in _WHITE_INDEXES


_LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]')
"""Text, fillers and colours in a number format."""
_IN_THOUSANDS = re.compile(r"[0#?],+(?![0#?,])")


_QUOTED = re.compile(r'"([^"]*)"|\\(.)')
_BETWEEN_SECTIONS = re.compile(r';(?=(?:[^"]*"[^"]*")*[^"]*$)')
_CONDITION = re.compile(r"\[[<>=]")
_PLACE = re.compile(r"[0#?@]|general", re.IGNORECASE)
_ANOTHER_NUMBER = re.compile(
    r"[0-9\u2030]|\b(?:chuc|tram|nghin|ngan|trieu|ty|k|tr|m|bn|hundreds?|thousands?|millions?)\b"
)


@lru_cache(maxsize=1024)
def _scale(number_format: str) -> str:
    """Return the format that shows a number as another one, or not at all; empty for any other.

    Such as in percent, in thousands, with digits or `nghìn` behind it, or `;;;`.
    """
    sections = _BETWEEN_SECTIONS.split(number_format)
    under_conditions = [section for section in sections if _CONDITION.search(section)]
    usual = next((section for section in sections if section not in under_conditions), number_format)
    for section in (usual, *under_conditions):
        shown = _LITERAL.sub("", section)
        words = plain(" ".join(quoted or escaped for quoted, escaped in _QUOTED.findall(section)))
        is_signed = words.startswith("-") and _PLACE.search(shown) and section.lstrip().startswith(('"', "\\"))
        if is_signed or "%" in shown or "\u2030" in shown:
            return section if words else shown
        if _IN_THOUSANDS.search(shown) or _ANOTHER_NUMBER.search(words):
            return section if words else shown
    return "" if not number_format or _PLACE.search(_LITERAL.sub("", usual)) else number_format


_TIMES = re.compile(r"h+[^a-z]*m+|m+[^a-z]*s+|am/pm|a/p")


def _date_as_shown(value: date, number_format: str) -> str:
    if any(re.search(r"[0-9]|\bquy\b", plain(quoted)) for quoted, _ in _QUOTED.findall(number_format)):
        return f"{value:%Y-%m-%d} ({number_format})"
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
    _check_addresses(content)
    if not _MARKED.search(content):
        return _Marks()
    formulas: set[str] = set()
    merged, rows, columns = [], set(), set()
    number = 0
    for _, element in iterparse(BytesIO(content), forbid_dtd=True):
        match element.tag.removeprefix(f"{{{SHEET_MAIN_NS}}}"):
            case "row":
                number = int(element.get("r", number + 1))
                if _is_true(element.get("hidden")) or _is_below(element.get("ht"), _SEEN_HEIGHT):
                    rows.add(number)
                element.clear()
            case "c" if (formula := element.find(f"{{{SHEET_MAIN_NS}}}f")) is not None:
                formulas.add(element.get("r", ""))
                if formula.get("t") in {"array", "dataTable"} and (reference := formula.get("ref")):
                    formulas |= _addresses(_range(reference))
                if len(formulas) > _RANGE_CELLS:
                    raise refused(Faults.DAMAGED_WORKBOOK, value="formula")
            case "col" if _is_true(element.get("hidden")) or _is_below(element.get("width"), _SEEN_WIDTH):
                columns |= {*range(int(element.get("min", 1)), min(int(element.get("max", 1)), COLUMN_LIMIT) + 1)}
            case "mergeCell":
                merged.append(_range(element.get("ref", "")))
    if "" in formulas:
        raise refused(Faults.DAMAGED_WORKBOOK, value="formula")
    return _Marks(frozenset(formulas), tuple(merged), frozenset(rows), frozenset(columns))


def _check_addresses(content: bytes) -> None:
    """Refuse rows and cells that stand twice or out of order, of which openpyxl would read one and lose the other."""
    rows = [int(number) for number in _ROW.findall(content)]
    cells = [address.upper() for address in _ADDRESS.findall(content)]
    if any(later <= earlier for earlier, later in pairwise(rows)) or len(set(cells)) < len(cells):
        raise refused(Faults.DAMAGED_WORKBOOK, value="row")


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


def _is_below(attribute: str | None, least: float) -> bool:
    return attribute is not None and float(attribute) < least


def _facts(sheet: Any) -> dict[str, str]:
    sheet.reset_dimensions()
    facts = {}
    for number, row in enumerate(sheet.iter_rows(max_col=2, values_only=True), 1):
        if number > _FACT_LIMIT:
            break
        if len(row) == 2 and row[0] and row[1] is not None:
            facts[str(row[0])] = str(row[1])[:200]
    return facts
