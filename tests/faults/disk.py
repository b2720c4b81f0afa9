"""Disks that are full, frozen or read-only, without harm to the machine's own.

They are small file systems that only the runner and its parts see, in namespaces of mounts of its own: in memory, or,
for a runner that is root, on files in memory as on devices.
"""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import NoReturn

import asyncpg

from deploy.local.running_system import NotRunningError
from tests.faults.kind import Kind, Need
from tests.faults.machine import DISKS, Machine
from tests.faults.schedule import Fault
from tests.faults.site import PATIENCE_SECONDS
from tests.waiting import eventually

_MEGABYTES = {"data": 2000, "wal": 700}
"""PostgreSQL keeps up to 512 MB of its log."""

_INODES = 50_000
"""The most files on each disk. The system's own are some 5,000."""

_INSIDE = "NTM_FAULTS_DIRECTORY"
_DEVICES = "devices"
"""The folder of the files that serve as devices."""

_KEPT_FILES = 50
"""More than 512 MB of log have files of 16 MB."""

_PIECES = (100_000_000, 1_000_000, 4_096)


def directory_inside() -> Path | None:
    """Return the directory with the small file systems; None outside of the namespaces."""
    return Path(os.environ[_INSIDE]) if _INSIDE in os.environ else None


def given() -> Collection[Need]:
    """Return what there is within the namespaces; nothing outside."""
    if (inside := directory_inside()) is None:
        return ()
    return ("file systems", "devices") if (inside / _DEVICES).is_mount() else ("file systems",)


def possible() -> Collection[Need]:
    """Return what this machine lets the runner mount in namespaces of its own."""
    with tempfile.TemporaryDirectory() as folder:
        tries: Mapping[Need, str] = {
            "file systems": f"mount -t tmpfs tmpfs {folder}",
            "devices": _mount_device(Path(folder), "tried", 8),
        }
        return [need for need, mounts in tries.items() if _works(mounts)]


def _works(mounts: str) -> bool:
    command = [*_unshare(), "sh", "-c", mounts]
    return (
        shutil.which(command[0]) is not None
        and not subprocess.run(command, check=False, capture_output=True).returncode
    )


def go_inside(directory: Path, arguments: Sequence[str]) -> NoReturn:
    """Replace this process by the runner in namespaces of its own, with small file systems in a directory."""
    has_devices = "devices" in possible()
    mounts = []
    for name in DISKS:
        (directory / name).mkdir()
        mounts.append(
            _mount_device(directory, name, _MEGABYTES[name]) if has_devices else _mount_memory(directory, name)
        )
    again = "" if os.geteuid() == 0 else f"unshare -U --map-user={os.geteuid()} --map-group={os.getegid()} "
    os.environ[_INSIDE] = str(directory)
    runner = [sys.executable, "-m", "tests.faults", *arguments]
    command = [*_unshare(), "sh", "-c", f'{" && ".join(mounts)} && exec {again}"$@"', "sh", *runner]
    os.execvp(command[0], command)  # noqa: S606 - it is this program


def _mount_memory(directory: Path, name: str) -> str:
    size = f"size={_MEGABYTES[name]}m,nr_inodes={_INODES}"
    return f"mount -t tmpfs -o {size},mode=755 tmpfs '{directory / name}'"


def _mount_device(directory: Path, name: str, megabytes: int) -> str:
    """Return the commands that make a file system on a file in memory and mount it as that of a device."""
    folder, place = directory / _DEVICES, directory / name
    file = folder / name
    return " && ".join(
        (
            f"mkdir -p '{folder}' '{place}'",
            f"(mountpoint -q '{folder}' || mount -t tmpfs tmpfs '{folder}')",
            f"truncate -s {megabytes}M '{file}'",
            f"mkfs.ext4 -q -m 0 -N {_INODES if megabytes > 100 else 100} '{file}'",
            _mounted(file, place),
        )
    )


def _mounted(file: Path, place: Path) -> str:
    return f"mount -o loop,errors=remount-ro '{file}' '{place}'"


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
    async with site.disk_locks[fault.part]:
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


async def freeze(site: Machine, fault: Fault) -> None:
    """Have a disk stand still: who writes to it waits, and cannot even be killed."""
    place = str(site.directory / fault.part)
    async with site.disk_locks[fault.part]:
        await _run("fsfreeze", "--freeze", place)
        try:
            await asyncio.sleep(fault.seconds)
        finally:
            await _run("fsfreeze", "--unfreeze", place)


async def make_read_only(site: Machine, fault: Fault) -> None:
    """Have the kernel find an error on a disk, so that nothing can be written to it any more.

    Then it is mended as an administrator would: everything is stopped, the disk checked and mounted again.
    """
    place = site.directory / fault.part
    async with site.damage_lock, site.disk_locks[fault.part], site.supervisor_lock:
        device = await _run("findmnt", "--noheadings", "--output", "SOURCE", str(place))
        (Path("/sys/fs/ext4") / Path(device.strip()).name / "trigger_fs_error").write_text("1")
        await asyncio.sleep(fault.seconds)
        await site.stop()
        await eventually(partial(_unmounted, place), PATIENCE_SECONDS)
        file = site.directory / _DEVICES / fault.part
        await _run("e2fsck", "-p", str(file), allowed=(0, 1))
        await _run("sh", "-c", _mounted(file, place))
        await site.start()


async def _unmounted(place: Path) -> bool:
    """Unmount a disk, and return whether it could be done: the last process may just be ending."""
    try:
        await _run("umount", str(place))
    except subprocess.CalledProcessError:
        return False
    return True


async def _run(*command: str, allowed: Sequence[int] = (0,)) -> str:
    """Run a command, and return what it said. CalledProcessError where it ends with a status that is not allowed."""
    ended = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    if ended.returncode not in allowed:
        raise subprocess.CalledProcessError(ended.returncode, command, ended.stdout, ended.stderr)
    return ended.stdout


KINDS = {
    "disk full": Kind(("data",), (2, 15), fill, needs="file systems"),
    "database log full": Kind(("wal",), (2, 15), fill, needs="file systems"),
    "inodes used up": Kind(("data", "wal"), (2, 15), use_up_inodes, needs="file systems"),
    "disk frozen": Kind(DISKS, (2, 15), freeze, needs="devices"),
    "disk read-only": Kind(DISKS, (2, 15), make_read_only, "e2fsck, mount, and `ntm up` again", needs="devices"),
}
