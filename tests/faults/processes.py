"""Faults of processes: services, servers, their workers and the supervisor are killed or stand still."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterable
from contextlib import suppress

import asyncpg
import psutil

from deploy.local.running_system import NotRunningError
from tests.faults.kind import Kind
from tests.faults.machine import PARTS, Machine
from tests.faults.schedule import Fault
from tests.faults.site import Supervised
from tests.waiting import eventually

_BACKENDS = {"client": "postgres: ntm ", "walwriter": "postgres: walwriter", "checkpointer": "postgres: checkpointer"}
_PATIENCE_SECONDS = 60


async def kill(site: Supervised, fault: Fault) -> None:
    """Kill a part, which the supervisor starts again."""
    process = await site.until_running(fault.part)
    with suppress(psutil.NoSuchProcess):
        process.kill()
    await asyncio.sleep(fault.seconds)


async def stop(site: Supervised, fault: Fault) -> None:
    """Have a part stand still: its connections stay open, and it answers nothing."""
    await _stand_still([await site.until_running(fault.part)], fault.seconds)


async def lag(site: Supervised, fault: Fault) -> None:
    """Have scoring and notify stand still, so that both lag behind what is accepted meanwhile."""
    await _stand_still([await site.until_running(name) for name in ("scoring", "notify")], fault.seconds)


async def _stand_still(processes: Iterable[psutil.Process], seconds: float) -> None:
    whole: list[psutil.Process] = []
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.suspend()  # first, so that it makes no more children
            whole += [process, *process.children(recursive=True)]
    for process in whole:
        with suppress(psutil.NoSuchProcess):
            process.suspend()
    try:
        await asyncio.sleep(seconds)
    finally:
        for process in whole:
            with suppress(psutil.NoSuchProcess):
                process.resume()


async def kill_backend(site: Supervised, fault: Fault) -> None:
    """Kill a worker of PostgreSQL, whose postmaster then starts all of them anew."""

    def found() -> psutil.Process | None:
        postmaster = site.process("postgres")
        with suppress(psutil.NoSuchProcess):
            for child in postmaster.children() if postmaster else ():
                with suppress(psutil.NoSuchProcess):
                    if " ".join(child.cmdline()).startswith(_BACKENDS[fault.part]):
                        return child
        return None

    process = await eventually(found, _PATIENCE_SECONDS)
    with suppress(psutil.NoSuchProcess):
        process.kill()
    await asyncio.sleep(fault.seconds)


async def terminate_backends(site: Supervised, fault: Fault) -> None:
    """End all connections to the database, as an administrator would."""
    # it may be away for another reason
    with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, NotRunningError):
        connection = await site.connection()
        try:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )
        finally:
            await connection.close()
    await asyncio.sleep(fault.seconds)


async def kill_supervisor(site: Machine, fault: Fault) -> None:
    """Kill the supervisor and with it everything, as a machine that fails; then start it again."""
    async with site.supervisor_lock:
        await site.kill()
        await asyncio.sleep(fault.seconds)
        await site.start()


async def stop_supervisor(site: Machine, fault: Fault) -> None:
    """Have the supervisor stand still while a service dies."""
    async with site.supervisor_lock:
        site.signal_supervisor(signal.SIGSTOP)
        try:
            if (process := site.process("scoring")) is not None:
                process.kill()
            await asyncio.sleep(fault.seconds)
        finally:
            site.signal_supervisor(signal.SIGCONT)


KINDS = {
    "killed": Kind(tuple(PARTS), (0, 2), kill),
    "stopped": Kind(tuple(PARTS), (1, 8), stop),
    "lag": Kind(("",), (6, 15), lag),
    "backend killed": Kind(tuple(_BACKENDS), (0, 2), kill_backend),
    "backends terminated": Kind(("",), (0, 1), terminate_backends),
    "supervisor killed": Kind(("",), (0, 2), kill_supervisor, "`ntm up` again"),
    "supervisor stopped": Kind(("",), (1, 6), stop_supervisor),
}
