"""Rebuild: the whole state made again from the stream, beside the live one, compared with it, and put in its place.

A verdict follows from the figures and the day alone, so nothing is played again: each unit is judged once, today, by
all that was ever sent for it. What was told to others (changes, days, what waits to be published) is history and stays.
"""

from __future__ import annotations

import time
from asyncio import Task, TaskGroup, create_task
from collections import defaultdict
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import batched
from typing import Any

from nats.aio.client import Client
from nats.js.errors import NotFoundError
from sqlalchemy import Connection, MetaData, Select, Table, except_, func, select, text, union
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlmodel import SQLModel

from services.scoring.judging.aggregates import increments_by_target
from services.scoring.judging.changes import Moment
from services.scoring.judging.figures import Figures, figures_from
from services.scoring.judging.increments import Increment
from services.scoring.judging.inheritance import judged_by
from services.scoring.judging.targets import targets_of
from services.scoring.judging.unreported import binding_criteria
from services.scoring.storage import queries
from services.scoring.storage.tables import SCHEMA, IncrementRow, ReadingRow, StatusRow, SubmissionRow, TargetRow
from services.scoring.update.arrivals import Arrival, submission_row, unit_of
from services.scoring.update.commune_statuses import judge_again, rebuilt_statuses
from services.scoring.update.score import score
from services.scoring.update.targets import begin_targets, judge_targets
from shared.contracts import subjects
from shared.contracts.status import Status
from shared.contracts.submission import AcceptedSubmission
from shared.nats.stream_reader import read_stream
from shared.postgres.migrations import schema_metadata
from shared.postgres.statements import copy_in, table_of, upsert
from shared.reference.load import Reference
from shared.reference.models import CriterionKey
from shared.time import VIETNAM

REBUILT = "scoring_rebuild"
REPLACED: tuple[type[SQLModel], ...] = (SubmissionRow, ReadingRow, IncrementRow, StatusRow)
"""What is put in the place of the live tables, in this order. The commitments are judged again instead."""

_UNITS_AT_ONCE = 100
_ROWS_AT_ONCE = 20_000
_SHOWN = 100
"""Differing rows of a table that are named: the count says how many there are."""


@dataclass
class RebuildReport:
    """What was rebuilt, how many rows each table has (live, rebuilt, only in one of them), and which differ."""

    submissions: int = 0
    seconds: float = 0
    counts: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)
    lacking: int = 0
    """Submissions that were scored and are not in the stream."""
    switched: bool = False


async def rebuild(
    engine: AsyncEngine, nats: Client, reference: Reference, today: date | None = None, *, switch: bool = False
) -> RebuildReport:
    """Rebuild into a schema of its own while the live one serves, and compare; with `switch` the rebuilt one takes its
    place, and what it says otherwise is published. `today` is a simulated clock's day.

    Workers wait while both are compared. Nothing is switched where the stream lacks submissions that were scored:
    they would be lost.
    """
    started = time.monotonic()
    now = datetime.now(VIETNAM)
    moment = Moment(on=today or now.date(), at=now)
    await _make_schema(engine)
    try:
        rebuilt = _Rebuilt(engine, nats, reference, moment)
        await rebuilt.fill()
        await rebuilt.judge()
        async with engine.begin() as live:
            await queries.hold_off_workers(live)
            await rebuilt.catch_up(live)
            compared = await _compare(live)
            if switch and not compared.lacking:
                await _switch(live, reference, moment)
                compared.switched = True
        compared.submissions = rebuilt.submissions
        compared.seconds = time.monotonic() - started
        return compared
    finally:
        async with engine.begin() as connection:
            await connection.execute(text(f"DROP SCHEMA {REBUILT} CASCADE"))


