"""Scoring of submissions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from uuid import UUID

from services.scoring.judging.levels import at_other_level, counted_once
from services.scoring.judging.readings import Reading
from services.scoring.judging.taken_back import TakenBack
from services.scoring.storage.arriving import note_and_look
from services.scoring.storage.known_figures import judged_at
from services.scoring.storage.locks import lock_free_units, lock_units
from services.scoring.storage.readings import newest_readings_among, write_readings
from services.scoring.storage.submissions import record_submissions
from services.scoring.update.arrivals import Arrival, submission_row, unit_of
from services.scoring.update.commune_statuses import UnitToJudge, criteria_touched, judge_units
from services.scoring.update.figure_changes import (
    FigureChange,
    ReadingsByUnit,
    as_judged,
    differing_and_replaced,
    elements_needed,
    looked_back_from,
    merge_arriving,
    oldest_needed,
)
from services.scoring.update.published_changes import ChangeOfUnit, publish_changes
from services.scoring.update.sums import Increments, increments_of, move_sums
from services.scoring.update.transaction import Transaction
from shared.reference.load import Reference

type ArrivalsByUnit = Mapping[int, Sequence[Arrival]]


async def score(transaction: Transaction, arrivals: Iterable[Arrival]) -> int:
    """Take submissions into account; those that are known already change nothing. Wait for units that others hold.

    Returns the number of changes. Raises KeyError when a submission names a unit that the reference does not have.
    """
    by_unit = arrivals_by_unit(arrivals, transaction.reference)
    await lock_units(transaction.connection, families_concerned(transaction, by_unit))
    return await _score(transaction, by_unit)


async def score_free(transaction: Transaction, arrivals: Iterable[Arrival]) -> tuple[int, list[Arrival]]:
    """Take those submissions into account of which nobody else holds the units; return also the others, for `score`.

    The reports of a commune come one after the other, so that they lie in two batches where one ends: their workers
    would wait for each other's whole batch. Raises KeyError as `score` does.
    """
    by_unit = arrivals_by_unit(arrivals, transaction.reference)
    held = await lock_free_units(transaction.connection, families_concerned(transaction, by_unit))
    waiting = {
        unit: own
        for unit, own in by_unit.items()
        if held and not held.isdisjoint(families_concerned(transaction, {unit: own}))
    }
    changes = await _score(transaction, {unit: own for unit, own in by_unit.items() if unit not in waiting})
    return changes, list(each(waiting))


async def _score(transaction: Transaction, arrivals: ArrivalsByUnit) -> int:
    """Take submissions into account whose units are locked."""
    new = await store_new(transaction, arrivals)
    if not new:
        return 0
    # Another process may have seen the new day first; what it received then must be in force when it is judged.
    transaction = transaction.not_before(max(arrival.day for arrival in each(new))).because_of("figure")
    judged, taken_back = await note_and_look(transaction.connection, new.keys(), submissions_named(new))
    if judged:  # the day may have passed while others held the units
        transaction = transaction.not_before(judged)
    arriving = readings_arriving(new, taken_back)
    if not any(arriving.values()):
        return 0
    stored = await store_readings(transaction, arriving)
    received = {arrival.submission.id: arrival.day for arrival in each(new)}
    return await take_into_account(transaction, stored, new, received)


def arrivals_by_unit(arrivals: Iterable[Arrival], reference: Reference) -> dict[int, list[Arrival]]:
    """Return the arrivals by the key of their unit. KeyError when one names a unit that the reference does not have."""
    by_unit: defaultdict[int, list[Arrival]] = defaultdict(list)
    for arrival in arrivals:
        by_unit[unit_of(arrival.submission, reference).key].append(arrival)
    return by_unit


def families_concerned(transaction: Transaction, arrivals: ArrivalsByUnit) -> set[int]:
    """Return the units whose verdicts and sums the arrivals may change, with their kin by each plan that has begun."""
    elements = {unit: {code for one in own for code in one.submission.readings} for unit, own in arrivals.items()}
    return families_in_each_plan(transaction, {*arrivals, *at_other_level(elements, transaction.reference)})


async def store_new(transaction: Transaction, arrivals: ArrivalsByUnit) -> dict[int, list[Arrival]]:
    """Store the submissions; return those that were not known yet, by the key of their unit."""
    rows = {
        arrival.submission.id: submission_row(arrival, transaction.reference.units.by_key(unit))
        for unit, own in arrivals.items()
        for arrival in own
    }
    stored = await record_submissions(transaction.connection, [rows[key] for key in sorted(rows)])
    new = {unit: [arrival for arrival in own if arrival.submission.id in stored] for unit, own in arrivals.items()}
    return {unit: own for unit, own in new.items() if own}


def submissions_named(new: ArrivalsByUnit) -> set[UUID]:
    """Return the ids of the submissions, and of those that they verify or confirm."""
    submissions = [arrival.submission for arrival in each(new)]
    return {key for submission in submissions for key in (submission.id, submission.reviews) if key}


def readings_arriving(new: ArrivalsByUnit, taken_back: TakenBack) -> dict[int, list[Reading]]:
    """Return the arrivals' readings by unit, without those that were withdrawn before they arrived.

    That is looked up once the units are locked: whoever takes a submission back waits, and finds it stored.
    """
    return {
        unit: [reading for arrival in own for reading in taken_back.readings_left(arrival.submission)]
        for unit, own in new.items()
    }


async def store_readings(transaction: Transaction, arriving: ReadingsByUnit) -> FigureChange:
    """Merge the arriving readings into the stored ones, and store them; return the change as it is stored."""
    references = [*transaction.former_open, transaction.reference]
    oldest = min(oldest_needed(arriving, reference) for reference in references)
    needed = set().union(*(elements_needed(arriving, reference) for reference in references))
    looked_back = (
        dict.fromkeys(needed, date.min)  # several plans look at them, or a closed one at those of its time
        if transaction.former_open or transaction.reference.plan.is_closed(transaction.moment.on)
        else looked_back_from(arriving, needed, transaction.reference, transaction.moment.on)
    )
    plan, compared = transaction.reference.plan, transaction.reference.elements_compared
    stored = await newest_readings_among(transaction.connection, looked_back, oldest, plan.baseline_date, compared)
    elements = {unit: {reading.element for reading in own} for unit, own in arriving.items()}
    concerned = {*arriving, *at_other_level(elements, transaction.reference)}
    change = merge_arriving(stored, arriving, families_in_each_plan(transaction, concerned))
    differing = [(unit, reading) for unit, readings in change.differing.items() for reading in readings]
    await write_readings(transaction.connection, differing)
    return change


async def take_into_account(
    transaction: Transaction, stored: FigureChange, causes: ArrivalsByUnit, received: Mapping[UUID, date]
) -> int:
    """Judge the criteria of which figures changed, publish their changes, and move the sums of each plan.

    `received`: the days on which the messages were received that changed the figures, by their ids. A plan that is
    closed hears only of those that were received before it was. Returns the number of the criteria's changes.
    """
    changes: list[ChangeOfUnit] = []
    increments: list[tuple[Transaction, Increments]] = []
    for own in transaction.of_each_plan:
        change = await change_for(own, stored, received)
        if own is transaction:
            changes = await judge_change(own, stored, change, causes)
        if change:
            increments.append((own, await increments_of(own, change)))
    traces = {arrival.submission.id: arrival.trace for arrival in each(causes)}
    await publish_changes(transaction.connection, transaction.province, changes, traces)
    for own, of_plan in increments:
        await move_sums(own, of_plan)
    return len(changes)


async def change_for(own: Transaction, stored: FigureChange, received: Mapping[UUID, date]) -> FigureChange | None:
    """Return the change in the figures by which a plan judges; None where there is none for a plan that is closed."""
    reference, closes = own.reference, own.reference.plan.closes
    if closes is None or own.moment.on <= closes:
        return as_judged(stored, reference)
    if not (late := {key for key, day in received.items() if day <= closes}):
        return None
    # others may have been scored before them that the plan does not hear of: the stored figures are not the plan's
    before = await judged_at(own.connection, stored.after, reference, closes, without=late)
    after = await judged_at(own.connection, stored.after, reference, closes)
    return FigureChange.between(counted_once(before, reference), counted_once(after, reference))


async def judge_change(
    transaction: Transaction, stored: FigureChange, change: FigureChange | None, causes: ArrivalsByUnit
) -> list[ChangeOfUnit]:
    """Judge the criteria of which figures changed by the plan in force.

    Once the plan is closed, what it binds is judged by the figures of its time (`change`), and all else by the newest.
    """
    reference = transaction.reference
    if not reference.plan.is_closed(transaction.moment.on):
        assert change  # noqa: S101 - a plan that is open hears of every change
        return await judge_units(transaction, units_touched(transaction, change, causes))
    newest = units_touched(transaction, as_judged(stored, reference), causes)
    final = units_touched(transaction, change, causes) if change else []
    return await judge_units(
        transaction,
        [
            *(unit.of_criteria(lambda unit, key: not reference.binds(unit, key)) for unit in newest),
            *(unit.of_criteria(reference.binds) for unit in final),
        ],
    )


def units_touched(transaction: Transaction, change: FigureChange, causes: ArrivalsByUnit) -> list[UnitToJudge]:
    """Return the units whose figures changed, each with the criteria that measure them."""
    reference = transaction.reference
    units = []
    for key, readings in change.differing.items():
        unit = reference.units.by_key(key)
        submissions = [arrival.submission for arrival in causes_of(key, causes, transaction)]
        criteria = criteria_touched(unit, readings, reference)
        differing = differing_and_replaced(change, key)
        units.append(UnitToJudge(unit, change.after[key], criteria, differing, submissions))
    return units


def families_in_each_plan(transaction: Transaction, units: Iterable[int]) -> set[int]:
    """Return the units with their kin by each plan that has begun."""
    units = list(units)
    return {unit for own in transaction.of_each_plan for unit in own.reference.lineage.families(units)}


def causes_of(unit: int, new: ArrivalsByUnit, transaction: Transaction) -> Sequence[Arrival]:
    """Return the submissions that may have changed a unit's criteria: its own, or else those of its kin."""
    kin = transaction.reference.lineage.family(unit)
    return new.get(unit) or [arrival for member in kin for arrival in new.get(member, ())]


def each(arrivals: ArrivalsByUnit) -> Iterable[Arrival]:
    """Yield the arrivals of all units."""
    return (arrival for own in arrivals.values() for arrival in own)
