"""Real NATS and PostgreSQL for the tests: containers when a Docker engine answers, else the embedded ones.

NTM_TEST_SERVERS=embedded or =containers overrides this choice. Tests can stop, kill and start both kinds again, and
their data stay.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import asyncpg
import nats as nats_client
import nkeys
import psutil
from nats.aio.client import Client

from deploy.local import nats as local_nats
from deploy.local.nats import Nats
from deploy.local.postgres import LOCALE, USER, Postgres, create_database
from deploy.local.supervisor import Process, end, spawn
from shared.nats.roles import OPERATOR, STREAMS_ACCOUNT
from shared.nats.signing_keys import SigningKeys, sign_by
from shared.nats.users import login, make_users, seed_file, server_file
from tests.ports import free_port
from tests.waiting import eventually

NATS_IMAGE = "nats:2.15"
POSTGRES_IMAGE = "postgres:18"
PASSWORD = "password-of-the-tests"
TESTER = "tests"
AGENCIES = ("x", "y")
"""Agencies whose systems have a user."""


class Runner(Protocol):
    """A way to run a server."""

    async def start(self) -> None:
        """Start the server with its earlier data; return when it takes connections."""

    async def stop(self) -> None:
        """Ask the server to stop, and wait for its end."""

    async def kill(self) -> None:
        """Kill the server by SIGKILL."""

    async def freeze(self) -> None:
        """Freeze the server: its connections stay open, and it answers nothing."""

    async def thaw(self) -> None:
        """Let the server go on after `freeze`."""


class Embedded:
    def __init__(self, process: Process, log: Path) -> None:
        self._process = process
        self._log = log
        self._child: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        await self._process.prepare()
        with self._log.open("ab") as output:
            self._child = await spawn(self._process.command, self._process.env, output)
        await eventually(self._process.ready, explain=lambda: f"{self._process.name}: {self._log}")

    async def stop(self) -> None:
        if self._child and self._child.returncode is None:
            await end(self._child, self._process.stop_signal)

    async def kill(self) -> None:
        assert self._child
        self._child.send_signal(signal.SIGKILL)
        await self._child.wait()

    async def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    async def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._child
        server = psutil.Process(self._child.pid)
        server.send_signal(number)  # first, so that it makes no more children
        for process in server.children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)


class Container:
    def __init__(self, container: Any, ready: Callable[[], Awaitable[bool]]) -> None:
        self._container = container
        self._ready = ready
        self._exists = False

    async def start(self) -> None:
        await asyncio.to_thread(self._engine().start if self._exists else self._container.start)
        self._exists = True
        await eventually(self._ready, explain=lambda: f"container of {self._container.image}")

    async def stop(self) -> None:
        await asyncio.to_thread(self._engine().stop)

    async def kill(self) -> None:
        await asyncio.to_thread(self._engine().kill)

    async def freeze(self) -> None:
        await asyncio.to_thread(self._engine().pause)

    async def thaw(self) -> None:
        await asyncio.to_thread(self._engine().unpause)

    async def remove(self) -> None:
        await asyncio.to_thread(self._container.stop)

    def _engine(self) -> Any:
        return self._container.get_wrapped_container()


@dataclass
class Server:
    url: str
    runner: Runner

    async def stop(self) -> None:
        await self.runner.stop()

    async def kill(self) -> None:
        await self.runner.kill()

    async def freeze(self) -> None:
        """Freeze the server: its connections stay open, and it answers nothing."""
        await self.runner.freeze()

    async def thaw(self) -> None:
        """Let the server go on after `freeze`."""
        await self.runner.thaw()

    async def restart(self) -> None:
        """Start the server again after `stop` or `kill`."""
        await self.runner.start()

    async def remove(self) -> None:
        """Stop the server for good."""
        await (self.runner.remove() if isinstance(self.runner, Container) else self.runner.stop())


@dataclass
class NatsServer(Server):
    users: Path
    """The directory with the seeds of the users, and with the one of the tests, who may do everything."""

    @property
    def login(self) -> dict[str, Any]:
        """The arguments by which nats-py connects as the tests' own user."""
        return login(seed_file(self.users, TESTER))

    async def connect(self) -> Client:
        """Connect as the tests' own user, and sign what is published."""
        client = await nats_client.connect(self.url, **self.login)
        sign_by(client, SigningKeys(self.users / OPERATOR.name))
        return client


@dataclass
class PostgresServer(Server):
    """`url` leads to an empty database, to which nobody should write; see `create_database`."""

    async def create_database(self, template: str = "template1") -> str:
        """Copy `template`, a database without connections, as a new database; return the URL of the copy."""
        name = f"test_{uuid4().hex[:12]}"
        await create_database(self.url, name, template)
        return f"{self.url.rpartition('/')[0]}/{name}"

    async def drop_database(self, url: str) -> None:
        connection = await asyncpg.connect(self.url.replace("+asyncpg", ""))
        try:
            await connection.execute(f'DROP DATABASE IF EXISTS "{url.rpartition("/")[2]}" WITH (FORCE)')
        finally:
            await connection.close()


_STORE_BYTES = 10_000_000_000


