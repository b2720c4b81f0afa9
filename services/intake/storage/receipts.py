"""Queries for receipts of accepted submissions, with their states, reviews and the changes that they caused."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Literal, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Table, and_, exists, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.storage.driver import fetch
from services.intake.storage.tables import ChangeRow, ReviewRow, SubmissionRow, UnscoredRow, WithdrawalRow
from shared.contracts.status import Stage
from shared.contracts.submission import CausedChange, Receipt, Review, Withdrawal
from shared.postgres.statements import table_of
from shared.readable import RowsRead, read_row, read_rows, readable, readable_warnings
from shared.time import VIETNAM

submission, unscored = table_of(SubmissionRow), table_of(UnscoredRow)
change, review, withdrawal = table_of(ChangeRow), table_of(ReviewRow), table_of(WithdrawalRow)

type State = Literal["accepted", "scored", "parked", "returned"]


class StoredReceipt(NamedTuple):
    """A receipt with the place of its submission: the number in the stream, the unit (surrogate key), the sender."""

    id: UUID
    sequence: int
    agency: str
    key: str | None
    unit: int
    stage: Stage
    revision: int
    receipt: Receipt
    reviews: UUID | None = None
    """The submission that it verifies or confirms, with which it is withdrawn."""


class ReceiptFilter(NamedTuple):
    """The conditions that a list of receipts fulfils; None sets no condition."""

    agency: str | None = None
    units: Sequence[int] | None = None
    state: State | None = None
    stage: Stage | None = None
    ids: Collection[UUID] | None = None
    before: int | None = None
    """Only submissions with a lower number in the stream."""


_STORED = """
    SELECT id, 0 AS unit, sequence FROM intake.submission WHERE id = ANY($1::uuid[])
    UNION ALL
    SELECT NULL, u.unit, s.sequence FROM unnest($2::int[]) AS u(unit)
    CROSS JOIN LATERAL (
        SELECT sequence FROM intake.submission WHERE unit = u.unit ORDER BY sequence DESC LIMIT 1
    ) AS s
"""


async def stored_ids(
    connection: AsyncConnection, ids: Collection[UUID], units: Collection[int] = ()
) -> tuple[set[UUID], dict[int, int]]:
    """Return the ids for which there is a receipt already, and by unit the number of its last submission."""
    rows = await fetch(connection, _STORED, ids, units)
    stored = {row["id"] for row in rows if row["id"] is not None}
    return stored, {row["unit"]: row["sequence"] for row in rows if row["id"] is None}


async def receipts_of(connection: AsyncConnection, ids: Collection[UUID]) -> dict[UUID, Receipt]:
    """Return the receipts of the submissions that have one that can be read."""
    if not ids:
        return {}
    rows = await connection.execute(select(submission).where(submission.c.id == func.any(list(ids))))
    return dict(read_rows(rows, lambda row: (row.id, _receipt(row))).items)


_REQUEST_DIGESTS = text("""
    SELECT u.agency, u.request, s.request_digest
    FROM unnest(CAST(:agencies AS text[]), CAST(:requests AS text[])) AS u(agency, request)
    CROSS JOIN LATERAL (
        SELECT request_digest FROM intake.submission
        WHERE agency = u.agency AND request = u.request AND request_digest IS NOT NULL LIMIT 1
    ) AS s
""")


async def request_digests(
    connection: AsyncConnection, requests: Collection[tuple[str, str]]
) -> dict[tuple[str, str], str]:
    """Return the digest of the request for which each (agency, `Idempotency-Key`) was used; of a stream, a line's."""
    if not requests:
        return {}
    agencies, keys = zip(*requests, strict=True)
    rows = await connection.execute(_REQUEST_DIGESTS, {"agencies": agencies, "requests": keys})
    return {(row.agency, row.request): row.request_digest for row in rows}


async def requests_of(connection: AsyncConnection, ids: Collection[UUID]) -> dict[UUID, str]:
    """Return the digests of the requests with an `Idempotency-Key` by which these submissions came."""
    query = select(submission.c.id, submission.c.request_digest).where(
        submission.c.id == func.any(list(ids)), submission.c.request_digest.is_not(None)
    )
    return {row.id: row.request_digest for row in await connection.execute(query)}


