"""Figures as of a day: those known then, from the submissions received by then, and those known today."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import date, datetime, time, timedelta
from typing import Annotated

from fastapi import Query
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.judging.figures import Figures, figures_from, in_hindsight
from services.scoring.judging.inheritance import judged_by, with_inherited
from services.scoring.storage.readings import readings_of
from services.scoring.storage.submissions import submissions_of
from services.scoring.storage.taken_back import taken_back_of
from shared.problems import Fault, Faults, Problem, Problems
from shared.reference.load import Reference
from shared.service.runtime import Runtime
from shared.time import VIETNAM


def end_of(day: date) -> datetime:
    """Return the moment at which a day is over in Vietnam."""
    return datetime.combine(day + timedelta(days=1), time.min, VIETNAM)


async def known_at(
    connection: AsyncConnection, units: Collection[int], reference: Reference, on: date
) -> dict[int, Figures]:
    """Return the figures of the units and their kin that were known when a day was over."""
    families = reference.lineage.families(units)
    rows = await submissions_of(connection, families, until=end_of(on))
    taken_back = await taken_back_of(connection, families, until=end_of(on))
    # those of a province take a while: the loop has to go on meanwhile
    return await asyncio.to_thread(figures_from, rows, taken_back)


AsOf = Annotated[
    date | None,
    Query(description="What was known at that day, and (`actual`) what was so then by all that is known today."),
]


async def figures_today(
    connection: AsyncConnection, units: Collection[int], reference: Reference
) -> dict[int, Figures]:
    """Return the figures of the units and their kin that are known today, with those that they inherited."""
    figures = await readings_of(connection, reference.lineage.families(units), reference.plan.horizon)
    return with_inherited(figures, reference)


async def figures_at(
    connection: AsyncConnection, units: Collection[int], reference: Reference, on: date
) -> tuple[dict[int, Figures], dict[int, Figures]]:
    """Return the figures that were known at a day, and those that held then by all that is known today."""
    known = judged_by(await known_at(connection, units, reference, on), reference)
    today = await figures_today(connection, units, reference)
    return known, {unit: in_hindsight(figures) for unit, figures in today.items()}


def day_of(as_of: date | None, runtime: Runtime) -> date:
    """Return the day asked for, or today; a problem for a day outside of the plan's time."""
    first, today = runtime.reference.plan.baseline_date, runtime.clock.today()
    if as_of is not None and not first <= as_of <= today:
        fault = Fault("/as_of", Faults.BAD_PARAMETER, {"value": as_of, "expected": f"{first} … {today}"})
        raise Problem(Problems.INVALID_QUERY, fault)
    return as_of or today
