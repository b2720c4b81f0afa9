"""Statements that keep the content of messages; an existing row stays as it is."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any, TypedDict
from uuid import UUID

from sqlalchemy import Table, text
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel

from services.intake.storage.tables import (
    ChangeRow,
    EvidenceRow,
    ProblemEventRow,
    ProblemRow,
    RefusalRow,
    ReviewRow,
    UnscoredRow,
    WithdrawalRow,
)
from shared.contracts.status import Stage
from shared.postgres.driver import fetch
from shared.postgres.statements import columns_of, insert_rows, table_of, upsert


class SubmissionEvent(TypedDict):
    """A review or withdrawal of a submission, or a change that it caused, as its table keeps it."""

    id: UUID
    submission: UUID
    at: datetime
    body: dict[str, Any]


class SignedEvent(SubmissionEvent):
    """A review or withdrawal with its message to the byte and its signature, with which it can be published again."""

    message: str
    signature: str | None


class NewEvidence(TypedDict):
    """A row of `evidence`."""

    id: UUID
    unit: int
    period: str
    submission: UUID | None
    withdraws: UUID | None
    at: datetime
    body: dict[str, Any]
    message: str
    signature: str | None


class NewRefusal(TypedDict):
    """A row of `refusal`."""

    id: UUID
    sequence: int
    agency: str
    received_at: datetime
    problem: dict[str, Any]


class NewUnscored(TypedDict):
    """A row of `unscored`."""

    sequence: int
    reason: str
    at: datetime
    scored_at: datetime | None


class NewDifficulty(TypedDict):
    """A row of `problem`."""

    id: UUID
    unit: int
    criterion: str | None
    reported_at: datetime


class NewDifficultyEvent(TypedDict):
    """A row of `problem_event`."""

    id: UUID
    problem: UUID
    at: datetime
    body: dict[str, Any]


_PROJECT = text("""
    WITH arrived AS (
        SELECT a.sequence, a.unit AS unit_key, a.period_end, a.request, a.request_digest, b.*
        FROM unnest(CAST(:sequences AS bigint[]), CAST(:units AS int[]), CAST(:ends AS date[]),
                    CAST(:requests AS text[]), CAST(:request_digests AS text[]), CAST(:bodies AS text[]))
             AS a(sequence, unit, period_end, request, request_digest, body)
        CROSS JOIN LATERAL jsonb_to_record(CAST(a.body AS jsonb)) AS b(
            id uuid, agency text, key text, unit text, period text, stage text, revision int, received_at timestamptz,
            digest text, due date, warnings jsonb, reviews uuid, readings jsonb
        )
    ), counting AS (
        SELECT * FROM arrived AS a WHERE NOT EXISTS (
            SELECT FROM intake.withdrawal AS w WHERE w.submission IN (a.id, a.reviews)
        )
    ), receipts AS (
        INSERT INTO intake.submission
            (id, sequence, agency, key, unit, code, period, stage, revision, received_at, digest, due, warnings,
             request, request_digest, reviews)
        SELECT DISTINCT ON (id)
            id, sequence, agency, key, unit_key, unit, period, stage, revision, received_at,
            digest, due, coalesce(warnings, '[]'), request, request_digest, reviews
        FROM arrived
        ORDER BY id, sequence DESC
        ON CONFLICT (id) DO UPDATE SET sequence = excluded.sequence
            WHERE submission.sequence < excluded.sequence AND submission.digest = excluded.digest
    )
    INSERT INTO intake.reading
        (unit, element, period, period_end, value, stage, stage_rank, revision, received_at, agency, submission)
    SELECT DISTINCT ON (unit_key, r.key, period)
        unit_key, r.key, period, period_end,
        CASE jsonb_typeof(r.value) WHEN 'boolean' THEN CAST(CAST(r.value AS boolean) AS int)
             ELSE CAST(r.value AS numeric) END,
        stage, array_position(CAST(:stages AS text[]), stage) AS stage_rank, revision, received_at, agency,
        id AS submission
    FROM counting CROSS JOIN LATERAL jsonb_each(readings) AS r
    ORDER BY unit_key, r.key, period, stage_rank DESC, revision DESC, received_at DESC, submission DESC
    ON CONFLICT (unit, element, period_end, period) DO UPDATE SET
        value = excluded.value, stage = excluded.stage, stage_rank = excluded.stage_rank,
        revision = excluded.revision, received_at = excluded.received_at, agency = excluded.agency,
        submission = excluded.submission
    WHERE (excluded.stage_rank, excluded.revision, excluded.received_at, excluded.submission)
        > (reading.stage_rank, reading.revision, reading.received_at, reading.submission)