async def find(connection: AsyncConnection, submission_id: UUID) -> StoredReceipt | None:
    """Return the receipt of a submission; None when there is none. `DamagedRowError` where it cannot be read."""
    row = (await connection.execute(select(submission).where(submission.c.id == submission_id))).one_or_none()
    return None if row is None else read_row(row, _stored)


async def newest(
    connection: AsyncConnection, filters: ReceiptFilter, scored_until: int, limit: int
) -> RowsRead[Row[Any], StoredReceipt]:
    """Return the receipts that pass, the newest first, and the rows of those that cannot be read.

    `scored_until`: the number in the stream up to which scoring has acknowledged.
    """
    conditions = _conditions(filters, scored_until)
    query = select(submission).where(*conditions).order_by(submission.c.sequence.desc()).limit(limit)
    return read_rows(await connection.execute(query), _stored)


async def changes_of(connection: AsyncConnection, submissions: Collection[UUID]) -> dict[UUID, list[CausedChange]]:
    """Return, by submission, the changes of status that it caused, oldest first."""
    bodies = await _bodies(connection, change, submissions)
    return {key: readable(CausedChange, kept) for key, kept in bodies.items()}


async def reviews_of(connection: AsyncConnection, submissions: Collection[UUID]) -> dict[UUID, list[Review]]:
    """Return, by submission, its reviews, oldest first."""
    bodies = await _bodies(connection, review, submissions)
    return {key: readable(Review, kept) for key, kept in bodies.items()}


async def withdrawals_of(connection: AsyncConnection, submissions: Collection[UUID]) -> dict[UUID, Withdrawal]:
    """Return, by submission, the withdrawals of those that were withdrawn."""
    bodies = await _bodies(connection, withdrawal, submissions)
    return {key: first[0] for key, kept in bodies.items() if (first := readable(Withdrawal, kept[:1]))}


async def parked_among(connection: AsyncConnection, sequences: Collection[int]) -> set[int]:
    """Return the numbers in the stream of the submissions that scoring has parked and not scored since."""
    query = select(unscored.c.sequence).where(unscored.c.sequence.in_(sequences), unscored.c.scored_at.is_(None))
    return set((await connection.scalars(query)).all())


def _stored(row: Row[Any]) -> StoredReceipt:
    return StoredReceipt(
        row.id, row.sequence, row.agency, row.key, row.unit, Stage(row.stage), row.revision, _receipt(row), row.reviews
    )


def _receipt(row: Row[Any]) -> Receipt:
    """Return the receipt that was given at first, the same to the byte."""
    return Receipt(
        id=row.id,
        unit=row.code,
        period=row.period,
        received_at=row.received_at.astimezone(VIETNAM),
        digest=row.digest,
        due=row.due,
        warnings=readable_warnings(row.warnings),
    )


def _conditions(filters: ReceiptFilter, scored_until: int) -> list[ColumnElement[bool]]:
    conditions = []
    if filters.agency is not None:
        conditions.append(submission.c.agency == filters.agency)
    if filters.units is not None:
        conditions.append(submission.c.unit.in_(filters.units))
    if filters.state is not None:
        conditions.append(_is_in(filters.state, scored_until))
    if filters.stage is not None:
        conditions.append(submission.c.stage == filters.stage)
    if filters.ids is not None:
        conditions.append(submission.c.id == func.any(list(filters.ids)))
    if filters.before is not None:
        conditions.append(submission.c.sequence < filters.before)
    return conditions


def _is_in(state: State, scored_until: int) -> ColumnElement[bool]:
    returned = exists().where(review.c.submission == submission.c.id, review.c.body["decision"].astext == "returned")
    parked = exists().where(unscored.c.sequence == submission.c.sequence, unscored.c.scored_at.is_(None))
    scored = submission.c.sequence <= scored_until
    return {
        "returned": returned,
        "parked": and_(~returned, parked),
        "scored": and_(~returned, ~parked, scored),
        "accepted": and_(~returned, ~parked, ~scored),
    }[state]


async def _bodies(
    connection: AsyncConnection, table: Table, submissions: Collection[UUID]
) -> dict[UUID, list[dict[str, object]]]:
    query = select(table).where(table.c.submission.in_(list(submissions))).order_by(table.c.at, table.c.id)
    bodies: dict[UUID, list[dict[str, object]]] = {submission_id: [] for submission_id in submissions}
    for row in await connection.execute(query):
        bodies[row.submission].append(row.body)
    return bodies
