"""The header of a sheet: its row, and the content of each column."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Literal

from shared.characters import typed
from shared.problems import Fault, Faults
from shared.reference.load import Reference
from shared.reference.models import Element
from shared.spreadsheet.grid import Cell, Row, Sheet, name_of
from shared.text import plain

HEADER_ROWS = 20
"""The number of rows from the top among which the header is looked for."""

REMARK = "#"
"""The mark at the beginning of a column's name that keeps the column from being read."""

type Role = Literal["unit", "name", "district", "period", "stage", "revision", "remark"]

_ROLES: dict[Role, tuple[str, ...]] = {
    "unit": ("unit", "ma", "ma don vi", "ma xa", "ma dvhc", "ma so", "code", "unit code"),
    "name": ("name", "ten", "xa", "ten xa", "don vi", "ten don vi", "commune", "unit name", "xa, thi tran"),
    "district": ("district", "huyen", "ten huyen", "huyen, thanh pho", "quan, huyen"),
    "period": ("period", "ky", "ky bao cao", "ky so lieu"),
    "stage": ("stage", "buoc"),
    "revision": ("revision", "lan sua"),
    "remark": ("stt", "tt", "no", "so tt", "ghi chu", "note", "notes", "remark", "remarks"),
}
_MEASURE = re.compile(r"\([^()]*\)\s*$")


class Names:
    """The names that a column may have: codes, and Vietnamese or English names, whatever their diacritics and case."""

    def __init__(self, reference: Reference) -> None:
        self._roles = {name: role for role, names in _ROLES.items() for name in names}
        self._elements: dict[str, set[str]] = {}
        self._by_code = reference.elements
        for element in reference.elements.values():
            for name in (element.code, element.name.vi, element.name.en):
                self._elements.setdefault(_plain(name), set()).add(element.code)

    def role(self, written: str) -> Role | Element | None:
        """Return the content of a column of this name; None where the name is unknown or ambiguous."""
        if typed(written).startswith(REMARK):
            return "remark"
        for name in (_plain(written), _plain(_MEASURE.sub("", written))):
            if role := self._roles.get(name):
                return role
            if len(codes := self._elements.get(name, ())) == 1:
                return self._by_code[next(iter(codes))]
        return None

    def recognised(self, row: Row) -> int:
        """Return the number of columns that the row names as a header; 0 where no column holds units."""
        roles = [role for cell in row.cells.values() if cell.kind == "text" and (role := self.role(cell.text))]
        identifies = "unit" in roles or "name" in roles
        return len(roles) if identifies and any(isinstance(role, Element) for role in roles) else 0


@dataclass(frozen=True)
class Header:
    """A sheet's header, with the columns that are read."""

    row: int
    roles: Mapping[Role, int]
    elements: Mapping[int, Element]
    faults: tuple[tuple[int, Fault], ...]
    """By column."""

    @cached_property
    def read(self) -> frozenset[int]:
        """All columns that are read."""
        return frozenset((*self.roles.values(), *self.elements))


def find_header(sheet: Sheet, names: Names) -> Header | None:
    """Return the header: of the first rows the one that names the most columns, the last of equals.

    None where no row names units and an element.
    """
    best: Row | None = None
    most = 1
    for row in islice(sheet.rows, HEADER_ROWS):
        if (count := names.recognised(row)) >= most:
            best, most = row, count
    return _header(best, sheet.rows, names) if best else None


def _header(row: Row, rows: Iterable[Row], names: Names) -> Header:
    roles: dict[Role, int] = {}
    elements: dict[int, Element] = {}
    first: dict[str, int] = {}
    faults: list[tuple[int, Fault]] = []
    for column in sorted(row.cells):
        written = row.cells[column].text
        role = names.role(written)
        if role == "remark":
            continue
        if role is None:
            faults.append((column, Fault("", Faults.UNKNOWN_COLUMN, {"value": written})))
            continue
        key = role if isinstance(role, str) else role.code
        if key in first:
            details = {"value": written, "expected": name_of(row.number, first[key])}
            faults.append((column, Fault("", Faults.REPEATED_COLUMN, details)))
            continue
        first[key] = column
        if isinstance(role, str):
            roles[role] = column
        else:
            elements[column] = role
    filled = {column for other in rows if other.number > row.number for column in other.cells}
    faults += [
        (column, Fault("", Faults.UNKNOWN_COLUMN, {"value": ""})) for column in sorted(filled - row.cells.keys())
    ]
    return Header(row.number, roles, elements, tuple(faults))


def column_texts(rows: Iterable[Row], column: int) -> list[str]:
    """Return the cells of a column that hold text, as it was written."""
    cells: Iterable[Cell | None] = (row.cells.get(column) for row in rows)
    return [cell.text for cell in cells if cell and cell.kind == "text"]


def _plain(name: str) -> str:
    return plain(name[:200]).strip(" :*")
