"""One supervised machine, as `ntm up` runs it, with proxies before its broker and its database."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psutil

from deploy.local.supervisor import end, spawn
from deploy.local.system import is_free
from shared.nats.users import seed_file
from tests.faults.proxy import Proxy
from tests.faults.routed import ROUTES
from tests.faults.site import PATIENCE_SECONDS, SERVICE_MARKS, Supervised, are_ready
from tests.ports import free_ports
from tests.running import START
from tests.waiting import eventually

PARTS = {**SERVICE_MARKS, "nats": "nats-server.conf", "postgres": "bin/postgres"}
"""The parts that the supervisor keeps running, each with the words by which its command is known."""


_STARTS = 2
"""How often a start may fail: parts have a minute to be ready, which a busy machine may not have."""

DISKS = ("data", "wal")
"""File systems of their own, where the runner can have them: all data, and PostgreSQL's log."""


class _EndedError(Exception):
    """The supervisor has ended; its log says why."""


class Machine(Supervised):
    """The supervisor with everything that it runs."""

    marks = PARTS

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.proxies = {name: Proxy(lambda name=name: self._server_port(name)) for name in ("nats", "postgres")}
        self.supervisor_lock = asyncio.Lock()
        """Held by a fault that strikes the supervisor: nobody else strikes it meanwhile."""
        self.damage_lock = asyncio.Lock()
        """Held from the damage of what is stored until it is repaired."""
        self.disk_locks = {name: asyncio.Lock() for name in DISKS}
        """Held by a fault that strikes a disk: nobody else strikes it meanwhile."""
        self._first_port = free_ports(4)
        self._supervisor: asyncio.subprocess.Process | None = None

    @asynccontextmanager
    async def parts(self) -> AsyncIterator[None]:
        self.data.mkdir(parents=True, exist_ok=True)
        try:
            for name, proxy in self.proxies.items():
                await proxy.start(self.ports[name])
            await self.start()
            if (self.directory / "wal").is_mount():
                await self.stop()
                await asyncio.to_thread(self._move_wal)
                await self.start()
            yield
        finally:
            await self.stop()
            for proxy in self.proxies.values():
                await proxy.stop()

    async def start(self) -> None:
        """Start the supervisor, and wait until every part is ready; again where a busy machine took too long."""
        for _ in range(_STARTS):
            with suppress(_EndedError):
                await self._start()
                return
        await self._start()

    async def _start(self) -> None:
        command = [sys.executable, "-m", "tests.faults.launch", str(self.data), str(self._first_port)]
        with (self.directory / "supervisor.log").open("ab") as log:
            env = {ROUTES: json.dumps(self.ports)}
            self._supervisor = await spawn([*command, START.isoformat()], env, log)
        await self.until_ready()

    async def stop(self) -> None:
        """Stop the supervisor, and with it everything."""
        if self._supervisor and self._supervisor.returncode is None:
            self._supervisor.send_signal(signal.SIGCONT)
            await end(self._supervisor)

    def _move_wal(self) -> None:
        """Move PostgreSQL's log to its own disk, as an administrator would."""
        log, moved = self.data / "postgres" / "pg_wal", self.directory / "wal" / "pg_wal"
        subprocess.run(["cp", "-a", str(log), str(moved)], check=True)  # with its owner
        shutil.rmtree(log)
        log.symlink_to(moved)

    async def kill(self) -> None:
        """Kill the supervisor. Its children die with it."""
        assert self._supervisor
        children = psutil.Process(self._supervisor.pid).children(recursive=True)
        self._supervisor.kill()
        await self._supervisor.wait()
        await eventually(lambda: not psutil.wait_procs(children, timeout=0)[1], PATIENCE_SECONDS)
        await eventually(lambda: all(is_free(self._first_port + number) for number in range(4)), PATIENCE_SECONDS)

    def signal_supervisor(self, number: signal.Signals) -> None:
        """Send the supervisor a signal."""
        assert self._supervisor
        self._supervisor.send_signal(number)

    async def until_ready(self) -> None:
        urls = [f"http://127.0.0.1:{self._first_port + number}" for number in range(3)]

        async def is_ready() -> bool:
            assert self._supervisor
            if self._supervisor.returncode is not None:
                raise _EndedError(self.directory / "supervisor.log")
            return (self.data / "run.json").exists() and await are_ready(*urls)

        await eventually(is_ready, PATIENCE_SECONDS, lambda: f"not ready again; logs in {self.data / 'logs'}")

    @property
    def keeper(self) -> int:
        assert self._supervisor
        return self._supervisor.pid

    @property
    def intake_url(self) -> str:
        return f"http://127.0.0.1:{self._first_port}"

    def nats_login(self, user: str) -> tuple[list[str], Path]:
        return [f"nats://127.0.0.1:{self._server_port('nats')}"], seed_file(self.data / "nats" / "users", user)

    def _server_port(self, name: str) -> int:
        chosen = json.loads((self.data / "secrets.json").read_bytes())
        return int(chosen["nats_port" if name == "nats" else "database_port"])
