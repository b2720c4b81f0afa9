"""Damage to what is stored: the stream deleted, a block of it flipped. A documented command mends each."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from random import Random

import psutil

from shared.contracts import subjects
from shared.nats.roles import STREAMS_ACCOUNT
from tests.faults.kind import Kind
from tests.faults.machine import Machine
from tests.faults.schedule import Fault
from tests.faults.site import PATIENCE_SECONDS
from tests.waiting import eventually

_REPAIR = ("audit", "repair")
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
    """Repair the stream as an operator would, again where another fault strikes at the same moment."""
    outputs: list[str] = []

    async def is_mended() -> bool:
        output = await site.ntm(*_REPAIR)
        outputs[:] = [output] if output else []
        return output is None

    await site.until_ready()
    await eventually(is_mended, PATIENCE_SECONDS, lambda: f"ntm {' '.join(_REPAIR)}: {''.join(outputs)}")


KINDS = {
    "stream deleted": Kind(("",), (1, 5), delete_stream, "`ntm audit repair`"),
    "block flipped": Kind(("",), (1, 3), flip_block, "`ntm audit repair`"),
}