""")


async def keep_submissions(
    connection: AsyncConnection,
    *,
    sequences: Sequence[int],
    units: Sequence[int],
    ends: Sequence[date],
    requests: Sequence[str | None],
    request_digests: Sequence[str | None],
    bodies: Sequence[str],
) -> None:
    """Keep receipts, and of two figures the one with the higher (stage, revision), then the later one.

    The figures of a withdrawn submission, and of one that verifies or confirms it, are left out.
    """
    parameters = {
        "sequences": sequences,
        "units": units,
        "ends": ends,
        "requests": requests,
        "request_digests": request_digests,
        "bodies": bodies,
        "stages": [stage.value for stage in Stage],
    }
    await fetch(connection, _PROJECT, parameters)


async def keep_reviews(connection: AsyncConnection, rows: Sequence[SignedEvent]) -> None:
    """Keep reviews."""
    await _keep(connection, ReviewRow, rows)


async def keep_evidence(connection: AsyncConnection, rows: Sequence[NewEvidence]) -> None:
    """Keep evidence that was attached or taken back."""
    await _keep(connection, EvidenceRow, rows)


_HOLD_OFF = text("LOCK TABLE intake.reading IN SHARE ROW EXCLUSIVE MODE")
_CLEAR = text("""
    DELETE FROM intake.reading AS r
    USING unnest(CAST(:units AS int[]), CAST(:periods AS text[])) AS w(unit, period)
    WHERE r.unit = w.unit AND r.period = w.period
""")


async def keep_withdrawals(connection: AsyncConnection, rows: Sequence[SignedEvent]) -> None:
    """Keep withdrawals, and let the projection of submissions wait until this transaction ends.

    A submission that is being projected is in the tables before, so that the caller finds it; a later one is projected
    when its withdrawal is known.
    """
    await connection.execute(_HOLD_OFF)
    await _keep(connection, WithdrawalRow, rows)


async def clear_figures(connection: AsyncConnection, periods: Collection[tuple[int, str]]) -> None:
    """Remove the standing figures of these pairs of unit and period, which are then projected again."""
    if periods:
        units, texts = zip(*periods, strict=True)
        await connection.execute(_CLEAR, {"units": units, "periods": texts})


async def keep_changes(connection: AsyncConnection, rows: Sequence[SubmissionEvent]) -> None:
    """Keep changes of status."""
    await _keep(connection, ChangeRow, rows)


async def keep_refusals(connection: AsyncConnection, rows: Sequence[NewRefusal]) -> None:
    """Keep refusals."""
    await _keep(connection, RefusalRow, rows)


async def keep_unscored(connection: AsyncConnection, rows: Sequence[NewUnscored]) -> None:
    """Keep the submissions that scoring has parked, and mark those that it has scored since, in any order."""
    await _keep(connection, UnscoredRow, [row for row in rows if row["scored_at"] is None])
    await upsert(connection, UnscoredRow, [row for row in rows if row["scored_at"]])


async def keep_difficulties(
    connection: AsyncConnection, reported: Sequence[NewDifficulty], events: Sequence[NewDifficultyEvent]
) -> None:
    """Keep the reported difficulties, and the events of these and earlier ones."""
    await _keep(connection, ProblemRow, reported)
    await _keep(connection, ProblemEventRow, events)


async def _keep(connection: AsyncConnection, model: type[SQLModel], rows: Sequence[Any]) -> None:
    """Store the rows that are not stored yet, sorted, so that workers who got the same messages cannot deadlock."""
    if rows:
        [key] = table_of(model).primary_key
        ordered = sorted(rows, key=lambda row: str(row[key.name]))
        await fetch(connection, _keeping(table_of(model), tuple(rows[0])), columns_of(ordered))


@lru_cache
def _keeping(table: Table, names: tuple[str, ...]) -> Insert:
    return insert_rows(table, names).on_conflict_do_nothing()
