"""All SQL of intake: set-based, named by what it answers. Units are surrogate keys throughout."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, func, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.standing import Standing, StandingReading
from services.intake.tables import (
    ChangeRow,
    ProblemEventRow,
    ProblemRow,
    RefusalRow,
    ReviewRow,
    SubmissionRow,
)
from shared.clock import VIETNAM
from shared.contracts import Period, Receipt, Stage, SubmissionWarning
from shared.database import table_of

submission, refusal = table_of(SubmissionRow), table_of(RefusalRow)
change, review = table_of(ChangeRow), table_of(ReviewRow)
problem, problem_event = table_of(ProblemRow), table_of(ProblemEventRow)

type Wanted = tuple[int, str, Period]
"""A figure: unit, element, period."""

_STANDING = text("""
    SELECT DISTINCT r.unit, r.element, r.period, r.value, r.stage, r.revision, r.submission, r.agency
    FROM unnest(CAST(:units AS int[]), CAST(:elements AS text[]), CAST(:periods AS text[]),
                CAST(:years AS text[]), CAST(:ends AS date[])) AS w(unit, element, period, year, period_end)
    CROSS JOIN LATERAL (
        SELECT * FROM intake.reading
        WHERE unit = w.unit AND element = w.element AND period IN (w.period, w.year)
        UNION ALL
        (SELECT * FROM intake.reading
         WHERE unit = w.unit AND element = w.element AND period_end < w.period_end
         ORDER BY period_end DESC LIMIT 1)
    ) AS r
""")


async def standing(connection: AsyncConnection, wanted: Collection[Wanted]) -> Standing:
    """What stands for these figures: for the same period, for its whole year, and newest before it."""
    found = Standing()
    if not wanted:
        return found
    parameters = {
        "units": [unit for unit, _, _ in wanted],
        "elements": [element for _, element, _ in wanted],
        "periods": [period.text for _, _, period in wanted],
        "years": [str(period.end.year) for _, _, period in wanted],
        "ends": [period.end for _, _, period in wanted],
    }
    for row in await connection.execute(_STANDING, parameters):
        found.put(row.unit, row.element, _standing_reading(row))
    return found


_NEWEST = text("""
    SELECT DISTINCT ON (unit, element) unit, element, period, value, stage, revision, submission, agency
    FROM intake.reading
    WHERE unit = ANY(CAST(:units AS int[])) AND element = ANY(CAST(:elements AS text[])) AND period_end < :before
    ORDER BY unit, element, period_end DESC, length(period)
