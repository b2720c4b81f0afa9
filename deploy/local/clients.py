"""Connections to a running system: its services, its database, its broker."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx
from pydantic import SecretStr

from deploy.local.running_system import RunningSystem

if TYPE_CHECKING:
    from nats.aio.client import Client
    from sqlalchemy.ext.asyncio import AsyncEngine

    from shared.settings import Settings


BROKER_PATIENCE_SECONDS = 5
"""The time after which a command says that the broker cannot be reached."""


def settings_of(system: RunningSystem, user: str | None = None) -> Settings:
    """Return the settings that lead to the running system's parts, to its broker as the operator.

    `user`: as this user of the broker, where the system has the seeds of all of them at hand.
    """
    # imported in the function, as below: a command loads only what it uses
    from shared.settings import Settings, read_settings

    seed = system.nats_seed_file
    if user is not None and system.nats_users is not None:
        from shared.nats.users import seed_file

        seed = seed_file(system.nats_users, user)
    judged_by = {"plan": system.plan, "reference_dir": system.reference_dir, "sample_cohorts": system.sample_cohorts}
    settings = read_settings(
        Settings,
        database_url=SecretStr(system.database_url),
        nats_url=system.nats_url,
        nats_seed_file=seed,
        clock=system.clock,
        evidence_store=system.evidence_store,
    )
    return settings.model_copy(update={name: value for name, value in judged_by.items() if value is not None})


@asynccontextmanager
async def http(key: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of the local services that uses no proxy."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with httpx.AsyncClient(timeout=60, trust_env=False, headers=headers) as client:
        yield client


@asynccontextmanager
async def database(system: RunningSystem) -> AsyncIterator[AsyncEngine]:
    """Yield connections to the running system's database."""
    from shared.postgres.engine import create_engine

    engine = create_engine(settings_of(system), "cli")
    try:
        yield engine
    finally:
        await engine.dispose()


@asynccontextmanager
async def broker(system: RunningSystem) -> AsyncIterator[Client]:
    """Yield a connection to the running system's NATS. The block ends by ForbiddenError at what the user may not do."""
    from shared.nats.connection import connected

    async with connected(settings_of(system), "ntm-cli", BROKER_PATIENCE_SECONDS) as nats:
        yield nats
