"""The closing of a plan after the next one has begun: the communes that have missed it are told of, once.

From the next plan's first day on the stored statuses of communes are that plan's. What the former one asked of the
communes that it bound can still be turned by late figures until it is closed, and stands from then on.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import batched

from services.scoring.judging.assessments import explain_criterion
from services.scoring.judging.changes import ChangesAt, PreviousVerdict
from services.scoring.judging.figures import Figures
from services.scoring.storage.known_figures import judged_at
from services.scoring.update.published_changes import ChangeOfUnit, publish_changes
from services.scoring.update.transaction import Transaction
from shared.contracts.status import Status
from shared.contracts.verdict_change import StatusChanged
from shared.reference.models import CriterionKey, Plan, Unit
from shared.stable_id import stable_id

_UNITS_AT_ONCE = 500


async def tell_missed(transaction: Transaction) -> int:
    """Tell of what communes have missed of each former plan that stands from this day on; return the number of changes.

    A plan that no other one follows tells that by its own statuses.
    """
    count = 0
    for own in transaction.of_each_plan[:-1]:
        if transaction.moment.on != first_day_closed(own.reference.plan):
            continue
        bound = own.reference.bound_communes(own.reference.plan.deadline)
        for units in batched(sorted(bound), _UNITS_AT_ONCE):
            changes = await _missed(own, {unit: bound[unit] for unit in units})
            await publish_changes(transaction.connection, transaction.province, changes)
            count += len(changes)
    return count


def first_day_closed(plan: Plan) -> date:
    """Return the day from which on the verdicts of a plan stand: the day after its closing, else after its deadline."""
    return (plan.closes or plan.deadline) + timedelta(days=1)


async def _missed(transaction: Transaction, bound: dict[int, list[CriterionKey]]) -> list[ChangeOfUnit]:
    reference = transaction.reference
    last_day = transaction.moment.on - timedelta(days=1)
    figures = await judged_at(transaction.connection, list(bound), reference, last_day)
    return [
        ChangeOfUnit(key, change, is_in_force=False)
        for key, criteria in bound.items()
        if (unit := reference.units.by_key(key)).is_valid(reference.plan.deadline)
        for criterion in criteria
        for change in _missed_of(transaction, unit, criterion, figures.get(key, Figures()))
    ]


def _missed_of(
    transaction: Transaction, unit: Unit, criterion: CriterionKey, figures: Figures
) -> Iterator[StatusChanged]:
    """Yield the change where a commune has missed a criterion, against its verdict on the plan's last day."""
    plan, judge = transaction.reference.plan, transaction.judge
    if (judged := judge.criterion(criterion, unit, figures)).status != Status.MISSED:
        return
    before = judge.at(plan.deadline).criterion(criterion, unit, figures)
    # its overdue reports and contradictions were news before
    previous = PreviousVerdict(before.status, frozenset(judged.overdue), contradictory=judged.is_contradictory)
    for change in ChangesAt(transaction.reference, transaction.moment, "time").of_criterion(
        unit, criterion, previous, explain_criterion(judged), None
    ):
        yield change.model_copy(update={"id": stable_id(change.id, plan.id)})
