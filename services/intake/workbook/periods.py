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
_OF_YEAR = r"(?: ?[/.,-] ?| nam | of | )(?:nam )?" + _YEAR
_OF_SHORT_YEAR = r" ?[/.-] ?(?P<year>[23]\d)"
"""The year's last two digits: certain beside the word month or quarter, while 4/23 may also be a day."""
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
        rf"(?:thang |t\.? ?){_MONTH}{_OF_SHORT_YEAR}",
        rf"{_YEAR}[/-]{_MONTH}",
        # never 2023.1, which is also how a spreadsheet shows the number 2023.10
        rf"{_YEAR}\.(?P<month>\d\d)",
        rf"{_NAMED}[ /-]{_YEAR}",
        rf"(?:quy|quarter|q)\.? ?{_QUARTER}{_OF_YEAR}",
        rf"(?:quy|quarter|q)\.? ?{_QUARTER}{_OF_SHORT_YEAR}",
        rf"{_YEAR}[ /-]?q{_QUARTER}",
        rf"(?:6|sau) ?t(?:hang)? (?P<half>dau|cuoi){_OF_YEAR}",
        rf"(?P<half>first|second) half{_OF_YEAR}",
        rf"h(?P<half>[12]){_OF_YEAR}",
        rf"{_YEAR}[ /-]?h(?P<half>[12])",
        rf"(?:ca )?(?:nam )?{_YEAR}",
    )
)


_ROMAN_MONTHS = {**_ROMAN, "v": 5, "vi": 6, "vii": 7, "viii": 8, "ix": 9, "x": 10, "xi": 11, "xii": 12}
_WORDS = {
    word: number
    for number, word in enumerate(
        ("mot", "hai", "ba", "tu", "nam", "sau", "bay", "tam", "chin", "muoi", "muoi mot", "muoi hai"), 1
    )
}
_MONTH_IN_WORDS = re.compile(
    # `hàng tháng năm 2023` is no fifth month, so the word for five needs the word for year behind it
    rf"\bthang (?:(?P<roman>{'|'.join(sorted(_ROMAN_MONTHS, key=len, reverse=True))})(?![a-z.])"
    rf"|(?P<word>{'|'.join(sorted(_WORDS.keys() - {'nam'}, key=len, reverse=True))})"
    r"(?= nam \d{4}| ?[/,-] ?\d| \d{4}|$)"
    r"|(?P<five>nam)(?= nam \d{4}| ?/ ?\d))"
)
_QUARTER_IN_WORDS = re.compile(r"\bquy (mot|hai|ba|bon|tu)\b")
_CLOCK = re.compile(r"[ t]00:00(?::00(?:\.0+)?)?$")
"""The midnight that programs write behind a day."""


def in_digits(words: str) -> str:
    """Write months and quarters in digits that stand in words or Roman numbers, as in `tháng tư năm 2023`."""
    months = _MONTH_IN_WORDS.sub(
        lambda found: f"thang {_ROMAN_MONTHS.get(found['roman']) or _WORDS[found['word'] or found['five']]}", words
    )
    return _QUARTER_IN_WORDS.sub(lambda found: f"quy {_WORDS.get(found[1], 4)}", months)


def read_period(text: str) -> Period | None:
    """Return the period that the text names, days before months as in Vietnam; None where it names none."""
    if len(text) > _LONGEST:
        return None
    words = in_digits(_CLOCK.sub("", plain(whole_digits(text))))
    for form in _FORMS:
        if match := form.fullmatch(words):
            try:
                return Period.parse(_period_text(match.groupdict()))
            except ValueError:
                return None
    return None


def _period_text(parts: dict[str, str | None]) -> str:
    year = f"20{parts['year']}"[-4:]
    if half := parts.get("half"):
        return f"{year}-H{1 if half in {'1', 'dau', 'first'} else 2}"
    if quarter := parts.get("quarter"):
        return f"{year}-Q{_ROMAN.get(quarter, quarter)}"
    month = parts.get("month") or _ENGLISH.get(parts.get("named") or "")
    if month is None:
        return f"{year}"
    day = parts.get("day")
    return f"{year}-{int(month):02}" + (f"-{int(day):02}" if day is not None else "")
