"""Contacts as people submit them: an Excel or CSV file with a row for each contact, or JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from pydantic import ValidationError

from services.notify.contacts.checks import check
from shared.problems import Fault, Faults, Problem, Problems
from shared.problems.pydantic_errors import faults_of
from shared.reference.load import Reference
from shared.reference.models import Contact
from shared.spreadsheet import Row, Sheet, read_grid
from shared.spreadsheet.grid import name_of
from shared.text import plain

HEADER_ROWS = 20

COLUMNS: Mapping[str, str] = {
    "vai tro": "role", "role": "role",
    "don vi": "unit", "ma don vi": "unit", "unit": "unit",
    "ten": "name", "ho va ten": "name", "ho ten": "name", "name": "name",
    "ngon ngu": "language", "language": "language",
    "tong hop": "digest", "digest": "digest",
    "yen lang tu": "quiet_from", "quiet from": "quiet_from", "quiet_from": "quiet_from",
    "yen lang den": "quiet_until", "quiet until": "quiet_until", "quiet_until": "quiet_until",
    "e-mail": "emails", "email": "emails", "thu dien tu": "emails", "emails": "emails",
    "dien thoai": "phones", "so dien thoai": "phones", "phone": "phones", "phones": "phones",
    "dich vu khac": "services", "services": "services",
    "so lieu mau": "sample", "mau": "sample", "sample": "sample",
}  # fmt: skip
"""The field of a column, by the column's name without diacritics and case."""

_LISTS = {"emails", "phones", "services"}
_NEEDED = {"role", "unit", "name"}
_WORDS: Mapping[str, Mapping[str, str | bool]] = {
    "digest": {"khong": "none", "hang ngay": "daily", "hang tuan": "weekly"},
    "language": {"tieng viet": "vi", "tieng anh": "en", "vietnamese": "vi", "english": "en"},
    "sample": {"true": True, "false": False, "co": True, "khong": False, "yes": True, "no": False, "x": True},
}


type _Placed = tuple[Callable[[Fault], Fault], Contact]
"""A contact, and the function that adds the contact's place in the file to a fault."""


@dataclass(frozen=True, slots=True)
class Book:
    """The contacts of a file and every fault in it: a file with any fault is refused whole."""

    contacts: Sequence[Contact]
    faults: Sequence[Fault]


def read_book(body: bytes, reference: Reference) -> Book:
    """Return the contacts and faults of a spreadsheet; raise a problem (422) where nothing in it can be read."""
    grid = read_grid(body, lambda row: len(_columns(row)))
    placed: list[_Placed] = []
    faults: list[Fault] = []
    has_header = False
    for sheet in grid.sheets:
        if header := _header(sheet):
            has_header = True
            for row in sheet.rows:
                if row.number > header.number:
                    _read_row(row, sheet, _columns(header), placed, faults)
    if not has_header:
        raise Problem(Problems.FILE_REFUSED, Fault("", Faults.NO_CONTACT_COLUMNS))
    return _whole(placed, faults, reference)


def checked_book(contacts: Sequence[Contact], reference: Reference) -> Book:
    """Return contacts that came as JSON, checked like those of a spreadsheet."""

    def at(place: int) -> Callable[[Fault], Fault]:
        return lambda fault: Fault(f"/contacts/{place}{fault.pointer}", fault.kind, fault.details)

    return _whole([(at(place), contact) for place, contact in enumerate(contacts)], [], reference)


def _whole(placed: Sequence[_Placed], faults: list[Fault], reference: Reference) -> Book:
    contacts: dict[tuple[str, str, str], Contact] = {}
    for at_place, contact in placed:
        kept, wrong = check(contact, reference)
        faults += [at_place(fault) for fault in wrong]
        key = (kept.role, kept.unit, kept.name)
        if key in contacts:
            repeated = Fault("/name", Faults.REPEATED_CONTACT, {"value": kept.name, "role": kept.recipient})
            faults.append(at_place(repeated))
        contacts[key] = kept
    return Book(list(contacts.values()), faults)


def _header(sheet: Sheet) -> Row | None:
    rows = [row for row in islice(sheet.rows, HEADER_ROWS) if set(_columns(row)) >= _NEEDED]
    return max(rows, key=lambda row: len(_columns(row)), default=None)


def _columns(row: Row) -> dict[str, int]:
    """Return the column of each field, by a header row."""
    names = ((COLUMNS.get(plain(cell.text[:200]).strip(" :*")), column) for column, cell in row.cells.items())
    return {name: column for name, column in reversed(list(names)) if name}


def _read_row(
    row: Row,
    sheet: Sheet,
    columns: Mapping[str, int],
    placed: list[_Placed],
    faults: list[Fault],
) -> None:
    def at_place(fault: Fault) -> Fault:
        field = fault.pointer.strip("/").partition("/")[0]
        cell = name_of(row.number, columns.get(field) or min(columns.values()))
        return Fault(f"/{row.number}/{field}", fault.kind, fault.details, sheet.title, cell)

    written = {name: row.text(column) for name, column in columns.items()}
    fields = {name: _value(name, text) for name, text in written.items() if text}
    try:
        placed.append((at_place, Contact.model_validate(fields)))
    except ValidationError as error:
        errors = ({**fault, "loc": ("row", *fault["loc"])} for fault in error.errors(include_url=False))
        faults += [at_place(fault) for fault in faults_of(errors)]


def _value(name: str, text: str) -> list[str] | str | bool:
    if name in _LISTS:
        return [part.strip() for part in text.replace("\n", ";").split(";") if part.strip()]
    return _WORDS.get(name, {}).get(plain(text), text)
