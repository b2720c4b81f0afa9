"""Rebuild: the whole state made again from the stream, beside the live one, and compared with it.

Submissions are taken in the stream's order, each day's after that day's tick, as it happened. What is compared is
what follows from the figures alone: not when somebody looked (`judged_on`), nor since when a status is known.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from sqlalchemy import ColumnElement, Connection, MetaData, Select, Table, cast, except_, func, select, text
from sqlalchemy.dialects.postgresql import JSONPATH
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.scoring import queries
from services.scoring.changes import Moment
from services.scoring.score import Arrival, score, tick
from services.scoring.tables import SCHEMA, ReadingRow, StatusRow, StepRow, SubmissionRow, TargetRow
from shared.clock import VIETNAM
from shared.contracts import AcceptedSubmission, subjects
from shared.database import schema_metadata, table_of
from shared.log_reader import stored
from shared.reference.load import Reference

REBUILT = "scoring_rebuild"
_TRIES = 5


@dataclass
class Comparison:
    """What was rebuilt, how many rows each table has (live, rebuilt, only in one of them), and which differ."""

    submissions: int = 0
    days: int = 0
    seconds: float = 0
    counts: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)


async def rebuild_and_compare(
    engine: AsyncEngine, nats: Client, reference: Reference, today: date | None
) -> Comparison:
    """Rebuild into a schema of its own, compare, and drop it. `today` is a simulated clock's day.

    Submissions that arrive meanwhile are caught up with, a few times; a system that never rests may differ by them.
    """
    started = time.monotonic()
    beside = engine.execution_options(schema_translate_map={SCHEMA: REBUILT})
    await _make_schema(engine)
    try:
        async with engine.connect() as connection:
            first = await connection.scalar(select(func.min(queries.tick.c.day)))
            parked = await queries.parked_submissions(connection)
        replay = _Replay(beside, reference, first, parked)
        for _ in range(_TRIES):
            known = replay.sequence
            async for batch in stored(nats, subjects.SUBMISSIONS_STREAM, subjects.ALL_SUBMISSIONS, known):
                await replay.take(batch)
            await replay.pass_days(today or datetime.now(VIETNAM).date())
            async with engine.connect() as connection:
                compared = await _compare(connection)
            if not compared.differences or replay.sequence == known:
                break
        compared.submissions, compared.days = replay.submissions, replay.days
        compared.seconds = time.monotonic() - started
        return compared
    finally:
        async with engine.begin() as connection:
            await connection.execute(text(f"DROP SCHEMA {REBUILT} CASCADE"))


class _Replay:
    """Where the rebuilding stands."""

    def __init__(self, engine: AsyncEngine, reference: Reference, first: date | None, parked: set[int]) -> None:
        self._engine = engine
        self._parked = parked
        self._reference = reference
        self._next_tick = first
        self.sequence = 0
        self.submissions = 0
        self.days = 0

    async def take(self, batch: Sequence[Msg]) -> None:
        """Score messages, after the ticks of the days before."""
        arrivals = [
            Arrival(AcceptedSubmission.model_validate_json(message.data))
            for message in batch
            if message.metadata.sequence.stream not in self._parked
        ]
        for day, of_day in groupby(arrivals, key=lambda arrival: arrival.day):
            await self.pass_days(day)
            group = list(of_day)
            async with self._engine.begin() as connection:
                moment = Moment(on=day, at=group[-1].submission.received_at)
                await score(connection, self._reference, group, moment)
            self.submissions += len(group)
        self.sequence = batch[-1].metadata.sequence.stream

    async def pass_days(self, until: date) -> None:
        """Tick every day up to this one."""
        while self._next_tick is not None and self._next_tick <= until:
            async with self._engine.begin() as connection:
                at = datetime.combine(self._next_tick, datetime.min.time(), VIETNAM)
                await tick(connection, self._reference, Moment(on=self._next_tick, at=at))
            self._next_tick += timedelta(days=1)
            self.days += 1


async def _make_schema(engine: AsyncEngine) -> None:
    def create(connection: Connection) -> None:
        schema_metadata(SCHEMA).create_all(connection.execution_options(schema_translate_map={SCHEMA: REBUILT}))

    async with engine.begin() as connection:
        await connection.execute(text(f"DROP SCHEMA IF EXISTS {REBUILT} CASCADE"))
        await connection.execute(text(f"CREATE SCHEMA {REBUILT}"))
        await connection.run_sync(create)


async def _compare(connection: AsyncConnection) -> Comparison:
    compared = Comparison()
    for model in (SubmissionRow, ReadingRow, StatusRow, StepRow, TargetRow):
        live = table_of(model)
        rebuilt = live.to_metadata(MetaData(), schema=REBUILT)
        found = [_comparable(live), _comparable(rebuilt)]
        only_live = (await connection.execute(except_(found[0], found[1]))).all()
        only_rebuilt = (await connection.execute(except_(found[1], found[0]))).all()
        counts = [await connection.scalar(select(func.count()).select_from(table)) or 0 for table in (live, rebuilt)]
        compared.counts[live.name] = (counts[0], counts[1], len(only_live) + len(only_rebuilt))
        compared.differences += [f"{live.name}, only live: {tuple(row)}" for row in only_live]
        compared.differences += [f"{live.name}, only rebuilt: {tuple(row)}" for row in only_rebuilt]
    return compared


def _comparable(table: Table) -> Select[Any]:
    left_out = {"since", "judged_on", "holds_until", "assessment"}
    columns: list[ColumnElement[Any]] = [column for column in table.c if column.name not in left_out]
    if "assessment" in table.c:
        columns.append(table.c.assessment["overdue"])
        columns.append(func.jsonb_path_query_array(table.c.assessment, cast("$.parts[*].value", JSONPATH)))
    return select(*columns)
