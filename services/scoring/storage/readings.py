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
    ColumnElement,
    Date,
    Integer,
    Select,
    Subquery,
    Text,
    bindparam,
    delete,
    func,
    select,
    true,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.selectable import LateralFromClause

from services.scoring.judging.figures import Earlier, Figures
from services.scoring.judging.readings import Reading
from services.scoring.storage.pairs import joined_pairs
from services.scoring.storage.tables import ReadingRow
from shared.contracts.period import Period
from shared.contracts.status import Stage
from shared.contracts.submission import is_countable
from shared.postgres.statements import table_of, unnested, upsert
from shared.readable import FIRST_DAY, LAST_DAY, is_day, read_rows, readable_warnings

reading = table_of(ReadingRow)

_STORED = [reading.c.unit, *(reading.c[name] for name in Reading._fields if name in reading.c)]
FEW_READINGS = 2
"""Of the readings before those that change, so many are read: the newest that counts, with some that may not."""
_STAGES = {stage.value: stage for stage in Stage}


def _stored_of(asked: Subquery, *where: ColumnElement[bool]) -> LateralFromClause:
    """Return the readings of pairs of unit and element; the offset makes PostgreSQL look up each pair by the index."""
    of_pair = reading.c.unit == asked.c.unit, reading.c.element == asked.c.element
    return select(reading).where(*of_pair, *where).correlate(asked).offset(0).lateral()


_ASKED = unnested(
    {
        "unit": bindparam("units", type_=ARRAY(Integer, dimensions=1)),
        "element": bindparam("elements", type_=ARRAY(Text, dimensions=1)),
        "day": bindparam("days", type_=ARRAY(Date, dimensions=1)),
        "until": bindparam("untils", type_=ARRAY(Date, dimensions=1)),
    }
).subquery()
_HORIZON, _BASELINE = bindparam("horizon", type_=Date), bindparam("baseline", type_=Date)


def _newest() -> Select[Any]:
    older = reading.alias()
    begins = (
        select(older.c.ends)
        .where(older.c.unit == _ASKED.c.unit, older.c.element == _ASKED.c.element, older.c.ends <= _ASKED.c.day)
        .order_by(older.c.ends.desc())
        .offset(FEW_READINGS - 1)
        .limit(1)
        .correlate(_ASKED)
        .scalar_subquery()
    )
    stored = _stored_of(
        _ASKED,
        reading.c.ends >= func.greatest(begins, _HORIZON),
        reading.c.ends <= func.coalesce(_ASKED.c.until, LAST_DAY),
    )
    columns = _ASKED.c.until, stored.c.ends, *(stored.c[column.name] for column in _STORED)
    return select(*columns).select_from(_ASKED).join(stored, true())


def _before() -> Select[Any]:
    stored = _stored_of(
        _ASKED,
        reading.c.ends < _ASKED.c.day,
        reading.c.ends >= _HORIZON,
        reading.c.known_from.between(FIRST_DAY, LAST_DAY),
    )
    of_length = func.translate(stored.c.period, "0123456789", "")
    summary = (
        stored.c.unit,
        stored.c.element,
        func.min(stored.c.ends),
        func.min(stored.c.known_from),
        func.max(stored.c.known_from),
        func.coalesce(func.min(stored.c.known_from).filter(stored.c.ends > _BASELINE), LAST_DAY),
        func.max(stored.c.period),
    )
    return (
        select(*summary).select_from(_ASKED).join(stored, true()).group_by(stored.c.unit, stored.c.element, of_length)
    )


_NEWEST, _EARLIER = _newest(), _before()
"""Made once: making them takes longer than executing them for one submission."""


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
    """Return the readings of these pairs of unit and element: all that end after a day, and few before it.

    What is known of those before these is `Figures.earlier`, of elements that are `compared` with those of the baseline
    date also the newest by that day. Nothing is read of periods that end before the horizon.
    """
    of_baseline = [pair for pair, day in looked_back_from.items() if pair[1] in compared and day > baseline_date]
    asked = [
        *((*pair, day, None) for pair, day in looked_back_from.items()),
        *((*pair, baseline_date, baseline_date) for pair in of_baseline),
    ]
    rows = (await connection.execute(_NEWEST, _columns(asked, horizon, baseline_date))).all()
    ends: defaultdict[tuple[int, str], list[date]] = defaultdict(list)
    for until, end, unit, element, *_ in rows:  # the damaged ones too
        if until is None and end <= looked_back_from[unit, element]:
            ends[unit, element].append(end)
    figures: defaultdict[int, Figures] = defaultdict(Figures)
    by_baseline: dict[tuple[int, str], list[Reading]] = {pair: [] for pair in of_baseline}
    for until, (unit, found) in read_rows(rows, lambda row: (row[0], _reading(row[2:]))).items:
        if until is None:
            figures[unit][found.element, found.period] = found
        else:
            by_baseline[unit, found.element].append(found)
    begun = {pair: min(of_pair) for pair, of_pair in ends.items() if len(of_pair) >= FEW_READINGS}
    for (unit, element), earlier in (await _earlier(connection, begun, horizon, baseline_date)).items():
        own = figures[unit]
        own.earlier = {**own.earlier, element: earlier._replace(by_baseline=by_baseline.get((unit, element)))}
    return figures


async def _earlier(
    connection: AsyncConnection, before: Mapping[tuple[int, str], date], horizon: date, baseline_date: date
) -> dict[tuple[int, str], Earlier]:
    """Return what is known of the readings of units and elements for periods that ended before a day."""
    if not before:
        return {}
    asked = [(*pair, day, None) for pair, day in before.items()]
    rows = await connection.execute(_EARLIER, _columns(asked, horizon, baseline_date))
    found: dict[tuple[int, str], Earlier] = {}
    read = read_rows(rows, lambda row: (row[:2], row[2:6], Period.parse(row[6])))
    for pair, (end, first, last, since_baseline), newest in read.items:
        known = Earlier(before[pair], end, first, last, frozenset([newest]), since_baseline)
        found[pair] = found[pair].with_those(known) if pair in found else known
    return found


def _columns(
    asked: Sequence[tuple[int, str, date, date | None]], horizon: date, baseline_date: date
) -> dict[str, object]:
    """Return the parameters of `_NEWEST` and `_EARLIER`. `asked`: unit, element, day, and the last end of periods."""
    units, elements, days, untils = map(list, zip(*asked, strict=True)) if asked else ([], [], [], [])
    return {
        "units": units,
        "elements": elements,
        "days": days,
        "untils": untils,
        "horizon": horizon,
        "baseline": baseline_date,
    }


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
