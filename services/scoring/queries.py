"""All SQL of scoring: set-based, named by what it answers. Units are surrogate keys throughout."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Integer, Row, cast, delete, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.aggregate import Step
from services.scoring.measures import Reading
from services.scoring.tables import (
    ChangeRow,
    ParkedRow,
    ReadingRow,
    StatusRow,
    StepRow,
    SubmissionRow,
    TargetRow,
    TickRow,
)
from shared.contracts import Period, Stage, SubmissionWarning, subjects
from shared.database import table_of, upsert

type UnitReadings = dict[tuple[str, Period], Reading]

submission, reading, status = table_of(SubmissionRow), table_of(ReadingRow), table_of(StatusRow)
step, target, change = table_of(StepRow), table_of(TargetRow), table_of(ChangeRow)
tick, parked = table_of(TickRow), table_of(ParkedRow)

_UNIT_LOCKS, _TARGET_LOCKS = 1, 2


async def lock_units(connection: AsyncConnection, units: Iterable[int]) -> None:
    """Keep other workers from these units until the transaction ends; always in one order, so nobody deadlocks."""
    in_order = select(func.unnest(cast(sorted(units), ARRAY(Integer))).label("unit")).subquery()
    await connection.execute(select(func.pg_advisory_xact_lock(_UNIT_LOCKS, in_order.c.unit)))


async def lock_targets(connection: AsyncConnection) -> None:
    """Keep other workers from the aggregates until the transaction ends. Taken after the units' locks."""
    await connection.execute(select(func.pg_advisory_xact_lock(_TARGET_LOCKS, 0)))


async def record_submissions(connection: AsyncConnection, rows: Sequence[dict[str, Any]]) -> set[UUID]:
    """Keep the submissions; the ids of those that were not known yet."""
    statement = insert(submission).on_conflict_do_nothing().returning(submission.c.id)
    return set((await connection.scalars(statement, rows)).all()) if rows else set()


async def readings_of(connection: AsyncConnection, units: Collection[int]) -> dict[int, UnitReadings]:
    """All readings of the units."""
    found: defaultdict[int, UnitReadings] = defaultdict(dict)
    for row in await connection.execute(select(reading).where(reading.c.unit == func.any(list(units)))):
        one = _reading(row)
        found[row.unit][(one.element, one.period)] = one
    return found


def _reading(row: Row[Any]) -> Reading:
    return Reading(
        element=row.element,
        period=Period.parse(row.period),
        value=row.value,
        stage=Stage(row.stage),
        revision=row.revision,
        received_at=row.received_at,
        known_from=row.known_from,
        submission=row.submission,
        warnings=tuple(SubmissionWarning.model_validate(warning) for warning in row.warnings or ()),
    )


async def write_readings(connection: AsyncConnection, readings: Sequence[tuple[int, Reading]]) -> None:
    """Store readings, over what stood there."""
    rows = [
        {
            "unit": unit,
            "element": one.element,
            "period": one.period.text,
            "value": one.value,
            "stage": one.stage.value,
            "revision": one.revision,
            "received_at": one.received_at,
            "known_from": one.known_from,
            "submission": one.submission,
            "warnings": [warning.model_dump(mode="json") for warning in one.warnings] or None,
        }
        for unit, one in readings
    ]
    await upsert(connection, ReadingRow, rows)


async def statuses_of(connection: AsyncConnection, units: Collection[int]) -> dict[tuple[int, str], Row[Any]]:
    """The units' statuses by unit and criterion."""
    rows = await connection.execute(select(status).where(status.c.unit == func.any(list(units))))
    return {(row.unit, row.criterion): row for row in rows}


async def targets(connection: AsyncConnection) -> dict[tuple[str, int], Row[Any]]:
    """All commitments' statuses by commitment and unit."""
    return {(row.commitment, row.unit): row for row in await connection.execute(select(target))}


async def units_to_look_at(connection: AsyncConnection, on: date) -> list[int]:
    """Units with a status that does not hold any more on that day and was not judged then."""
    query = select(status.c.unit).where(status.c.holds_until < on, status.c.judged_on < on).distinct()
    return list((await connection.scalars(query)).all())


async def targets_to_look_at(connection: AsyncConnection, on: date) -> set[tuple[str, int]]:
    """Commitments that do not hold any more on that day and were not judged then."""
    query = select(target.c.commitment, target.c.unit).where(target.c.holds_until < on, target.c.judged_on < on)
    return {(row.commitment, row.unit) for row in await connection.execute(query)}


async def add_steps(connection: AsyncConnection, steps: Mapping[tuple[str, int, date], Step]) -> None:
    """Add to the aggregates' steps; a step that comes to nothing goes."""
    if not steps:
        return
    rows = [
        {
            "commitment": commitment,
            "unit": unit,
            "on": on,
            "numerator": one.numerator,
            "denominator": one.denominator,
            "units": one.units,
        }
        for (commitment, unit, on), one in steps.items()
    ]
    statement = insert(step)
    added = {name: step.c[name] + statement.excluded[name] for name in ("numerator", "denominator", "units")}
    await connection.execute(
        statement.on_conflict_do_update(index_elements=["commitment", "unit", "on"], set_=added), rows
    )
    empty = (step.c.numerator == 0, step.c.denominator == 0, step.c.units == 0)
    await connection.execute(delete(step).where(*empty))


async def steps_of(
    connection: AsyncConnection, targets: Collection[tuple[str, int]]
) -> dict[tuple[str, int], dict[date, Step]]:
    """The steps of these commitments."""
    found: defaultdict[tuple[str, int], dict[date, Step]] = defaultdict(dict)
    query = select(step).where(tuple_(step.c.commitment, step.c.unit).in_(list(targets)))
    for row in await connection.execute(query):
        found[(row.commitment, row.unit)][row.on] = Step(row.numerator, row.denominator, row.units)
    return found


async def add_changes(connection: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Keep changes for good."""
    if rows:
        await connection.execute(insert(change), rows)


async def changes_of_unit(connection: AsyncConnection, unit: int, limit: int) -> Sequence[Row[Any]]:
    """The newest changes of a unit."""
    query = select(change).where(change.c.unit == unit).order_by(change.c.number.desc()).limit(limit)
    return (await connection.execute(query)).all()


async def parked_submissions(connection: AsyncConnection) -> set[int]:
    """The numbers of the messages in the stream of submissions that were put aside."""
    query = select(parked.c.sequence).where(parked.c.stream == subjects.SUBMISSIONS_STREAM)
    return set((await connection.scalars(query)).all())


async def last_tick(connection: AsyncConnection) -> date | None:
    """The newest day that was judged for the passing of time."""
    day: date | None = await connection.scalar(select(func.max(tick.c.day)))
    return day
