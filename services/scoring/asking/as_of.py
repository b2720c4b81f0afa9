"""Figures as of a day: those known then, from the submissions received by then, and those known today."""

from __future__ import annotations

import asyncio
from calendar import monthrange
from collections.abc import Collection, Iterator
from datetime import date, timedelta
from typing import Annotated

from fastapi import Query
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.judging.figures import Figures, in_hindsight
from services.scoring.judging.inheritance import with_inherited
from services.scoring.storage.known_figures import judged_of, known_at
from services.scoring.storage.readings import readings_of
from shared.problems import bad_parameter
from shared.reference.load import Reference
from shared.service.runtime import Runtime

AsOf = Annotated[
    date | None,
    Query(description="What was known at that day, and (`actual`) what was so then by all that is known today."),
]

Months = Annotated[bool, Query(description="Also the ends of the months since the plan in force began.")]

_DAY = timedelta(days=1)


async def figures_today(
    connection: AsyncConnection, units: Collection[int], reference: Reference, elements: Collection[str] | None = None
) -> dict[int, Figures]:
    """Return the figures of the units and their kin that are known today, with those that they inherited.

    `elements` None: of all elements.
    """
    figures = await readings_of(connection, reference.lineage.families(units), reference.plan.horizon, elements)
    return with_inherited(figures, reference)


async def figures_known(
    connection: AsyncConnection, units: Collection[int], reference: Reference, on: date
) -> dict[int, Figures]:
    """Return the figures that were known at a day; where the plan was closed by then, those known when it was.

    By them the units and their kin were judged.
    """
    plan = reference.plan
    day = min(on, plan.closes) if plan.closes else on
    known = await known_at(connection, units, reference, day, plan.horizon)
    return await asyncio.to_thread(judged_of, known, units, reference)


async def figures_at(
    connection: AsyncConnection, units: Collection[int], reference: Reference, on: date
) -> tuple[dict[int, Figures], dict[int, Figures]]:
    """Return the figures that were known at a day (`figures_known`), and those that held then by all known today."""
    known = await figures_known(connection, units, reference, on)
    today = await figures_today(connection, units, reference)
    return known, {unit: in_hindsight(figures) for unit, figures in today.items()}


async def figures_when_closed(
    connection: AsyncConnection, units: Collection[int], reference: Reference, on: date
) -> dict[int, Figures] | None:
    """Return the figures by which a plan's verdicts stand that is closed on a day; None while it is open."""
    return await figures_known(connection, units, reference, on) if reference.plan.is_closed(on) else None


def day_of(as_of: date | None, runtime: Runtime) -> date:
    """Return the day asked for, or today; a problem for a day outside of the plans' time."""
    first, today = runtime.plans.references[0].plan.baseline_date, runtime.clock.today()
    if as_of is not None and not first <= as_of <= today:
        raise bad_parameter("as_of", as_of, f"{first} … {today}")
    return as_of or today


def days_until(on: date, reference: Reference, months: bool) -> list[date]:
    """Return the day alone, or with `months` the ends of the months since the plan's baseline and then the day."""
    return [*(_month_ends(reference.plan.baseline_date, on) if months else ()), on]


def _month_ends(after: date, before: date) -> Iterator[date]:
    """Yield the last days of the months from a day on, itself included, until another one."""
    day = after
    while day < before:
        if (day + _DAY).day == 1:
            yield day
        year, month = day.year + day.month // 12, day.month % 12 + 1
        day = date(year, month, monthrange(year, month)[1])