""")


async def newest_before(
    connection: AsyncConnection, units: Sequence[int], elements: Sequence[str], before: date
) -> dict[tuple[int, str], StandingReading]:
    """The newest figures whose period ended before a day, by unit and element."""
    rows = await connection.execute(_NEWEST, {"units": units, "elements": elements, "before": before})
    return {(row.unit, row.element): _standing_reading(row) for row in rows}


def _standing_reading(row: Row[Any]) -> StandingReading:
    return StandingReading(
        row.value, Period.parse(row.period), Stage(row.stage), row.revision, row.submission, row.agency
    )


async def receipts_of(connection: AsyncConnection, ids: Collection[UUID]) -> dict[UUID, Receipt]:
    """The receipts of those submissions that there are already."""
    rows = await connection.execute(select(submission).where(submission.c.id == func.any(list(ids))))
    return {row.id: receipt_in(row) for row in rows}


def receipt_in(row: Row[Any]) -> Receipt:
    """The receipt that a row of `submission` keeps: the same, to the byte, that was given at first."""
    return Receipt(
        id=row.id,
        unit=row.code,
        period=row.period,
        received_at=row.received_at.astimezone(VIETNAM),
        digest=row.digest,
        due=row.due,
        warnings=[SubmissionWarning.model_validate(one) for one in row.warnings],
    )


async def requests_of(connection: AsyncConnection, requests: Collection[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """What content each (agency, `Idempotency-Key`) was used for: the digest of the whole request."""
    if not requests:
        return {}
    of_request = tuple_(submission.c.agency, submission.c.request)
    query = (
        select(submission.c.agency, submission.c.request, submission.c.request_digest)
        .distinct()
        .where(of_request.in_(requests), submission.c.request_digest.is_not(None))
    )
    return {(row.agency, row.request): row.request_digest for row in await connection.execute(query)}


_PROJECT = text("""
    WITH arrived AS (
        SELECT sequence, unit, period_end, request, request_digest, CAST(body AS jsonb) AS body
        FROM unnest(CAST(:sequences AS bigint[]), CAST(:units AS int[]), CAST(:ends AS date[]),
                    CAST(:requests AS text[]), CAST(:request_digests AS text[]), CAST(:bodies AS text[]))
             AS a(sequence, unit, period_end, request, request_digest, body)
    ), receipts AS (
        INSERT INTO intake.submission
            (id, sequence, agency, key, unit, code, period, stage, revision, received_at, digest, due, warnings,
             request, request_digest, reviews)
        SELECT DISTINCT ON (body->>'id')
            CAST(body->>'id' AS uuid), sequence, body->>'agency', body->>'key', unit, body->>'unit', body->>'period',
            body->>'stage', CAST(body->>'revision' AS int), CAST(body->>'received_at' AS timestamptz),
            body->>'digest', CAST(body->>'due' AS date), coalesce(body->'warnings', '[]'), request, request_digest,
            CAST(body->>'reviews' AS uuid)
        FROM arrived
        ON CONFLICT (id) DO NOTHING
    )
    INSERT INTO intake.reading
        (unit, element, period, period_end, value, stage, stage_rank, revision, received_at, agency, submission)
    SELECT DISTINCT ON (unit, r.key, body->>'period')
        unit, r.key, body->>'period', period_end,
        CASE jsonb_typeof(r.value) WHEN 'boolean' THEN CAST(CAST(r.value AS boolean) AS int)
             ELSE CAST(r.value AS numeric) END,
        body->>'stage', array_position(CAST(:stages AS text[]), body->>'stage') AS stage_rank,
        CAST(body->>'revision' AS int) AS revision, CAST(body->>'received_at' AS timestamptz) AS received_at,
        body->>'agency', CAST(body->>'id' AS uuid) AS submission
    FROM arrived CROSS JOIN LATERAL jsonb_each(body->'readings') AS r
    ORDER BY unit, r.key, body->>'period', stage_rank DESC, revision DESC, received_at DESC, submission DESC
    ON CONFLICT (unit, element, period) DO UPDATE SET
        value = excluded.value, stage = excluded.stage, stage_rank = excluded.stage_rank,
        revision = excluded.revision, received_at = excluded.received_at, agency = excluded.agency,
        submission = excluded.submission
    WHERE (excluded.stage_rank, excluded.revision, excluded.received_at, excluded.submission)
        > (reading.stage_rank, reading.revision, reading.received_at, reading.submission)
