"""The reference data that a service runs on: the newest installed version that it can use, without a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError
from prometheus_client import Gauge

from shared.reference.load import Plans
from shared.service.proof import Proof
from shared.service.reference_versions import UnusableVersionError, digest_of_files, loaded, newest_number, version_at
from shared.settings import Settings

log = structlog.get_logger()

IN_USE = Gauge("ntm_reference_version", "Number of the version of the reference data in use; 0: the service's files")
REFUSED = Gauge("ntm_reference_refused", "Number of the installed version that this program cannot use; 0: none")

_LOOK_SECONDS = 1
_AWAY = (NatsError, JetStreamError, OSError, TimeoutError)


class ReferenceInUse:
    """The reference data in use, with the number of their version. `plans` is a value: it is replaced as a whole.

    Whoever does several things by one version reads `plans` once.
    """

    def __init__(self, settings: Settings, nats: Client, of_files: Plans, proof: Proof) -> None:
        self._settings, self._nats, self._of_files, self._proof = settings, nats, of_files, proof
        self.plans = of_files
        self.number = 0
        self.refused: int | None = None
        """The newest version, where this program cannot use it."""
        self.digest_of_files = digest_of_files(settings)
        """The digest of the files that the process was started with: version 0."""
        self.facts: dict[str, Any] = {"reference": 0, "reference_files": self.digest_of_files}
        """Facts for `/healthz`."""
        self._listeners: list[Callable[[], None]] = []

    def when_replaced(self, listener: Callable[[], None]) -> None:
        """Call the listener each time when another version has been taken up."""
        self._listeners.append(listener)

    async def begin(self) -> None:
        """Take up the newest version that can be used, and wait while the broker is away."""
        while True:
            try:
                await self.look()
            except _AWAY as error:
                log.warning("reference data wait", error=type(error).__name__)
                await asyncio.sleep(1)
            else:
                return

    async def run(self) -> None:
        """Follow the stream until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                await self.look()
            except _AWAY as error:
                log.warning("reference data wait", error=type(error).__name__)

    async def look(self) -> None:
        """Take up the newest version, or the newest before it that can be used."""
        newest = await newest_number(self._nats)
        if newest == self.refused:
            return
        for number in range(newest, self.number, -1):
            try:
                await self.take_up(number)
            except UnusableVersionError as error:
                if number == newest:
                    self.refuse(number, str(error))
            else:
                return

    async def load(self, number: int) -> Plans:
        """Return the reference data of a version; UnusableVersionError where this program cannot use it."""
        if number == self.number:
            return self.plans
        if number == 0:
            return self._of_files
        installed = await version_at(self._nats, number, self._proof)
        return await asyncio.to_thread(loaded, installed, self._settings)

    async def take_up(self, number: int) -> None:
        """Put a version in the place of the one in use."""
        plans = await self.load(number)
        self.plans, self.number = plans, number
        self.facts["reference"] = number
        IN_USE.set(number)
        if self.refused is not None and number >= self.refused:
            self._note_refused(None)
        log.info("reference data taken up", version=number, plans=plans.ids)
        for listener in self._listeners:
            listener()

    def refuse(self, number: int, reason: str) -> None:
        """Note loudly that a version cannot be used, and that the one in use stays."""
        log.error("reference data refused", version=number, stays=self.number, reason=reason)
        self._note_refused(number)

    def _note_refused(self, number: int | None) -> None:
        self.refused = number
        self.facts["reference_refused"] = number
        REFUSED.set(number or 0)
