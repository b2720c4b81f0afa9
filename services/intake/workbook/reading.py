"""Reading a filled workbook or CSV file as submissions, each field with the cell it came from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from services.intake.workbook.columns import Header, Names, column_texts, find_header
from services.intake.workbook.numbers import (
    DecimalMark,
    Evidence,
    is_ambiguous,
    mark_of,
    meanings,
    value_of,
    yes_or_no,
)
from services.intake.workbook.other_rows import PassedOver, has_code, has_number, other_row
from services.intake.workbook.periods import read_period
from services.intake.workbook.sheet_periods import SheetPeriods
from services.intake.workbook.unclear_cells import cell_faults
from services.intake.workbook.units import WrittenUnit, find_unit
from shared.characters import whole_digits
from shared.contracts.bilingual import Bilingual
from shared.contracts.period import Period
from shared.contracts.status import Stage
from shared.problems import Fault, Faults, Problem, Problems
from shared.reference.load import Reference
from shared.reference.models import Element
from shared.spreadsheet import read_grid
from shared.spreadsheet.grid import Cell, Grid, Row, Sheet, name_of
from shared.spreadsheet.guard import refused
from shared.text import plain

type _Key = tuple[str, ...]

SUBMISSION_LIMIT = 1000
"""The most rows with figures in one file: as many as one atomic batch holds."""

_SHOWN = 80
"""The most characters of a cell that a fault shows."""

_REVISION = re.compile("[0-9]{1,9}")
_STAGES = {
    "bao cao": Stage.REPORTED,
    "tham tra": Stage.VERIFIED,
    "tham dinh": Stage.CONFIRMED,
    **{stage.value: stage for stage in Stage},
}


@dataclass(frozen=True, slots=True)
class RowDefaults:
    """The unit, period and stage of rows that do not state them; None where they are not known."""

    unit: str | None = None
    period: Period | None = None
    stage: Stage | None = None


@dataclass(frozen=True, slots=True)
class CellFault:
    """A fault and its cell; without a sheet the fault is about the whole file."""

    fault: Fault
    sheet: str | None = None
    cell: str | None = None
    unit: str | None = None
    element: str | None = None
    value: str | None = None


@dataclass(frozen=True, slots=True)
class FilledRow:
    """A row as POST /v1/submissions takes it, and the cell of each field by its JSON pointer."""

    item: dict[str, Any]
    sheet: str
    cells: Mapping[str, str]
    texts: Mapping[str, str]
    """The texts of the same cells, also by JSON pointer."""

    def found(self, fault: Fault) -> CellFault:
        """Return a fault of the item with its cell."""
        known = fault.pointer in self.cells
        place = fault.pointer if known else "/unit"
        element = fault.pointer.removeprefix("/readings/") if known and place.startswith("/readings/") else None
        return CellFault(
            fault, self.sheet, self.cells[place], self.item["unit"][:_SHOWN], element, self.texts.get(place)
        )


@dataclass(frozen=True, slots=True)
class Skipped:
    """A row or sheet that was passed over, with the text by which people know it."""

    kind: PassedOver
    sheet: str
    cell: str | None
    value: str


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was read: its rows as submissions, the faults in its cells, and what was passed over."""

    grid: Grid
    headers: Mapping[str, Header]
    given: RowDefaults
    rows: list[FilledRow] = field(default_factory=list)
    faults: list[CellFault] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    @property
    def size(self) -> int:
        """The number of cells that are not blank."""
        return sum(len(row.cells) for sheet in self.grid.sheets for row in sheet.rows)


def read(body: bytes | Grid, reference: Reference, asked: RowDefaults) -> Upload:
    """Return the submissions of a file; raise a problem where the file as a whole cannot be taken.

    A workbook may have been read apart. `asked` comes from the request; it is a fault where a template states
    otherwise.
    """
    names = Names(reference)
    grid = read_grid(body, names.recognised)
    headers = {sheet.title: header for sheet in grid.sheets if (header := find_header(sheet, names))}
    if not headers:
        raise refused(Faults.NO_HEADER)
    given, faults = _given(grid.facts, asked)
    upload = Upload(grid, headers, given, faults=faults, skipped=_sheets_passed_over(grid, headers, names))
    sheets = [sheet for sheet in grid.sheets if sheet.title in headers]
    evidence = Evidence.of(
        text
        for sheet in sheets
        for column, element in headers[sheet.title].elements.items()
        if element.type != "yes_no"
        for text in column_texts(_data(sheet, headers[sheet.title]), column)
    )
    taken: dict[_Key, FilledRow] = {}
    for sheet in sheets:
        _Reader(upload, sheet, reference, evidence, taken).read()
    if not upload.rows and not upload.faults:
        raise Problem(Problems.NOTHING_FILLED, Fault("", Faults.NO_ROWS))
    if len(upload.rows) > SUBMISSION_LIMIT:
        raise refused(Faults.TOO_MANY_ROWS, expected=SUBMISSION_LIMIT)
    return upload


