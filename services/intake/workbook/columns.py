"""Pure: which row of a sheet is its header, and what each of its columns holds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Literal

from shared.problems import Fault, Faults
from shared.reference.load import Reference
from shared.reference.models import Element
from shared.spreadsheet.grid import Cell, Row, Sheet, name_of
from shared.text import plain

HEADER_ROWS = 20
"""The header stands within the first so many rows."""

REMARK = "#"
"""What begins the name of a column that is not read."""

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
_MEASURE = re.compile(r"\s*\([^()]*\)\s*$")


class Names:
    """What a column may be called: codes, and Vietnamese or English names, diacritics and case aside."""

    def __init__(self, reference: Reference) -> None:
        self._roles = {name: role for role, names in _ROLES.items() for name in names}
        self._elements: dict[str, set[str]] = {}
        self._by_code = reference.elements
        for element in reference.elements.values():
            for name in (element.code, element.name.vi, element.name.en):
                self._elements.setdefault(_plain(name), set()).add(element.code)

    def role(self, written: str) -> Role | Element | None:
        """What a column of this name holds; None where nothing is called so, or more than one thing."""
        if written.startswith(REMARK):
            return "remark"
        for name in (_plain(written), _plain(_MEASURE.sub("", written))):
            if role := self._roles.get(name):
                return role
            if len(codes := self._elements.get(name, ())) == 1:
                return self._by_code[next(iter(codes))]
        return None

    def recognised(self, row: Row) -> int:
        """How many columns of a header this row would be; 0 where it names no units."""
        roles = [role for cell in row.cells.values() if cell.kind == "text" and (role := self.role(cell.text))]
        identifies = "unit" in roles or "name" in roles
        return len(roles) if identifies and any(isinstance(role, Element) for role in roles) else 0


@dataclass(frozen=True)
class Header:
    """A sheet's header: where the columns are that are read."""

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
    """The row among the first that names the most columns, the last of equals; None where no row names units and
    an element.
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
        found = names.role(written)
        if found == "remark":
            continue
        if found is None:
            faults.append((column, Fault("", Faults.UNKNOWN_COLUMN, {"value": written})))
            continue
        key = found if isinstance(found, str) else found.code
        if key in first:
            details = {"value": written, "expected": name_of(row.number, first[key])}
            faults.append((column, Fault("", Faults.REPEATED_COLUMN, details)))
            continue
        first[key] = column
        if isinstance(found, str):
            roles[found] = column
        else:
            elements[column] = found
    filled = {column for other in rows if other.number > row.number for column in other.cells}
    faults += [
        (column, Fault("", Faults.UNKNOWN_COLUMN, {"value": ""})) for column in sorted(filled - row.cells.keys())
    ]
    return Header(row.number, roles, elements, tuple(faults))


def column_texts(rows: Iterable[Row], column: int) -> list[str]:
    """What was written as text in a column."""
    cells: Iterable[Cell | None] = (row.cells.get(column) for row in rows)
    return [cell.text for cell in cells if cell and cell.kind == "text"]


def _plain(name: str) -> str:
    return plain(name[:200]).strip(" :*")
