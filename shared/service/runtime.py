"""The runtime of a service: its settings, connections and clock, the reference data, and its background workers."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import structlog
from nats.aio.client import Client
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.contracts import subjects
from shared.contracts.bilingual import Bilingual
from shared.nats.connection import connect
from shared.nats.consumers import missing_consumers
from shared.operations.catalogue import Code
from shared.operations.reporter import Operations
from shared.postgres.engine import create_engine
from shared.postgres.schema_version import numbers_of
from shared.reference.load import Plans, Reference, load_for
from shared.service.clock import Clock, SimulatedClock
from shared.service.fullness import nearly_full
from shared.service.gauges import Gauges, of_connections, of_consumers, of_troubles, watch_loop
from shared.service.health import Health, Troubles
from shared.service.logs import configure_logging
from shared.service.proof import Proof
from shared.service.reference_follower import ReferenceInUse
from shared.service.tracing import tracing
from shared.service.transient_errors import once_possible
from shared.settings import Settings

log = structlog.get_logger()

_PARTS = (Code.BROKER, Code.QUORUM, Code.DISK, Code.DATABASE, Code.SCHEMA, Code.CONSUMER)
"""The troubles of the parts that a service needs."""

_NEEDED = {
    "intake": [subjects.SUBMISSIONS_STREAM, subjects.REFUSALS_STREAM],
    "scoring": [subjects.SUBMISSIONS_STREAM],
    "notify": [subjects.STATUS_STREAM],
}
"""By service: the streams without which it is not ready."""

_WATCHED = {
    "intake": [*subjects.KEPT, subjects.REFUSALS_STREAM],
    "notify": [subjects.ALERTS_STREAM],
}
"""By service: the streams of which it tells operators when they are nearly full."""


@dataclass
class Runtime:
    """The runtime of a process, opened by `open_runtime`."""

    settings: Settings
    engine: AsyncEngine
    nats: Client
    clock: Clock
    in_use: ReferenceInUse
    proof: Proof
    operations: Operations
    """The troubles of the system that this process reports."""
    health: Health
    gauges: Gauges = field(default_factory=Gauges)
    """How things stand now, as `/metrics` tells it."""
    facts: dict[str, Any] = field(default_factory=dict)
    """Facts that `/healthz` answers, besides the day."""
    held_back: Bilingual | None = None
    """The reason why the service takes and answers nothing; None: it works."""

    @property
    def plans(self) -> Plans:
        """The plans in use now. Another version may take their place at the next `await`."""
        return self.in_use.plans

    @property
    def reference(self) -> Reference:
        """The reference data with the plan in force today, of the version in use now."""
        return self.plans.in_force(self.clock.today())


@asynccontextmanager
async def open_runtime(settings: Settings, name: str) -> AsyncIterator[Runtime]:
    """Open the runtime, and close its connections when the block ends."""
    configure_logging(settings, name)
    of_files = load_for(settings)
    engine = create_engine(settings, name)
    operations = Operations(name, settings)
    async with background(operations.run()), tracing(name):
        nats = await connect(settings, f"ntm-{name}")
        operations.attach(nats)
        proof = await once_possible(lambda: Proof.of(engine, nats))
        if proof.keys:
            proof.keys.check(subjects.REFERENCE_STREAM)  # without keys it ends here, and takes no message
        in_use = ReferenceInUse(settings, nats, of_files, proof)
        await in_use.begin()
        collect_rarely()
        clock: Clock = Clock()
        if settings.clock == "simulated":
            clock = simulated = SimulatedClock(nats)
            await simulated.start()
        try:
            migrations = {schema: max(numbers_of(package)) for schema, package in _schemas_of(name).items()}
            health = Health(name, nats, engine, _NEEDED.get(name, []), migrations)

            async def troubles() -> Troubles:
                found = await health.troubles()
                if found:
                    return found
                full = await nearly_full(nats, _WATCHED.get(name, []), settings.nats_store_bytes, settings.disks)
                missing = ", ".join(await missing_consumers(nats.jetstream(), name))
                parts = {Code.DISK: full, Code.CONSUMER: Bilingual(vi=missing, en=missing) if missing else None}
                return {code: details for code, details in parts.items() if details}

            gauges = Gauges()
            gauges.add("connections", of_connections(engine))
            gauges.add("troubles", of_troubles(operations))
            if name in subjects.CONSUMERS:
                gauges.add("consumers", of_consumers(nats, name))
            async with background(operations.watch(_PARTS, troubles), watch_loop()):
                yield Runtime(settings, engine, nats, clock, in_use, proof, operations, health, gauges, in_use.facts)
        finally:
            await nats.close()
            await engine.dispose()


def _schemas_of(service: str) -> dict[str, str]:
    """Return the schemas that a service works on, and the packages of their migrations."""
    own = {service: f"services.{service}.storage"} if service in _NEEDED else {}
    return {"access": "shared.access", **own}


def collect_rarely() -> None:
    """Exclude the objects that are loaded by now from garbage collection, which would take a tenth of the time.

    The threshold lets the objects of some batches come and go before they are looked through.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 20, 20)


@asynccontextmanager
async def background(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run workers beside the block. The process ends when one of them fails."""
    tasks = [asyncio.create_task(_guarded(worker)) for worker in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


async def _guarded(worker: Coroutine[Any, Any, None]) -> None:
    try:
        await worker
    except Exception:
        # a service without its worker would look alive and do nothing: end it, so that it is started anew
        log.exception("worker died")
        signal.raise_signal(signal.SIGTERM)
