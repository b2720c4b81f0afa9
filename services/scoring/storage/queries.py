"""All SQL of scoring: set-based, named by what it answers. Units are surrogate keys throughout."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Integer,
    Row,
    Select,
    Subquery,
    Text,
    Uuid,
    and_,
    bindparam,
    cast,
    delete,
    exists,
    func,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningInsert

from services.scoring.judging.figures import Figures
from services.scoring.judging.increments import Increment
from services.scoring.judging.readings import Reading
from services.scoring.storage.tables import (
    ChangeRow,
    IncrementRow,
    ParkedRow,
    ReadingRow,
    StatusRow,
    SubmissionRow,
    TargetRow,
    TickRow,
)
from shared.contracts import subjects
from shared.contracts.period import Period
from shared.contracts.status import Stage, Status
from shared.contracts.submission import SubmissionWarning
from shared.postgres.statements import columns_of, insert_rows, table_of, unnested, upsert
from shared.reference.models import CriterionKey

submission, reading, status = table_of(SubmissionRow), table_of(ReadingRow), table_of(StatusRow)
step, target, change = table_of(IncrementRow), table_of(TargetRow), table_of(ChangeRow)
tick, parked = table_of(TickRow), table_of(ParkedRow)

_UNIT_LOCKS, _TARGET_LOCKS, _ALL_LOCKS = 1, 2, 3


async def work(connection: AsyncConnection) -> None:
    """Say that a worker is about to change the state; it waits where somebody puts another state in its place."""
    await connection.execute(select(func.pg_advisory_xact_lock_shared(_ALL_LOCKS, 0)))


async def hold_off_workers(connection: AsyncConnection) -> None:
    """Wait until no worker changes the state, and keep all of them waiting until the transaction ends."""
    await connection.execute(select(func.pg_advisory_xact_lock(_ALL_LOCKS, 0)))


async def lock_units(connection: AsyncConnection, units: Iterable[int]) -> None:
    """Keep other workers from these units until the transaction ends; always in one order, so nobody deadlocks."""
    in_order = select(func.unnest(cast(sorted(units), ARRAY(Integer))).label("unit")).subquery()
    await connection.execute(select(func.pg_advisory_xact_lock(_UNIT_LOCKS, in_order.c.unit)))


async def lock_targets(connection: AsyncConnection) -> None:
    """Keep other workers from judging the commitments until the transaction ends."""
    await connection.execute(select(func.pg_advisory_xact_lock(_TARGET_LOCKS, 0)))


def _recording() -> ReturningInsert[Any]:
    # bodies come as the texts that they are, and the database reads them
    types = {column.name: Text() if column.name == "body" else column.type for column in submission.c}
    given = unnested(
        {name: bindparam(name, type_=ARRAY(kind, dimensions=1)) for name, kind in types.items()}
    ).subquery()
    found = [cast(given.c[name], submission.c[name].type) for name in types]
    statement = insert(submission).from_select(list(types), select(*found))
    return statement.on_conflict_do_nothing().returning(submission.c.id)


_RECORD = _recording()


async def record_submissions(connection: AsyncConnection, rows: Sequence[dict[str, Any]]) -> set[UUID]:
    """Keep the submissions; the ids of those that were not known yet. Their bodies are JSON texts."""
    return set((await connection.scalars(_RECORD, columns_of(rows))).all()) if rows else set()


async def units_reported(connection: AsyncConnection) -> set[int]:
    """Return the keys of the units for which there are submissions."""
    return set((await connection.scalars(select(submission.c.unit).distinct())).all())


async def known_among(connection: AsyncConnection, ids: Sequence[UUID]) -> set[UUID]:
    """Those of the submissions that are known."""
    query = select(submission.c.id).where(submission.c.id == func.any(cast(list(ids), ARRAY(Uuid))))
    return set((await connection.scalars(query)).all())


async def readings_of(
    connection: AsyncConnection, units: Collection[int], horizon: date, elements: Collection[str] | None = None
) -> dict[int, Figures]:
    """The units' readings of these elements (None: of all), for periods that did not end before the horizon."""
    query = select(reading).where(reading.c.unit == func.any(list(units)), reading.c.ends >= horizon)
    if elements is not None:
        query = query.where(reading.c.element == func.any(list(elements)))
    return await _figures(connection, query)


