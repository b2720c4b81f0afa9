"""Contacts as people submit them: an Excel or CSV file with a row for each contact, or JSON."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pydantic import ValidationError

from services.notify.contacts.checks import Remark, check, namesake_fault, substitute_fault
from services.notify.contacts.columns import LISTS, Header, header_of, recognised
from services.notify.contacts.names import person_key
from services.notify.contacts.unclear_cells import unclear_cells
from shared.characters import typed, whole_digits
from shared.problems import Fault, Faults, Problem, Problems, Warnings
from shared.problems.pydantic_errors import faults_of
from shared.reference.load import Reference
from shared.reference.models import Contact
from shared.spreadsheet import Cell, Grid, Row, Sheet, read_grid
from shared.spreadsheet.grid import name_of
from shared.text import plain

_WORDS: Mapping[str, Mapping[str, str | bool]] = {
    "digest": {"khong": "none", "hang ngay": "daily", "hang tuan": "weekly"},
    "news": {"khong": "none", "hang tuan": "weekly", "ngay": "at_once", "at once": "at_once"},
    "language": {"tieng viet": "vi", "tieng anh": "en", "vietnamese": "vi", "english": "en"},
    "sample": {"true": True, "false": False, "co": True, "khong": False, "yes": True, "no": False, "x": True},
}
_OF_CELLS = {"formula": Faults.FORMULA_IN_CELL, "error": Faults.ERROR_IN_CELL}

_COMMUNE_DIGITS, _PHONE_DIGITS = 5, 9
_DAYS = frozenset({"away_from", "away_until"})
_DAY = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})")
"""A day as people write it."""
_IN_LIST = re.compile(r"[,/|]")
type Placed = tuple[Callable[[Fault], Fault], Contact]
"""A contact, and the function that adds the contact's place in the file to a fault."""


@dataclass(frozen=True, slots=True)
class Book:
    """The contacts of a file, each with its place, every fault, and remarks: a file with any fault is refused whole."""

    placed: Sequence[Placed]
    faults: Sequence[Fault]
    remarks: Sequence[Remark]

    @property
    def contacts(self) -> Sequence[Contact]:
        """The contacts as they are stored."""
        return [contact for _, contact in self.placed]

    def without_substitute(self, known: Iterable[Contact]) -> Sequence[Fault]:
        """Return a fault for each contact whose substitute is neither in the file nor among the known contacts."""
        people = [*self.contacts, *known]
        return [at(fault) for at, contact in self.placed if (fault := substitute_fault(contact, people))]

    def compared_with(self, known: Iterable[Contact]) -> Sequence[Fault]:
        """Return a question for each contact that may be a known one under another spelling."""
        given = {_key(contact) for contact in self.contacts}
        others = [contact for contact in known if _key(contact) not in given]
        found = ((at, namesake_fault(contact, others, Faults.KNOWN_CONTACT)) for at, contact in self.placed)
        return [at(fault) for at, fault in found if fault]


@dataclass(slots=True)
class _Reading:
    """The contacts, faults and remarks that were read so far."""

    placed: list[Placed] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)


def read_book(body: bytes | Grid, reference: Reference) -> Book:
    """Return the contacts and faults of a spreadsheet; raise a problem (422) where nothing in it can be read.

    A workbook may have been read apart.
    """
    grid = read_grid(body, recognised)
    reading = _Reading()
    has_header = False
    for sheet in grid.sheets:
        if header := header_of(sheet):
            has_header = True
            reading.faults += [*header.faults, *unclear_cells(sheet, header)]
            for row in sheet.rows:
                if row.number > header.number:
                    _read_row(row, sheet, header, reading)
        elif sheet.rows:
            details: dict[str, object] = {"value": sheet.title}
            reading.remarks.append(Remark("", Warnings.SHEET_NOT_READ, details, sheet.title))
    if not has_header:
        raise Problem(Problems.FILE_REFUSED, Fault("", Faults.NO_CONTACT_COLUMNS))
    return _whole(reading, reference)


def checked_book(contacts: Sequence[Contact], reference: Reference) -> Book:
    """Return contacts that came as JSON, checked like those of a spreadsheet."""

    def at(place: int) -> Callable[[Fault], Fault]:
        return lambda fault: replace(fault, pointer=f"/contacts/{place}{fault.pointer}")

    return _whole(_Reading([(at(place), contact) for place, contact in enumerate(contacts)]), reference)


