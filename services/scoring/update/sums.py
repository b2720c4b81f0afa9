"""The sums of districts and the province: moved by the change in the figures of the units below them."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.judging.aggregates import contributes, elements_of
from services.scoring.judging.increments import Increment, difference, increments_of
from services.scoring.judging.targets import targets_of
from services.scoring.storage.increments import add_increments
from services.scoring.storage.targets import mark_moved
from services.scoring.update.figure_changes import FigureChange
from shared.reference.load import Reference


async def move_sums(connection: AsyncConnection, reference: Reference, on: date, change: FigureChange) -> None:
    """Move the sums above the changed units, and mark their commitments for `judge_targets` to judge."""
    increments = sum_increments(change, reference)
    await mark_moved(connection, {(commitment, unit) for commitment, unit, _ in increments}, on)
    await add_increments(connection, increments)


def sum_increments(change: FigureChange, reference: Reference) -> dict[tuple[str, int, date], Increment]:
    """Return by how much the change in figures moves each sum, by commitment, target and day."""
    increments: defaultdict[tuple[str, int, date], Increment] = defaultdict(Increment)
    targets = [(commitment, target, elements_of(commitment, reference)) for commitment, target in targets_of(reference)]
    for key in change.after:
        unit = reference.units.by_key(key)
        family = reference.lineage.family(key)
        changed = {reading.element for member in family for reading in change.differing[member]}
        moved: dict[str, dict[date, Increment]] = {}
        for commitment, target, elements in targets:
            if changed.isdisjoint(elements) or not contributes(commitment, target, unit, reference):
                continue
            if commitment.id not in moved:
                new = increments_of(commitment, unit, change.after[key], reference, change.after)
                old = increments_of(commitment, unit, change.before[key], reference, change.before)
                moved[commitment.id] = difference(new, old)
            for day, increment in moved[commitment.id].items():
                increments[commitment.id, target.key, day] += increment
    return increments
