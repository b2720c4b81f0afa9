"""Queries for the standing figures, by unit (surrogate key), element and period.

A damaged row counts as none, until the tables are made again: whoever reports goes on reporting.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.rules.standing_figures import StandingFigures, StandingReading
from services.intake.storage.driver import fetch
from shared.contracts.period import Period
from shared.contracts.status import Stage
from shared.contracts.submission import is_countable
from shared.readable import read_rows


class FigureLookup(NamedTuple):
    """The unit, period and elements whose standing figures are looked up."""

    unit: int
    period: Period
    elements: str
    """Codes with spaces between: the driver takes a few texts much faster than many elements of an array."""
    related_elements: str
    """These codes, and the codes of the elements with which their figures have to agree."""


_STANDING = """
    SELECT r.unit, r.element, r.period, r.value, r.stage, r.revision, r.submission, coalesce(a.name, r.agency)
    FROM unnest($1::int[], $2::text[], $3::date[], $4::text[], $5::text[])
         AS w(unit, period, period_end, elements, related)
    CROSS JOIN LATERAL (
        SELECT * FROM intake.reading
        WHERE unit = w.unit AND element = ANY(string_to_array(w.related, ' '))
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
    LEFT JOIN access.agency AS a ON a.id = r.agency
"""


async def standing(connection: AsyncConnection, lookups: Collection[FigureLookup]) -> StandingFigures:
    """Return the standing figures for the same period and for its whole year, and the newest before the period."""
    figures = StandingFigures()
    if lookups:
        units, periods, elements, related = zip(*lookups, strict=True)
        texts, ends = [period.text for period in periods], [period.end for period in periods]
        _put(figures, await fetch(connection, _STANDING, units, texts, ends, elements, related))
    return figures


_AT_ENDS = """
    SELECT unit, element, period, value, stage, revision, submission, coalesce(a.name, agency)
    FROM intake.reading LEFT JOIN access.agency AS a ON a.id = agency
    WHERE unit = ANY($1::int[]) AND element = ANY($2::text[]) AND period_end = ANY($3::date[])
"""


async def add_figures(
    connection: AsyncConnection,
    figures: StandingFigures,
    units: Collection[int],
    elements: Collection[str],
    ends: Collection[date],
) -> None:
    """Add the standing figures of these units for these elements and periods."""
    _put(figures, await fetch(connection, _AT_ENDS, units, elements, ends))


_NEWEST = text("""
    SELECT DISTINCT ON (unit, element)
        unit, element, period, value, stage, revision, submission, coalesce(a.name, agency)
    FROM intake.reading LEFT JOIN access.agency AS a ON a.id = agency
    WHERE unit = ANY(CAST(:units AS int[])) AND element = ANY(CAST(:elements AS text[])) AND period_end < :before
    ORDER BY unit, element, period_end DESC, length(period)
""")


class Waiting(NamedTuple):
    """A standing figure that waits for a review."""

    unit: int
    element: str
    reading: StandingReading


class WaitingCount(NamedTuple):
    """A period, and the number of its submissions of which figures wait for a review."""

    period: Period
    submissions: int


# A returned figure waits for its sender; one that was verified has the later stage.
_WAITS = """
    r.unit = ANY(CAST(:units AS int[])) AND r.stage = :stage AND NOT EXISTS (
        SELECT FROM intake.review AS v WHERE v.submission = r.submission AND v.body->>'decision' = 'returned'
    )
"""
_WAITING_PERIODS = text(f"""
    SELECT r.period, count(DISTINCT r.submission) AS submissions FROM intake.reading AS r WHERE {_WAITS}
    GROUP BY r.period ORDER BY max(r.period_end) DESC, length(r.period)
""")  # noqa: S608 - no values are in it
_WAITING = text(f"""
    SELECT r.unit, r.element, r.period, r.value, r.stage, r.revision, r.submission, coalesce(a.name, r.agency)
    FROM intake.reading AS r LEFT JOIN access.agency AS a ON a.id = r.agency
    WHERE r.period = :period AND {_WAITS} ORDER BY r.unit, r.element
""")  # noqa: S608 - no values are in it


async def waiting_periods(connection: AsyncConnection, units: Sequence[int], stage: Stage) -> Sequence[WaitingCount]:
    """Return the periods of which figures of the units wait at a stage for a review, the newest first."""
    rows = await connection.execute(_WAITING_PERIODS, {"units": units, "stage": stage.value})
    return read_rows(rows, lambda row: WaitingCount(Period.parse(row.period), row.submissions)).items


async def waiting(connection: AsyncConnection, units: Sequence[int], stage: Stage, period: Period) -> Sequence[Waiting]:
    """Return the figures of a period that wait at a stage for a review, by unit and element."""
    asked = {"units": units, "stage": stage.value, "period": period.text}
    return read_rows(await connection.execute(_WAITING, asked), lambda row: Waiting(*_read(*row))).items


_WITH_YES = """
    SELECT DISTINCT unit FROM intake.reading
    WHERE unit = ANY($1::int[]) AND element = ANY($2::text[]) AND value = 1
"""


async def units_with_yes(connection: AsyncConnection, units: Collection[int], elements: Collection[str]) -> set[int]:
    """Return those of the units for which one of the elements was answered with yes, in any period."""
    return {row["unit"] for row in await fetch(connection, _WITH_YES, list(units), list(elements))}


async def newest_before(
    connection: AsyncConnection, units: Sequence[int], elements: Sequence[str], before: date
) -> dict[tuple[int, str], StandingReading]:
    """Return, by unit and element, the newest figures whose period ended before a day."""
    rows = await connection.execute(_NEWEST, {"units": units, "elements": elements, "before": before})
    return {(unit, element): reading for unit, element, reading in read_rows(rows, lambda row: _read(*row)).items}


def _put(figures: StandingFigures, rows: Iterable[Mapping[str, Any]]) -> None:
    for unit, element, reading in read_rows(rows, lambda row: _read(*row.values())).items:
        figures.put(unit, element, reading)


def _read(
    unit: int, element: str, period: str, value: Decimal, stage: str, revision: int, submission: UUID, agency: str
) -> tuple[int, str, StandingReading]:
    if not is_countable(value):
        raise ValueError("no number of things")
    return unit, element, StandingReading(value, Period.parse(period), _STAGES[stage], revision, submission, agency)


_STAGES = {stage.value: stage for stage in Stage}
