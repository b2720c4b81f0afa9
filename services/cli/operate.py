"""`ntm migrate`, `ntm tick`, `ntm rebuild`: the chores of who runs the system."""

from __future__ import annotations

import asyncio
import os
from datetime import date, datetime, timedelta
from typing import Annotated

import typer
from rich.table import Table

from deploy.local.clients import broker, database, http, settings_of
from deploy.local.running_system import RunningSystem
from services.cli.session import DATA, Data, console, errors, fail, get, run, system_of
from services.scoring.update.rebuild import Comparison
from services.scoring.update.rebuild import rebuild as rebuild_state
from shared.nats.connection import connect
from shared.nats.streams import ensure_streams
from shared.postgres.engine import create_engine
from shared.postgres.migrations import draft_migration as write_draft
from shared.postgres.migrations import migrate as migrate_schema
from shared.reference.load import load_for
from shared.service.clock import clock_stream, read_day, set_day
from shared.service.runtime import collect_rarely
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


def tick(
    to: Annotated[
        datetime | None,
        typer.Option("--date", formats=["%Y-%m-%d"], help="The day to move on to; by default the next one."),
    ] = None,
    data: Data = DATA,
) -> None:
    """Move a simulated clock on, and wait until every day up to then is judged."""
    system = system_of(data)
    if system.clock != "simulated":
        raise fail("This system runs by the real clock. Start one with `ntm up --today DATE` to have a simulated one.")
    day = run(_tick(system, to.date() if to else None))
    console.print(f"Hôm nay là / Today is {day}", highlight=False)


async def _tick(system: RunningSystem, to: date | None) -> date:
    async with broker(system) as nats:
        js = nats.jetstream()
        if to is None:
            to = (await read_day(js) or date.today()) + timedelta(days=1)  # noqa: DTZ011 - replaced by the day set
        try:
            await set_day(js, to)
        except ValueError as error:
            raise fail(str(error)) from None
    await wait_for_day(system, to)
    return to


async def wait_for_day(system: RunningSystem, day: date) -> None:
    """Return when every service lives on that day and scoring has judged it."""
    async with http() as client:
        for url, fact in ((system.intake_url, "today"), (system.notify_url, "today"), (system.scoring_url, "ticked")):
            while True:
                told = (await get(client, f"{url}/healthz")).get(fact)
                if told and date.fromisoformat(told) >= day:
                    break
                await asyncio.sleep(0.02)


def rebuild(
    verify: Annotated[
        bool, typer.Option("--verify", help="Only compare with the live state, and say what differs.")
    ] = False,
    data: Data = DATA,
) -> None:
    """Rebuild scoring's state from the stream beside the live one, compare, and put it in its place.

    Exit status 1 where they differed. Nothing is replaced where the stream lacks what was scored.
    """
    system = system_of(data)

    async def work() -> Comparison:
        async with broker(system) as nats, database(system) as engine:
            day = await read_day(nats.jetstream()) if system.clock == "simulated" else None
            reference = load_for(settings_of(system).model_copy(update={"sample_cohorts": system.sample_cohorts}))
            collect_rarely()
            return await rebuild_state(engine, nats, reference, day, switch=not verify)

    compared = run(work())
    table = Table("", "live", "rebuilt", "differ")
    for name, counts in compared.counts.items():
        table.add_row(name, *(f"{count:,}" for count in counts))
    console.print(f"{compared.submissions:,} submissions, {compared.seconds:.1f} s", highlight=False)
    console.print(table)
    for difference in compared.differences[:20]:
        errors.print(difference, style="red", highlight=False, markup=False)
    if compared.switched:
        console.print("Đã thay bằng trạng thái dựng lại. / The rebuilt state is in place.")
    if compared.lacking:
        errors.print(
            f"Luồng thiếu {compared.lacking} bản gửi đã chấm: giữ nguyên. "
            f"/ The stream lacks {compared.lacking} submissions that were scored: the live state stays.",
            style="red",
        )
    if compared.differences:
        raise typer.Exit(1)
    console.print("Giống nhau hoàn toàn. / The same.", style="green")
