"""The switch of the state to a newly installed version of the reference data: everything is judged again, once.

It is a rebuild by the new version. Workers go on by the version before until the rebuilt state is put in place.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from services.scoring.storage.judged_version import judged_version
from services.scoring.update.rebuild import RebuildReport, rebuild
from shared.nats.connection import connect
from shared.postgres.engine import create_engine
from shared.reference.load import Plans
from shared.service.outbox import Relay
from shared.service.reference_versions import Installed, UnusableVersionError, loaded, newest_number, version_at
from shared.service.runtime import Runtime
from shared.service.transient_errors import is_transient

log = structlog.get_logger()

_LOOK_SECONDS = 1
_AGAIN_SECONDS = 30


class ReferenceSwitch:
    """Follows the stream REFERENCE: brings the state to the newest version, and this process to the state's."""

    def __init__(self, runtime: Runtime, relay: Relay) -> None:
        self._runtime, self._relay = runtime, relay

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                await self.look()
            except Exception as error:
                if is_transient(error):
                    log.warning("reference data wait", error=type(error).__name__, reason=str(error))
                else:  # what is stored is at fault: another start would find the same
                    log.exception("reference data not looked at")
                    await asyncio.sleep(_AGAIN_SECONDS)

    async def look(self) -> None:
        """Take up the version of the state, and bring the state to the newest version that can be used."""
        in_use = self._runtime.in_use
        async with self._runtime.engine.connect() as connection:
            own = await judged_version(connection) or 0
        if own != in_use.number:
            await in_use.take_up(own)
        newest = await newest_number(self._runtime.nats)
        if newest == in_use.refused:
            return
        for number in range(newest, own, -1):
            try:
                await self._switch_to(number)
            except UnusableVersionError as error:
                if number == newest:
                    in_use.refuse(number, str(error))
            else:
                return

    async def _switch_to(self, number: int) -> None:
        """Judge everything by a version; UnusableVersionError where that cannot be done."""
        installed = await version_at(self._runtime.nats, number, self._runtime.proof)
        plans = await asyncio.to_thread(loaded, installed, self._runtime.settings)
        try:
            # in a thread with its own loop: judging a whole country would hold up this one
            report = await asyncio.to_thread(asyncio.run, self._rebuild(installed, plans))
        except Exception as error:
            if is_transient(error):
                raise
            log.exception("switch failed", version=number)
            raise UnusableVersionError(f"version {number}: {type(error).__name__}: {error}") from error
        if report.lacking:
            raise UnusableVersionError(f"the stream lacks {report.lacking} submissions that were scored")
        await self._runtime.in_use.take_up(number)
        self._relay.wake()
        if report.switched:
            log.info("judged by another version", version=number, seconds=round(report.seconds, 1))

    async def _rebuild(self, installed: Installed, plans: Plans) -> RebuildReport:
        settings, clock = self._runtime.settings, self._runtime.clock
        engine, nats = create_engine(settings, "scoring-switch"), await connect(settings, "ntm-scoring-switch")
        try:
            return await rebuild(engine, nats, plans, clock.today(), switch=True, to=installed)
        finally:
            await nats.close()
            await engine.dispose()

    @asynccontextmanager
    async def awaited(self) -> AsyncIterator[None]:
        """Have a message that names what only a newer version knows come again, until the state is judged by that.

        Intake may have taken up a version before scoring.
        """
        try:
            yield
        except LookupError as error:
            in_use = self._runtime.in_use
            newest = await newest_number(self._runtime.nats)
            if newest > in_use.number and newest != in_use.refused:
                raise UnusableVersionError(f"version {newest} is not taken up yet: {error}") from error
            raise