def _given(facts: Mapping[str, str], asked: RowDefaults) -> tuple[RowDefaults, list[CellFault]]:
    made_for = RowDefaults(
        facts.get("unit"), read_period(facts.get("period", "")), _STAGES.get(plain(facts.get("stage", "")))
    )
    faults = [
        CellFault(Fault(f"/{name}", Faults.ANOTHER_THAN_NAMED, {"value": str(mine), "expected": str(theirs)}))
        for name in ("unit", "period", "stage")
        if (mine := getattr(made_for, name)) and (theirs := getattr(asked, name)) and mine != theirs
    ]
    given = RowDefaults(
        made_for.unit or asked.unit, made_for.period or asked.period, made_for.stage or asked.stage or Stage.REPORTED
    )
    return given, faults


def _sheets_passed_over(grid: Grid, headers: Mapping[str, Header], names: Names) -> list[Skipped]:
    """Return the hidden sheets that have figures, and the visible ones whose numbers have no header."""
    hidden = [
        Skipped(PassedOver.HIDDEN_SHEET, sheet.title, None, sheet.title)
        for sheet in grid.hidden
        if (header := find_header(sheet, names)) and any(has_number(row, header) for row in _data(sheet, header))
    ]
    without_header = [
        Skipped(PassedOver.SHEET_WITHOUT_HEADER, sheet.title, None, sheet.title)
        for sheet in grid.sheets
        if sheet.title not in headers
        and any(cell.kind == "number" for row in sheet.rows for cell in row.cells.values())
    ]
    return hidden + without_header


def _data(sheet: Sheet, header: Header) -> list[Row]:
    return [row for row in sheet.rows if row.number > header.row]


class _Reader:
    """Reads one sheet into the upload."""

    def __init__(
        self, upload: Upload, sheet: Sheet, reference: Reference, evidence: Evidence, taken: dict[_Key, FilledRow]
    ) -> None:
        self._upload, self._sheet, self._reference, self._taken = upload, sheet, reference, taken
        self._has_signatures = False
        self._header = header = upload.headers[sheet.title]
        self._rows = {row.number: row for row in sheet.rows}
        self._data = [row for row in self._spread(_data(sheet, header)) if not self._is_passed_over(row)]
        is_template = "period" in upload.grid.facts
        self._periods = SheetPeriods(sheet, header, self._data, upload.given.period, is_template=is_template)
        self._marks = {
            column: mark_of(column_texts(self._data, column), evidence, whole=element.type == "count")
            for column, element in header.elements.items()
            if element.type != "yes_no"
        }

    def read(self) -> None:
        """Read every row that has figures."""
        for column, fault in self._header.faults:
            self._fault(self._header.row, column, fault)
        for row_number, column, fault in self._periods.faults:
            self._fault(row_number, column, fault)
        if self._periods.is_unknown:
            self._fault(self._header.row, min(self._header.read), Fault("/period", Faults.NO_PERIOD))
            return
        for row in self._data:
            if any(column in row.cells for column in self._header.elements) and (filled := self._row(row)):
                self._take(filled)
        for number, column, fault in cell_faults(self._sheet, self._header, self._data):
            element = self._header.elements.get(column)
            unit = self._rows[number].text(self._header.roles.get("unit"))[:_SHOWN]
            self._fault(number, column, fault, unit or None, element.code if element else None)

    def _spread(self, rows: list[Row]) -> list[Row]:
        """Return the rows with the district, period, stage and revision of cells that are merged over several rows."""
        added: dict[int, dict[int, Cell]] = {}
        columns = [column for role, column in self._header.roles.items() if role not in {"unit", "name"}]
        for merged in self._sheet.merged:
            for column in columns:
                if merged.first_column == column and (cell := self._cell(merged.first_row, column)):
                    for row in rows:
                        if merged.first_row < row.number <= merged.last_row:
                            added.setdefault(row.number, {})[column] = cell
        return [Row(row.number, {**row.cells, **added[row.number]}) if row.number in added else row for row in rows]

    def _cell(self, row: int, column: int) -> Cell | None:
        return found.cells.get(column) if (found := self._rows.get(row)) else None

    def _is_passed_over(self, row: Row) -> bool:
        """Say whether the row holds no unit's figures, and note it where it has cells in the columns of figures."""
        kind = other_row(row, self._header)
        if self._has_signatures and not has_number(row, self._header) and not has_code(row, self._header):
            return True
        if kind is None:
            return False
        if kind is PassedOver.SIGNATURE:
            self._has_signatures = True
        column = min(row.cells)
        words = next((cell.text for cell in row.cells.values() if cell.kind == "text"), row.text(column))
        place = name_of(row.number, column)
        self._upload.skipped.append(Skipped(kind, self._sheet.title, place, words[:_SHOWN]))
        return True

    def _take(self, filled: FilledRow) -> None:
        if earlier := next((self._taken[key] for key in _keys(filled) if key in self._taken), None):
            details = {"value": filled.item["unit"], "expected": f"{earlier.sheet}!{earlier.cells['/unit']}"}
            self._upload.faults.append(filled.found(Fault("/unit", Faults.REPEATED_ROW, details)))
        for key in _keys(filled):
            self._taken.setdefault(key, filled)
        self._upload.rows.append(filled)

    def _row(self, row: Row) -> FilledRow | None:
        before = len(self._upload.faults)
        for column in self._header.roles.values():
            if (cell := row.cells.get(column)) and cell.kind in {"formula", "error"}:
                details = {"range": name_of(row.number, column)}
                self._fault(row.number, column, Fault("", Faults.FORMULA_IN_CELL, details))
        period = self._periods.of_row(row)
        if isinstance(period, Fault):
            self._fault(row.number, self._header.roles.get("period") or min(self._header.read), period)
            return None
        if len(self._upload.faults) > before:
            return None
        written = {role: row.text(self._header.roles.get(role)) for role in ("unit", "name", "district")}
        named = WrittenUnit(written["unit"], written["name"], written["district"])
        unit = find_unit(named, period, self._reference.units, self._upload.given.unit)
        unit_column = self._header.roles.get("unit" if named.code or "name" not in self._header.roles else "name", 1)
        if isinstance(unit, Fault):
            self._fault(row.number, unit_column, unit)
            return None
        readings = self._readings(row, unit)
        if not readings:
            return None
        item: dict[str, Any] = {"unit": unit, "period": period.text, "stage": self._stage(row), "readings": readings}
        item |= self._revision(row)
        columns = {f"/readings/{element.code}": column for column, element in self._header.elements.items()}
        columns |= {f"/{role}": column for role, column in self._header.roles.items() if role not in {"unit", "name"}}
        columns["/unit"] = unit_column
        cells = {pointer: name_of(row.number, column) for pointer, column in columns.items() if column in row.cells}
        cells.setdefault("/unit", name_of(row.number, unit_column))
        texts = {pointer: row.text(column)[:_SHOWN] for pointer, column in columns.items() if column in row.cells}
        return FilledRow(item, self._sheet.title, cells, texts)

    def _stage(self, row: Row) -> str:
        written = row.text(self._header.roles.get("stage"))
        if not written:
            return (self._upload.given.stage or Stage.REPORTED).value
        return _STAGES.get(plain(written[:40]), written)

    def _revision(self, row: Row) -> dict[str, object]:
        written = whole_digits(row.text(self._header.roles.get("revision")))
        return {"revision": int(written) if _REVISION.fullmatch(written) else written} if written else {}

    def _readings(self, row: Row, unit: str) -> dict[str, int | float | bool]:
        readings = {}
        for column, element in self._header.elements.items():
            if cell := row.cells.get(column):
                if cell.kind == "formula":
                    continue
                value = _value(cell, element, self._marks.get(column))
                if isinstance(value, Fault):
                    self._fault(row.number, column, value, unit, element.code)
                else:
                    readings[element.code] = value
        return readings

    def _fault(self, row: int, column: int, fault: Fault, unit: str | None = None, element: str | None = None) -> None:
        written = self._rows.get(row)
        text = written.text(column) if written else ""
        self._upload.faults.append(
            CellFault(fault, self._sheet.title, name_of(row, column), unit, element, text[:_SHOWN] or None)
        )


