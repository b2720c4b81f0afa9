"""The runtime of a service inside the tests' own process."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncEngine

from shared.operations.reporter import Operations
from shared.reference.load import Reference, follow_each_other
from shared.service.clock import Clock
from shared.service.health import Health
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
