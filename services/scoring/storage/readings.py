"""The SQL of readings. Units are surrogate keys."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypedDict
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Boolean,
    ColumnElement,
    Date,
    FromClause,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    select,
    true,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.judging.figures import Earlier, Figures
from services.scoring.judging.readings import Reading
from services.scoring.storage.pairs import joined_pairs
from services.scoring.storage.tables import ReadingRow
from shared.contracts.period import Period
from shared.contracts.status import Stage
from shared.contracts.submission import is_countable
from shared.postgres.driver import fetch
from shared.postgres.statements import table_of, unnested, upsert
from shared.readable import LAST_DAY, is_day, read_rows, readable_warnings

reading = table_of(ReadingRow)

_STORED = [reading.c.unit, *(reading.c[name] for name in Reading._fields if name in reading.c)]
_STAGES = {stage.value: stage for stage in Stage}


_ASKED = unnested(
    {
        "unit": bindparam("units", type_=ARRAY(Integer, dimensions=1)),
        "element": bindparam("elements", type_=ARRAY(Text, dimensions=1)),
        "day": bindparam("days", type_=ARRAY(Date, dimensions=1)),
        "is_baseline": bindparam("are_baseline", type_=ARRAY(Boolean, dimensions=1)),
    }
).subquery()
_HORIZON = bindparam("horizon", type_=Date)


def _newest() -> Select[Any]:
    """Make the query for what is asked of each pair of unit and element, with its readings, if there are any.

    The offsets make PostgreSQL look once at what there is of each pair, and look it up by the index.
    """

    def of_pair(readings: FromClause, asked: FromClause) -> ColumnElement[bool]:
        return and_(readings.c.unit == asked.c.unit, readings.c.element == asked.c.element)

    older, early = reading.alias(), reading.alias()
    two_ends = (
        select(older.c.ends)
        .distinct()
        .where(of_pair(older, _ASKED), older.c.ends <= _ASKED.c.day, older.c.ends >= _HORIZON)
        .order_by(older.c.ends.desc())
        .limit(2)
        .correlate(_ASKED)
    )
    known_early = exists().where(
        of_pair(early, _ASKED),
        early.c.known_from < early.c.ends,  # of which there are few, in an index of their own
        early.c.known_from <= _ASKED.c.day,
        early.c.ends > _ASKED.c.day,
    )
    looked_at = select(
        *_ASKED.c,
        func.array(two_ends.scalar_subquery(), type_=ARRAY(Date, dimensions=1)).label("ends"),
        and_(_ASKED.c.is_baseline, known_early).label("was_known_early"),
    )
    asked = looked_at.offset(0).subquery()
    begin = asked.c.ends[1]
    begin_where_cut = case((asked.c.ends[2].is_not(None), begin))
    stored = (
        select(reading)
        .where(of_pair(reading, asked), reading.c.ends >= func.coalesce(begin, _HORIZON))
        .where(reading.c.ends <= case((asked.c.is_baseline, asked.c.day), else_=LAST_DAY))
        .correlate(asked)
        .offset(0)
        .lateral()
    )
    told = asked.c.unit, asked.c.element, asked.c.is_baseline, asked.c.was_known_early, begin_where_cut
    return select(*told, *(stored.c[column.name] for column in _STORED)).select_from(asked).outerjoin(stored, true())


_NEWEST = _newest()
"""Made once: making it takes longer than executing it for one submission."""


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


async def newest_readings_among(
    connection: AsyncConnection,
    looked_back_from: Mapping[tuple[int, str], date],
    horizon: date,
    baseline_date: date,
    compared: Collection[str],
) -> dict[int, Figures]:
    """Return the readings of these pairs of unit and element: all that end after a day, and the newest before it.

    What is known of those before these is `Figures.earlier`, of elements that are `compared` with those of the baseline
    date also the newest by that day. Nothing is read of periods that end before the horizon.
    """
    if not looked_back_from:
        return {}
    of_baseline = {pair for pair, day in looked_back_from.items() if pair[1] in compared and day > baseline_date}
    asked = [
        *((*pair, day, False) for pair, day in looked_back_from.items()),
        *((*pair, baseline_date, True) for pair in of_baseline),
    ]
    units, elements, days, are_baseline = zip(*asked, strict=True)
    told = {"units": units, "elements": elements, "days": days, "are_baseline": are_baseline, "horizon": horizon}
    rows = await fetch(connection, _NEWEST, told)
    figures: defaultdict[int, Figures] = defaultdict(Figures)
    by_baseline: defaultdict[tuple[int, str], list[Reading]] = defaultdict(list)
    stored = [(is_baseline, own) for _, _, is_baseline, _, _, *own in rows if own[0] is not None]
    for is_baseline, (unit, found) in read_rows(stored, lambda row: (row[0], _reading(row[1]))).items:
        if is_baseline:
            by_baseline[unit, found.element].append(found)
        else:
            figures[unit][found.element, found.period] = found
    # by damaged readings too
    cut = {(unit, code): begin for unit, code, is_baseline, _, begin, *_ in rows if begin and not is_baseline}
    known_early = {(unit, code) for unit, code, _, was_known_early, *_ in rows if was_known_early}
    for (unit, code), begin in cut.items():
        pair = unit, code
        of_pair = (by_baseline[pair], pair in known_early) if pair in of_baseline else ()
        figures[unit].earlier = {**figures[unit].earlier, code: Earlier(begin, *of_pair)}
    return figures


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
