"""The bytes on disk that a year takes, of each stream and table: `python -m tests.bench.size`, in some ten minutes.

The sample year of a province is played, as fast as the system can, with everybody told of it. What it prints for the
country follows from the number of communes.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from deploy.local.sample import FIRST_DAY, LAST_DAY, SAMPLE_COHORTS, sample_reference
from deploy.local.sample.play import PlayBrokenOffError, play
from services.cli.migrate import prepare
from shared.contracts import subjects
from tests.running import Surroundings, settings_of, surroundings
from tests.servers import start_nats, start_postgres
from tests.upgrade.filled import mail_server

COMMUNES_OF_THE_COUNTRY = 3_321
"""Communes and wards since 1 July 2025 (34 provinces); before that some 10,000."""

UNTIL = date.fromisoformat(os.environ.get("UNTIL", LAST_DAY.isoformat()))


class Size(NamedTuple):
    """The bytes that a stream or table takes on disk, with its indexes."""

    name: str
    rows: int
    bytes: int


_TABLES = text(
    "SELECT n.nspname || '.' || c.relname AS name, c.oid::regclass::text AS quoted, "
    "pg_total_relation_size(c.oid) AS bytes "
    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relkind = 'r' AND n.nspname IN ('access', 'intake', 'scoring', 'notify') ORDER BY 1"
)


async def tables(engine: AsyncEngine) -> list[Size]:
    """Measure the tables; what PostgreSQL keeps for rows that are gone counts, as on a real disk."""
    async with engine.connect() as connection:
        found = (await connection.execute(_TABLES)).all()
        counts = [(await connection.execute(text(f"SELECT count(*) FROM {one.quoted}"))).scalar_one() for one in found]  # noqa: S608
    return [Size(one.name, count, one.bytes) for one, count in zip(found, counts, strict=True)]


async def streams(around: Surroundings) -> list[Size]:
    """Measure the streams."""
    js = around.nats.jetstream()
    states = {name: (await js.stream_info(name)).state for name in subjects.NEEDED}
    return [Size(name, state.messages, state.bytes) for name, state in states.items()]


def show(title: str, sizes: list[Size], of_year: float, communes: int) -> float:
    """Print a table of what was measured; return the bytes of a commune's year."""
    table = Table("", "rows", "MB", "bytes a row", f"MB a year, {communes} communes", title=title)
    for one in sorted(sizes, key=lambda size: -size.bytes):
        if one.rows:
            megabytes = one.bytes / 1e6
            table.add_row(
                one.name,
                f"{one.rows:,}",
                f"{megabytes:,.1f}",
                f"{one.bytes / one.rows:,.0f}",
                f"{megabytes * of_year:,.1f}",
            )
    Console(width=120).print(table)
    return sum(one.bytes for one in sizes) * of_year / communes


async def main(directory: Path) -> None:
    nats_server, postgres = await start_nats(directory, embedded=True), await start_postgres(directory, synced=False)
    nats, url = await nats_server.connect(), await postgres.create_database()
    await prepare(settings_of(url, nats_server), FIRST_DAY)
    os.environ["NTM_SAMPLE_COHORTS"] = str(SAMPLE_COHORTS)
    communes = len(sample_reference().units.communes(FIRST_DAY, sample_reference().plan.unit))
    async with mail_server() as own, surroundings(url, nats, nats_server, directory) as around:
        await asyncio.gather(*(around.start(name, **own) for name in ("intake", "scoring", "notify")))
        before = await tables(around.engine)
        with suppress(PlayBrokenOffError):  # at the end: SMS wait for a gateway, and are kept as if they were sent
            await play(around.as_running_system(), seconds=None, until=UNTIL)
        of_year = 365 / ((UNTIL - FIRST_DAY).days + 1)
        empty = {size.name: size.bytes for size in before}
        filled = [size._replace(bytes=size.bytes - empty[size.name]) for size in await tables(around.engine)]
        of_tables = show("PostgreSQL, with indexes", filled, of_year, communes)
        of_streams = show("JetStream", await streams(around), of_year, communes)
    for name, number in (("this province", communes), ("the country", COMMUNES_OF_THE_COUNTRY)):
        of_all = [
            f"{number * one / 1e9:,.2f} GB in {where}"
            for one, where in ((of_tables, "tables"), (of_streams, "streams"))
        ]
        print(f"A year of {name} ({number:,} communes): {' and '.join(of_all)}")
    await nats.close()
    await nats_server.remove()
    await postgres.remove()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        asyncio.run(main(Path(place)))