async def readings_among(
    connection: AsyncConnection, wanted: Collection[tuple[int, str]], horizon: date
) -> dict[int, Figures]:
    """The readings of these elements of these units, for periods that did not end before the horizon."""
    pairs = _pairs(wanted, "element")
    query = select(reading).where(
        reading.c.unit == pairs.c.unit, reading.c.element == pairs.c.element, reading.c.ends >= horizon
    )
    return await _figures(connection, query)


def _pairs(pairs: Collection[tuple[int, str]], name: str) -> Subquery:
    """Units, each with something else, as a table to join."""
    return unnested(
        {
            "unit": cast([unit for unit, _ in pairs], ARRAY(Integer)),
            name: cast([other for _, other in pairs], ARRAY(Text)),
        }
    ).subquery()


async def _figures(connection: AsyncConnection, query: Select[Any]) -> dict[int, Figures]:
    found: defaultdict[int, Figures] = defaultdict(Figures)
    for row in await connection.execute(query):
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


def reading_row(unit: int, one: Reading) -> dict[str, Any]:
    """A reading as it is stored."""
    return {
        "unit": unit,
        "element": one.element,
        "ends": one.period.end,
        "period": one.period.text,
        "value": one.value,
        "stage": one.stage.value,
        "revision": one.revision,
        "received_at": one.received_at,
        "known_from": one.known_from,
        "submission": one.submission,
        "warnings": [warning.model_dump(mode="json") for warning in one.warnings] or None,
    }


async def write_readings(connection: AsyncConnection, readings: Sequence[tuple[int, Reading]]) -> None:
    """Store readings, over what stood there."""
    await upsert(connection, ReadingRow, [reading_row(unit, one) for unit, one in readings])


async def statuses_of(connection: AsyncConnection, units: Collection[int]) -> dict[tuple[int, str], Row[Any]]:
    """The units' statuses by unit and criterion."""
    rows = await connection.execute(select(status).where(status.c.unit == func.any(list(units))))
    return {(row.unit, row.criterion): row for row in rows}


async def targets(connection: AsyncConnection) -> dict[tuple[str, int], Row[Any]]:
    """All commitments' statuses by commitment and unit."""
    return {(row.commitment, row.unit): row for row in await connection.execute(select(target))}


async def statuses_to_look_at(connection: AsyncConnection, on: date) -> dict[int, list[CriterionKey]]:
    """By unit, the criteria whose status does not hold any more on that day and was not judged then."""
    query = select(status.c.unit, status.c.criterion).where(status.c.holds_until < on, status.c.judged_on < on)
    found: defaultdict[int, list[CriterionKey]] = defaultdict(list)
    for row in await connection.execute(query.order_by(status.c.unit, status.c.criterion)):
        found[row.unit].append(row.criterion)
    return found


async def without_status(
    connection: AsyncConnection, pairs: Sequence[tuple[int, CriterionKey]]
) -> list[tuple[int, CriterionKey]]:
    """Those units and criteria of which no status is stored."""
    given = _pairs(pairs, "criterion")
    known = exists().where(status.c.unit == given.c.unit, status.c.criterion == given.c.criterion)
    return [(row.unit, row.criterion) for row in await connection.execute(select(given).where(~known))]


async def targets_to_look_at(connection: AsyncConnection, on: date) -> set[tuple[str, int]]:
    """Commitments whose steps have moved, or that do not hold any more on that day and were not judged then."""
    query = select(target.c.commitment, target.c.unit).where(_is_to_be_judged(on))
    return {(row.commitment, row.unit) for row in await connection.execute(query)}


async def take_targets(connection: AsyncConnection, on: date) -> set[tuple[str, int]]:
    """Lock the commitments that `targets_to_look_at` names until the transaction ends, and return them.

    Whoever moves their steps meanwhile waits, so the mark of that move comes after the verdict and is not overwritten.
    Commitments whose steps are being moved right now are left out: their mark stands when the move is committed.
    """
    query = select(target.c.commitment, target.c.unit).where(_is_to_be_judged(on))
    query = query.order_by(target.c.commitment, target.c.unit).with_for_update(skip_locked=True, key_share=True)
    return {(row.commitment, row.unit) for row in await connection.execute(query)}


def _is_to_be_judged(on: date) -> ColumnElement[bool]:
    return or_(target.c.moved, and_(target.c.holds_until < on, target.c.judged_on < on))


