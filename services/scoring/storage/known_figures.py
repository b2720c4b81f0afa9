"""The figures of units as they were known at a past moment, by the submissions and withdrawals received until then."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from datetime import date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.judging.figures import Figures, figures_from
from services.scoring.judging.inheritance import judged_by
from services.scoring.storage.readings import reading, readings_of
from services.scoring.storage.submissions import submission, submissions_for, submissions_of
from services.scoring.storage.taken_back import taken_back, taken_back_of
from shared.reference.load import Reference
from shared.time import VIETNAM


def end_of(day: date) -> datetime:
    """Return the moment at which a day is over in Vietnam."""
    return datetime.combine(day + timedelta(days=1), time.min, VIETNAM)


async def known_at(
    connection: AsyncConnection, units: Collection[int], reference: Reference, on: date, horizon: date = date.min
) -> dict[int, Figures]:
    """Return the figures of the units and their kin that were known when a day was over.

    Those for periods that end at the horizon or later, and maybe older ones. The readings that stand today are those of
    then, but for the periods about which something has come since: these are read from the submissions.
    """
    families, moment = reference.lineage.families(units), end_of(on)
    figures = await readings_of(connection, families, horizon, until=moment)
    # after the readings: what comes between the two statements is among these periods, and in no reading read before
    changed = await _changed_since(connection, families, on, horizon)
    if not changed:
        return figures
    concerned = {unit for unit, _ in changed}
    rows = await submissions_for(connection, changed, moment)
    takings = await taken_back_of(connection, concerned, moment)

    def put_back() -> dict[int, Figures]:
        then = figures_from(rows, takings)
        for unit in concerned:
            standing = figures.get(unit, Figures())
            kept = {key: one for key, one in standing.items() if (unit, key[1].text) not in changed}
            figures[unit] = Figures(kept | then.get(unit, Figures()))
        return {unit: own for unit, own in figures.items() if own}

    # the submissions of a province take a while: the loop has to go on meanwhile
    return await asyncio.to_thread(put_back)


async def _changed_since(
    connection: AsyncConnection, units: Collection[int], on: date, horizon: date
) -> set[tuple[int, str]]:
    """Return the units and periods of which other figures were known on a day than those that stand for them now."""
    moment = end_of(on)
    corrected = select(reading.c.unit, reading.c.period).where(
        reading.c.unit == func.any(list(units)),
        reading.c.ends >= horizon,
        reading.c.received_at >= moment,
        reading.c.known_from <= on,
    )
    taken = submission.alias()
    gone = (
        select(submission.c.unit, submission.c.period)
        .join(taken_back, taken_back.c.unit == submission.c.unit)
        .outerjoin(taken, taken.c.id == taken_back.c.submission)
        # of one that never came it is not known for which period it was
        .where(or_(taken.c.id.is_(None), taken.c.period == submission.c.period))
        .where(taken_back.c.unit == func.any(list(units)), taken_back.c.at >= moment)
    )
    return {(unit, period) for unit, period in await connection.execute(corrected.union(gone))}


async def known_by_submissions(
    connection: AsyncConnection,
    units: Collection[int],
    reference: Reference,
    on: date,
    without: Collection[UUID] = frozenset(),
) -> dict[int, Figures]:
    """Return what `known_at` does, read from all submissions.

    `without`: ids of submissions, withdrawals and returns that are left out.
    """
    families = reference.lineage.families(units)
    rows = await submissions_of(connection, families, end_of(on), without)
    takings = await taken_back_of(connection, families, end_of(on), without)
    # those of a province take a while: the loop has to go on meanwhile
    return await asyncio.to_thread(figures_from, rows, takings)


async def judged_at(
    connection: AsyncConnection,
    units: Collection[int],
    reference: Reference,
    on: date,
    without: Collection[UUID] = frozenset(),
) -> dict[int, Figures]:
    """Return the figures known when a day was over by which the units and their kin were judged, by all submissions."""
    return judged_of(await known_by_submissions(connection, units, reference, on, without), units, reference)


def judged_of(known: Mapping[int, Figures], units: Collection[int], reference: Reference) -> dict[int, Figures]:
    """Return the figures by which the units and their kin are judged, by those that are known of some of them."""
    complete = {unit: known.get(unit, Figures()) for unit in reference.lineage.families(units)}
    return judged_by(complete, reference)
