"""CSV files as people save them: UTF-8 or UTF-16, columns separated by semicolon, comma or tab."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Literal

from shared.problems import Faults
from shared.spreadsheet.grid import COLUMN_LIMIT, LINE_LIMIT, ROW_LIMIT, Cell, Grid, Row, Sheet, check_length, limited
from shared.spreadsheet.guard import refused
from shared.texts import phrase

SHEET = "CSV"
"""The title of the only sheet of such a file."""

BYTE_ORDER_MARK = "\ufeff"
"""The first character of a file for people: without it Excel reads Vietnamese in a code page of its own."""

HEADER_LINES = 20
"""The number of lines from the top among which the header is looked for."""

CSV_CELL_LIMIT = 60_000
"""The most filled cells of such a file (ours): with the characters it keeps the work for a file below a second."""

_FORMULA_SIGNS = ("=", "+", "-", "@")
_CONTROLS = ("\t", "\r", "\n")
_UNSEEN = ("Cc", "Cf", "Zl", "Zp", "Zs")
"""Unicode's categories of characters that spreadsheets may trim before they look for a formula."""

_HEAD = 200
"""The number of bytes from which the encoding is recognised."""

_DELIMITERS = (";", ",", "\t")


def read_csv(body: bytes, recognised: Callable[[Row], int]) -> Grid:
    """Return the file's rows, split by the delimiter with which most columns are `recognised`.

    Problem (422) where the file cannot be read.
    """
    text = decode(body)
    check_length(len(text))
    first, _, rest = text.partition("\n")
    if first.strip().strip('"').lower() in {f"sep={delimiter.strip()}" for delimiter in _DELIMITERS}:
        # Excel's own way to state the delimiter
        delimiter = first.strip().strip('"')[4:] or "\t"
        return Grid((Sheet(SHEET, tuple(limited(_rows(rest, delimiter, 1)))),), {})

    def fitness(delimiter: str) -> int:
        return max((recognised(row) for row in islice(_rows(text, delimiter, 0), HEADER_LINES)), default=0)

    delimiter = max(_DELIMITERS, key=fitness)
    return Grid((Sheet(SHEET, tuple(limited(_rows(text, delimiter, 0)))),), {})


def write_lines(rows: Iterable[Iterable[object]], delimiter: Literal[";", ",", "\t"] = ";") -> bytes:
    """Return rows as lines of CSV for people; a file begins with `BYTE_ORDER_MARK`.

    Excel set up for Vietnam splits columns at the semicolon, since the comma is its decimal mark. A text that begins as
    a formula does gets an apostrophe, which Excel shows and this package reads over.
    """
    written = io.StringIO()
    csv.writer(written, delimiter=delimiter).writerows([_harmless(value) for value in row] for row in rows)
    return written.getvalue().encode()


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and _begins_as_a_formula(value) else value


def _begins_as_a_formula(text: str) -> bool:
    """Say whether a spreadsheet might calculate a text, also behind blanks, or by the wide forms of its signs."""
    first = next((sign for sign in text if unicodedata.category(sign) not in _UNSEEN), "")
    return text.startswith(_CONTROLS) or unicodedata.normalize("NFKC", first).startswith(_FORMULA_SIGNS)


def decode(body: bytes) -> str:
    """Decode UTF-8 with or without BOM, or UTF-16; a problem where the bytes are neither."""
    head = body[:_HEAD]
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif even == odd == 0:
        encoding = "utf-8-sig"
    elif 0 in (even, odd) and max(even, odd) > len(head) // 8:
        # most of a header's letters are Latin, whose other byte is zero
        encoding = "utf-16-le" if odd else "utf-16-be"
    else:
        raise refused(Faults.NOT_A_WORKBOOK, value="binary")
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError:
        raise refused(Faults.BAD_ENCODING) from None
    if "\x00" in text:
        raise refused(Faults.NOT_A_WORKBOOK, value="binary")
    return text


def _rows(text: str, delimiter: str, skipped: int) -> Iterator[Row]:
    """Yield the rows that are not blank; of one with more filled cells than any may have, no more than show that."""
    filled = 0
    try:
        for number, line in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), skipped + 1):
            if number > LINE_LIMIT:
                raise refused(Faults.TOO_MANY_ROWS, expected=ROW_LIMIT)
            values = ((column, _cell(value)) for column, value in enumerate(line, 1) if value and not value.isspace())
            cells = dict(islice(values, COLUMN_LIMIT + 1))
            filled += len(cells)
            if filled > CSV_CELL_LIMIT:
                raise refused(Faults.TOO_LONG, expected=phrase("delimited.cells"))
            if cells:
                yield Row(number, cells)
    except csv.Error as error:
        raise refused(
            Faults.TOO_LONG, expected=csv.field_size_limit()
        ) from error  # the only error that csv raises outside of strict mode


_TEXT_FORMULA = re.compile(r'="([^"]*)"')
"""The formula by which programs keep Excel from dropping the zero of a code: `="06280"`."""


def _cell(value: str) -> Cell:
    if match := _TEXT_FORMULA.fullmatch(value.strip()):
        return Cell(match[1])
    return Cell(value, "formula" if value.lstrip().startswith("=") else "text")
