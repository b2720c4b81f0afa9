"""Queries of the repair: what the tables hold and the stream of submissions has lost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Row, Table, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.storage.tables import DossierStepRow, EvidenceRow, ProblemEventRow, ReviewRow, WithdrawalRow
from shared.contracts import subjects
from shared.postgres.statements import table_of

_ROWS_AT_ONCE = 1000

_BEGIN = text("CREATE TEMPORARY TABLE on_stream (id uuid PRIMARY KEY) ON COMMIT DROP")
_SEE = text("SELECT count(*) FROM on_stream")
_NOTE = text("INSERT INTO on_stream SELECT unnest(CAST(:ids AS uuid[])) ON CONFLICT DO NOTHING")
_RECEIPTS = """
    SELECT id, sequence, agency, code, period, received_at, request, request_digest,
           sequence = min(sequence) OVER (PARTITION BY agency, request) AS leads
    FROM intake.submission
"""
_OF_STREAM = f"stream = '{subjects.SUBMISSIONS_STREAM}'"
_HIGHEST = """
    SELECT max(sequence) FROM (
        SELECT max(sequence) AS sequence FROM intake.submission UNION ALL SELECT max(sequence) FROM intake.unscored
        {parked}
    ) AS highest
"""


class LostSubmission(NamedTuple):
    """A scored submission that the stream lacks, with what its receipt says of the request, where there is one."""

    id: UUID
    digest: str
    body: str
    signature: str | None
    request: str | None
    request_digest: str | None
    leads: bool | None
    """It is the first submission of its request."""


class UnscoredReceipt(NamedTuple):
    """The receipt of a submission that the stream has lost and scoring never had."""

    id: UUID
    sequence: int
    agency: str
    code: str
    period: str
    received_at: datetime


class LostDecision(NamedTuple):
    """A review, a withdrawal or evidence that the stream lacks."""

    id: UUID
    at: datetime
    body: dict[str, Any]
    message: str | None
    """The body of its message to the byte; None in rows of before."""
    signature: str | None


class LostMessages:
    """Compares the tables with the ids that the stream holds, which stand in a temporary table of the transaction."""

    def __init__(self, connection: AsyncConnection, scored: Table, parked: Sequence[Table]) -> None:
        self._connection = connection
        self._scored = f"{scored.schema}.{scored.name}"
        self._parked = [f"{table.schema}.{table.name}" for table in parked]

    async def begin(self) -> None:
        """Make the temporary table, and have the transaction see the other tables as they are now."""
        await self._connection.execute(_BEGIN)
        await self._connection.execute(_SEE)

    async def note(self, ids: Collection[UUID]) -> None:
        """Note messages that the stream holds."""
        await self._connection.execute(_NOTE, {"ids": list(ids)})

    async def highest_number(self) -> int:
        """Return the highest number of the stream that a table names."""
        parked = "".join(
            f" UNION ALL SELECT max(sequence) FROM {name} WHERE {_OF_STREAM}"  # noqa: S608 - names of ours
            for name in self._parked
        )
        return await self._connection.scalar(text(_HIGHEST.format(parked=parked))) or 0

    async def submissions(self) -> AsyncIterator[Sequence[LostSubmission]]:
        """Yield the scored submissions that the stream lacks, in its former order."""
        query = f"""
            SELECT s.id, s.digest, s.body, s.signature, r.request, r.request_digest, r.leads
            FROM {self._scored} AS s LEFT JOIN ({_RECEIPTS}) AS r USING (id)
            WHERE NOT EXISTS (SELECT FROM on_stream WHERE id = s.id)
            ORDER BY r.sequence NULLS LAST, s.received_at, s.id
        """  # noqa: S608 - names of ours
        async for rows in self._partitions(query):
            yield [LostSubmission(*row) for row in rows]

    async def decisions(self, table: type[ReviewRow | WithdrawalRow | EvidenceRow]) -> Sequence[LostDecision]:
        """Return the reviews, the withdrawals or the evidence that the stream lacks, oldest first."""
        query = f"""
            SELECT id, at, body, message, signature FROM intake.{table_of(table).name} AS d
            WHERE NOT EXISTS (SELECT FROM on_stream WHERE id = d.id) ORDER BY at, id
        """  # noqa: S608 - names of ours
        return [LostDecision(*row) for row in await self._connection.execute(text(query))]

    async def unscored(self) -> Sequence[UnscoredReceipt]:
        """Return the receipts of submissions that neither the stream nor scoring has, parked ones left out."""
        query = f"""
            SELECT id, sequence, agency, code, period, received_at FROM ({_RECEIPTS}) AS r
            WHERE NOT EXISTS (SELECT FROM on_stream WHERE id = r.id)
                AND NOT EXISTS (SELECT FROM {self._scored} AS s WHERE s.id = r.id)
                AND NOT EXISTS (SELECT FROM {self._parked[0]} AS p WHERE {_OF_STREAM} AND p.sequence = r.sequence)
            ORDER BY sequence
        """  # noqa: S608 - names of ours
        return [UnscoredReceipt(*row) for row in await self._connection.execute(text(query))]

    async def unknown(self, ids: Collection[UUID]) -> set[UUID]:
        """Return which of these messages no table has."""
        query = f"""
            SELECT id FROM unnest(CAST(:ids AS uuid[])) AS w(id)
            WHERE NOT EXISTS (SELECT FROM {self._scored} AS s WHERE s.id = w.id)
                AND NOT EXISTS (SELECT FROM intake.review AS s WHERE s.id = w.id)
                AND NOT EXISTS (SELECT FROM intake.withdrawal AS s WHERE s.id = w.id)
                AND NOT EXISTS (SELECT FROM intake.evidence AS s WHERE s.id = w.id)
        """  # noqa: S608 - names of ours
        return set((await self._connection.scalars(text(query), {"ids": list(ids)})).all())

    async def _partitions(self, query: str) -> AsyncIterator[Sequence[Row[*tuple[Any, ...]]]]:
        result = await self._connection.stream(text(query))
        async for rows in result.partitions(_ROWS_AT_ONCE):
            yield rows


async def logged_difficulties(connection: AsyncConnection) -> Sequence[dict[str, Any]]:
    """Return the events of all difficulties, oldest first."""
    event = table_of(ProblemEventRow)
    return (await connection.scalars(select(event.c.body).order_by(event.c.at, event.c.id))).all()


async def logged_steps(connection: AsyncConnection) -> Sequence[tuple[int, dict[str, Any]]]:
    """Return the steps of all dossiers in order, each with the key of its commune."""
    step = table_of(DossierStepRow)
    rows = await connection.execute(select(step.c.unit, step.c.body).order_by(step.c.sequence))
    return [(unit, body) for unit, body in rows]


async def highest_number_of(connection: AsyncConnection, stream: str, parked: Sequence[Table]) -> int:
    """Return the highest number of the stream STATUS that the tables of intake or those of parked messages name."""
    highest = [await connection.scalar(select(func.max(table_of(DossierStepRow).c.sequence))) or 0]
    for table in parked:
        query = select(func.max(table.c.sequence)).where(table.c.stream == stream)
        highest.append(await connection.scalar(query) or 0)
    return max(highest)
