"""The verdicts that other reference data would change: judged beside the stored ones. Nothing is written."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncEngine

from services.scoring.judging.aggregates import increments_by_target
from services.scoring.judging.changes import Moment
from services.scoring.judging.figures import Figures
from services.scoring.judging.increments import Increment, Increments
from services.scoring.judging.inheritance import with_inherited
from services.scoring.judging.levels import counted_once, districts_of
from services.scoring.storage.known_figures import judged_at
from services.scoring.storage.readings import readings_of
from services.scoring.storage.statuses import statuses_of
from services.scoring.storage.submissions import units_reported
from services.scoring.storage.targets import stored_targets
from services.scoring.storage.ticks import last_tick
from services.scoring.update.begin_plan import in_portions, plans_figures
from services.scoring.update.commune_statuses import rebuilt_statuses
from services.scoring.update.transaction import Transaction
from shared.contracts.status import Status
from shared.reference.load import Plans
from shared.reference.models import CriterionKey

type _CriteriaByUnit = Mapping[int, Sequence[CriterionKey]]


class MovedVerdict(NamedTuple):
    """A verdict that goes from one status to another. `topic`: a criterion's key, or a plan's and a commitment's id."""

    topic: str
    before: Status
    after: Status


async def moved_verdicts(engine: AsyncEngine, plans: Plans, moment: Moment) -> Counter[MovedVerdict]:
    """Count the verdicts that would change if these reference data were installed, by criterion and commitment.

    Commitments that are new with them are left out, as where a version is installed. All is read from one snapshot.
    """
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        day = max(moment.on, await last_tick(connection) or moment.on)
        *former, in_force = plans.begun(day)
        judged = Transaction(connection, in_force, Moment(day, moment.at), former)
        moved: Counter[MovedVerdict] = Counter()
        for own in judged.of_each_plan:
            moved.update(await _moved_targets(own))
        moved.update(await _moved_statuses(judged))
        return moved


async def _moved_statuses(transaction: Transaction) -> list[MovedVerdict]:
    """Judge the communes' criteria by the plan in force, and return what differs from the stored statuses."""
    connection, reference = transaction.connection, transaction.reference
    bound = reference.bound_communes(transaction.moment.on)
    moved: list[MovedVerdict] = []
    for units in in_portions((await units_reported(connection)).union(bound), reference):
        stored = await statuses_of(connection, units)
        figures = await readings_of(connection, units, reference.plan.horizon)
        newest = with_inherited({unit: figures.get(unit, Figures()) for unit in units}, reference)
        final = await _final_figures(transaction, units)
        after = dict(_statuses(transaction, units, newest, final, bound))
        before = {pair: row.status for pair, row in stored.items() if pair[1] in reference.criterion_keys}
        for unit, criterion in {**before, **after}:
            place = reference.units.by_key(unit)
            if reference.judges(place, criterion):
                unreported = transaction.judge.criterion(criterion, place, Figures()).status
                was = before.get((unit, criterion), unreported)
                moved.append(MovedVerdict(criterion, was, after.get((unit, criterion), Status.NO_DATA)))
    return [verdict for verdict in moved if verdict.before != verdict.after]


def _statuses(
    transaction: Transaction,
    units: Sequence[int],
    newest: Mapping[int, Figures],
    final: Mapping[int, Figures],
    bound: _CriteriaByUnit,
) -> Iterator[tuple[tuple[int, CriterionKey], Status]]:
    for unit in units:
        place = transaction.reference.units.by_key(unit)
        for row in rebuilt_statuses(transaction.judge, place, newest[unit], final.get(unit), bound.get(unit, ())):
            yield (unit, row["criterion"]), Status(row["status"])


async def _final_figures(transaction: Transaction, units: Collection[int]) -> Mapping[int, Figures]:
    """Return the figures by which the verdicts of a closed plan stand; none while it is open."""
    reference, closes = transaction.reference, transaction.reference.plan.closes
    if closes is None or not reference.plan.is_closed(transaction.moment.on):
        return {}
    return await judged_at(transaction.connection, units, reference, closes)


async def _moved_targets(transaction: Transaction) -> list[MovedVerdict]:
    """Judge a plan's commitments by the sums of all figures, and return what differs from the stored statuses."""
    connection, reference = transaction.connection, transaction.reference
    stored, sums = await stored_targets(connection, reference.plan.id), await _sums(transaction)
    moved: list[MovedVerdict] = []
    for commitment, target in reference.targets:
        if (row := stored.get((commitment.id, target.key))) is None:
            continue
        judge = transaction.judge.at(target.last_day(transaction.moment.on))
        observations = judge.observations_of(commitment, target, sums.get((commitment.id, target.key), {}))
        after = judge.target(commitment, observations).status
        if after != row.status:
            moved.append(MovedVerdict(f"{reference.plan.id}/{commitment.id}", row.status, after))
    return moved


async def _sums(transaction: Transaction) -> Mapping[tuple[str, int], Increments]:
    """Return the plan's sums, made anew from the figures of all units."""
    reference = transaction.reference
    sums: defaultdict[tuple[str, int], defaultdict[date, Increment]] = defaultdict(lambda: defaultdict(Increment))
    for units in in_portions(await units_reported(transaction.connection), reference):
        figures = await plans_figures(transaction, [*units, *districts_of(units, reference)])
        figures = counted_once(figures, reference)
        for unit in units:
            for (commitment, target, day), increment in increments_by_target(
                unit, figures, reference.targets, reference
            ):
                sums[commitment, target][day] += increment
    return sums