async def start_nats(directory: Path, store_bytes: int = _STORE_BYTES, *, embedded: bool = False) -> NatsServer:
    """Start a server; with `embedded` from the wheel's program, whose files the test can see."""
    nats = Nats(directory / "nats", free_port())
    make_users(nats.users, AGENCIES)
    process = nats.process(store_bytes)
    add_tester(nats.users)

    async def prepare() -> None:
        await process.prepare()
        add_tester(nats.users)  # a test that renews a key writes the server's file anew

    runner: Runner
    if use_containers() and not embedded:
        container = _container(NATS_IMAGE, 4222, nats.port).with_command("--config /etc/ntm.conf")
        config = local_nats.configuration("0.0.0.0:4222", "/data", store_bytes, "users.conf").encode()
        container.with_copy_into_container(config, "/etc/ntm.conf")
        container.with_copy_into_container(server_file(nats.users).read_bytes(), "/etc/users.conf")
        runner = Container(container, nats.is_ready)
    else:
        runner = Embedded(replace(process, prepare=prepare), directory / "nats.log")
    await runner.start()
    return NatsServer(nats.url, runner, nats.users)


def add_tester(users: Path) -> None:
    """Have a user in the streams' account who may do everything there, and send requests to all services."""
    file, own = server_file(users), seed_file(users, TESTER)
    if not own.exists():
        own.parent.mkdir()
        own.write_bytes(nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER))
    public = nkeys.from_seed(bytearray(own.read_bytes())).public_key.decode()
    if public in file.read_text():
        return
    head, name, accounts = file.read_text().partition("accounts: ")
    named = json.loads(accounts)
    streams = named[STREAMS_ACCOUNT]
    streams["users"].append({"nkey": public})
    for service, exported in ((name, named[name]["exports"]) for name in ("INTAKE", "SCORING", "NOTIFY")):
        for export in exported:
            if STREAMS_ACCOUNT in export["accounts"]:
                continue
            export["accounts"].append(STREAMS_ACCOUNT)
            streams["imports"].append({"service": {"account": service, "subject": export["service"]}})
    file.write_text(head + name + json.dumps(named))


def wrong_seeds(directory: Path) -> list[Path | None]:
    """Return no seed, a file that is not there, one without a seed, and the seed of nobody."""
    missing, broken, nobody = (directory / f"{name}.nk" for name in ("missing", "broken", "nobody"))
    broken.write_text("hello")
    nobody.write_bytes(nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER))
    return [None, missing, broken, nobody]


async def start_postgres(directory: Path, *, synced: bool = True, embedded: bool = False) -> PostgresServer:
    """Start a server of its own; with `embedded` from the wheel's program.

    Without `synced` it hands what it writes to the kernel, and does not wait for disks. A killed server then loses
    nothing either, only a machine that fails would; and a database is dropped at once.
    """
    options = [] if synced else ["-c", "fsync=off"]
    postgres = Postgres(directory / "postgres", free_port(), PASSWORD)
    runner: Runner
    if use_containers() and not embedded:
        container = _container(POSTGRES_IMAGE, 5432, postgres.port)
        container.with_envs(POSTGRES_USER=USER, POSTGRES_PASSWORD=PASSWORD, POSTGRES_INITDB_ARGS=" ".join(LOCALE))
        container.with_command(" ".join(["postgres", *options]))
        runner = Container(container, postgres.is_ready)
    else:
        process = await asyncio.to_thread(postgres.process)
        process = replace(process, command=[*process.command, *options])
        runner = Embedded(process, directory / "postgres.log")
    await runner.start()
    return PostgresServer(postgres.url, runner)


@lru_cache
def use_containers() -> bool:
    """Say whether a Docker engine answers, and has the images or can pull them."""
    wanted = os.environ.get("NTM_TEST_SERVERS")
    if wanted in ("embedded", "containers"):
        return wanted == "containers"
    import docker
    from docker.errors import DockerException, ImageNotFound

    try:
        engine = docker.from_env(timeout=60)
        engine.ping()
        for image in (NATS_IMAGE, POSTGRES_IMAGE):
            try:
                engine.images.get(image)
            except ImageNotFound:
                engine.images.pull(image)
    except (DockerException, OSError):
        return False
    return True


def _container(image: str, port: int, host_port: int) -> Any:
    # the fixtures remove the containers: the library's own helper for it would need one more image
    os.environ["TESTCONTAINERS_RYUK_DISABLED"] = "true"
    from testcontainers.core.container import DockerContainer

    return DockerContainer(image).with_bind_ports(port, host_port)


async def start_nats_cluster(directory: Path, size: int = 3) -> list[NatsServer]:
    """Start servers that are one cluster, of the wheel's program wherever the others come from."""
    ports, routes = ([free_port() for _ in range(size)] for _ in range(2))
    servers: list[NatsServer] = []
    for number, (port, route) in enumerate(zip(ports, routes, strict=True)):
        nats = Nats(directory / f"nats-{number}", port)
        if servers:  # all servers of a cluster take the same users
            shutil.copytree(servers[0].users, nats.users)
        process, config = nats.process(), nats.directory / "nats-server.conf"
        if servers:
            shutil.copy(server_file(servers[0].users), server_file(nats.users))
        else:
            add_tester(nats.users)
        others = [f"nats://127.0.0.1:{other}" for other in routes if other != route]
        cluster = f'cluster {{ name: ntm, listen: "127.0.0.1:{route}", routes: {json.dumps(others)} }}\n'
        config.write_text(config.read_text().replace("server_name: ntm-local", f"server_name: ntm-{number}") + cluster)
        servers.append(NatsServer(nats.url, Embedded(process, directory / f"nats-{number}.log"), nats.users))
    await asyncio.gather(*(server.restart() for server in servers))  # none is ready before the others are there
    return servers
