"""The columns of a file of contacts, by the names that people give them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from services.notify.texts import phrase
from shared.contracts.bilingual import Bilingual
from shared.problems import Fault, Faults
from shared.spreadsheet import Row, Sheet
from shared.spreadsheet.grid import name_of
from shared.text import plain

HEADER_ROWS = 20

FIELDS: Mapping[str, tuple[Bilingual, str]] = {
    "role": (phrase("columns.role"), "vai tro; ma vai tro; role"),
    "unit": (phrase("columns.unit"), "don vi; ma don vi; unit; unit code"),
    "name": (phrase("columns.name"), "ten; ho va ten; ho ten; ten dau moi; dau moi; name; full name"),
    "language": (phrase("columns.language"), "ngon ngu; language"),
    "digest": (phrase("columns.digest"), "tong hop; digest"),
    "news": (phrase("columns.news"), "thong bao khong phai xu ly; thong bao khong can xu ly; news"),
    "quiet_from": (phrase("columns.quiet_from"), "yen lang tu; quiet from"),
    "quiet_until": (phrase("columns.quiet_until"), "yen lang den; quiet until"),
    "away_from": (phrase("columns.away_from"), "nghi tu; nghi tu ngay; vang tu; vang tu ngay; away from"),
    "away_until": (
        phrase("columns.away_until"),
        "nghi den; nghi den ngay; nghi den het ngay; vang den; vang den ngay; away until",
    ),
    "substitute": (phrase("columns.substitute"), "nguoi thay; nguoi thay the; ban giao cho; substitute"),
    "emails": (
        phrase("columns.emails"),
        "e mail; email; emails; e mails; mail; gmail; thu dien tu; hop thu; hop thu dien tu; dia chi e mail; "
        "dia chi email; dia chi mail; dia chi thu dien tu; e mail cong vu; email cong vu; mail cong vu; thu cong vu; "
        "thu dien tu cong vu; hop thu cong vu; e mail co quan; email co quan; email address; e mail address; "
        "work email; work e mail",
    ),
    "phones": (
        phrase("columns.phones"),
        "dien thoai; so dien thoai; dien thoai di dong; so dien thoai di dong; di dong; so di dong; dt; so dt; sdt; "
        "dt di dong; so dt di dong; sdt di dong; dtdd; so dtdd; phone; phones; phone number; phone no; telephone; tel; "
        "mobile; mobiles; mobile phone; mobile number; mobile no; cell; cell phone; cellphone",
    ),
    "services": (phrase("columns.services"), "dich vu khac; dich vu; services; service"),
    "sample": (phrase("columns.sample"), "so lieu mau; mau; sample"),
}
"""Each field's name for people, and the names of its column in plain letters."""

_FIELD_OF = {name.replace(" ", ""): field for field, (_, names) in FIELDS.items() for name in names.split(";")}
_REMARKS = frozenset({"stt", "tt", "sott", "sothutu", "no", "ghichu", "note", "notes", "remark", "remarks"})
_NEEDED = {"role", "unit", "name"}
LISTS = frozenset({"emails", "phones", "services"})
"""The fields that take several values, so that several columns may give them."""

_NAMES = Bilingual(
    vi=", ".join(words.vi for words, _ in FIELDS.values()), en=", ".join(words.en for words, _ in FIELDS.values())
)
_FURTHER = re.compile(r"(?:[\W_]+(?:lien he|ca nhan|rieng|khac|chinh|phu|\d))+[\W_]*$")
"""The words behind the name of one of several columns of addresses: `Email cá nhân`, `ĐT 2`."""
_MARKS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a sheet: the number of its row, the columns of each field, and its faults."""

    number: int
    columns: Mapping[str, Sequence[int]]
    faults: Sequence[Fault]


def recognised(row: Row) -> int:
    """Return the number of cells of a row that name a field."""
    return sum(field in FIELDS for field in (_field(cell.text) for cell in row.cells.values()))


def header_of(sheet: Sheet) -> Header | None:
    """Return the header of a sheet; None where no row names role, unit and name."""
    rows = [row for row in islice(sheet.rows, HEADER_ROWS) if {_field(c.text) for c in row.cells.values()} >= _NEEDED]
    return _header(max(rows, key=recognised), sheet) if rows else None


def _header(row: Row, sheet: Sheet) -> Header:
    columns: dict[str, list[int]] = {}
    details: dict[str, object]
    faults: list[Fault] = []
    for column, cell in sorted(row.cells.items()):
        field, place = _field(cell.text), name_of(row.number, column)
        if field is None:
            details = {"value": cell.text, "expected": _NAMES}
            faults.append(Fault(f"/{row.number}", Faults.UNKNOWN_CONTACT_COLUMN, details, sheet.title, place))
        elif field in columns and field not in LISTS:
            details = {"value": cell.text, "expected": name_of(row.number, columns[field][0])}
            faults.append(Fault(f"/{row.number}", Faults.REPEATED_COLUMN, details, sheet.title, place))
        elif field:
            columns.setdefault(field, []).append(column)
    filled = {column: other for other in reversed(sheet.rows) if other.number > row.number for column in other.cells}
    faults += [
        Fault(
            f"/{filled[column].number}", Faults.NAMELESS_COLUMN, {}, sheet.title, name_of(filled[column].number, column)
        )
        for column in sorted(filled.keys() - row.cells.keys())
    ]
    return Header(row.number, columns, faults)


def _field(text: str) -> str | None:
    """Return the field of a column with this name; empty for a column of remarks, None for an unknown one."""
    if text.startswith("#"):
        return ""
    words = plain(text[:200])
    name = _MARKS.sub("", words)
    further = _MARKS.sub("", _FURTHER.sub("", words))
    found = _FIELD_OF.get(name) or (field if (field := _FIELD_OF.get(further)) in LISTS else None)
    return "" if name in _REMARKS else found
