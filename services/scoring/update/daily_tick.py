"""The daily tick: each day is judged once, also the days that passed while no worker ran."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import batched

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.judging.changes import Moment
from services.scoring.storage.locks import hold_off_rebuild, hold_off_workers, lock_days, lock_units
from services.scoring.storage.statuses import outdated_statuses, without_status
from services.scoring.storage.targets import mark_moved
from services.scoring.storage.ticks import last_tick, take_day
from services.scoring.update.begin_plan import begin_plan
from services.scoring.update.close_plan import tell_missed
from services.scoring.update.commune_statuses import judge_units, known_pairs, units_to_judge
from services.scoring.update.plan_guard import plans_of_state, transaction_of_state, version_of_state
from services.scoring.update.published_changes import publish_changes
from services.scoring.update.targets import begin_targets, judge_targets
from services.scoring.update.transaction import Transaction
from shared.reference.load import Reference
from shared.reference.models import CriterionKey
from shared.service.each_day import follow_days
from shared.service.outbox import Relay
from shared.service.runtime import Runtime

log = structlog.get_logger()

_LOOK_SECONDS, _RETRY_SECONDS = 30, 1

_UNITS_AT_ONCE = 500
"""The units that are judged together when a day passes: memory stays bounded, however large the country."""


class DailyTick:
    """Follows the clock and judges each day once."""

    def __init__(self, runtime: Runtime, relay: Relay) -> None:
        self._runtime = runtime
        self._relay = relay

    async def run(self) -> None:
        """Work until cancelled."""
        await follow_days(self._runtime.clock, "tick", self.catch_up, _LOOK_SECONDS, _RETRY_SECONDS)

    async def catch_up(self) -> None:
        """Judge every day after the last one judged, up to today; the first start begins today."""
        today = self._runtime.clock.today()
        while True:
            async with self._runtime.engine.begin() as connection:
                await hold_off_rebuild(connection)
                await lock_days(connection)
                last = await last_tick(connection)
                day = next_day(last, today)
                # looked at under the lock, since other workers judge days too
                is_plan_to_begin = await self._plan_to_begin(connection, today) is not None
                if not is_plan_to_begin:
                    await self._judge_day(connection, day, last, today)
            if is_plan_to_begin:
                await self._begin_plan(today)
            self._relay.wake()
            if not is_plan_to_begin and day > today:
                self._runtime.facts["ticked"] = last
                return
            self._runtime.facts["ticked"] = last if is_plan_to_begin else day

    async def _judge_day(self, connection: AsyncConnection, day: date, last: date | None, today: date) -> None:
        """Judge a day that has come, or else what was stored for the last day after its tick."""
        if day <= today:
            changes = await tick(await self._transaction(connection, day))
            log.info("day judged", day=str(day), changes=changes)
        elif last:
            await judge_latecomers(await self._transaction(connection, last))

    async def _begin_plan(self, today: date) -> None:
        """Begin the next plan where the day that is to be judged next, or was judged last, belongs to it."""
        async with self._runtime.engine.begin() as connection:
            await hold_off_workers(connection)
            await lock_days(connection)
            if (beginning := await self._plan_to_begin(connection, today)) is None:
                return  # another process has begun it meanwhile
            day, reference = beginning
            begun = await plans_of_state(connection, self._runtime.plans)
            transaction = Transaction(connection, reference, self._moment(day), begun)
            changes = await begin_plan(transaction)
            log.info("plan begun", plan=reference.plan.id, day=str(day), changes=changes)

    async def _plan_to_begin(self, connection: AsyncConnection, today: date) -> tuple[date, Reference] | None:
        day = min(next_day(await last_tick(connection), today), today)
        plans = await version_of_state(connection, self._runtime.in_use)
        begun = await plans_of_state(connection, plans) or plans.begun(day)
        following = [reference for reference in plans.after(begun[-1]) if reference.plan.first_day <= day]
        return (day, following[0]) if following else None

    async def _transaction(self, connection: AsyncConnection, day: date) -> Transaction:
        """Return the transaction as of a day, at the present time of day."""
        return await transaction_of_state(connection, self._runtime.in_use, self._moment(day))

    def _moment(self, day: date) -> Moment:
        return Moment(on=day, at=datetime.combine(day, self._runtime.clock.now().timetz()))


def next_day(last: date | None, today: date) -> date:
    """Return the day after the last one judged; the first start begins today."""
    return today if last is None else last + timedelta(days=1)


async def tick(transaction: Transaction) -> int:
    """Judge once what the passing of a day changes: pace, overdue reports, deadlines. Return the number of changes.

    Only verdicts that no longer hold are judged again.
    """
    transaction = transaction.because_of("time")
    connection, moment = transaction.connection, transaction.moment
    if not await take_day(connection, moment.on, moment.at):
        return 0
    due = await criteria_due(transaction)
    await lock_units(connection, transaction.reference.lineage.families(due))
    changes = await judge_due(transaction, due)
    for own in transaction.of_each_plan:
        await begin_targets(own)
        await mark_sums_of_begun_units(own)
    return changes + await judge_targets(transaction) + await tell_missed(transaction)


async def judge_latecomers(transaction: Transaction) -> int:
    """Judge the statuses that were stored for an earlier day while the tick of the newest day ran; it missed them.

    Return the number of changes.
    """
    connection = transaction.connection
    late = await _outdated(transaction)
    if not late:
        return 0
    await lock_units(connection, transaction.reference.lineage.families(late))
    return await judge_due(transaction, late)


async def criteria_due(transaction: Transaction) -> dict[int, Sequence[CriterionKey]]:
    """Return the criteria to judge on a day, by the key of their unit.

    They are those whose status no longer holds, those that the plan binds and nobody has judged, and all of the
    communes that begin on the day.
    """
    connection, reference, on = transaction.connection, transaction.reference, transaction.moment.on
    due: dict[int, Sequence[CriterionKey]] = await _outdated(transaction)
    bound = [(unit, key) for unit, keys in reference.bound_communes(on).items() for key in keys]
    for unit, key in await without_status(connection, bound):
        due[unit] = [*due.get(unit, ()), key]
    for unit in reference.lineage.begun(on) or ():
        if reference.units.by_key(unit).kind in reference.plan.counted_kinds:
            due[unit] = reference.criteria_of(reference.units.by_key(unit))
    return due


async def _outdated(transaction: Transaction) -> dict[int, Sequence[CriterionKey]]:
    """Return by unit the criteria whose status no longer holds."""
    outdated = await outdated_statuses(transaction.connection, transaction.moment.on)
    criteria: defaultdict[int, list[CriterionKey]] = defaultdict(list)
    for unit, criterion in known_pairs(outdated, transaction.reference):
        criteria[unit].append(criterion)
    return {**criteria}


async def judge_due(transaction: Transaction, due: Mapping[int, Sequence[CriterionKey]]) -> int:
    """Judge the criteria that are due and publish the changes; return their number."""
    count = 0
    for units in batched(sorted(due), _UNITS_AT_ONCE):
        criteria = {unit: due[unit] for unit in units}
        changes = await judge_units(transaction, await units_to_judge(transaction, criteria))
        await publish_changes(transaction.connection, transaction.province, changes)
        count += len(changes)
    return count


async def mark_sums_of_begun_units(transaction: Transaction) -> None:
    """Have all commitments judged on a day on which units begin: the communes that they count change."""
    reference, on = transaction.reference, transaction.moment.on
    if reference.lineage.begun(on) is not None:
        targets = {(commitment.id, target.key) for commitment, target in reference.targets}
        await mark_moved(transaction.connection, reference.plan.id, targets, on)