async def begin_targets(connection: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Keep commitments of which nothing was stored yet."""
    if rows:
        statement = insert_rows(target, tuple(rows[0])).on_conflict_do_nothing()
        await connection.execute(statement, columns_of(rows))


_MARK_MOVED = insert_rows(target, tuple(target.c.keys())).on_conflict_do_update(
    index_elements=["commitment", "unit"], set_={"moved": True}
)


async def mark_moved(connection: AsyncConnection, targets: Collection[tuple[str, int]], on: date) -> None:
    """Say that the commitments' steps have moved, so that somebody judges them."""
    rows = [
        {
            "commitment": commitment,
            "unit": unit,
            "status": Status.NO_DATA.value,
            "since": on,
            "judged_on": on,
            "holds_until": None,
            "overdue": None,
            "moved": True,
        }
        for commitment, unit in sorted(targets)
    ]
    if rows:
        await connection.execute(_MARK_MOVED, columns_of(rows))


def _adding() -> Insert:
    statement = insert_rows(step, tuple(step.c.keys()))
    added = {name: step.c[name] + statement.excluded[name] for name in ("numerator", "denominator", "units")}
    return statement.on_conflict_do_update(index_elements=["commitment", "unit", "on"], set_=added)


_ADD_STEPS = _adding()


async def add_increments(connection: AsyncConnection, steps: Mapping[tuple[str, int, date], Increment]) -> None:
    """Add to the aggregates' steps, in one order, so that nobody deadlocks; a step that comes to nothing goes."""
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
        for (commitment, unit, on), one in sorted(steps.items())
    ]
    await connection.execute(_ADD_STEPS, columns_of(rows))
    touched = tuple_(step.c.commitment, step.c.unit).in_({(commitment, unit) for commitment, unit, _ in steps})
    empty = (step.c.numerator == 0, step.c.denominator == 0, step.c.units == 0)
    await connection.execute(delete(step).where(touched, *empty))


async def summed_increments(
    connection: AsyncConnection, targets: Collection[tuple[str, int]]
) -> dict[tuple[str, int], dict[date, Increment]]:
    """The steps of these commitments."""
    found: defaultdict[tuple[str, int], dict[date, Increment]] = defaultdict(dict)
    query = select(step).where(tuple_(step.c.commitment, step.c.unit).in_(list(targets)))
    for row in await connection.execute(query):
        found[(row.commitment, row.unit)][row.on] = Increment(row.numerator, row.denominator, row.units)
    return found


async def add_changes(connection: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Keep changes for good."""
    if rows:
        await connection.execute(insert_rows(change, tuple(rows[0])), columns_of(rows))


async def submissions_of(
    connection: AsyncConnection, units: Collection[int], until: datetime | None = None
) -> Sequence[tuple[int, str]]:
    """Return the unit and the JSON of every submission for these units, or of those received before a moment."""
    query = select(submission.c.unit, cast(submission.c.body, Text).label("body"))
    query = query.where(submission.c.unit == func.any(list(units)))
    if until is not None:
        query = query.where(submission.c.received_at < until)
    return (await connection.execute(query)).tuples().all()


async def changes_of_unit(connection: AsyncConnection, unit: int, limit: int) -> Sequence[Row[Any]]:
    """The newest changes of a unit."""
    query = select(change).where(change.c.unit == unit).order_by(change.c.number.desc()).limit(limit)
    return (await connection.execute(query)).all()


async def parked_submissions(connection: AsyncConnection) -> set[int]:
    """The numbers of the messages in the stream of submissions that were put aside and not replayed."""
    of_stream = parked.c.stream == subjects.SUBMISSIONS_STREAM
    query = select(parked.c.sequence).where(of_stream, parked.c.state != "replayed")
    return set((await connection.scalars(query)).all())


async def last_tick(connection: AsyncConnection) -> date | None:
    """The newest day that was judged for the passing of time."""
    day: date | None = await connection.scalar(select(func.max(tick.c.day)))
    return day


async def lock_days(connection: AsyncConnection) -> None:
    """Let no other worker judge a day until the transaction ends; a worker that waited here finds the day taken."""
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtext("scoring-tick"))))


async def take_day(connection: AsyncConnection, day: date, at: datetime) -> bool:
    """Note that a day is judged, at a moment. Return False when that was noted before."""
    noted = await connection.execute(insert(tick).on_conflict_do_nothing(), {"day": day, "finished_at": at})
    return noted.rowcount > 0