def _value(cell: Cell, element: Element, mark: DecimalMark | None) -> int | float | bool | Fault:
    pointer = f"/readings/{element.code}"
    if cell.kind == "scaled":
        return Fault(pointer, Faults.SHOWN_OTHERWISE, {"value": cell.text, "format": cell.format})
    if element.type == "yes_no":
        answer = cell.value if isinstance(cell.value, bool) else yes_or_no(cell.text)
        return Fault(pointer, Faults.YES_OR_NO, {"value": cell.text}) if answer is None else answer
    if cell.kind == "date":
        return Fault(pointer, Faults.A_DATE_IN_CELL, {"value": cell.text})
    if cell.kind == "number" and isinstance(cell.value, int | float):
        return cell.value
    numbers = meanings(cell.text)
    if cell.kind != "text" or not numbers:
        return Fault(pointer, Faults.NOT_A_FIGURE, {"value": cell.text})
    if not is_ambiguous(numbers):
        return value_of(next(iter(numbers.values())))
    if mark is None:
        details = {"value": cell.text, "first": int(max(numbers.values())), "second": _decimal(min(numbers.values()))}
        return Fault(pointer, Faults.AMBIGUOUS_NUMBER, details)
    return value_of(numbers[mark])


def _decimal(exact: Decimal) -> Bilingual:
    return Bilingual(vi=str(exact).replace(".", ","), en=str(exact))


def _keys(filled: FilledRow) -> Iterator[_Key]:
    """Yield the keys that no other row may share: its unit and period on its sheet, and each figure in the file."""
    item = filled.item
    about = (item["unit"], item["period"], item["stage"])
    yield (*about, "sheet", filled.sheet)
    for element in item["readings"]:
        yield (*about, "element", element)
