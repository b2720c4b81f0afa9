"""The period of a sheet's rows: stated once, read in one way, and never against what the file says elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from services.intake.texts import phrase
from services.intake.workbook.columns import Header
from services.intake.workbook.layout import TITLE_ROW
from services.intake.workbook.periods import read_period
from services.intake.workbook.stated_periods import StatedPeriod, stated_periods, the_period
from shared.contracts.bilingual import Bilingual
from shared.contracts.period import Period
from shared.problems import Fault, Faults
from shared.spreadsheet.grid import Row, Sheet
from shared.texts import filled

type _FoundAt = tuple[int, int, Fault]


class SheetPeriods:
    """The periods that a sheet's column, its title and name, the template and the request state."""

    def __init__(
        self, sheet: Sheet, header: Header, rows: Sequence[Row], given: Period | None, *, is_template: bool
    ) -> None:
        self._column = header.roles.get("period")
        self._stated = stated_periods(sheet, header)
        self._header = header
        self._given = given
        self._is_template = is_template
        self._given_by = phrase("stated.template") if is_template else phrase("stated.request")
        self._in_column = self._read_column(rows)
        alone = {*self._in_column.values()}
        self._usual = alone.pop() if len(alone) == 1 else None
        if not self._in_column:
            self._usual = given or the_period(self._stated)

    @property
    def is_unknown(self) -> bool:
        """Say whether nothing states a period, and no column is there to state one."""
        return self._usual is None and self._column is None

    def of_row(self, row: Row) -> Period | Fault:
        """Return the row's period: its own, else the only one of the column, else that of the file."""
        written = row.text(self._column)
        if written:
            return self._in_column.get(row.number) or Fault("/period", Faults.PERIOD_NOT_READ, {"value": written})
        kind = Faults.PERIOD_INCOMPLETE if self._in_column else Faults.NO_PERIOD
        return self._usual or Fault("/period", kind)

    @property
    def faults(self) -> list[_FoundAt]:
        """A fault for each pair of places that disagree."""
        first_row, first_column = self._header.row, min(self._header.read)
        found: list[_FoundAt] = []
        rows_of: dict[Period, int] = {}
        for number, period in sorted(self._in_column.items()):
            rows_of.setdefault(period, number)
        for period, number in rows_of.items():
            if self._given and self._given != period:
                found.append((number, self._column or 1, _disagree(period, self._given_by, self._given)))
        for one in self._stated:
            row, column = one.at or (first_row, first_column)
            if self._given and (one.time.is_other_than(self._given) or self._is_rewritten(one)):
                found.append((row, column, _disagree(one.named, self._given_by, self._given)))
            elif self._given is None and (other := next((period for period in rows_of if one.belies(period)), None)):
                found.append((rows_of[other], self._column or 1, _disagree(other, _place(one), one.named)))
        if self._given is None and not rows_of:
            found += self._title_against_itself((first_row, first_column))
        return found

    def _is_rewritten(self, stated: StatedPeriod) -> bool:
        """Say whether the title of a template, which names its period, names another one now, be it a wider one."""
        is_title = self._is_template and stated.at is not None and stated.at[0] == TITLE_ROW
        return is_title and stated.period is not None and stated.period != self._given

    def _title_against_itself(self, elsewhere: tuple[int, int]) -> list[_FoundAt]:
        for one, other in combinations(self._stated, 2):
            if not one.time.agrees_with(other.time):
                return [(*(one.at or elsewhere), _disagree(one.named, _place(other), other.named))]
        return []

    def _read_column(self, rows: Sequence[Row]) -> dict[int, Period]:
        if self._column is None:
            return {}
        found = {}
        for row in rows:
            cell = row.cells.get(self._column)
            # 2023.1 may have been 2023.10; and 2023 may be shown as `Tháng 4/2023`
            is_fraction = cell is not None and cell.kind == "number" and isinstance(cell.value, float)
            if cell and not is_fraction and cell.kind != "scaled" and (period := read_period(cell.text)):
                found[row.number] = period
        return found


def _disagree(here: object, place: Bilingual, there: object) -> Fault:
    return Fault("/period", Faults.PERIODS_DISAGREE, {"value": here, "place": place, "expected": there})


def _place(stated: StatedPeriod) -> Bilingual:
    return filled(phrase("stated.title"), cell=stated.cell) if stated.cell else phrase("stated.sheet")
