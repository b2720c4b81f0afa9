"""Periods that a sheet states around its figures: in its title, in its name, beside the word `Kỳ`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from services.intake.texts import phrase
from services.intake.workbook.columns import Header
from services.intake.workbook.periods import read_period
from shared.contracts.bilingual import Bilingual
from shared.contracts.period import Granularity, Period
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
_MONTH = re.compile(r"\bthang (0?[1-9]|1[0-2])\b")
_QUARTERS = {"i": 1, "ii": 2, "iii": 3, "iv": 4, "1": 1, "2": 2, "3": 3, "4": 4}
_QUARTER = re.compile(r"\bquy (i{1,3}|iv|[1-4])\b")
_PARTS: dict[Granularity, Bilingual] = {"month": phrase("stated.month"), "quarter": phrase("stated.quarter")}
_YEAR = re.compile(r"\bnam (\d{4})\b")


@dataclass(frozen=True, slots=True)
class StatedPeriod:
    """A period and its place: a cell, or the sheet's name where there is no cell.

    `part` is the month or quarter where the text says `tháng 6` or `quý II` and no year.
    """

    at: tuple[int, int] | None
    """Row and column."""
    period: Period | None
    part: tuple[Granularity, int] | None = None

    @property
    def cell(self) -> str | None:
        """The name of the cell."""
        return name_of(*self.at) if self.at else None

    @property
    def named(self) -> object:
        """The period, or the month or quarter alone, as a sentence names it."""
        if self.period or self.part is None:
            return self.period
        kind, number = self.part
        return filled(_PARTS[kind], number=number)

    def belies(self, period: Period) -> bool:
        """Say whether figures for the period cannot be those that the place announces."""
        if self.period is None:
            return self.part != _part_of(period) and self.part is not None and self.part[0] == period.granularity
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
    years = set(_YEAR.findall(words))
    parts: set[tuple[Granularity, int]] = {("month", int(month)) for month in _MONTH.findall(words)}
    parts |= {("quarter", _QUARTERS[quarter]) for quarter in _QUARTER.findall(words)}
    if len(parts) == 1:
        [(kind, number)] = parts
        written = f"{number}/{next(iter(years), '')}" if kind == "month" else f"Q{number} {next(iter(years), '')}"
        yield StatedPeriod(at, read_period(written) if len(years) == 1 else None, (kind, number))
    elif not parts and len(years) == 1 and "ke hoach" not in words and (period := read_period(years.pop())):
        yield StatedPeriod(at, period)


def _part_of(period: Period) -> tuple[Granularity, int]:
    return period.granularity, (
        period.start.month - 1
    ) // 3 + 1 if period.granularity == "quarter" else period.start.month
