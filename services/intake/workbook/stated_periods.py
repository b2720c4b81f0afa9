"""Periods that a sheet states around its figures: in its title, in its name, beside the word `Kỳ`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from services.intake.texts import phrase
from services.intake.workbook.columns import Header
from services.intake.workbook.periods import read_period
from shared.contracts.period import Period
from shared.spreadsheet.grid import Row, Sheet, name_of
from shared.text import plain
from shared.texts import filled

_LONGEST = 300
_LABEL = re.compile(r"(?:ky(?: bao cao| so lieu)?|period) ?:? ?(.*)")
_OTHER_MATTER = re.compile(
    r"ky truoc|cung ky|so voi|quyet dinh|thong tu|nghi quyet|nghi dinh|ke hoach so|cong van|ban hanh|giai doan|chuan"
    r"|previous|compared|decision|circular"
)
"""Words of texts whose dates are not the period of the figures, such as `Kỳ trước` or `Quyết định số 318`."""
_DAY = re.compile(r"(?:ngay )?\d{1,2} ?(?:[/.-] ?|thang )\d{1,2}(?: ?[/.-] ?| nam )\d{4}")
_SPAN = re.compile(r"(?!6 )\b(?:\d+|ba|chin) thang(?: dau| cuoi| qua)?(?: nam)?(?: \d{4})?(?= |$)|tu thang.*")
_PERIODS = re.compile(
    r"(?:6|sau) thang (?:dau|cuoi) (?:nam )?\d{4}|\bquy (?:i{1,3}|iv|[1-4])(?: ?[/.-] ?| nam | )\d{4}"
    r"|\b(?:thang |t\.? ?)\d{1,2}(?: ?[/.-] ?| nam | )\d{4}"
    r"|\b(?:january|february|march|april|may|june|july|august|september|october|november|december) \d{4}"
    r"|\b(?:first|second) half of \d{4}|\bquarter [1-4] of \d{4}"
)
_MONTH = re.compile(r"\bthang (\d{1,2})\b")
_YEAR = re.compile(r"\bnam (\d{4})\b")


@dataclass(frozen=True, slots=True)
class StatedPeriod:
    """A period and its place: a cell, or the sheet's name where there is no cell.

    `month` stands alone where the text says `tháng 6` and no year.
    """

    at: tuple[int, int] | None
    """Row and column."""
    period: Period | None
    month: int | None = None

    @property
    def cell(self) -> str | None:
        """The name of the cell."""
        return name_of(*self.at) if self.at else None

    @property
    def named(self) -> object:
        """The period, or the month alone, as a sentence names it."""
        return self.period or filled(phrase("stated.month"), month=self.month)

    def belies(self, period: Period) -> bool:
        """Say whether figures for the period cannot be those that the place announces."""
        if self.period is None:
            return period.granularity == "month" and period.start.month != self.month
        if self.period.granularity in {"year", "half", "quarter"}:
            return not (self.period.start <= period.start and period.end <= self.period.end)
        return self.period != period


def stated_periods(sheet: Sheet, header: Header) -> list[StatedPeriod]:
    """Return the periods that the sheet's name and the rows above its header state."""
    found = list(_of_text(sheet.title, None))
    if not found and (named := read_period(sheet.title)):
        found.append(StatedPeriod(None, named))
    for row in sheet.rows:
        if row.number >= header.row:
            break
        found += _of_row(row)
    return found


def the_period(stated: Iterable[StatedPeriod]) -> Period | None:
    """Return the one period that the places state; None where they state several, or a year alone.

    A title such as `Kế hoạch năm 2023` stands above figures of any month.
    """
    periods = {one.period for one in stated if one.period and one.period.granularity != "year"}
    return periods.pop() if len(periods) == 1 else None


def _of_row(row: Row) -> Iterator[StatedPeriod]:
    for column, cell in row.cells.items():
        at = (row.number, column)
        if cell.kind == "text" and (label := _LABEL.fullmatch(plain(cell.text[:_LONGEST]))):
            beside = label[1] or row.text(next((other for other in sorted(row.cells) if other > column), None))
            if period := read_period(beside):
                yield StatedPeriod(at, period)
                continue
        if cell.kind in {"text", "date"}:
            yield from _of_text(cell.text, at)


def _of_text(text: str, at: tuple[int, int] | None) -> Iterator[StatedPeriod]:
    words = plain(text[:_LONGEST])
    if _OTHER_MATTER.search(words):
        return
    words = _SPAN.sub(" ", _DAY.sub(" ", words))
    if periods := {period for match in _PERIODS.findall(words) if (period := read_period(match))}:
        for period in sorted(periods, key=str):
            yield StatedPeriod(at, period)
        return
    months, years = {int(month) for month in _MONTH.findall(words)}, set(_YEAR.findall(words))
    if len(months) == 1 and (month := months.pop()) in range(1, 13):
        yield StatedPeriod(at, read_period(f"{month}/{next(iter(years))}") if len(years) == 1 else None, month)
    elif not months and len(years) == 1 and (period := read_period(years.pop())):
        yield StatedPeriod(at, period)