""")


async def project_submissions(
    connection: AsyncConnection,
    *,
    sequences: Sequence[int],
    units: Sequence[int],
    ends: Sequence[date],
    requests: Sequence[str | None],
    request_digests: Sequence[str | None],
    bodies: Sequence[str],
) -> None:
    """Keep receipts, and the figures that stand: of two the higher (stage, revision), then the later one."""
    parameters = {
        "sequences": sequences,
        "units": units,
        "ends": ends,
        "requests": requests,
        "request_digests": request_digests,
        "bodies": bodies,
        "stages": [stage.value for stage in Stage],
    }
    await connection.execute(_PROJECT, parameters)


async def add(connection: AsyncConnection, model: Any, rows: Sequence[dict[str, Any]]) -> None:
    """Keep rows; what is there already stays as it is."""
    if rows:
        await connection.execute(insert(table_of(model)).on_conflict_do_nothing(), rows)


async def mark_returned(connection: AsyncConnection, returned: dict[UUID, Any]) -> None:
    """Note which submissions were sent back, and when."""
    for submission_id, at in sorted(returned.items()):
        await connection.execute(update(submission).where(submission.c.id == submission_id).values(returned_at=at))


async def mark_parked(connection: AsyncConnection, sequence: int, reason: str) -> None:
    """Note that scoring put a submission aside."""
    await connection.execute(update(submission).where(submission.c.sequence == sequence).values(parked_reason=reason))


async def submission_of(connection: AsyncConnection, submission_id: UUID) -> Row[Any] | None:
    """One receipt."""
    return (await connection.execute(select(submission).where(submission.c.id == submission_id))).one_or_none()


async def refusal_of(connection: AsyncConnection, refusal_id: UUID) -> Row[Any] | None:
    """One refusal."""
    return (await connection.execute(select(refusal).where(refusal.c.id == refusal_id))).one_or_none()


async def bodies_of(connection: AsyncConnection, model: Any, submissions: Collection[UUID]) -> dict[UUID, list[Any]]:
    """The changes (or reviews) of submissions, oldest first."""
    table = table_of(model)
    query = select(table).where(table.c.submission.in_(list(submissions))).order_by(table.c.at, table.c.id)
    found: dict[UUID, list[Any]] = {one: [] for one in submissions}
    for row in await connection.execute(query):
        found[row.submission].append(row.body)
    return found


def state_is(state: str, scored_until: int) -> ColumnElement[bool]:
    """Whether a submission is in a state; `scored_until`: the sequence up to which scoring has acknowledged."""
    returned, parked = submission.c.returned_at.is_not(None), submission.c.parked_reason.is_not(None)
    scored = submission.c.sequence <= scored_until
    return {
        "returned": returned,
        "parked": and_(~returned, parked),
        "scored": and_(~returned, ~parked, scored),
        "accepted": and_(~returned, ~parked, ~scored),
    }[state]


async def page(
    connection: AsyncConnection, table: Any, conditions: Sequence[ColumnElement[bool]], limit: int
) -> Sequence[Row[Any]]:
    """The newest rows of `submission` or `refusal` that fulfil the conditions."""
    query = select(table).where(*conditions).order_by(table.c.sequence.desc()).limit(limit)
    return (await connection.execute(query)).all()


async def standing_submissions(
    connection: AsyncConnection, unit: int, period: str, elements: Collection[str]
) -> dict[str, UUID]:
    """Whose figures stand, by element."""
    query = text("""
        SELECT element, submission FROM intake.reading
        WHERE unit = :unit AND period = :period AND element = ANY(CAST(:elements AS text[]))
    """)
    rows = await connection.execute(query, {"unit": unit, "period": period, "elements": list(elements)})
    return {row.element: row.submission for row in rows}


async def note_answers(connection: AsyncConnection, answers: Sequence[dict[str, Any]]) -> None:
    """Note when difficulties were first answered, and closed."""
    for answer in sorted(answers, key=lambda one: str(one["problem"])):
        values = {"answered_at": func.coalesce(func.least(problem.c.answered_at, answer["at"]), answer["at"])}
        if answer["closes"]:
            values["closed_at"] = func.coalesce(func.least(problem.c.closed_at, answer["at"]), answer["at"])
        await connection.execute(update(problem).where(problem.c.id == answer["problem"]).values(values))


async def problem_of(connection: AsyncConnection, problem_id: UUID) -> Row[Any] | None:
    """One difficulty."""
    return (await connection.execute(select(problem).where(problem.c.id == problem_id))).one_or_none()


async def problems_page(
    connection: AsyncConnection, conditions: Sequence[ColumnElement[bool]], limit: int
) -> Sequence[Row[Any]]:
    """The newest difficulties that fulfil the conditions."""
    query = select(problem).where(*conditions).order_by(problem.c.reported_at.desc(), problem.c.id.desc()).limit(limit)
    return (await connection.execute(query)).all()


async def problem_events(connection: AsyncConnection, problems: Collection[UUID]) -> dict[UUID, list[Any]]:
    """What was said about difficulties, oldest first."""
    query = (
        select(problem_event)
        .where(problem_event.c.problem.in_(list(problems)))
        .order_by(problem_event.c.at, problem_event.c.id)
    )
    found: dict[UUID, list[Any]] = {one: [] for one in problems}
    for row in await connection.execute(query):
        found[row.problem].append(row.body)
    return found
