"""Figures whose place or origin is unclear: in merged cells, hidden, struck out, or calculated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from services.intake.workbook.columns import Header
from shared.problems import Fault, Faults
from shared.spreadsheet.grid import Range, Row, Sheet, runs

type FoundAt = tuple[int, int, Fault]
"""Row, column and fault."""


def cell_faults(sheet: Sheet, header: Header, rows: Sequence[Row]) -> Iterator[FoundAt]:
    """Yield a fault for each range of such cells; `rows` are those that may hold figures."""
    filled = {row.number: row for row in rows if not row.cells.keys().isdisjoint(header.elements)}
    yield from _merged(sheet, header, filled)
    yield from _hidden(sheet, header, filled)
    yield from _formulas(header, filled)
    yield from _looks(header, filled, "white", Faults.HIDDEN_FIGURES)
    yield from _looks(header, filled, "struck", Faults.STRUCK_FIGURES)


def _merged(sheet: Sheet, header: Header, filled: dict[int, Row]) -> Iterator[FoundAt]:
    of_unit = {column for role in ("unit", "name") if (column := header.roles.get(role))}
    for merged in sheet.merged:
        first = filled.get(merged.first_row)
        if first is None or merged.first_column not in first.cells:
            continue
        columns = range(merged.first_column, merged.last_column + 1)
        counted = [column for column in columns if column in header.elements]
        read = [column for column in columns if column in header.read]
        spans_rows = merged.last_row > merged.first_row
        has_figures_below = any(merged.first_row < number <= merged.last_row for number in filled)
        if (counted and (spans_rows or len(read) > 1)) or (has_figures_below and not of_unit.isdisjoint(columns)):
            yield _at(merged, Faults.MERGED_FIGURES)


def _hidden(sheet: Sheet, header: Header, filled: dict[int, Row]) -> Iterator[FoundAt]:
    if not sheet.hidden_rows and not sheet.hidden_columns:
        return
    first, last = min(header.elements), max(header.elements)
    for top, bottom in runs(sheet.hidden_rows & filled.keys()):
        yield _at(Range(top, first, bottom, last), Faults.HIDDEN_FIGURES)
    for left, right in runs(sheet.hidden_columns & header.elements.keys()):
        hidden = range(left, right + 1)
        numbers = [number for number, row in filled.items() if not row.cells.keys().isdisjoint(hidden)]
        if numbers:
            yield _at(Range(min(numbers), left, max(numbers), right), Faults.HIDDEN_FIGURES)


def _formulas(header: Header, filled: dict[int, Row]) -> Iterator[FoundAt]:
    for column in header.elements:
        calculated = {
            number for number, row in filled.items() if (cell := row.cells.get(column)) and cell.kind == "formula"
        }
        for top, bottom in runs(calculated):
            yield _at(Range(top, column, bottom, column), Faults.FORMULA_IN_CELL)


def _looks(header: Header, filled: dict[int, Row], look: str, kind: Faults) -> Iterator[FoundAt]:
    for column in header.elements:
        found = {number for number, row in filled.items() if (cell := row.cells.get(column)) and cell.look == look}
        for top, bottom in runs(found):
            yield _at(Range(top, column, bottom, column), kind)


def _at(place: Range, kind: Faults) -> FoundAt:
    return place.first_row, place.first_column, Fault("", kind, {"range": str(place)})
