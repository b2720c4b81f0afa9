"""Full disks, without harm to the machine's own: small file systems in memory, which only the runner and its parts see.

Neither needs to be root: the runner starts itself again in namespaces of users and mounts of its own.
"""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import NoReturn

import asyncpg

from deploy.local.running_system import NotRunningError
from tests.faults.kind import Kind
from tests.faults.machine import DISKS, Machine
from tests.faults.schedule import Fault

_MEGABYTES = {"data": 2000, "wal": 700}
"""PostgreSQL keeps up to 512 MB of its log."""

_INODES = 50_000
"""The most files on each disk. The system's own are some 5,000."""

_INSIDE = "NTM_FAULTS_DIRECTORY"
_KEPT_FILES = 50
"""More than 512 MB of log have files of 16 MB."""

_PIECES = (100_000_000, 1_000_000, 4_096)


def directory_inside() -> Path | None:
    """Return the directory with the small file systems; None outside of the namespaces."""
    return Path(os.environ[_INSIDE]) if _INSIDE in os.environ else None


def is_possible() -> bool:
    """Say whether this machine lets the runner mount file systems in namespaces of its own."""
    tried = [*_unshare(), "mount", "-t", "tmpfs", "tmpfs", "/tmp"]  # noqa: S108 - seen by this try alone
    return (
        shutil.which(tried[0]) is not None and subprocess.run(tried, check=False, capture_output=True).returncode == 0
    )


def go_inside(directory: Path, arguments: Sequence[str]) -> NoReturn:
    """Replace this process by the runner in namespaces of its own, with small file systems in a directory."""
    mounts = []
    for name in DISKS:
        place = directory / name
        place.mkdir()
        mounts.append(f"mount -t tmpfs -o size={_MEGABYTES[name]}m,nr_inodes={_INODES},mode=755 tmpfs '{place}'")
    again = "" if os.geteuid() == 0 else f"unshare -U --map-user={os.geteuid()} --map-group={os.getegid()} "
    os.environ[_INSIDE] = str(directory)
    runner = [sys.executable, "-m", "tests.faults", *arguments]
    command = [*_unshare(), "sh", "-c", f'{" && ".join(mounts)} && exec {again}"$@"', "sh", *runner]
    os.execvp(command[0], command)  # noqa: S606 - it is this program


def _unshare() -> list[str]:
    return ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-Urm"]


async def fill(site: Machine, fault: Fault) -> None:
    """Fill the disk of broker and database, or that of PostgreSQL's log alone; then free it again."""
    async with _ballast(site, fault, _fill, Path.unlink):
        await asyncio.sleep(fault.seconds)


async def use_up_inodes(site: Machine, fault: Fault) -> None:
    """Take all inodes of a disk, so that there is room and yet no new file; then free them again."""
    async with _ballast(site, fault, _make_files, partial(shutil.rmtree, ignore_errors=True)):
        await asyncio.sleep(fault.seconds)


@asynccontextmanager
async def _ballast(
    site: Machine, fault: Fault, put: Callable[[Path], None], remove: Callable[[Path], None]
) -> AsyncIterator[None]:
    """Use up the disk that a fault names during the block, and the files that PostgreSQL keeps ready."""
    ballast = site.directory / fault.part / f"ballast-{fault.number}"
    await asyncio.to_thread(put, ballast)
    try:
        await _use_up_log(site)
        yield
    finally:
        await asyncio.to_thread(remove, ballast)


async def _use_up_log(site: Machine) -> None:
    """Have PostgreSQL use the files of its log that it keeps ready, until it wants a new one and there is no room."""
    with suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, NotRunningError):
        connection = await site.connection()
        try:
            for _ in range(_KEPT_FILES):
                await connection.execute("SELECT pg_logical_emit_message(true, 'faults', 'full')", timeout=10)
                await connection.execute("SELECT pg_switch_wal()", timeout=10)
        finally:
            await connection.close(timeout=5)


def _fill(ballast: Path) -> None:
    with ballast.open("wb") as file:
        at = 0
        for piece in _PIECES:
            try:
                while True:
                    os.posix_fallocate(file.fileno(), at, piece)
                    at += piece
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise


def _make_files(ballast: Path) -> None:
    number = 0
    try:
        ballast.mkdir()
        while True:
            (ballast / f"{number}").touch()
            number += 1
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise


KINDS = {
    "disk full": Kind(("data",), (2, 15), fill, needs_disks=True),
    "database log full": Kind(("wal",), (2, 15), fill, needs_disks=True),
    "inodes used up": Kind(("data", "wal"), (2, 15), use_up_inodes, needs_disks=True),
}
