"""Queries for evidence. What was taken back, or belongs to a withdrawn submission, is hidden."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.evidence import Evidence
from shared.contracts.period import Period
from shared.readable import RowsRead, read_rows, readable


class StoredEvidence(NamedTuple):
    """Evidence as its table has it, or the message that took it back."""

    id: UUID
    unit: int
    at: datetime
    is_hidden: bool
    body: Any


class EvidenceFilter(NamedTuple):
    """The conditions that a list of evidence fulfils; None sets no condition."""

    units: Sequence[int]
    period: Period | None = None
    criterion: str | None = None
    before: StoredEvidence | None = None


_HIDDEN = """(
    EXISTS (SELECT FROM intake.evidence AS w WHERE w.withdraws = e.id)
    OR EXISTS (SELECT FROM intake.withdrawal AS w WHERE w.submission = e.submission)
)"""
_SEEN = f"withdraws IS NULL AND NOT {_HIDDEN}"
_FIND = text(f"SELECT id, unit, at, {_HIDDEN} AS is_hidden, body FROM intake.evidence AS e WHERE id = :id")  # noqa: S608
_NEWEST = text(f"""
    SELECT id, unit, at, false AS is_hidden, body FROM intake.evidence AS e
    WHERE unit = ANY(:units) AND {_SEEN}
        AND (CAST(:period AS text) IS NULL OR period = :period)
        AND (CAST(:criterion AS text) IS NULL OR body->'criteria' ? CAST(:criterion AS text))
        AND (CAST(:at AS timestamptz) IS NULL OR (at, id) < (:at, CAST(:id AS uuid)))
    ORDER BY at DESC, id DESC LIMIT :limit
""")  # noqa: S608
_OF_SUBMISSIONS = text(f"""
    WITH RECURSIVE line(asked, id) AS (
        SELECT a.id, a.id FROM unnest(CAST(:ids AS uuid[])) AS a(id)
        UNION SELECT line.asked, s.reviews FROM line JOIN intake.submission AS s USING (id) WHERE s.reviews IS NOT NULL
    )
    SELECT line.asked, e.body FROM line JOIN intake.evidence AS e ON e.submission = line.id
    WHERE {_SEEN} ORDER BY e.at, e.id
""")  # noqa: S608

_FILES = text("""
    SELECT body->'file'->>'sha256' AS digest, body->>'name' AS name FROM intake.evidence
    WHERE body->'file' ? 'sha256' ORDER BY at
""")


async def find(connection: AsyncConnection, evidence_id: UUID) -> StoredEvidence | None:
    """Return evidence, or the message that took it back; None where there is none with this id."""
    row = (await connection.execute(_FIND, {"id": evidence_id})).one_or_none()
    return None if row is None else StoredEvidence(*row)


async def newest(
    connection: AsyncConnection, filters: EvidenceFilter, limit: int
) -> RowsRead[StoredEvidence, Evidence]:
    """Return the evidence that passes, the newest first, and the rows that cannot be read."""
    asked = {
        "units": filters.units,
        "period": None if filters.period is None else str(filters.period),
        "criterion": filters.criterion,
        "at": filters.before and filters.before.at,
        "id": filters.before and filters.before.id,
        "limit": limit,
    }
    rows = [StoredEvidence(*row) for row in await connection.execute(_NEWEST, asked)]
    return read_rows(rows, lambda row: Evidence.model_validate(row.body))


async def file_names(connection: AsyncConnection) -> dict[str, str]:
    """Return the names of all files by their digests, also of those that were taken back.

    A database of before that is backed up ahead of its migration has no table of evidence yet, and no files.
    """
    if await connection.scalar(text("SELECT to_regclass('intake.evidence')")) is None:
        return {}
    return {row.digest: row.name for row in await connection.execute(_FILES)}


async def of_submissions(connection: AsyncConnection, submissions: Collection[UUID]) -> dict[UUID, list[Evidence]]:
    """Return the evidence by submission, the oldest first: its own, and that of those that it verifies or confirms."""
    found: dict[UUID, list[Evidence]] = {submission: [] for submission in submissions}
    for row in await connection.execute(_OF_SUBMISSIONS, {"ids": list(submissions)}):
        found[row.asked] += readable(Evidence, [row.body])
    return found
