"""The times of a year that a title or a sheet's name speaks of: one period, several months, figures up to a day."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from services.intake.texts import phrase
from services.intake.workbook.periods import in_digits, read_period
from shared.contracts.bilingual import Bilingual
from shared.contracts.period import Period
from shared.text import day_named, plain
from shared.texts import filled

_LONGEST = 300
_OTHER_MATTER = re.compile(
    r"ky truoc|nam truoc|cung ky|so voi|quyet dinh|thong tu|nghi quyet|nghi dinh|ke hoach so|cong van|ban hanh"
    r"|giai doan|chuan|previous|compared|decision|circular"
)
"""Words of texts whose dates are not the period of the figures, such as `Kỳ trước` or `Quyết định số 318`."""
_SIGNS = re.compile(r"[()\[\]:_\s]+")
_ABOUT = re.compile(r"\b(thang|quy|nam) (?:bao cao|so lieu) ")
_DAY_IN_WORDS = re.compile(r"\b(\d{1,2}) thang (\d{1,2}),? nam (\d{4})")
_ROMAN_QUARTERS = re.compile(r"\bquy [iv]+(?: ?(?:,|\+|&|-|va|den) ?(?:quy )?[iv]+)*\b")
_QUARTERS = {"i": "1", "ii": "2", "iii": "3", "iv": "4"}

_D = r"(\d{1,2})[/.-](\d{1,2})"
_FROM_DAY = re.compile(rf"(?:tu )?(?:ngay )?\b{_D}(?:[/.-]\d{{4}})? ?(?:den|-) ?(?:het )?(?:ngay )?{_D}[/.-](\d{{4}})")
_UNTIL_DAY = re.compile(rf"\bden (?:het )?(?:ngay )?{_D}[/.-](\d{{4}})")
_ANY_DAY = re.compile(r"(?<!thang )(?:ngay )?\b\d{1,2} ?[/.-] ?\d{1,2} ?[/.-] ?\d{4}")
_OF_YEAR = r"(?: ?[/.,-] ?| nam |,? nam | )(\d{4})"
_CUMULATED = re.compile(
    r"\b(\d{1,2}|sau|ba|chin) ?t(?:hang)?\.? (?:(dau|cuoi)(?: nam)?(?: (\d{4}))?|(?:nam )?(\d{4}))(?!\d)"
)
_FROM_MONTH = re.compile(
    rf"(?:\btu )?\bthang (\d{{1,2}})(?:/\d{{4}})? ?(?:-|den|toi) ?(?:het )?(?:thang )?(\d{{1,2}})(?!\d)(?:{_OF_YEAR})?"
)
_UNTIL_MONTH = re.compile(rf"\bden (?:het )?thang (\d{{1,2}}){_OF_YEAR}")
_PART = r"(?: ?(?:,|\+|&|-|va|den) ?(?:thang |quy )?\d{1,2})+(?!\d)"
_SEVERAL = re.compile(rf"\b(thang|quy) (\d{{1,2}}{_PART})(?:{_OF_YEAR}|(?= ?\.?$))")
_ONE = re.compile(
    r"\bquy (?:i{1,3}|iv|[1-4])(?: ?[/.,-] ?| nam |, nam | )\d{4}|\b(?:quy|q)\.? ?[1-4] ?[/.-] ?[23]\d(?![\d/])"
    r"|\b(?:thang |t\.? ?)\d{1,2}(?: ?[/.,-] ?| nam |, nam | )\d{4}|\b(?:thang |t\.? ?)\d{1,2} ?[/.-] ?[23]\d(?![\d/])"
    r"|\b(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]* \d{4}"
    r"|\b(?:first|second) half of \d{4}|\bquarter [1-4] of \d{4}"
)
_MONTH = re.compile(r"\bthang (0?[1-9]|1[0-2])\b|^t ?(0?[1-9]|1[0-2])$|^thang(0?[1-9]|1[0-2])$")
_QUARTER = re.compile(r"\bquy ?([1-4])\b|^q ?([1-4])$")
_SHORT_QUARTER = re.compile(r"^q ?(?=(?:i{1,3}|iv)\b)")
_A_YEAR = re.compile(r"\bnam (\d{4})\b(?! ?- ?\d{4})")
_IN_BRACKETS = re.compile(r"([^();]*)\(([^()]*)\)")
_BEFORE_BARE = re.compile(r"^(?:(?:bao cao|so lieu|ket qua) )+")
_NUMBERS = {"ba": 3, "sau": 6, "chin": 9}


@dataclass(frozen=True, slots=True)
class NamedTime:
    """A stretch of months, the first and the last, and the year where the text says it."""

    first: int
    last: int
    year: int | None
    period: Period | None = None
    """The one period that the text names in so many words."""
    until: date | None = None
    """The last day of a month up to which figures were counted; the months are then those of that year so far."""

    @property
    def named(self) -> object:
        """The time as a sentence names it."""
        if self.until:
            return filled(phrase("stated.until"), day=day_named(self.until))
        if self.period:
            return self.period
        year = Bilingual(vi=f"/{self.year}", en=f" {self.year}") if self.year else Bilingual(vi="", en="")
        words = phrase("stated.month") if self.first == self.last else phrase("stated.months")
        return filled(words, first=self.first, last=self.last, year=year)

    def is_other_than(self, period: Period) -> bool:
        """Say whether figures for the period would be those of another time, be it a wider one.

        A title such as `Kế hoạch năm 2023` stands above figures of any month of the year.
        """
        if self.until:
            return not period.start <= self.until <= period.end
        if self.is_year or period.granularity == "day":
            return not self.holds(period)
        if self.year is None and period.granularity == "year":
            return False
        is_year_other = self.year is not None and self.year != period.start.year
        return is_year_other or (self.first, self.last) != (period.start.month, period.end.month)

    def holds(self, period: Period) -> bool:
        """Say whether the period lies within the time."""
        if self.year is not None and self.year != period.start.year:
            return False
        return self.first <= period.start.month and period.end.month <= self.last

    def agrees_with(self, other: NamedTime) -> bool:
        """Say whether one of the two times lies within the other."""
        if None not in (self.year, other.year) and self.year != other.year:
            return False
        inner, outer = sorted((self, other), key=lambda time: time.last - time.first)
        return outer.first <= inner.first and inner.last <= outer.last

    @property
    def is_year(self) -> bool:
        """Say whether a whole year is named and no part of it."""
        return self.period is not None and self.period.granularity == "year"


def named_times(text: str) -> list[NamedTime]:
    """Return the times that a text names; none for dates of other matters."""
    words = _relevant(text)
    found = [time for match in _FROM_DAY.finditer(words) if (time := _of_days(*map(int, match.groups())))]
    words = _FROM_DAY.sub(" ", words)
    until = [time for match in _UNTIL_DAY.finditer(words) if (time := _until(*map(int, match.groups())))]
    words = _ANY_DAY.sub(" ", words)
    cumulated = [*_cumulated(words)]
    words = _FROM_MONTH.sub(" ", _CUMULATED.sub(lambda match: f" nam {match[3] or match[4] or ''} ", words))
    until += [_until_month(int(month), int(year)) for month, year in _UNTIL_MONTH.findall(words) if int(month) <= 12]
    words = _UNTIL_MONTH.sub(" ", words)
    several = [*_several(words)]
    one = [*_one(_SEVERAL.sub(" ", words))]
    # `tháng 5 và 5 tháng đầu năm`: what is added up so far stands beside the month
    own = [*found, *several, *([] if several else one)]
    return [*([time for time in own if not time.is_year] or cumulated or own), *until]


def is_named_alone(text: str) -> bool:
    """Say whether a text is the name of a time and nothing else, as a heading above rows is."""
    words = _BEFORE_BARE.sub("", re.sub(r"^(?:[ivx]+|\d{1,2})[.)] ?", "", _relevant(text)))
    rest = _MONTH.sub("", _QUARTER.sub("", _SEVERAL.sub("", _ONE.sub("", words))))
    return bool(words) and (read_period(words) is not None or not re.search(r"[a-z\d]", rest))


def _relevant(text: str) -> str:
    """Return the plain words of the text, without the clauses of other matters."""
    clauses = _IN_BRACKETS.sub(_without_other_matter, plain(text[:_LONGEST])).split(";")
    words = _SIGNS.sub(" ", " ".join(clause for clause in clauses if not _OTHER_MATTER.search(clause))).strip()
    words = _SHORT_QUARTER.sub("quy ", words)
    words = in_digits(_ABOUT.sub(r"\1 ", _ROMAN_QUARTERS.sub(_in_digits, words)))
    return _DAY_IN_WORDS.sub(r"\1/\2/\3", words)


def _without_other_matter(part: re.Match[str]) -> str:
    """Leave out a bracket of another matter, and what it names: `tháng 3/2023 (kỳ trước)`."""
    if not _OTHER_MATTER.search(part[2]):
        return part[0]
    return "" if part[2].startswith(("ky truoc", "nam truoc", "cung ky")) else part[1]


def _in_digits(quarters: re.Match[str]) -> str:
    return re.sub(r"\b(?:i{1,3}|iv)\b", lambda roman: _QUARTERS[roman[0]], quarters[0])


def _of_days(first_day: int, month: int, last_day: int, last_month: int, year: int) -> NamedTime | None:
    """Return the whole months between two days; None for other days, such as 15 March to 14 April."""
    whole = first_day == 1 and month <= last_month and _until(last_day, last_month, year)
    return NamedTime(month, last_month, year, _whole_period(month, last_month, year)) if whole else None


def _whole_period(first: int, last: int, year: int) -> Period | None:
    names = {1: f"{year}-{first:02}", 3: f"{year}-Q{(first + 2) // 3}", 6: f"{year}-H{(first + 5) // 6}", 12: f"{year}"}
    name = names.get(last - first + 1)
    period = Period.parse(name) if name and 1990 <= year <= 2100 else None
    return period if period and period.start.month == first else None


def _until(last_day: int, month: int, year: int) -> NamedTime | None:
    """Return the time up to the last day of a month; None for any other day, by which reports are put together."""
    try:
        last = date(year, month, last_day)
    except ValueError:
        return None
    return NamedTime(1, month, year, until=last) if (last + timedelta(days=1)).day == 1 else None


def _until_month(month: int, year: int) -> NamedTime:
    following = date(year + month // 12, month % 12 + 1, 1)
    return NamedTime(1, month, year, until=following - timedelta(days=1))


def _cumulated(words: str) -> Iterator[NamedTime]:
    for match in _CUMULATED.finditer(words):
        count = _NUMBERS.get(match[1]) or int(match[1])
        year = match[3] or match[4]
        if 1 <= count <= 12:
            first, last = (13 - count, 12) if match[2] == "cuoi" else (1, count)
            is_half = count == 6 and match[2] and year
            period = read_period(f"6 thang {match[2]} nam {year}") if is_half else None
            yield NamedTime(first, last, int(year) if year else None, period)
    for match in _FROM_MONTH.finditer(words):
        first, last = int(match[1]), int(match[2])
        if last <= 12:
            yield NamedTime(min(first, last), last, int(match[3]) if match[3] else None)


def _several(words: str) -> Iterator[NamedTime]:
    for kind, numbers, year in _SEVERAL.findall(words):
        places = [int(number) for number in re.findall(r"\d+", numbers)]
        length = 3 if kind == "quy" else 1
        if max(places) * length <= 12:
            first, last = (min(places) - 1) * length + 1, max(places) * length
            yield NamedTime(first, last, int(year) if year else None)


def _one(words: str) -> Iterator[NamedTime]:
    bare = read_period(_BEFORE_BARE.sub("", words).strip())
    periods = {period for match in _ONE.findall(words) if (period := read_period(match))}
    if bare and bare.granularity not in {"day", "year"}:
        periods.add(bare)
    years = set(_A_YEAR.findall(words))
    if periods:
        yield from _joined(periods)
        return
    months = {int(next(filter(None, found))) for found in _MONTH.findall(words)}
    quarters = {int(next(filter(None, found))) for found in _QUARTER.findall(words)}
    year = years.pop() if len(years) == 1 else None
    parts = [(month, month) for month in months] or [(quarter * 3 - 2, quarter * 3) for quarter in quarters]
    if parts:
        first, last = min(parts)[0], max(parts)[1]
        period = _whole_period(first, last, int(year)) if year and len(parts) == 1 else None
        yield NamedTime(first, last, int(year) if year else None, period)
    elif year and "ke hoach" not in words and (period := read_period(year)):
        yield NamedTime(1, 12, int(year), period)


def _joined(periods: Iterable[Period]) -> Iterator[NamedTime]:
    """Yield one time for the periods of each year, from the first to the last."""
    by_year: dict[int, list[Period]] = {}
    for period in periods:
        by_year.setdefault(period.start.year, []).append(period)
    for year, those in sorted(by_year.items()):
        first, last = min(one.start.month for one in those), max(one.end.month for one in those)
        yield NamedTime(first, last, year, those[0] if len(those) == 1 else None)