def _whole(reading: _Reading, reference: Reference) -> Book:
    kept: list[Placed] = []
    above: dict[tuple[str, str], list[Contact]] = {}
    for at_place, contact in reading.placed:
        checked = check(contact, reference)
        reading.faults += [at_place(fault) for fault in checked.faults]
        reading.remarks += [_at_place(remark, at_place) for remark in checked.remarks]
        others = above.setdefault((contact.role, contact.unit), [])
        if fault := namesake_fault(checked.contact, others, Faults.REPEATED_CONTACT):
            reading.faults.append(at_place(fault))
        others.append(checked.contact)
        kept.append((at_place, checked.contact))
    return Book(kept, reading.faults, reading.remarks)


def _at_place(remark: Remark, at_place: Callable[[Fault], Fault]) -> Remark:
    """Return a remark with its place in the file, which is that of a fault of the same field."""
    placed = at_place(Fault(remark.pointer, Faults.BAD_PHONE, dict(remark.details)))
    return replace(remark, pointer=placed.pointer, sheet=placed.sheet, cell=placed.cell)


def _key(contact: Contact) -> tuple[str, str, str]:
    return contact.role, contact.unit, person_key(contact.name)


def _read_row(row: Row, sheet: Sheet, header: Header, reading: _Reading) -> None:
    columns = header.columns

    def at_place(fault: Fault) -> Fault:
        of_field = fault.pointer.strip("/").partition("/")[0]
        cell = name_of(row.number, _column(columns.get(of_field, ()), row, fault) or min(columns["role"]))
        return Fault(f"/{row.number}/{of_field}", fault.kind, fault.details, sheet.title, cell)

    if not any(row.text(column) for places in columns.values() for column in places):
        return  # nothing but remarks
    wrong = {
        name: Fault(f"/{row.number}/{name}", kind, {"value": cell.text, "range": place}, sheet.title, place)
        for name, places in columns.items()
        for column in places
        if (cell := row.cells.get(column)) and (kind := _fault_of(name, cell))
        for place in (name_of(row.number, column),)
    }
    reading.faults += wrong.values()
    fields = {
        name: value for name, places in columns.items() if name not in wrong and (value := _value(name, row, places))
    }
    try:
        contact = Contact.model_validate(fields)
    except ValidationError as error:
        errors = ({**fault, "loc": ("row", *fault["loc"])} for fault in error.errors(include_url=False))
        reading.faults += [
            at_place(fault) for fault in faults_of(errors) if fault.pointer.strip("/").partition("/")[0] not in wrong
        ]
    else:
        if not wrong:
            reading.placed.append((at_place, contact))


def _column(places: Sequence[int], row: Row, fault: Fault) -> int | None:
    """Return the column, of those that give a field, whose cell holds the faulty value."""
    value = str(fault.details.get("value", ""))
    return next((column for column in places if value in row.text(column)), places[0] if places else None)


def _fault_of(name: str, cell: Cell) -> Faults | None:
    if cell.kind in _OF_CELLS:
        return _OF_CELLS[cell.kind]
    return Faults.BAD_NAME if name == "name" and cell.kind != "text" else None


def _value(name: str, row: Row, places: Sequence[int]) -> list[str] | str | bool:
    texts = [text for column in places if (text := row.text(column))]
    if name in LISTS:
        parts = (part.strip(" ") for text in texts for part in _listed(text))
        return [part for part in parts if part]
    text = texts[0] if texts else ""
    if name in _DAYS and (written := _DAY.fullmatch(text.strip())):
        return f"{written[3]}-{int(written[2]):02}-{int(written[1]):02}"
    if name in {"unit", "role"}:
        return _code(name, text)
    return _WORDS.get(name, {}).get(plain(text), text)


def _listed(text: str) -> list[str]:
    """Return the addresses of a cell; commas and strokes separate them where each part is whole by itself."""
    found = []
    for part in re.split("[;\n]", text):
        pieces = _IN_LIST.split(part)
        found += pieces if all(map(_is_whole, pieces)) else [part]
    return found


def _is_whole(text: str) -> bool:
    """Say whether a text has all parts of an e-mail address or of a telephone number."""
    name, _, domain = text.partition("@")
    return bool(name.strip() and "." in domain) or sum(sign.isdigit() for sign in text) >= _PHONE_DIGITS


def _code(name: str, text: str) -> str:
    """Return a unit's code or a role as a keyboard would type it, a commune's with the zero that Excel dropped."""
    if name == "role":
        return typed(text).casefold().replace(" ", "_")
    code = whole_digits(text)
    return code.zfill(_COMMUNE_DIGITS) if len(code) == _COMMUNE_DIGITS - 1 and code.isdigit() else code
