"""`ntm migrate` and `ntm draft-migration`: bring streams and schemas up to date, and write a new migration."""

from __future__ import annotations

import os
from datetime import date, datetime
from typing import Annotated

import typer
from nats.aio.client import Client

from deploy.local.clients import database, settings_of
from services.cli.console import fail, run
from services.cli.options import DATA, Data, system_of
from shared.nats.connection import connect
from shared.nats.streams import ensure_streams
from shared.postgres.engine import create_engine
from shared.postgres.migrations import draft_migration as write_draft
from shared.postgres.migrations import migrate as migrate_schema
from shared.service.clock import clock_stream, read_day, set_day
from shared.settings import Settings, settings

SCHEMAS = {
    "access": "shared.access",
    "intake": "services.intake.storage",
    "scoring": "services.scoring.storage",
    "notify": "services.notify.storage",
}
"""The schemas, in the order in which they are migrated, and the packages that hold their tables and migrations."""


def migrate(
    today: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day of a simulated clock that has no day yet.")
    ] = None,
    data: Data = DATA,
) -> None:
    """Bring streams and schemas up to date, those that the environment (NTM_…) names or else the running system's."""
    target = settings() if "NTM_DATABASE_URL" in os.environ else settings_of(system_of(data))
    run(prepare(target, today.date() if today else None))


async def prepare(target: Settings, today: date | None) -> None:
    """Make the streams and schemas that the services need, and set a simulated clock without a day to `today`."""
    engine = create_engine(target, "migrate")
    nats = await connect(target, "ntm-migrate")
    try:
        await prepare_streams(nats, target.stream_replicas, today)
        for package in SCHEMAS.values():
            await migrate_schema(engine, package)
    finally:
        await nats.close()
        await engine.dispose()


async def prepare_streams(nats: Client, replicas: int, today: date | None) -> None:
    """Make the streams that the services need, and set a simulated clock without a day to `today`."""
    js = nats.jetstream()
    await ensure_streams(js, replicas)
    if today:
        await js.add_stream(clock_stream())
        if await read_day(js) is None:
            await set_day(js, today)


def draft_migration(
    service: Annotated[str, typer.Argument(help=f"One of {', '.join(SCHEMAS)}.")],
    name: Annotated[str, typer.Argument(help="What the migration does, in a few words.")],
    data: Data = DATA,
) -> None:
    """Draft the migration that brings the running system's database to a service's tables."""
    if service not in SCHEMAS or not name:
        raise fail(f"Name the service ({', '.join(SCHEMAS)}) and what the migration does.", 2)

    async def work() -> None:
        async with database(system_of(data)) as engine:
            await write_draft(engine, SCHEMAS[service], name)

    run(work())
