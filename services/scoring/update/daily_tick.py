"""The daily tick: each day is judged once, also the days that passed while nobody was running."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from sqlalchemy import func, select

from services.scoring.judging.changes import Moment
from services.scoring.storage import queries
from services.scoring.update.score import tick
from shared.service.outbox import Relay
from shared.service.runtime import Runtime
from shared.service.transient_errors import is_transient

log = structlog.get_logger()

_LOOK_SECONDS = 30


class Ticker:
    """Follows the clock, day by day."""

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
