"""What a running service holds: its settings, its connections, its clock, the reference data."""

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

from shared.nats.connection import connect
from shared.postgres.engine import create_engine
from shared.reference.load import Reference, load_for
from shared.service.clock import Clock, SimulatedClock
from shared.service.logs import configure_logging
from shared.settings import Settings

log = structlog.get_logger()


@dataclass
class Runtime:
    """Opened by `open_runtime`, one per process."""

    settings: Settings
    engine: AsyncEngine
    nats: Client
    clock: Clock
    reference: Reference
    facts: dict[str, Any] = field(default_factory=dict)
    """What `/healthz` tells besides the day."""


@asynccontextmanager
async def open_runtime(settings: Settings, name: str) -> AsyncIterator[Runtime]:
    """Connect to everything, and leave it cleanly."""
    configure_logging(settings, name)
    reference = load_for(settings)
    engine = create_engine(settings, name)
    nats = await connect(settings, f"ntm-{name}")
    collect_rarely()
    clock: Clock = Clock()
    if settings.clock == "simulated":
        clock = simulated = SimulatedClock(nats)
        await simulated.start()
    try:
        yield Runtime(settings, engine, nats, clock, reference)
    finally:
        await nats.close()
        await engine.dispose()


def collect_rarely() -> None:
    """What is loaded by now stays: looking through it for garbage again and again would take a tenth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@asynccontextmanager
async def background(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run workers beside the block; if one fails, the process ends."""
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
