"""What was known at a day, from the submissions as they came: corrections that came later had not happened yet."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import date, datetime, time, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.judging.inheritance import kin
from services.scoring.judging.measures import Figures, figures_from
from services.scoring.storage import queries
from shared.reference.load import Reference
from shared.time import VIETNAM


def end_of(day: date) -> datetime:
    """The moment at which a day is over in Vietnam."""
    return datetime.combine(day + timedelta(days=1), time.min, VIETNAM)


async def known_at(
    connection: AsyncConnection, units: Collection[int], reference: Reference, on: date
) -> dict[int, Figures]:
    """All that was known about the units and their kin when a day was over."""
    rows = await queries.submissions_of(connection, kin(units, reference), until=end_of(on))
    # a province's take a while: the loop has to go on meanwhile
    return await asyncio.to_thread(figures_from, rows)
