"""A file as sheets of rows of cells, whose meaning is not known yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from openpyxl.utils import get_column_letter

from shared.problems import Faults
from shared.spreadsheet.guard import refused
from shared.texts import phrase

ROW_LIMIT = 2000
"""The most rows in the whole file, blank ones not counted."""

COLUMN_LIMIT = 300

LINE_LIMIT = 20_000
"""The most rows of a sheet, blank ones included."""

TEXT_LIMIT = 2_000_000
"""The most characters of a file's cells (ours): eight times those of a file of all communes and elements.

A workbook may state a text once and show it in any number of cells.
"""

type Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Cell:
    """The content of a cell.

    A date is written as far as the cell shows it: 2023-06-30, 2023-06 or 2023; `06/30` where it shows no year. A scaled
    number is shown as another number than it is, in percent or in thousands; `value` is the number that is stored.
    """

    value: Value
    kind: Literal["text", "number", "scaled", "yes_no", "date", "formula", "error"] = "text"
    format: str = ""
    """The format of a scaled number."""
    look: Literal["", "white", "struck"] = ""
    """White on white, or struck out; empty for a content that is seen and stands."""

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
class Range:
    """A rectangle of cells, such as C7:D9."""

    first_row: int
    first_column: int
    last_row: int
    last_column: int

    def __str__(self) -> str:
        first, last = name_of(self.first_row, self.first_column), name_of(self.last_row, self.last_column)
        return first if first == last else f"{first}:{last}"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet with its rows; blank rows are left out."""

    title: str
    rows: tuple[Row, ...]
    merged: tuple[Range, ...] = ()
    hidden_rows: frozenset[int] = frozenset()
    hidden_columns: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Grid:
    """A file's visible sheets, and the notes that a template carries about itself."""

    sheets: tuple[Sheet, ...]
    facts: Mapping[str, str]
    hidden: tuple[Sheet, ...] = ()
    """The beginning of each hidden sheet."""


def check_length(characters: int) -> None:
    """Raise a problem where a file has more characters than any has to have: each of them is work."""
    if characters > TEXT_LIMIT:
        raise refused(Faults.TOO_LONG, expected=phrase("delimited.characters"))


def name_of(row: int, column: int) -> str:
    """Return the address of a cell, such as `C7`."""
    return f"{get_column_letter(column)}{row}"


def runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Return the first and last number of each run of numbers that follow each other."""
    found: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def limited(rows: Iterable[Row], already: int = 0) -> Iterator[Row]:
    """Yield the rows; raise a problem at too many rows or columns. `already`: the number of rows in earlier sheets."""
    for count, row in enumerate(rows, already + 1):
        if count > ROW_LIMIT:
            raise refused(Faults.TOO_MANY_ROWS, expected=ROW_LIMIT)
        if max(row.cells) > COLUMN_LIMIT:
            raise refused(Faults.TOO_MANY_COLUMNS, expected=COLUMN_LIMIT)
        yield row
