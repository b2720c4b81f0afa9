"""`ntm tick`: move a simulated clock on."""

from __future__ import annotations

import asyncio
from datetime import date, datetime, timedelta
from typing import Annotated

import typer

from deploy.local.clients import broker, http
from deploy.local.running_system import RunningSystem
from services.cli.answers import get
from services.cli.console import console, fail, run
from services.cli.options import DATA, Data, system_of
from services.cli.texts import phrase
from shared.service.clock import read_day, set_day
from shared.text import day_named
from shared.texts import filled


def tick(
    to: Annotated[
        datetime | None,
        typer.Option("--date", formats=["%Y-%m-%d"], help="The day to move on to; by default the next day."),
    ] = None,
    data: Data = DATA,
) -> None:
    """Move a simulated clock on, and wait until scoring has judged every day up to the new one."""
    system = system_of(data)
    if system.clock != "simulated":
        raise fail(phrase("tick.real_clock").in_both)
    day = run(_tick(system, to.date() if to else None))
    console.print(filled(phrase("tick.today"), day=day_named(day)).in_both, highlight=False)


async def _tick(system: RunningSystem, to: date | None) -> date:
    async with broker(system) as nats:
        js = nats.jetstream()
        if to is None:
            to = (await read_day(js) or date.today()) + timedelta(days=1)  # noqa: DTZ011 - replaced by the day set
        try:
            await set_day(js, to)
        except ValueError:
            stands = await read_day(js)
            words = filled(phrase("tick.not_back"), day=day_named(stands or to), to=day_named(to))
            raise fail(words.in_both) from None
    await wait_for_day(system, to)
    return to


async def wait_for_day(system: RunningSystem, day: date) -> None:
    """Wait until every service has reached the day and scoring has judged it."""
    async with http() as client:
        for url, fact in ((system.intake_url, "today"), (system.notify_url, "today"), (system.scoring_url, "ticked")):
            while True:
                reached = (await get(client, f"{url}/healthz")).get(fact)
                if reached and date.fromisoformat(reached) >= day:
                    break
                await asyncio.sleep(0.02)
