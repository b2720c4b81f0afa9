"""Periods that a sheet states around its figures: in its title, in its name, in its header, beside the word `Kỳ`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from services.intake.workbook.columns import Header
from services.intake.workbook.named_times import NamedTime, is_named_alone, named_times
from services.intake.workbook.other_rows import has_code, has_number
from services.intake.workbook.periods import read_period
from shared.contracts.period import Period
from shared.spreadsheet.grid import Row, Sheet, name_of
from shared.text import plain

_COPY = re.compile(r" \(\d\)$")
"""The number that Excel puts behind the name of a copied sheet."""
_LONGEST = 300
_LABEL = re.compile(r"(ky|thang|quy|nam|thoi gian|thoi ky|period|month)(?: bao cao| so lieu)? ?:? ?(.*)")


@dataclass(frozen=True, slots=True)
class StatedPeriod:
    """A time that a sheet states, and its place: a cell, or the sheet's name where there is no cell."""

    at: tuple[int, int] | None
    """Row and column."""
    time: NamedTime

    @property
    def cell(self) -> str | None:
        """The name of the cell."""
        return name_of(*self.at) if self.at else None

    @property
    def period(self) -> Period | None:
        """The one period that stands there."""
        return self.time.period

    @property
    def named(self) -> object:
        """The time as a sentence names it."""
        return self.time.named

    def belies(self, period: Period) -> bool:
        """Say whether a period that rows state themselves cannot be what the place announces."""
        return not self.time.holds(period)


def stated_periods(sheet: Sheet, header: Header) -> list[StatedPeriod]:
    """Return the periods that the sheet's name, the rows above its header, the header and the headings below state."""
    title = _COPY.sub("", sheet.title)
    found = [StatedPeriod(None, time) for time in named_times(title)]
    if not found and (named := read_period(title)):
        found += _of_period(None, named)
    for row in sheet.rows:
        if row.number < header.row:
            found += _of_row(row)
        elif row.number == header.row:
            columns = sorted(header.read & row.cells.keys())
            found += [one for column in columns for one in _of_text(row.text(column), (row.number, column))]
        elif "period" not in header.roles and not has_number(row, header) and not has_code(row, header):
            texts = ((column, cell.text) for column, cell in row.cells.items() if cell.kind in {"text", "date"})
            found += [
                one
                for column, text in texts
                if is_named_alone(text[:_LONGEST])
                for one in _of_text(text, (row.number, column))
            ]
    return found


def the_period(stated: Sequence[StatedPeriod]) -> Period | None:
    """Return the one period that the places state; None where they state several, or a year alone.

    A title such as `Kế hoạch năm 2023` stands above figures of any month; with `Tháng 4` beside it the two are one.
    """
    times = {one.time for one in stated if not one.time.is_year and not one.time.until}
    periods = {time.period for time in times if time.period}
    if periods:
        return periods.pop() if len(periods) == 1 else None
    years = {one.time.year for one in stated if one.time.is_year}
    months = {(time.first, time.last) for time in times}
    if len(years) == 1 and len(months) == 1 and all(first == last for first, last in months):
        return Period.parse(f"{years.pop()}-{months.pop()[0]:02}")
    return None


def _of_row(row: Row) -> Iterator[StatedPeriod]:
    for column, cell in row.cells.items():
        at = (row.number, column)
        if cell.kind == "text" and (label := _LABEL.fullmatch(plain(cell.text[:_LONGEST]))):
            beside = label[2] or row.text(next((other for other in sorted(row.cells) if other > column), None))
            if label[1] in {"thang", "quy", "nam"}:
                yield from _of_text(f"{label[1]} {beside}", at)
                continue
            if period := read_period(beside):
                yield from _of_period(at, period)
                continue
        if cell.kind in {"text", "date"}:
            yield from _of_text(cell.text, at)


def _of_text(text: str, at: tuple[int, int] | None) -> Iterator[StatedPeriod]:
    return (StatedPeriod(at, time) for time in named_times(text))


def _of_period(at: tuple[int, int] | None, period: Period) -> Iterable[StatedPeriod]:
    return [StatedPeriod(at, NamedTime(period.start.month, period.end.month, period.start.year, period))]
