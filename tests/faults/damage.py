"""Damage to what is stored: stream deleted, block flipped, database dropped. A documented command mends each."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from random import Random

import asyncpg
import psutil

from deploy.local.running_system import NotRunningError
from services.cli.migrate import SCHEMAS
from shared.contracts import subjects
from shared.nats.roles import STREAMS_ACCOUNT
from tests.faults.kind import Kind
from tests.faults.machine import Machine
from tests.faults.schedule import Fault
from tests.faults.site import PATIENCE_SECONDS
from tests.waiting import eventually

_REPAIR = ("audit", "repair")
_WHOLE = "ntm"
"""The database, of which each service has a schema."""
_HEADER_BYTES = 100
"""The start of a file, which is left alone: a flipped length would have the server see no message at all."""


async def delete_stream(site: Machine, fault: Fault) -> None:
    """Delete the stream of submissions, once scoring has all of it; the load goes on and is refused meanwhile."""
    async with site.damage_lock:
        async with site.calm():
            js = (await site.client("migrate")).jetstream(timeout=10)
            await js.delete_stream(subjects.SUBMISSIONS_STREAM)
        await asyncio.sleep(fault.seconds)
        await _mended(site)


async def flip_block(site: Machine, fault: Fault) -> None:
    """Flip a byte in a file of the stream, and have the server read the file again."""
    async with site.damage_lock:
        async with site.calm():
            server = await site.until_running("nats")
            _flip(_blocks(site.data / "nats"), Random(f"flip/{fault.number}"))  # noqa: S311 - to be repeated
            with suppress(psutil.NoSuchProcess):
                server.kill()
        await asyncio.sleep(fault.seconds)
        await _mended(site)


def _blocks(store: Path) -> list[Path]:
    messages = store / "jetstream" / STREAMS_ACCOUNT / "streams" / subjects.SUBMISSIONS_STREAM / "msgs"
    return sorted(messages.glob("*.blk"))


def _flip(blocks: list[Path], random: Random) -> None:
    block = random.choice([block for block in blocks if block.stat().st_size > 2 * _HEADER_BYTES])
    with block.open("r+b") as file:
        at = random.randrange(_HEADER_BYTES, block.stat().st_size)
        file.seek(at)
        [byte] = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ 0xFF]))


async def _mended(site: Machine) -> None:
    """Repair the stream as an operator would, again where another fault strikes at the same moment.

    Without the stream no service is ready: they name this command.
    """
    await _until_good(site, *_REPAIR)


async def _until_good(site: Machine, *arguments: str) -> None:
    outputs: list[str] = []

    async def is_good() -> bool:
        output = await site.ntm(*arguments)
        outputs[:] = [output] if output else []
        return output is None

    await eventually(is_good, PATIENCE_SECONDS, lambda: f"ntm {' '.join(arguments)}: {''.join(outputs)}")


async def drop_database(site: Machine, fault: Fault) -> None:
    """Drop the database or a schema of it, some time after a backup that was made under load, and restore that one.

    What was accepted after the backup, and while nothing could be stored, comes from the streams alone.
    """
    backup = site.directory / f"{fault.number}.backup"
    async with site.damage_lock:
        await _until_good(site, "backup", str(backup))
        await asyncio.sleep(fault.seconds)
        await _dropped(site, fault.part)
        await asyncio.sleep(fault.seconds)
        async with site.supervisor_lock:
            await site.stop()
            await _until_good(site, "restore", str(backup), "--only", "database", "--replace")
            await site.start()
    backup.unlink()


async def _dropped(site: Machine, part: str) -> None:
    async def is_dropped() -> bool:
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, NotRunningError):
            connection = await site.connection("postgres" if part == _WHOLE else _WHOLE)
            try:
                if part == _WHOLE:
                    await connection.execute(f"DROP DATABASE IF EXISTS {_WHOLE} WITH (FORCE)")
                else:
                    await connection.execute(f"DROP SCHEMA IF EXISTS {part} CASCADE")
            finally:
                await connection.close()
            return True
        return False

    await eventually(is_dropped, PATIENCE_SECONDS)


KINDS = {
    "stream deleted": Kind(("",), (1, 5), delete_stream, "`ntm audit repair`"),
    "block flipped": Kind(("",), (1, 3), flip_block, "`ntm audit repair`"),
    "database dropped": Kind((_WHOLE, *SCHEMAS), (0, 4), drop_database, "`ntm restore --only database`"),
}
