"""A file as sheets of rows of cells, whose meaning is not known yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from openpyxl.utils import get_column_letter

from shared.problems import Faults
from shared.spreadsheet.guard import refused

ROW_LIMIT = 2000
"""The most rows in the whole file, blank ones not counted."""

COLUMN_LIMIT = 300

LINE_LIMIT = 20_000
"""The most rows of a sheet, blank ones included."""

type Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Cell:
    """The content of a cell. A date is written as 2023-06-30, or as 2023-06 where the cell shows no day."""

    value: Value
    kind: Literal["text", "number", "yes_no", "date", "formula", "error"] = "text"

    @property
    def text(self) -> str:
        """The content as it was written, without surrounding blanks; yes and no as Excel shows them."""
        return str(self.value).upper() if isinstance(self.value, bool) else str(self.value).strip()


@dataclass(frozen=True, slots=True)
class Row:
    """A row that is not blank: its number, and its cells by column (1 is A)."""

    number: int
    cells: Mapping[int, Cell]

    def text(self, column: int | None) -> str:
        """Return the text of a column's cell; empty where the cell is blank."""
        cell = self.cells.get(column) if column else None
        return cell.text if cell else ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet with its rows; blank rows are left out."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """A file's visible sheets, and the notes that a template carries about itself."""

    sheets: tuple[Sheet, ...]
    facts: Mapping[str, str]


def name_of(row: int, column: int) -> str:
    """Return the address of a cell, such as `C7`."""
    return f"{get_column_letter(column)}{row}"


def limited(rows: Iterable[Row], already: int = 0) -> Iterator[Row]:
    """Yield the rows; raise a problem at too many rows or columns. `already`: the number of rows in earlier sheets."""
    for count, row in enumerate(rows, already + 1):
        if count > ROW_LIMIT:
            raise refused(Faults.TOO_MANY_ROWS, expected=ROW_LIMIT)
        if max(row.cells) > COLUMN_LIMIT:
            raise refused(Faults.TOO_MANY_COLUMNS, expected=COLUMN_LIMIT)
        yield row
