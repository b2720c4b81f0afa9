"""From a service's report of a trouble to words for the operators."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from nats.aio.msg import Msg
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notify.alerts.operator_turns import Memory, Patience, after_report, after_telling, turn
from services.notify.storage.operations import Trouble, lock_operations, remember, remembered
from shared.contracts.trouble import TroubleReported
from shared.operations.letter import Standing, Told
from shared.operations.sending import NotSentError, Way, send, ways
from shared.settings import Settings
from shared.stable_id import stable_id
from shared.time import utc_now

log = structlog.get_logger()

_AFTER_FAILURE = timedelta(minutes=1)


class Operators:
    """The operators as the settings name them, and what they were told."""

    def __init__(self, engine: AsyncEngine, settings: Settings, patience: Patience) -> None:
        self._engine, self._settings, self._patience = engine, settings, patience
        self._failed_at: dict[Way, datetime] = {}

    async def hear(self, messages: Sequence[Msg]) -> None:
        """Remember what services report."""
        reports = [TroubleReported.model_validate_json(message.data) for message in messages]
        now = utc_now()
        async with self._engine.begin() as connection:
            await lock_operations(connection)
            for way in ways(self._settings):
                known = dict(await remembered(connection, way))
                for reported in reports:
                    key = (reported.service, reported.code)
                    memory = after_report(known[key][1] if key in known else None, reported, now)
                    if memory:
                        known[key] = (Trouble(*key, reported.words, reported.remedy, reported.details), memory)
                await remember(connection, way, list(known.values()))

    async def tell(self) -> int:
        """Tell the operators what is due, by each way by itself; return the number of troubles that were told.

        A process that dies between sending and recording repeats a mail under the same Message-ID.
        """
        return sum([await self._tell_by(way) for way in ways(self._settings) if self._may_try(way)])

    async def _tell_by(self, way: Way) -> int:
        now = utc_now()
        async with self._engine.begin() as connection:
            await lock_operations(connection)
            due = [
                (trouble, memory, standing)
                for trouble, memory in (await remembered(connection, way)).values()
                if (standing := turn(memory, now, self._patience))
            ]
            if not due:
                return 0
            key = stable_id(way, *(f"{t.service}/{t.code}/{standing}/{m.last_told_at}" for t, m, standing in due))
            try:
                await send(self._settings, way, [_told(*one) for one in due], key)
            except NotSentError as error:
                self._failed_at[way] = now
                log.warning("operators not told", error=str(error), codes=[trouble.code for trouble, _, _ in due])
                return 0
            told = [(trouble, after_telling(memory, standing, now)) for trouble, memory, standing in due]
            await remember(connection, way, told)
        return len(due)

    def _may_try(self, way: Way) -> bool:
        failed_at = self._failed_at.get(way)
        return failed_at is None or utc_now() - failed_at >= _AFTER_FAILURE


def _told(trouble: Trouble, memory: Memory, standing: Standing) -> Told:
    ended_at = memory.cleared_at if standing == "ended" else None
    return Told(trouble.service, trouble.code, standing, memory.since, ended_at, *trouble[2:])
