"""The SQL of readings. Units are surrogate keys."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypedDict
from uuid import UUID

from sqlalchemy import Select, delete, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.judging.figures import Figures
from services.scoring.judging.readings import Reading
from services.scoring.storage.pairs import joined_pairs
from services.scoring.storage.tables import ReadingRow
from shared.contracts.period import Period
from shared.contracts.status import Stage
from shared.contracts.submission import is_countable
from shared.postgres.statements import table_of, upsert
from shared.readable import is_day, read_rows, readable_warnings

reading = table_of(ReadingRow)

_STORED = [reading.c.unit, *(reading.c[name] for name in Reading._fields if name in reading.c)]
_STAGES = {stage.value: stage for stage in Stage}


class ReadingValues(TypedDict):
    """A new row of table `reading`."""

    unit: int
    element: str
    ends: date
    period: str
    value: Decimal
    stage: str
    revision: int
    received_at: datetime
    known_from: date
    submission: UUID
    warnings: list[dict[str, Any]] | None


async def readings_of(
    connection: AsyncConnection,
    units: Collection[int],
    horizon: date,
    elements: Collection[str] | None = None,
    until: datetime | None = None,
) -> dict[int, Figures]:
    """Return the units' readings of these elements (None: of all), for periods that end at the horizon or later.

    `until`: only those received before a moment.
    """
    query = select(reading).where(reading.c.unit == func.any(list(units)), reading.c.ends >= horizon)
    if elements is not None:
        query = query.where(reading.c.element == func.any(list(elements)))
    if until is not None:
        query = query.where(reading.c.received_at < until)
    return await _figures(connection, query)


async def readings_among(
    connection: AsyncConnection, unit_elements: Collection[tuple[int, str]], horizon: date
) -> dict[int, Figures]:
    """Return the readings of these pairs of unit and element, for periods that end at the horizon or later."""
    pairs = joined_pairs(unit_elements, "element")
    query = select(reading).where(
        reading.c.unit == pairs.c.unit, reading.c.element == pairs.c.element, reading.c.ends >= horizon
    )
    return await _figures(connection, query)


async def units_with_readings(connection: AsyncConnection) -> list[int]:
    """Return the units that have readings."""
    return list((await connection.scalars(select(reading.c.unit).distinct())).all())


async def _figures(connection: AsyncConnection, query: Select[Any]) -> dict[int, Figures]:
    """Return the readings that can be read; a damaged one counts as none until a rebuild makes it again."""
    figures: defaultdict[int, Figures] = defaultdict(Figures)
    rows = (await connection.execute(query.with_only_columns(*_STORED))).all()
    for unit, stored in read_rows(rows, _reading).items:
        figures[unit][stored.element, stored.period] = stored
    return figures


def _reading(row: Sequence[Any]) -> tuple[int, Reading]:
    unit, element, period, value, stage, revision, received_at, known_from, submission, warnings = row
    if not (is_countable(value) and is_day(known_from)):
        raise ValueError("no number of things, or no day")
    told = tuple(readable_warnings(warnings)) if warnings else ()
    of_period, of_stage = Period.parse(period), _STAGES[stage]
    return unit, Reading(element, of_period, value, of_stage, revision, received_at, known_from, submission, told)


def reading_values(unit: int, reading: Reading) -> ReadingValues:
    """Return the values that store a reading."""
    return {
        "unit": unit,
        "element": reading.element,
        "ends": reading.period.end,
        "period": reading.period.text,
        "value": reading.value,
        "stage": reading.stage.value,
        "revision": reading.revision,
        "received_at": reading.received_at,
        "known_from": reading.known_from,
        "submission": reading.submission,
        "warnings": [warning.model_dump(mode="json") for warning in reading.warnings] or None,
    }


async def write_readings(connection: AsyncConnection, readings: Sequence[tuple[int, Reading]]) -> None:
    """Store units' readings in the place of former ones for the same element and period."""
    await upsert(connection, ReadingRow, [reading_values(unit, reading) for unit, reading in readings])


async def delete_readings(connection: AsyncConnection, readings: Sequence[tuple[int, Reading]]) -> None:
    """Remove the readings of units for which no figure is left."""
    keys = [(unit, gone.element, gone.period.end, gone.period.text) for unit, gone in readings]
    if keys:
        await connection.execute(
            delete(reading).where(tuple_(reading.c.unit, reading.c.element, reading.c.ends, reading.c.period).in_(keys))
        )