class _Rebuilt:
    """The state that is being made."""

    def __init__(self, engine: AsyncEngine, nats: Client, reference: Reference, moment: Moment) -> None:
        self._live = engine
        self._beside = engine.execution_options(schema_translate_map={SCHEMA: REBUILT})
        self._nats, self._reference, self._moment = nats, reference, moment
        self._sequence = 0
        self.submissions = 0

    async def fill(self) -> None:
        """Take the stream's submissions, as far as live workers have come."""

        async def write(rows: list[dict[str, Any]]) -> None:
            async with self._beside.begin() as connection:
                self.submissions += len(await queries.record_submissions(connection, rows))

        writing: Task[None] | None = None
        async for arrivals in self._arrivals(await self._done_by_workers()):
            rows = [submission_row(one, unit_of(one.submission, self._reference)) for one in arrivals]
            if writing:
                await writing
            writing = create_task(write(rows))  # the next ones are read meanwhile
        if writing:
            await writing

    async def judge(self) -> None:
        """Judge every unit by all its submissions, and then the commitments above."""
        moment = self._moment
        sums: defaultdict[tuple[str, int, date], Increment] = defaultdict(Increment)
        targets = list(targets_of(self._reference))
        async with self._beside.connect() as connection:
            reported = set((await connection.scalars(select(queries.submission.c.unit).distinct())).all())
        bound = binding_criteria(self._reference, moment.on)
        families = sorted({self._reference.lineage.family(unit) for unit in reported.union(bound)})
        chunks = batched(families, _UNITS_AT_ONCE)

        async def work() -> None:
            for chunk in chunks:
                units = [unit for family in chunk for unit in family]
                async with self._beside.begin() as connection:
                    figures = figures_from(await queries.submissions_of(connection, units))
                    recent = judged_by({unit: figures.get(unit, Figures()) for unit in units}, self._reference)
                    readings = [
                        queries.reading_row(unit, one) for unit, found in figures.items() for one in found.values()
                    ]
                    await copy_in(connection, ReadingRow, readings, REBUILT)
                    rows = [
                        row
                        for unit, found in recent.items()
                        for row in rebuilt_statuses(unit, found, bound.get(unit, ()), self._reference, moment)
                    ]
                    await upsert(connection, StatusRow, rows)
                for unit in units:
                    for key, step in increments_by_target(unit, recent, targets, self._reference):
                        sums[key] += step

        # while the database works for one the other thinks
        async with TaskGroup() as group:
            for _ in range(2):
                group.create_task(work())
        async with self._beside.begin() as connection:
            for several in batched(sums.items(), _ROWS_AT_ONCE):
                await queries.add_increments(connection, dict(several))
            await begin_targets(connection, self._reference, moment.on)
            await queries.mark_moved(connection, {(one, unit) for one, unit, _ in sums}, moment.on)
            await judge_targets(connection, self._reference, moment)

    async def catch_up(self, live: AsyncConnection) -> None:
        """Take what workers have scored meanwhile. They must be waiting."""
        async for arrivals in self._arrivals(await self._done_by_workers(), live):
            async with self._beside.begin() as connection:
                await score(connection, self._reference, arrivals, self._moment)
                await judge_targets(connection, self._reference, self._moment)
            self.submissions += len(arrivals)

    async def _arrivals(self, done: int | None, live: AsyncConnection | None = None) -> AsyncIterator[list[Arrival]]:
        """What the stream holds behind what was taken, in order: up to a sequence number (None: all of it), and what
        the live state (where one is given) knows already though workers have not acknowledged it yet.
        """
        async with self._live.connect() as connection:
            parked = await queries.parked_submissions(connection)
        async for batch in read_stream(
            self._nats, subjects.SUBMISSIONS_STREAM, subjects.ALL_SUBMISSIONS, self._sequence
        ):
            arrivals = {
                message.metadata.sequence.stream: Arrival(
                    AcceptedSubmission.model_validate_json(message.data), body=message.data.decode()
                )
                for message in batch
                if message.metadata.sequence.stream not in parked
            }
            known = await queries.known_among(live, [one.submission.id for one in arrivals.values()]) if live else set()
            taken = [
                one
                for sequence, one in arrivals.items()
                if done is None or sequence <= done or one.submission.id in known
            ]
            if taken:
                yield taken
            last = batch[-1].metadata.sequence.stream
            if done is not None and last > done and live is None:
                self._sequence = done
                return
            self._sequence = last

    async def _done_by_workers(self) -> int | None:
        """Up to where the live workers have acknowledged everything; None where no worker ever asked."""
        try:
            js = self._nats.jetstream()
            info = await js.consumer_info(subjects.SUBMISSIONS_STREAM, subjects.SCORING_CONSUMER)
        except NotFoundError:
            return None
        return info.ack_floor.stream_seq if info.ack_floor else 0


