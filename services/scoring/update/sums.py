"""The sums of districts and the province: moved by the change in the figures of the units below them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from services.scoring.judging.contributor import Contributor
from services.scoring.judging.increments import Increment, difference
from services.scoring.judging.observations import EarlierFiguresNeededError
from services.scoring.storage.increments import add_increments
from services.scoring.storage.readings import readings_among
from services.scoring.update.figure_changes import FigureChange, elements_needed
from services.scoring.update.transaction import Transaction
from shared.reference.load import Reference

type Move = tuple[str, int, date, Increment]
"""The increment by which the sum of a commitment and a target moves on a day."""

type Increments = Mapping[tuple[str, int, date], Increment]
"""By how much sums move: by commitment, target and day."""


async def increments_of(transaction: Transaction, change: FigureChange) -> Increments:
    """Return by how much the change moves the sums above the changed units.

    Where that depends on earlier figures than those that were read, all of them are read.
    """
    reference = transaction.reference
    moves: list[Move] = []
    far: list[int] = []
    for unit in change.after:
        try:
            moves += _moves_by(unit, change, reference)
        except EarlierFiguresNeededError:
            far.append(unit)
    if far:
        needed = elements_needed({unit: change.differing[unit] for unit in far}, reference)
        whole = change.over(await readings_among(transaction.connection, needed, reference.plan.horizon))
        moves += [move for unit in far for move in _moves_by(unit, whole, reference)]
    return _added_up(moves)


async def move_sums(transaction: Transaction, increments: Increments) -> None:
    """Move the sums of a plan, and mark their commitments for `judge_targets` to judge.

    All workers move the same few sums, and wait for who moved them until its transaction ends: this comes last.
    """
    await add_increments(transaction.connection, transaction.reference.plan.id, increments, transaction.moment.on)


def sum_increments(change: FigureChange, reference: Reference) -> Increments:
    """Return by how much the change in figures moves each sum."""
    return _added_up(move for unit in change.after for move in _moves_by(unit, change, reference))


def _moves_by(key: int, change: FigureChange, reference: Reference) -> list[Move]:
    """Return the moves of sums by the change in the figures of one unit and its kin."""
    family = reference.lineage.family(key)
    changed = {reading.element for member in family for reading in change.differing[member]}
    if not changed:
        return []
    unit, since = reference.units.by_key(key), change.begins(family, reference.plan.baseline_date)
    now = Contributor(reference, unit, change.after[key], change.after, since=since)
    formerly = Contributor(
        reference, unit, change.before[key], change.before, alike=now, differing=changed, since=since
    )
    moved: dict[str, dict[date, Increment]] = {}
    for commitment, _ in (targets := reference.targets_of(unit, changed)):
        if commitment.id not in moved:
            moved[commitment.id] = difference(now.increments(commitment), formerly.increments(commitment))
    return [
        (commitment.id, target.key, day, increment)
        for commitment, target in targets
        for day, increment in moved[commitment.id].items()
    ]


def _added_up(moves: Iterable[Move]) -> Increments:
    increments: dict[tuple[str, int, date], Increment] = {}
    for commitment, target, day, increment in moves:
        where = commitment, target, day
        increments[where] = increments[where] + increment if where in increments else increment
    return increments
