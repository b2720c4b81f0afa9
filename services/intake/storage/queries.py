"""All SQL of intake: set-based, named by what it answers. Units are surrogate keys throughout."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from asyncpg.exceptions import InterfaceError, OperatorInterventionError, PostgresConnectionError
from sqlalchemy import ColumnElement, Row, and_, exists, func, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.rules.standing_figures import StandingFigures, StandingReading
from services.intake.storage.tables import (
    ChangeRow,
    ProblemEventRow,
    ProblemRow,
    RefusalRow,
    ReviewRow,
    SubmissionRow,
    UnscoredRow,
)
from shared.contracts.period import Period
from shared.contracts.status import Stage
from shared.contracts.submission import Receipt, SubmissionWarning
from shared.postgres.statements import table_of
from shared.time import VIETNAM

submission, refusal = table_of(SubmissionRow), table_of(RefusalRow)
change, review, unscored = table_of(ChangeRow), table_of(ReviewRow), table_of(UnscoredRow)
problem, problem_event = table_of(ProblemRow), table_of(ProblemEventRow)


class Wanted(NamedTuple):
    """What is looked up for figures of a unit and period."""

    unit: int
    period: Period
    elements: str
    """Codes with spaces between: the driver takes a few texts much faster than many elements of an array."""
    beside: str
    """The same with those that they have to agree with."""


_STANDING = """
    SELECT r.unit, r.element, r.period, r.value, r.stage, r.revision, r.submission, r.agency
    FROM unnest($1::int[], $2::text[], $3::date[], $4::text[], $5::text[])
         AS w(unit, period, period_end, elements, beside)
    CROSS JOIN LATERAL (
        SELECT * FROM intake.reading
        WHERE unit = w.unit AND element = ANY(string_to_array(w.beside, ' '))
            AND period_end = w.period_end AND period = w.period
        UNION ALL
        SELECT * FROM intake.reading
        WHERE unit = w.unit AND element = ANY(string_to_array(w.elements, ' '))
            AND period_end = CAST(left(w.period, 4) || '-12-31' AS date) AND period = left(w.period, 4)
        UNION ALL
        SELECT newest.* FROM string_to_table(w.elements, ' ') AS e(element)
        CROSS JOIN LATERAL (
            SELECT * FROM intake.reading
            WHERE unit = w.unit AND element = e.element AND period_end < w.period_end
            ORDER BY period_end DESC LIMIT 1
        ) AS newest
    ) AS r
"""


async def _fetch(connection: AsyncConnection, query: str, *values: Any) -> Sequence[Mapping[str, Any]]:
    """By the driver itself: of thousands of rows at once, SQLAlchemy's cost more than the query.

    ConnectionError when the database is gone.
    """
    driver: Any = (await connection.get_raw_connection()).driver_connection
    try:
        rows: Sequence[Mapping[str, Any]] = await driver.fetch(query, *values)
    except (InterfaceError, OperatorInterventionError, PostgresConnectionError) as error:
        raise ConnectionError(type(error).__name__) from error
    return rows


async def standing(connection: AsyncConnection, wanted: Collection[Wanted]) -> StandingFigures:
    """What stands for these figures: for the same period, for its whole year, and newest before it."""
    found = StandingFigures()
    if wanted:
        units, periods, elements, beside = zip(*wanted, strict=True)
        texts, ends = [period.text for period in periods], [period.end for period in periods]
        rows = await _fetch(connection, _STANDING, units, texts, ends, elements, beside)
        for row in rows:
            found.put(row["unit"], row["element"], _standing_reading(*row.values()))
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
    return {(row.unit, row.element): _standing_reading(*row) for row in rows}


def _standing_reading(
    _unit: int, _element: str, period: str, value: Decimal, stage: str, revision: int, submission: UUID, agency: str
) -> StandingReading:
    return StandingReading(value, Period.parse(period), _STAGES[stage], revision, submission, agency)


_STAGES = {stage.value: stage for stage in Stage}


async def already_there(connection: AsyncConnection, ids: Collection[UUID]) -> list[UUID]:
    """Which of these submissions there are already."""
    rows = await _fetch(connection, "SELECT id FROM intake.submission WHERE id = ANY($1::uuid[])", ids)
    return [row["id"] for row in rows]


async def receipts_of(connection: AsyncConnection, ids: Collection[UUID]) -> dict[UUID, Receipt]:
    """The receipts of those submissions that there are."""
    if not ids:
        return {}
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
    ON CONFLICT (unit, element, period_end, period) DO UPDATE SET
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


async def parked_among(connection: AsyncConnection, sequences: Collection[int]) -> set[int]:
    """Which of these submissions, by their numbers in the stream, scoring put aside and has not scored since."""
    query = select(unscored.c.sequence).where(unscored.c.sequence.in_(sequences), unscored.c.scored_at.is_(None))
    return set((await connection.scalars(query)).all())


def state_is(state: str, scored_until: int) -> ColumnElement[bool]:
    """Whether a submission is in a state; `scored_until`: the sequence up to which scoring has acknowledged."""
    returned = exists().where(review.c.submission == submission.c.id, review.c.body["decision"].astext == "returned")
    parked = exists().where(unscored.c.sequence == submission.c.sequence, unscored.c.scored_at.is_(None))
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


def problem_is(state: str) -> ColumnElement[bool]:
    """Whether a difficulty is in a state: open, answered (and not closed), or closed."""
    said = problem_event.c
    by_others = said.body["agency"].astext != said.body["reported_by"].astext
    answered = exists().where(said.problem == problem.c.id, said.id != problem.c.id, by_others)
    closed = exists().where(said.problem == problem.c.id, said.body["closes"].as_boolean())
    return {"open": ~answered, "answered": and_(answered, ~closed), "closed": closed}[state]


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
    """What was said about difficulties: first the report, whose id is the difficulty's, then by time."""
    query = (
        select(problem_event)
        .where(problem_event.c.problem.in_(list(problems)))
        .order_by(problem_event.c.id != problem_event.c.problem, problem_event.c.at, problem_event.c.id)
    )
    found: dict[UUID, list[Any]] = {one: [] for one in problems}
    for row in await connection.execute(query):
        found[row.problem].append(row.body)
    return found
