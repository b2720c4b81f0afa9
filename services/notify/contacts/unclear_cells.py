"""Contacts whose place or standing is unclear: in merged cells, hidden, or struck out."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from services.notify.contacts.columns import Header
from shared.problems import Fault, Faults
from shared.spreadsheet import Sheet
from shared.spreadsheet.grid import Range, runs


def unclear_cells(sheet: Sheet, header: Header) -> Iterator[Fault]:
    """Yield a fault for each range of a sheet's contacts that people see otherwise than it is stored."""
    columns = {column for places in header.columns.values() for column in places}
    filled = {row.number: row for row in sheet.rows if row.number > header.number and not columns.isdisjoint(row.cells)}
    for merged in sheet.merged:
        covers = not columns.isdisjoint(range(merged.first_column, merged.last_column + 1))
        if covers and merged.first_row in filled and any(merged.first_row < row <= merged.last_row for row in filled):
            yield _at(merged, Faults.MERGED_CONTACTS, sheet)
    white, struck = (
        {
            row.number
            for row in filled.values()
            if any(cell.look == look for column in columns if (cell := row.cells.get(column)))
        }
        for look in ("white", "struck")
    )
    yield from _rows((sheet.hidden_rows & filled.keys()) | white, columns, Faults.HIDDEN_CONTACTS, sheet)
    yield from _rows(struck, columns, Faults.STRUCK_CONTACTS, sheet)
    for left, right in runs(sheet.hidden_columns & columns):
        numbers = [number for number, row in filled.items() if not row.cells.keys().isdisjoint(range(left, right + 1))]
        if numbers:
            yield _at(Range(min(numbers), left, max(numbers), right), Faults.HIDDEN_CONTACTS, sheet)


def _rows(numbers: Collection[int], columns: Collection[int], kind: Faults, sheet: Sheet) -> Iterator[Fault]:
    for top, bottom in runs(numbers):
        yield _at(Range(top, min(columns), bottom, max(columns)), kind, sheet)


def _at(place: Range, kind: Faults, sheet: Sheet) -> Fault:
    cell = str(place).partition(":")[0]
    return Fault(f"/{place.first_row}/role", kind, {"range": str(place)}, sheet.title, cell)
