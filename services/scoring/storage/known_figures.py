"""The figures of units as they were known at a past moment, by the submissions and withdrawals received until then."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.judging.figures import Figures, figures_from
from services.scoring.judging.inheritance import judged_by
from services.scoring.storage.submissions import submissions_of
from services.scoring.storage.taken_back import taken_back_of
from shared.reference.load import Reference
from shared.time import VIETNAM


def end_of(day: date) -> datetime:
    """Return the moment at which a day is over in Vietnam."""
    return datetime.combine(day + timedelta(days=1), time.min, VIETNAM)


async def known_at(
    connection: AsyncConnection,
    units: Collection[int],
    reference: Reference,
    on: date,
    without: Collection[UUID] = frozenset(),
) -> dict[int, Figures]:
    """Return the figures of the units and their kin that were known when a day was over.

    `without`: ids of submissions, withdrawals and returns that are left out.
    """
    families = reference.lineage.families(units)
    rows = await submissions_of(connection, families, end_of(on), without)
    taken_back = await taken_back_of(connection, families, end_of(on), without)
    # those of a province take a while: the loop has to go on meanwhile
    return await asyncio.to_thread(figures_from, rows, taken_back)


async def judged_at(
    connection: AsyncConnection,
    units: Collection[int],
    reference: Reference,
    on: date,
    without: Collection[UUID] = frozenset(),
) -> dict[int, Figures]:
    """Return the figures known when a day was over by which the units and their kin were judged."""
    known = await known_at(connection, units, reference, on, without)
    complete = {unit: known.get(unit, Figures()) for unit in reference.lineage.families(units)}
    return judged_by(complete, reference)
