"""Periods as people write them, from `30/6/2023` to `6 tháng đầu năm 2023`."""

from __future__ import annotations

import re

from shared.characters import whole_digits
from shared.contracts.period import Period
from shared.text import plain

_LONGEST = 60
_ROMAN = {"i": 1, "ii": 2, "iii": 3, "iv": 4}
_ENGLISH = {
    month: number
    for number, month in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
    )
}
_YEAR = r"(?P<year>\d{4})"
_OF_YEAR = r"(?: ?[/.-] ?| nam | of | )(?:nam )?" + _YEAR
_DAY, _MONTH = r"(?P<day>\d{1,2})", r"(?P<month>\d{1,2})"
_QUARTER = r"(?P<quarter>[1-4]|i{1,3}|iv)"
_NAMED = rf"(?P<named>{'|'.join(_ENGLISH)})[a-z]*\.?"

_FORMS = tuple(
    re.compile(form, re.ASCII)
    for form in (
        rf"(?:ngay )?{_DAY}([/.-]){_MONTH}\2{_YEAR}",
        rf"(?:ngay )?{_DAY} thang {_MONTH}{_OF_YEAR}",
        rf"{_YEAR}([/.-]){_MONTH}\2{_DAY}",
        rf"{_DAY} {_NAMED} {_YEAR}",
        rf"(?:thang |t\.? ?)?{_MONTH} ?[/.-] ?{_YEAR}",
        rf"(?:thang |t\.? ?){_MONTH}{_OF_YEAR}",
        rf"{_YEAR}[/-]{_MONTH}",
        # never 2023.1, which is also how a spreadsheet shows the number 2023.10
        rf"{_YEAR}\.(?P<month>\d\d)",
        rf"{_NAMED}[ /-]{_YEAR}",
        rf"(?:quy|quarter|q)\.? ?{_QUARTER}{_OF_YEAR}",
        rf"{_YEAR}[ /-]?q{_QUARTER}",
        rf"(?:6|sau) thang (?P<half>dau|cuoi){_OF_YEAR}",
        rf"(?P<half>first|second) half{_OF_YEAR}",
        rf"h(?P<half>[12]){_OF_YEAR}",
        rf"{_YEAR}[ /-]?h(?P<half>[12])",
        rf"(?:ca )?(?:nam )?{_YEAR}",
    )
)


def read_period(text: str) -> Period | None:
    """Return the period that the text names, days before months as in Vietnam; None where it names none."""
    if len(text) > _LONGEST:
        return None
    words = plain(whole_digits(text))
    for form in _FORMS:
        if match := form.fullmatch(words):
            try:
                return Period.parse(_period_text(match.groupdict()))
            except ValueError:
                return None
    return None


def _period_text(parts: dict[str, str | None]) -> str:
    year = parts["year"]
    if half := parts.get("half"):
        return f"{year}-H{1 if half in {'1', 'dau', 'first'} else 2}"
    if quarter := parts.get("quarter"):
        return f"{year}-Q{_ROMAN.get(quarter, quarter)}"
    month = parts.get("month") or _ENGLISH.get(parts.get("named") or "")
    if month is None:
        return f"{year}"
    day = parts.get("day")
    return f"{year}-{int(month):02}" + (f"-{int(day):02}" if day is not None else "")
