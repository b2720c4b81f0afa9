"""Excel and CSV files: checked for hostile content, and read as sheets of rows of cells."""

from __future__ import annotations

from collections.abc import Callable

from shared.spreadsheet.apart import read_apart
from shared.spreadsheet.delimited import read_csv
from shared.spreadsheet.grid import Cell, Grid, Row, Sheet
from shared.spreadsheet.guard import kind_of
from shared.spreadsheet.xlsx import read_xlsx

__all__ = ["Cell", "Grid", "Row", "Sheet", "read_apart", "read_grid"]


def read_grid(body: bytes | Grid, recognised: Callable[[Row], int]) -> Grid:
    """Return the cells of a file, whose kind follows from its content, not from its name.

    A workbook may have been read by `read_apart` already. `recognised` returns how many of a row's cells are names of
    columns. Problem (422) where the file is neither Excel nor CSV, or not safe to open.
    """
    if isinstance(body, Grid):
        return body
    return read_xlsx(body) if kind_of(body) == "xlsx" else read_csv(body, recognised)
