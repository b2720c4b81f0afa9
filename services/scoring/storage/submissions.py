"""The SQL of submissions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, cast, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningInsert

from services.scoring.storage.pairs import joined_pairs
from services.scoring.storage.tables import ParkedRow, SubmissionRow
from shared.contracts import subjects
from shared.postgres.driver import fetch
from shared.postgres.statements import columns_of, table_of, unnested

submission = table_of(SubmissionRow)
parked = table_of(ParkedRow)


class SubmissionValues(TypedDict):
    """A new row of table `submission`; its body is a JSON text."""

    id: UUID
    agency: str
    unit: int
    period: str
    received_at: datetime
    digest: str
    body: str
    signature: str | None


def _recording() -> ReturningInsert[Any]:
    arrays = {column.name: bindparam(column.name, type_=ARRAY(column.type, dimensions=1)) for column in submission.c}
    statement = insert(submission).from_select(list(arrays), unnested(arrays))
    return statement.on_conflict_do_nothing().returning(submission.c.id)


_RECORD = _recording()


async def record_submissions(connection: AsyncConnection, rows: Sequence[SubmissionValues]) -> set[UUID]:
    """Store submissions and return the ids of those that were new."""
    return {key for (key,) in await fetch(connection, _RECORD, columns_of(rows))} if rows else set()


async def known_among(connection: AsyncConnection, ids: Sequence[UUID]) -> set[UUID]:
    """Return which of these submissions are stored already."""
    query = select(submission.c.id).where(submission.c.id == func.any(cast(list(ids), ARRAY(Uuid))))
    return set((await connection.scalars(query)).all())


async def submissions_of(
    connection: AsyncConnection,
    units: Collection[int],
    until: datetime | None = None,
    without: Collection[UUID] = frozenset(),
) -> list[tuple[int, str]]:
    """Return the unit and the JSON of every submission for these units, or of those received before a moment.

    `without`: ids of submissions that are left out.
    """
    query = select(submission.c.unit, submission.c.body)
    query = query.where(submission.c.unit == func.any(list(units)))
    if until is not None:
        query = query.where(submission.c.received_at < until)
    if without:
        query = query.where(submission.c.id.not_in(without))
    return [(unit, body) for unit, body in await connection.execute(query)]


async def submissions_for(
    connection: AsyncConnection, periods: Collection[tuple[int, str]], until: datetime | None = None
) -> list[tuple[int, str]]:
    """Return the unit and the JSON of every submission for these pairs of unit and period, or as `submissions_of`."""
    pairs = joined_pairs(periods, "period")
    query = select(submission.c.unit, submission.c.body)
    query = query.where(submission.c.unit == pairs.c.unit, submission.c.period == pairs.c.period)
    if until is not None:
        query = query.where(submission.c.received_at < until)
    return [(unit, body) for unit, body in await connection.execute(query)]


async def units_reported(connection: AsyncConnection) -> set[int]:
    """Return the keys of the units for which there are submissions."""
    return set((await connection.scalars(select(submission.c.unit).distinct())).all())


async def count_received(connection: AsyncConnection, since: datetime, before: datetime, units: Collection[int]) -> int:
    """Count the submissions for these units that were received from a moment on and before another one."""
    query = select(func.count()).where(
        submission.c.unit == func.any(list(units)),
        submission.c.received_at >= since,
        submission.c.received_at < before,
    )
    return await connection.scalar(query) or 0


async def parked_submissions(connection: AsyncConnection) -> set[int]:
    """Return the sequence numbers of submissions in the stream that were parked and not replayed."""
    of_stream = parked.c.stream == subjects.SUBMISSIONS_STREAM
    query = select(parked.c.sequence).where(of_stream, parked.c.state != "replayed")
    return set((await connection.scalars(query)).all())
