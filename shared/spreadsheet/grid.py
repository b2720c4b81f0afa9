"""Pure: a file as sheets of rows of cells, and nothing of what they mean yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from openpyxl.utils import get_column_letter

from shared.problems import Faults
from shared.spreadsheet.guard import refused

ROW_LIMIT = 2000
"""Rows with something in them, in the whole file."""

COLUMN_LIMIT = 300

LINE_LIMIT = 20_000
"""Rows of a sheet, blank ones included."""

type Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a cell; a date is written as 2023-06-30, or 2023-06 where the cell shows no day."""

    value: Value
    kind: Literal["text", "number", "yes_no", "date", "formula", "error"] = "text"

    @property
    def text(self) -> str:
        """As written, without blanks around; yes and no as Excel shows them."""
        return str(self.value).upper() if isinstance(self.value, bool) else str(self.value).strip()


@dataclass(frozen=True, slots=True)
class Row:
    """A row that is not blank: its number, and its cells by column (1 is A)."""

    number: int
    cells: Mapping[int, Cell]

    def text(self, column: int | None) -> str:
        """What stands in a column; empty where nothing does."""
        cell = self.cells.get(column) if column else None
        return cell.text if cell else ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet's rows, those that are blank left out."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """A file's visible sheets, and what a template remembers of itself."""

    sheets: tuple[Sheet, ...]
    facts: Mapping[str, str]


def name_of(row: int, column: int) -> str:
    """`C7`."""
    return f"{get_column_letter(column)}{row}"


def limited(rows: Iterable[Row], already: int = 0) -> Iterator[Row]:
    """The rows; a problem as soon as there are too many of them, or of columns."""
    for count, row in enumerate(rows, already + 1):
        if count > ROW_LIMIT:
            raise refused(Faults.TOO_MANY_ROWS, expected=ROW_LIMIT)
        if max(row.cells) > COLUMN_LIMIT:
            raise refused(Faults.TOO_MANY_COLUMNS, expected=COLUMN_LIMIT)
        yield row
