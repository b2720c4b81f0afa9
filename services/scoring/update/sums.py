"""The sums of districts and the province: moved by the change in the figures of the units below them."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

from services.scoring.judging.contributor import Contributor
from services.scoring.judging.increments import Increment, difference
from services.scoring.storage.increments import add_increments
from services.scoring.storage.targets import mark_moved
from services.scoring.update.figure_changes import FigureChange
from services.scoring.update.transaction import Transaction
from shared.reference.load import Reference


async def move_sums(transaction: Transaction, change: FigureChange) -> None:
    """Move the sums above the changed units, and mark their commitments for `judge_targets` to judge."""
    plan, increments = transaction.reference.plan.id, sum_increments(change, transaction.reference)
    moved = {(commitment, unit) for commitment, unit, _ in increments}
    await mark_moved(transaction.connection, plan, moved, transaction.moment.on)
    await add_increments(transaction.connection, plan, increments)


def sum_increments(change: FigureChange, reference: Reference) -> dict[tuple[str, int, date], Increment]:
    """Return by how much the change in figures moves each sum, by commitment, target and day."""
    increments: defaultdict[tuple[str, int, date], Increment] = defaultdict(Increment)
    for key in change.after:
        family = reference.lineage.family(key)
        changed = {reading.element for member in family for reading in change.differing[member]}
        if not changed:
            continue
        unit, since = reference.units.by_key(key), change.begins(family, reference.plan.baseline_date)
        now = Contributor(reference, unit, change.after[key], change.after, since=since)
        formerly = Contributor(
            reference, unit, change.before[key], change.before, alike=now, differing=changed, since=since
        )
        moved: dict[str, dict[date, Increment]] = {}
        for commitment, target in reference.targets_of(unit, changed):
            if commitment.id not in moved:
                moved[commitment.id] = difference(now.increments(commitment), formerly.increments(commitment))
            for day, increment in moved[commitment.id].items():
                increments[commitment.id, target.key, day] += increment
    return increments
