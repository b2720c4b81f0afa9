"""Rows that every Vietnamese form has beside its figures: totals, numbers of columns, signatures."""

from __future__ import annotations

import re
from enum import Enum
from itertools import pairwise

from services.intake.texts import phrase
from services.intake.workbook.columns import Header
from services.intake.workbook.numbers import meanings, yes_or_no
from shared.characters import whole_digits
from shared.contracts.bilingual import Language
from shared.problems.faults import in_words
from shared.spreadsheet.grid import Row
from shared.text import plain

_NUMBERED_ROWS = 2
"""The rows below the header among which the numbers of columns may stand."""

_TOTAL = re.compile(
    r"(?:(?:[ivx]+|\d+)[.)]? )?(?:"
    r"(?:tong(?: cong| so)?|t\. ?cong|cong)(?: (?:(?:toan )?(?:huyen|tinh|xa|thanh pho)|cac xa|\d+ xa|khu vuc|vung|cum"
    r"|muc)\b.*| [ivx]+| don| trang| chuyen trang sau)?"
    r"|toan (?:huyen|tinh|xa|thanh pho)|luy ke\b.*|trong do\b.*|(?:binh quan|trung binh)(?: chung)?|ty le(?: %)?"
    r"|(?:grand |sub-?)?total|sum|average)(?: [(:].*)?[ .:]*"
)
"""Totals, also of a part of the units or of the months so far, and what is calculated from them."""
_NUMBER_OF_COLUMN = re.compile(r"\(?(?:[a-z]|\d{1,3})\)?(?: ?= ?[\d ()+/*x:.,%-]+)?")
_SIGNATURE = re.compile(
    r"(?:nguoi|can bo|cong chuc)(?: \w+)? (?:lap|tong hop|bao cao|kiem tra|kiem soat|ky)\b.*|lap bieu\b.*"
    r"|thu truong\b.*|(?:pho )?(?:chu tich|giam doc|truong phong|truong ban|bi thu)\b.*|ke toan\b.*"
    r"|lanh dao\b.*|xac nhan\b.*"
    r"|(?:tm|kt|tl|tuq)\.? .*|t/m .*|\(ky\b.*|\(?da ky\b.*|ky,? (?:ghi ro|ten|thay|va)\b.*|noi nhan\b.*"
    r"|luu ?:.*|ghi chu ?:.*"
    r"|(?:prepared|signed|approved) by\b.*"
    r"|.*\bngay (?:[.…_ ]+|\d{1,2}) ?thang (?:[.…_ ]+|\d{1,2}) ?nam\b.*"
)


class PassedOver(Enum):
    """The parts of a file that are passed over, each with its words: rows without a unit's figures, hidden sheets."""

    TOTAL = phrase("other_rows.total")
    NUMBERS_OF_COLUMNS = phrase("other_rows.numbers_of_columns")
    SIGNATURE = phrase("other_rows.signature")
    WITHOUT_FIGURES = phrase("other_rows.without_figures")
    HIDDEN_SHEET = phrase("other_rows.hidden_sheet")
    SHEET_WITHOUT_HEADER = phrase("other_rows.sheet_without_header")

    @property
    def code(self) -> str:
        """The stable code for programs."""
        return self.name.lower()

    def text(self, value: str, language: Language) -> str:
        """Return the text for people, which quotes what stands there."""
        return in_words(self.value, {"value": value}, language)


def other_row(row: Row, header: Header) -> PassedOver | None:
    """Return the kind of a row that holds no unit's figures; None for any other row."""
    if _numbers_columns(row, header):
        return PassedOver.NUMBERS_OF_COLUMNS
    if has_code(row, header):
        return None
    words = {column: plain(cell.text[:200]) for column, cell in row.cells.items() if cell.kind == "text"}
    if any(_TOTAL.fullmatch(text) for column, text in words.items() if column not in header.elements):
        return PassedOver.TOTAL
    if has_number(row, header):
        return None
    names = [words[column] for role in ("unit", "name") if (column := header.roles.get(role)) in words]
    if all(_SIGNATURE.fullmatch(name) for name in names) and any(_SIGNATURE.fullmatch(text) for text in words.values()):
        return PassedOver.SIGNATURE
    has_unit = any(row.text(header.roles.get(role)) for role in ("unit", "name"))
    # such as the units of measure below a header, or a name below the signatures
    in_figures = [text for column, text in words.items() if column in header.elements]
    is_words = bool(in_figures) and not any(re.search(r"\d", text) for text in in_figures)
    return PassedOver.WITHOUT_FIGURES if is_words and not has_unit else None


def has_number(row: Row, header: Header) -> bool:
    """Say whether the row has a number, a yes or no, or a formula where figures stand."""
    return any(
        cell.kind != "text"
        or bool(meanings(cell.text))
        or (element.type == "yes_no" and yes_or_no(cell.text) is not None)
        for column, element in header.elements.items()
        if (cell := row.cells.get(column))
    )


def has_code(row: Row, header: Header) -> bool:
    """Say whether the row names its unit by a code."""
    written = (whole_digits(row.text(header.roles.get(role))) for role in ("unit", "name"))
    return any(re.match(r"[0-9]{3,5}(?![0-9])|[0-9]{2}$", text) for text in written)


def _numbers_columns(row: Row, header: Header) -> bool:
    """Say whether the row counts the columns, as `A B 1 2 3` below a header does."""
    if row.number > header.row + _NUMBERED_ROWS:
        return False
    texts = {column: plain(cell.text[:40]) for column, cell in row.cells.items()}
    if not all(_NUMBER_OF_COLUMN.fullmatch(text) for text in texts.values()):
        return False
    labels = [text for column, text in texts.items() if column not in header.elements]
    if any(re.search(r"\d\d", text) for text in labels):
        return False
    counted = [int(number[0]) for text in _in_order(texts, header) if (number := re.search(r"\d+", text))]
    follows = all(later == earlier + 1 for earlier, later in pairwise(counted))
    before = [int(number[0]) for text in labels if (number := re.search(r"\d", text))]
    return bool(labels) and bool(counted) and follows and max(before, default=0) < counted[0] <= max(row.cells)


def _in_order(texts: dict[int, str], header: Header) -> list[str]:
    return [texts[column] for column in sorted(texts) if column in header.elements]
