"""The daily tick: each day is judged once, also the days that passed while no worker ran."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import batched

import structlog
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.judging.changes import Moment
from services.scoring.judging.inheritance import families_of
from services.scoring.judging.targets import targets_of
from services.scoring.judging.unreported import binding_criteria
from services.scoring.judging.verdicts import criteria_of
from services.scoring.storage import queries
from services.scoring.storage.tables import TickRow
from services.scoring.update.commune_statuses import figures_for, judge_units
from services.scoring.update.published_changes import record
from services.scoring.update.targets import begin_targets, judge_targets
from shared.postgres.statements import table_of
from shared.reference.load import Reference
from shared.service.outbox import Relay
from shared.service.runtime import Runtime
from shared.service.transient_errors import is_transient

log = structlog.get_logger()

_LOOK_SECONDS = 30


class DailyTick:
    """Follows the clock and judges each day once."""

    def __init__(self, runtime: Runtime, relay: Relay) -> None:
        self._runtime = runtime
        self._relay = relay

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            wait_seconds: float = _LOOK_SECONDS
            try:
                await self.catch_up()
            except Exception as error:
                if not is_transient(error):
                    raise
                log.warning("tick waits", error=str(error))
                wait_seconds = 1
            await self._runtime.clock.next_day(wait_seconds)

    async def catch_up(self) -> None:
        """Judge every day after the last one judged, up to today; the first start begins today."""
        today = self._runtime.clock.today()
        while True:
            async with self._runtime.engine.begin() as connection:
                await queries.work(connection)
                # one worker ticks at a time; another one that waited here finds the day done
                await connection.execute(select(func.pg_advisory_xact_lock(func.hashtext("scoring-tick"))))
                last = await queries.last_tick(connection)
                day = today if last is None else last + timedelta(days=1)
                if day <= today:
                    now = self._runtime.clock.now()
                    moment = Moment(on=day, at=datetime.combine(day, now.timetz()))
                    changes = await tick(connection, self._runtime.reference, moment)
                    log.info("day judged", day=str(day), changes=changes)
            self._relay.wake()
            if day > today:
                self._runtime.facts["ticked"] = last
                return
            self._runtime.facts["ticked"] = day


_UNITS_AT_ONCE = 500
"""So many are looked at together when a day passes: memory stays bounded, however large the country."""


async def tick(connection: AsyncConnection, reference: Reference, moment: Moment) -> int:
    """Judge what the passing of time changes, once per day: pace, overdue reports, deadlines.

    Only what does not hold any more is looked at. Returns how many changes there were.
    """
    statement = insert(table_of(TickRow)).on_conflict_do_nothing()
    done = await connection.execute(statement, {"day": moment.on, "finished_at": moment.at})
    if done.rowcount == 0:
        return 0
    due = await queries.statuses_to_look_at(connection, moment.on)
    bound = [(unit, key) for unit, keys in binding_criteria(reference, moment.on).items() for key in keys]
    for unit, key in await queries.without_status(connection, bound):
        due.setdefault(unit, []).append(key)
    begun = reference.lineage.begun(moment.on)
    for unit in begun or ():
        if reference.units.by_key(unit).kind in reference.plan.counted_kinds:
            due[unit] = criteria_of(reference.units.by_key(unit), reference)
    await queries.lock_units(connection, families_of(due, reference))
    found = 0
    for units in batched(sorted(due), _UNITS_AT_ONCE):
        criteria = {unit: due[unit] for unit in units}
        figures = await figures_for(connection, criteria, reference)
        changes = await judge_units(connection, reference, moment, figures, criteria)
        await record(connection, changes)
        found += len(changes)
    await begin_targets(connection, reference, moment.on)
    if begun is not None:
        targets = {(commitment.id, target.key) for commitment, target in targets_of(reference)}
        await queries.mark_moved(connection, targets, moment.on)
    return found + await judge_targets(connection, reference, moment)
