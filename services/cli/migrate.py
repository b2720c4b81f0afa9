"""`ntm migrate`, `ntm tick`, `ntm rebuild`: the chores of who runs the system."""

from __future__ import annotations

import os
from datetime import date, datetime
from typing import Annotated

import typer

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
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Where a simulated clock begins that has no day yet.")
    ] = None,
    data: Data = DATA,
) -> None:
    """Bring streams and schemas up to date: those that the environment (NTM_…) names, else the running system's."""
    wanted = settings() if "NTM_DATABASE_URL" in os.environ else settings_of(system_of(data))
    run(prepare(wanted, today.date() if today else None))


async def prepare(wanted: Settings, today: date | None) -> None:
    """Make the streams and schemas that services expect to find, and begin a simulated clock's time."""
    engine = create_engine(wanted, "migrate")
    nats = await connect(wanted, "ntm-migrate")
    try:
        js = nats.jetstream()
        await ensure_streams(js, wanted.stream_replicas)
        for package in SCHEMAS.values():
            await migrate_schema(engine, package)
        if today:
            await js.add_stream(clock_stream())
            if await read_day(js) is None:
                await set_day(js, today)
    finally:
        await nats.close()
        await engine.dispose()


def draft_migration(
    service: Annotated[str, typer.Argument(help=f"One of {', '.join(SCHEMAS)}.")],
    name: Annotated[str, typer.Argument(help="What it does, in a few words.")],
    data: Data = DATA,
) -> None:
    """Write a migration from what a service's tables say and the running system's database lacks."""
    if service not in SCHEMAS or not name:
        raise fail(f"Name the service ({', '.join(SCHEMAS)}) and what the migration does.", 2)

    async def work() -> None:
        async with database(system_of(data)) as engine:
            await write_draft(engine, SCHEMAS[service], name)

    run(work())
