"""`GET /v1/export.csv`, `.parquet`: the statuses and the figures as of a day, with what each column means."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import batched
from typing import Annotated, Literal, NamedTuple

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from services.scoring.asking.as_of import day_of, figures_known
from services.scoring.asking.units import communes_of
from services.scoring.asking.work_slots import SLOTS
from services.scoring.exporting.parquet import parquet_of
from services.scoring.exporting.tables import FIELDS, Row, TableName, dictionary_rows, reading_rows, status_rows
from services.scoring.judging.assessments import explain_criterion
from services.scoring.judging.figures import Figures
from services.scoring.judging.judge import Judge
from services.scoring.storage.known_figures import known_at
from shared.access.caller import Caller
from shared.http.dependencies import Running, SignedIn
from shared.problems import Fault, Faults, Problem, Problems
from shared.reference.load import Reference
from shared.reference.models import Unit
from shared.reference.naming import not_on_that_day
from shared.service.runtime import Runtime
from shared.spreadsheet.delimited import BYTE_ORDER_MARK, write_lines
from shared.time import VIETNAM

router = APIRouter(prefix="/v1")

PARQUET = "application/vnd.apache.parquet"
_AT_ONCE = 200
"""Units that are read and judged at once: a file of the country keeps no more of them in memory."""

TableAsked = Annotated[
    TableName,
    Query(
        alias="table",
        description="`statuses`: a row for each indicator of each criterion of each commune; `readings`: one for each "
        "figure; `dictionary`: what the columns of both mean.",
    ),
]
AsOfAsked = Annotated[date | None, Query(alias="as_of", description="What was known at that day, by default today.")]
DistrictAsked = Annotated[str | None, Query(description="Only this unit and those below it.")]


class Export(NamedTuple):
    """What is exported."""

    table: TableName
    reference: Reference
    on: date
    units: Sequence[Unit]

    @property
    def name(self) -> str:
        """The name of the file without its ending."""
        return f"ntm-{self.table}-{self.on}{'-sample' if self.reference.plan.sample else ''}"


@router.get("/export.csv", response_class=StreamingResponse)
async def export_as_csv(
    runtime: Running,
    caller: SignedIn,
    table: TableAsked = "statuses",
    as_of: AsOfAsked = None,
    district: DistrictAsked = None,
    delimiter: Annotated[
        Literal[";", ","], Query(description="The semicolon splits columns in an Excel set up for Vietnam.")
    ] = ";",
) -> StreamingResponse:
    """Return a table as CSV, row by row: that of statuses has what `/v1/statuses` says with the same `as_of`."""
    export = _export(runtime, caller, table, as_of, district)

    async def lines() -> AsyncIterator[bytes]:
        yield BYTE_ORDER_MARK.encode() + write_lines([[field.name for field in FIELDS[table]]], delimiter)
        async for rows in _rows(runtime, export):
            yield await asyncio.to_thread(write_lines, (map(_written, row) for row in rows), delimiter)

    headers = {"content-disposition": f'attachment; filename="{export.name}.csv"'}
    return StreamingResponse(lines(), media_type="text/csv; charset=utf-8", headers=headers)


@router.get(
    "/export.parquet", response_class=Response, responses={200: {"content": {PARQUET: {"schema": {"type": "string"}}}}}
)
async def export_as_parquet(
    runtime: Running,
    caller: SignedIn,
    table: TableAsked = "statuses",
    as_of: AsOfAsked = None,
    district: DistrictAsked = None,
) -> Response:
    """Return a table as Parquet, whose columns carry what they mean; 501 where the system has no `pyarrow`."""
    export = _export(runtime, caller, table, as_of, district)
    async with SLOTS.in_hand():
        content = await parquet_of(FIELDS[table], _rows(runtime, export))
    headers = {"content-disposition": f'attachment; filename="{export.name}.parquet"'}
    return Response(content, media_type=PARQUET, headers=headers)


def _export(runtime: Runtime, caller: Caller, table: TableName, as_of: date | None, district: str | None) -> Export:
    on = day_of(as_of, runtime)
    reference = runtime.plans.in_force(on)
    if table == "readings":
        units: Sequence[Unit] = _units_with_figures(reference, caller, district, on)
    else:
        units = list(communes_of(reference, caller, district, on).values())
    return Export(table, reference, on, units)


def _units_with_figures(reference: Reference, caller: Caller, under: str | None, on: date) -> list[Unit]:
    """Return the units that may have figures and that the key covers: all kinds, also those that have ended."""
    top = under or reference.plan.unit
    asked = reference.units.find(top, on)
    if asked is None:
        raise Problem(Problems.REFUSED, not_on_that_day("/district", top, reference.units, on))
    below = [unit for unit in reference.units if unit.valid_from <= on and reference.units.is_under(unit, top)]
    covered = [unit for unit in below if caller.covers_unit(unit, reference.units)]
    if under is not None and not covered:
        raise Problem(Problems.OUT_OF_SCOPE, Fault("/district", Faults.OUTSIDE_UNITS, {"value": under}))
    return sorted(covered, key=lambda unit: (unit.code, unit.key))


async def _rows(runtime: Runtime, export: Export) -> AsyncIterator[list[Row]]:
    """Yield the rows of some units at a time, in order of unit."""
    if export.table == "dictionary":
        yield list(dictionary_rows())
        return
    read, make = (known_at, _of_readings) if export.table == "readings" else (figures_known, _of_statuses)
    for units in batched(export.units, _AT_ONCE):
        async with SLOTS.at_work():
            async with runtime.engine.connect() as connection:
                figures = await read(connection, [unit.key for unit in units], export.reference, export.on)
            rows = await asyncio.to_thread(_made, make, export, units, figures)
        yield rows


def _made(
    make: Callable[[Export, Unit, Figures], Iterator[Row]],
    export: Export,
    units: Sequence[Unit],
    figures: Mapping[int, Figures],
) -> list[Row]:
    return [row for unit in units for row in make(export, unit, figures.get(unit.key, Figures()))]


def _of_statuses(export: Export, unit: Unit, figures: Figures) -> Iterator[Row]:
    judge = Judge(export.reference, export.on)
    for key in export.reference.criteria_of(unit, export.on):
        assessment = explain_criterion(judge.criterion(key, unit, figures))
        yield from status_rows(unit, key, assessment, export.reference, export.on)


def _of_readings(export: Export, unit: Unit, figures: Figures) -> Iterator[Row]:
    return reading_rows(unit, figures, export.reference, export.on)


def _written(value: object) -> object:
    """Write a value of a row for CSV: yes and no as `true` and `false`, moments in Vietnam's time."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(VIETNAM).isoformat(timespec="seconds")
    return "" if value is None else value
