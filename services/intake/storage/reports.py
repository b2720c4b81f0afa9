"""Queries for what units have reported: the periods with figures, since when they are known, and what was returned."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.rules.reports_due import Reported, Subject
from shared.contracts.period import Period
from shared.readable import read_rows
from shared.reference.awaited_reports import Arrivals
from shared.time import VIETNAM


class Asked(NamedTuple):
    """The question: which units reported what by a day, of periods that end within a time."""

    units: Collection[int]
    subjects: Mapping[Subject, Sequence[str]]
    """The elements of each subject."""
    on: date
    first: date
    """The first day on which a period may end."""
    last: date


# A figure is known since its unit first reported for its period: a correction, or a verified figure, makes it no newer.
# Which elements a submission named is not kept, so of two reports for one period the first one counts for both.
_REPORTED = text("""
    WITH known AS (
        SELECT s.unit, s.period, min(s.received_at) AS since FROM intake.submission AS s
        WHERE s.unit = ANY(CAST(:units AS int[])) AND s.received_at > '1900-01-01' AND NOT EXISTS (
            SELECT FROM intake.withdrawal AS w WHERE w.submission IN (s.id, s.reviews)
        )
        GROUP BY s.unit, s.period
    ), figure AS (
        SELECT r.unit, a.subject, r.period, least(k.since, r.received_at) AS since,
            r.submission, v.is_returned, v.is_damaged
        FROM unnest(CAST(:subjects AS text[]), CAST(:elements AS text[])) AS a(subject, element)
        JOIN intake.reading AS r ON r.element = a.element
        LEFT JOIN known AS k ON k.unit = r.unit AND k.period = r.period
        CROSS JOIN LATERAL (
            SELECT bool_or(body->>'decision' = 'returned') AS is_returned,
                bool_or(coalesce(body->>'decision', '') NOT IN ('verified', 'confirmed', 'returned')) AS is_damaged
            FROM intake.review WHERE submission = r.submission
        ) AS v
        WHERE r.unit = ANY(CAST(:units AS int[])) AND r.period_end BETWEEN :first AND :last
    )
    SELECT unit, subject, min(since) AS since, array_agg(DISTINCT period) AS periods,
        coalesce(array_agg(DISTINCT period) FILTER (WHERE is_returned), '{}') AS returned,
        coalesce(array_agg(DISTINCT submission) FILTER (WHERE is_damaged), '{}') AS damaged
    FROM figure WHERE since > '1900-01-01' AND since < :before GROUP BY unit, subject
""")


class Known(NamedTuple):
    """The reports of each unit; one that has reported nothing is left out."""

    reported: dict[tuple[int, Subject], Reported]
    """By the unit's key and the subject."""
    unreadable: list[UUID]
    """The submissions of which a stored review is damaged, so that nobody can tell whether they were returned."""


async def reported(connection: AsyncConnection, asked: Asked) -> Known:
    """Return what each unit has reported on each subject."""
    pairs = [(subject, element) for subject, elements in asked.subjects.items() for element in elements]
    parameters = {
        "units": list(asked.units),
        "subjects": [subject for subject, _ in pairs],
        "elements": [element for _, element in pairs],
        "first": asked.first,
        "last": asked.last,
        "before": datetime.combine(asked.on + timedelta(days=1), time(), VIETNAM),
    }
    rows = (await connection.execute(_REPORTED, parameters)).all()
    known = {
        (row.unit, row.subject): Reported(
            Arrivals(row.since.astimezone(VIETNAM).date(), _periods(row.periods)), _periods(row.returned)
        )
        for row in rows
    }
    return Known(known, sorted({submission for row in rows for submission in row.damaged}))


def _periods(texts: Sequence[str]) -> frozenset[Period]:
    return frozenset(read_rows(texts, Period.parse).items)
