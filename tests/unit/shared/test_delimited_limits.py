"""Limits of CSV files: what no template can hold is refused before it makes work, and nothing of it is dropped."""

from __future__ import annotations

import pytest

from shared.problems import Faults, Problem
from shared.spreadsheet.delimited import read_csv
from shared.spreadsheet.grid import COLUMN_LIMIT, TEXT_LIMIT, Row

HEAD = "Mã xã;Kỳ;poor_households\n"
ROW = "06280;2023-04;131\n"


def recognised(row: Row) -> int:
    return sum(cell.text in {"Mã xã", "Kỳ", "poor_households"} for cell in row.cells.values())


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("x" * TEXT_LIMIT + "x", Faults.TOO_LONG),
        (HEAD + "06280;2023-04;" + "1" * 1_000_000, Faults.TOO_LONG),
        ((HEAD.strip() + ";") * 200, Faults.TOO_MANY_COLUMNS),
        (HEAD + ";" * 16_384 + "1\n", Faults.TOO_MANY_COLUMNS),
        (HEAD + "\n" * 1_000_000, Faults.TOO_MANY_ROWS),
        (HEAD + "\n" * 30_000 + ROW, Faults.TOO_MANY_ROWS),
        (HEAD + ";;\n" * 500_000, Faults.TOO_MANY_ROWS),
        (HEAD + (";".join("1" * 250) + "\n") * 1000, Faults.TOO_LONG),
        (HEAD + "06280;2023-04;1\x0031\n", Faults.NOT_A_WORKBOOK),
        (HEAD + '"' + ROW * 50_000, Faults.TOO_LONG),
        ('"' * TEXT_LIMIT, Faults.TOO_LONG),
    ],
    ids=["a line", "a cell", "columns", "a far cell", "empty rows", "a gap", "separators", "cells", "NUL", "open", "q"],
)
def test_a_file_beyond_what_a_template_can_hold_is_refused(text: str, kind: Faults) -> None:
    with pytest.raises(Problem) as caught:
        read_csv(text.encode(), recognised)
    assert [fault.kind for fault in caught.value.faults] == [kind]


def test_a_row_as_wide_as_allowed_is_read_whole() -> None:
    [sheet] = read_csv((HEAD + ";".join(map(str, range(COLUMN_LIMIT))) + "\n").encode(), recognised).sheets
    assert [cell.text for cell in sheet.rows[1].cells.values()] == [str(number) for number in range(COLUMN_LIMIT)]
