"""Scoring of submissions, in one transaction of the caller."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date

from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.judging.changes import Moment
from services.scoring.judging.inheritance import families_of
from services.scoring.storage.locks import lock_units
from services.scoring.storage.readings import readings_among, write_readings
from services.scoring.storage.submissions import record_submissions
from services.scoring.update.arrivals import Arrival, submission_row, unit_of
from services.scoring.update.commune_statuses import criteria_touched, judge_criteria
from services.scoring.update.figure_changes import (
    FigureChange,
    ReadingsByUnit,
    as_judged,
    elements_needed,
    merge_arriving,
    oldest_needed,
)
from services.scoring.update.published_changes import ChangeOfUnit, publish_changes
from services.scoring.update.sums import move_sums
from shared.reference.load import Reference

type ArrivalsByUnit = Mapping[int, Sequence[Arrival]]


async def score(connection: AsyncConnection, reference: Reference, arrivals: Sequence[Arrival], moment: Moment) -> int:
    """Take submissions into account; those that are known already change nothing.

    Returns the number of changes. Raises KeyError when a submission names a unit that the reference does not have.
    """
    new = await store_new(connection, reference, arrivals)
    if not new:
        return 0
    moment = not_before_receipt(moment, new)
    arriving = {unit: [reading for one in several for reading in one.readings] for unit, several in new.items()}
    await lock_units(connection, families_of(arriving, reference))
    oldest = oldest_needed(arriving, reference)
    stored = await store_readings(connection, reference, arriving, oldest)
    change = as_judged(stored, oldest, reference)
    changes = await judge_change(connection, reference, moment, change, new)
    await move_sums(connection, reference, moment.on, change)
    await publish_changes(connection, changes, {one.submission.id: one.trace for one in each(new)})
    return len(changes)


async def store_new(
    connection: AsyncConnection, reference: Reference, arrivals: Sequence[Arrival]
) -> dict[int, list[Arrival]]:
    """Store the submissions; return those that were not known yet, by the key of their unit."""
    units = {arrival.submission.id: unit_of(arrival.submission, reference) for arrival in arrivals}
    rows = {arrival.submission.id: submission_row(arrival, units[arrival.submission.id]) for arrival in arrivals}
    stored = await record_submissions(connection, [rows[key] for key in sorted(rows)])
    new: defaultdict[int, list[Arrival]] = defaultdict(list)
    for arrival in arrivals:
        if arrival.submission.id in stored:
            new[units[arrival.submission.id].key].append(arrival)
    return new


def not_before_receipt(moment: Moment, new: ArrivalsByUnit) -> Moment:
    """Return the moment, on the day of the last receipt at the earliest.

    Another process may have seen the new day first; what it received then must be in force when it is judged.
    """
    return replace(moment, on=max(moment.on, *(arrival.day for arrival in each(new))))


async def store_readings(
    connection: AsyncConnection, reference: Reference, arriving: ReadingsByUnit, oldest: date
) -> FigureChange:
    """Merge the arriving readings into the stored ones of periods that end at `oldest` or later, and store them."""
    stored = await readings_among(connection, elements_needed(arriving, reference), oldest)
    change = merge_arriving(stored, arriving, reference)
    differing = [(unit, reading) for unit, readings in change.differing.items() for reading in readings]
    await write_readings(connection, differing)
    return change


async def judge_change(
    connection: AsyncConnection, reference: Reference, moment: Moment, change: FigureChange, new: ArrivalsByUnit
) -> list[ChangeOfUnit]:
    """Judge the criteria of which figures changed."""
    criteria = {
        unit: criteria_touched(reference.units.by_key(unit), readings, reference)
        for unit, readings in change.differing.items()
    }
    causes = {unit: causes_of(unit, new, reference) for unit in change.after}
    return await judge_criteria(connection, reference, moment, change.after, criteria, change.differing, causes)


def causes_of(unit: int, new: ArrivalsByUnit, reference: Reference) -> Sequence[Arrival]:
    """Return the submissions that may have changed a unit's criteria: its own, or else those of its kin."""
    own = new.get(unit)
    return own or [arrival for member in reference.lineage.family(unit) for arrival in new.get(member, ())]


def each(arrivals: ArrivalsByUnit) -> Iterable[Arrival]:
    """Yield the arrivals of all units."""
    return (arrival for several in arrivals.values() for arrival in several)
