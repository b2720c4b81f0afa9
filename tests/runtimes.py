"""The runtime of a service inside the tests' own process."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncEngine

from services.scoring.storage.tables import OutboxRow, ParkedRow
from shared.operations.reporter import Operations
from shared.reference.load import Reference, follow_each_other
from shared.service.clock import Clock
from shared.service.health import Health
from shared.service.outbox import Relay
from shared.service.parking import ParkingPlace
from shared.service.proof import Proof
from shared.service.reference_follower import ReferenceInUse
from shared.service.runtime import Runtime
from tests.running import Surroundings


def a_runtime(
    around: Surroundings, engine: AsyncEngine, reference: Reference, proof: Proof, clock: Clock | None = None
) -> Runtime:
    """Return a runtime on the surroundings' parts, with an engine of its own; nothing of it runs by itself."""
    return Runtime(
        around.settings,
        engine,
        around.nats,
        clock or Clock(),
        ReferenceInUse(around.settings, around.nats, follow_each_other([reference]), proof),
        proof,
        Operations("tests", around.settings),
        Health("tests", around.nats, engine),
    )


def a_relay(around: Surroundings, engine: AsyncEngine | None = None, pause_seconds: float = 0) -> Relay:
    """Return the worker that publishes what scoring's outbox holds."""
    own = engine or around.engine
    set_aside = ParkingPlace(own, ParkedRow, OutboxRow).set_aside
    return Relay(own, around.nats, OutboxRow, set_aside, pause_seconds)