async def _make_schema(engine: AsyncEngine) -> None:
    def create(connection: Connection) -> None:
        schema_metadata(SCHEMA).create_all(connection.execution_options(schema_translate_map={SCHEMA: REBUILT}))

    async with engine.begin() as connection:
        await connection.execute(text(f"DROP SCHEMA IF EXISTS {REBUILT} CASCADE"))
        await connection.execute(text(f"CREATE SCHEMA {REBUILT}"))
        await connection.run_sync(create)


async def _compare(connection: AsyncConnection) -> RebuildReport:
    compared = RebuildReport()
    compare: tuple[type[SQLModel], ...] = (*REPLACED, TargetRow)
    for model in compare:
        live = table_of(model)
        sides = [_comparable(live), _comparable(_rebuilt(live))]
        found = [await _only(connection, *order) for order in (sides, sides[::-1])]
        counts = [await connection.scalar(select(func.count()).select_from(side.subquery())) or 0 for side in sides]
        compared.counts[live.name] = (counts[0], counts[1], sum(count for count, _ in found))
        for where, (_, rows) in zip(("live", "rebuilt"), found, strict=True):
            compared.differences += [f"{live.name}, only {where}: {row}" for row in rows]
        if model is SubmissionRow:
            compared.lacking = found[0][0]
    return compared


async def _only(
    connection: AsyncConnection, here: Select[Any], there: Select[Any]
) -> tuple[int, list[tuple[Any, ...]]]:
    """How many rows only the first has, and some of them."""
    rows = except_(here, there).subquery()
    count = await connection.scalar(select(func.count()).select_from(rows)) or 0
    return count, [tuple(row) for row in await connection.execute(select(rows).limit(_SHOWN))]


async def _switch(live: AsyncConnection, reference: Reference, moment: Moment) -> None:
    """Put the rebuilt tables in the place of the live ones; what was said otherwise until now is told as a change."""
    status, rebuilt = table_of(StatusRow), _rebuilt(table_of(StatusRow))
    differing = union(
        except_(_comparable(status), _comparable(rebuilt)), except_(_comparable(rebuilt), _comparable(status))
    )
    pairs = differing.subquery()
    criteria: defaultdict[int, list[CriterionKey]] = defaultdict(list)
    for row in await live.execute(select(pairs.c.unit, pairs.c.criterion).distinct()):
        criteria[row.unit].append(row.criterion)
    for model in REPLACED:
        if model is StatusRow:
            await judge_again(live, reference, criteria, moment)
        name = table_of(model).name
        await live.execute(text(f"DROP TABLE {SCHEMA}.{name}"))
        await live.execute(text(f"ALTER TABLE {REBUILT}.{name} SET SCHEMA {SCHEMA}"))
    await queries.mark_moved(live, {(one.id, unit.key) for one, unit in targets_of(reference)}, moment.on)


def _rebuilt(table: Table) -> Table:
    return table.to_metadata(MetaData(), schema=REBUILT)


def _comparable(table: Table) -> Select[Any]:
    """What follows from the figures: not when somebody looked, nor what nobody has figures of."""
    left_out: Collection[str] = {"judged_on", "moved"}
    query = select(*(column for column in table.c if column.name not in left_out))
    return query.where(table.c.status != Status.NO_DATA.value) if "status" in table.c else query
