"""`make fuzz`: bad input for every door. ARGS="--door json --count 100000 --seed 2 --only 41"."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import typer

from services.cli.migrate import prepare
from tests.fuzz import DOORS, FUNCTIONS
from tests.fuzz.aftermath import look_after
from tests.fuzz.doors import Place
from tests.fuzz.run import Report, fuzz
from tests.running import START, Surroundings, settings_of, surroundings
from tests.servers import start_nats, start_postgres


def main(
    door: Annotated[list[str] | None, typer.Option(help="Which; all by default.")] = None,
    count: Annotated[int, typer.Option(help="Inputs for each.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Another one makes other inputs.")] = 1,
    only: Annotated[int | None, typer.Option(help="The number of one input, to have a failure again.")] = None,
) -> None:
    """Send every door bad input, and list the inputs with a wrong answer."""
    wanted = door or [*FUNCTIONS, *DOORS]
    if unknown := {*wanted} - {*FUNCTIONS, *DOORS}:
        raise typer.BadParameter(f"{', '.join(unknown)}; there are {', '.join([*FUNCTIONS, *DOORS])}")
    if not asyncio.run(all_are_good(wanted, count, seed, only)):
        sys.exit(1)


async def all_are_good(wanted: list[str], count: int, seed: int, only: int | None) -> bool:
    """Fuzz door after door; return whether every answer was right."""
    reports: list[Report] = []
    for name in wanted:
        if name in FUNCTIONS:
            reports.append(await fuzz(FUNCTIONS[name](), count, seed, os.getpid(), only))
            print(reports[-1], flush=True)
    if doors := [name for name in wanted if name in DOORS]:
        async with servers() as around:
            for name in doors:
                reports.append(await through(around, name, count, seed, only))
                print(reports[-1], flush=True)
    return all(report.is_good for report in reports)


async def through(around: Surroundings, name: str, count: int, seed: int, only: int | None) -> Report:
    """Fuzz one door of an intake that was started for it."""
    place = await Place.open(around, every=max(1, count // 1000))
    door = DOORS[name](place)
    try:
        await door.open()
        report = await fuzz(door, count, seed, place.process_id, only)
        await look_after(place, report)
    finally:
        door.close()
        await place.intake.stop()
    return report


@asynccontextmanager
async def servers() -> AsyncIterator[Surroundings]:
    """Run a NATS and a PostgreSQL for this run alone."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        server, postgres = await start_nats(directory), await start_postgres(directory)
        nats = await server.connect()
        try:
            url = await postgres.create_database()
            await prepare(settings_of(url, server), START)
            async with surroundings(url, nats, server, directory) as around:
                yield around
        finally:
            await nats.close()
            await server.remove()
            await postgres.remove()


if __name__ == "__main__":
    typer.run(main)
