"""The beginning of a plan: the state is judged by it from then on, beside the plans before it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import batched

from services.scoring.judging.aggregates import increments_by_target
from services.scoring.judging.figures import Figures
from services.scoring.judging.increments import Increment
from services.scoring.judging.inheritance import with_inherited
from services.scoring.judging.levels import counted_once, districts_of
from services.scoring.storage.begun_plans import record_begun
from services.scoring.storage.increments import add_increments
from services.scoring.storage.known_figures import judged_at
from services.scoring.storage.readings import readings_of
from services.scoring.storage.statuses import delete_statuses, statuses_of
from services.scoring.storage.submissions import units_reported
from services.scoring.storage.targets import mark_moved
from services.scoring.update.commune_statuses import criteria_touched, judge_again, known_pairs
from services.scoring.update.targets import begin_targets, judge_targets
from services.scoring.update.transaction import Transaction
from shared.readable import read_rows
from shared.reference.load import Reference
from shared.reference.models import CriterionKey

_FAMILIES_AT_ONCE = 100


async def begin_plan(transaction: Transaction) -> int:
    """Begin the transaction's plan: fill its sums and judge everything by it. Return the number of changes.

    No worker may change the state meanwhile. A verdict that differs is told as `changed`, because of the plan. Plans
    before it are left to the day's tick: their deadlines pass with time, and what they missed is told as missed.
    """
    transaction = replace(transaction.because_of("plan"), former=())
    await record_begun(transaction.connection, transaction.reference.plan.id, transaction.moment.at)
    await fill_sums(transaction)
    await begin_targets(transaction)
    changes = 0
    for units in in_portions(await _units_judged(transaction), transaction.reference):
        changes += len(await judge_again(transaction, await _criteria(transaction, units)))
    return changes + await judge_targets(transaction)


async def fill_sums(transaction: Transaction) -> None:
    """Fill the sums of the transaction's plan, which has none yet, and mark its commitments to be judged."""
    connection, reference = transaction.connection, transaction.reference
    for units in in_portions(await units_reported(connection), reference):
        figures = await plans_figures(transaction, [*units, *districts_of(units, reference)])
        figures = counted_once(figures, reference)
        sums: defaultdict[tuple[str, int, date], Increment] = defaultdict(Increment)
        for unit in units:
            for key, increment in increments_by_target(unit, figures, reference.targets, reference):
                sums[key] += increment
        await add_increments(connection, reference.plan.id, sums, transaction.moment.on)
    targets = {(commitment.id, target.key) for commitment, target in reference.targets}
    await mark_moved(connection, reference.plan.id, targets, transaction.moment.on)


async def plans_figures(transaction: Transaction, units: Sequence[int]) -> Mapping[int, Figures]:
    """Return the figures by which the plan judges whole families of units, with those that they inherited."""
    connection, reference, closes = transaction.connection, transaction.reference, transaction.reference.plan.closes
    if closes is not None and reference.plan.is_closed(transaction.moment.on):
        return await judged_at(connection, units, reference, closes)
    figures = await readings_of(connection, units, reference.plan.horizon)
    return with_inherited({unit: figures.get(unit, Figures()) for unit in units}, reference)


async def _units_judged(transaction: Transaction) -> set[int]:
    connection, reference = transaction.connection, transaction.reference
    return (await units_reported(connection)).union(reference.bound_communes(transaction.moment.on))


async def _criteria(transaction: Transaction, units: Sequence[int]) -> dict[int, Sequence[CriterionKey]]:
    """Return the criteria by which the plan judges units, and forget the statuses of all others."""
    connection, reference = transaction.connection, transaction.reference
    stored = await statuses_of(connection, units)
    known = known_pairs(stored, reference)
    judged = {(unit, key) for unit, key in known if reference.judges(reference.units.by_key(unit), key)}
    left = [pair for pair in stored if pair not in judged]
    await delete_statuses(connection, left)
    figures = await plans_figures(transaction, units)
    bound = reference.bound_communes(transaction.moment.on)
    criteria: dict[int, Sequence[CriterionKey]] = {}
    for key, own in figures.items():
        unit = reference.units.by_key(key)
        held = [criterion for of, criterion in stored if of == key and (of, criterion) in judged]
        criteria[key] = list(
            dict.fromkeys((*criteria_touched(unit, list(own.values()), reference), *bound.get(key, ()), *held))
        )
    return criteria


def in_portions(units: Iterable[int], reference: Reference) -> list[list[int]]:
    """Return the units with their kin, in portions of whole families, so that memory stays bounded.

    A unit that the reference does not have is left out: the row that names it is damaged.
    """
    families = read_rows(units, lambda unit: reference.lineage.family(reference.units.by_key(unit).key)).items
    return [[unit for family in chunk for unit in family] for chunk in batched(sorted({*families}), _FAMILIES_AT_ONCE)]
