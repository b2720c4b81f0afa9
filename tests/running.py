"""Services as processes of their own, which a test can start, stop and kill."""

from __future__ import annotations

import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Protocol

import httpx
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import DeliverPolicy
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from deploy.local.running_system import RunningSystem
from deploy.local.supervisor import end, spawn
from deploy.local.uvicorn_options import UVICORN_ENV, uvicorn_command
from shared.access.agency_keys import add_key
from shared.access.caller import EVERYTHING
from shared.contracts import subjects
from shared.nats.users import seed_file
from shared.postgres.engine import create_engine
from shared.service.clock import set_day
from shared.settings import Settings
from tests.forked import copied
from tests.http_client import http_client
from tests.ports import free_port
from tests.servers import NatsServer
from tests.waiting import eventually

START = date(2023, 6, 30)

_TO_PUBLISH = {
    # in one statement, since judging takes from the one and puts into the other in one transaction
    "scoring": "SELECT 1 FROM scoring.target WHERE moved UNION ALL SELECT 1 FROM scoring.outbox",
    "notify": "SELECT 1 FROM notify.outbox",
}
"""By service: the rows that it has yet to publish; intake has published before it answers."""


class Running(Protocol):
    """A process that runs; what of `asyncio.subprocess.Process` the tests use."""

    pid: int

    @property
    def returncode(self) -> int | None: ...
    def send_signal(self, signal: signal.Signals) -> None: ...
    async def wait(self) -> int: ...


type Begin = Callable[[Sequence[str], Mapping[str, str], Path], Awaitable[Running]]
"""Begins a process: by its command, what its environment adds, and the file to which it prints."""


async def afresh(command: Sequence[str], env: Mapping[str, str], output: Path) -> Running:
    """Begin a process as in life, where it imports everything itself."""
    with output.open("ab") as file:
        return await spawn(command, env, file)


@dataclass
class Service:
    """A service as a process; `client` connects to it."""

    name: str
    env: dict[str, str]
    log: Path
    begin: Begin
    port: int = field(default_factory=free_port)
    process: Running | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        await self.spawn()
        await eventually(self.is_ready, explain=lambda: f"{self.name}: {self.log}")

    async def spawn(self) -> None:
        """Begin the process, and do not wait until it is ready."""
        command = uvicorn_command(f"services.{self.name}.app:app", self.port)
        self.process = await self.begin(command, {**self.env, **UVICORN_ENV}, self.log)

    async def is_ready(self) -> bool:
        assert self.process
        assert self.process.returncode is None, self.log.read_text()
        try:
            async with self.client() as client:
                return (await client.get("/readyz")).status_code == 200
        except httpx.HTTPError:
            return False

    async def fact(self, name: str) -> Any:
        """Return the fact of this name in `/healthz`; None as long as the service does not state it."""
        async with self.client() as client:
            return (await client.get("/healthz")).json().get(name)

    async def taken(self) -> float:
        """Return the number of submissions that this process of intake has accepted."""
        async with self.client() as client:
            metrics = (await client.get("/metrics")).text
        (line,) = [line for line in metrics.splitlines() if line.startswith("ntm_submissions_accepted_total ")]
        return float(line.split()[1])

    async def kill(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()

    async def stop(self) -> None:
        if self.process and self.process.returncode is None:
            await end(self.process)

    def client(self, key: str | None = None) -> httpx.AsyncClient:
        return http_client(self.url, key)


@dataclass
class Surroundings:
    """A migrated database, a NATS with streams, a simulated clock, an engine for queries, and the started services."""

    settings: Settings
    engine: AsyncEngine
    nats: Client
    env: dict[str, str]
    users: Path
    logs: Path
    begin: Begin
    services: list[Service] = field(default_factory=list)

    async def start(self, name: str, **env: str) -> Service:
        service = Service(
            name, {**self.env, **self.user(name), **env}, self.logs / f"{name}-{len(self.services)}.log", self.begin
        )
        self.services.append(service)
        await service.start()
        return service

    def user(self, name: str) -> dict[str, str]:
        """Return the setting that has a program connect to NATS as a user."""
        return {"NTM_NATS_SEED_FILE": str(seed_file(self.users, name))}

    async def key(self, *units: str, criteria: tuple[str, ...] = (EVERYTHING,), agency: str = "tests") -> str:
        return await add_key(self.engine, agency, agency, list(units), list(criteria))

    async def set_day(self, day: date) -> None:
        await set_day(self.nats.jetstream(), day)

    def as_running_system(self) -> RunningSystem:
        """Return what the program needs to find the parts; a service that was not started is at a port of nobody."""
        nowhere = "http://127.0.0.1:9"
        urls = {service.name: service.url for service in self.services}
        return RunningSystem(
            intake_url=urls.get("intake", nowhere), scoring_url=urls.get("scoring", nowhere),
            notify_url=urls.get("notify", nowhere), postbox_url=nowhere,
            nats_url=self.env["NTM_NATS_URL"], nats_seed_file=seed_file(self.users, "operator"), nats_users=self.users,
            database_url=self.env["NTM_DATABASE_URL"], clock="simulated",
            evidence_store=self.env["NTM_EVIDENCE_STORE"],
        )  # fmt: skip

    async def ntm(self, *arguments: str, status: int | None = 0) -> str:
        """Run the program on these parts, which it finds through `NTM_DATA`; return its output."""
        self.as_running_system().write(self.logs)
        return await ntm(*arguments, status=status, NTM_DATA=str(self.logs))

    async def published(self, subject: str) -> list[Msg]:
        """Return all messages that a stream holds on a subject, or on a family of subjects, in order."""
        stream = subjects.stream_of(subject)
        assert stream
        js = self.nats.jetstream(timeout=30)
        by_subject = (await js.stream_info(stream, subjects_filter=subject)).state.subjects or {}
        number = sum(by_subject.values())
        if not number:
            return []
        subscription = await js.subscribe(subject, ordered_consumer=True, deliver_policy=DeliverPolicy.ALL)
        try:
            return [await subscription.next_msg(timeout=30) for _ in range(number)]
        finally:
            await subscription.unsubscribe()

    async def nothing_waits_for(self, *services: str) -> bool:
        """Say whether these services have taken everything on the streams, and published what they were to publish."""
        # looked for in the order in which it flows: what had moved on behind a look would be seen nowhere; and twice,
        # since what scoring and notify publish comes back to intake
        flow = [service for service in subjects.CONSUMERS if service in services]
        for service in flow * 2:
            if not await has_taken_all(self.nats, service) or await has_to_publish(self.engine, service):
                return False
        return True

    async def stored(self, stream: str) -> int:
        """Return the number of messages that a stream holds."""
        js = self.nats.jetstream(timeout=30)  # the broker answers late while it writes thousands of messages to disk
        return (await js.stream_info(stream)).state.messages


async def has_taken_all(nats: Client, service: str) -> bool:
    """Say whether a service has taken everything on the streams."""
    for family, durable in subjects.CONSUMERS[service].items():
        info = await nats.jetstream().consumer_info(subjects.stream_of(family) or "", durable)
        if info.num_pending or info.num_ack_pending:
            return False
    return True


async def has_to_publish(engine: AsyncEngine, service: str) -> bool:
    """Say whether anything waits in the outbox of a service, or for being judged before it comes there."""
    waiting = _TO_PUBLISH.get(service)
    async with engine.connect() as connection:
        return waiting is not None and bool((await connection.execute(text(waiting))).first())


async def ntm(*arguments: str, status: int | None = 0, **env: str) -> str:
    """Run the program `ntm`, which ends with this exit status (None: 0 or 1), and no traceback; return its output."""
    with NamedTemporaryFile() as file:
        command = (sys.executable, "-m", "services.cli.main", *arguments)
        process = await copied(command, {"COLUMNS": "300", **env}, Path(file.name))
        ended = await process.wait()
        output = file.read().decode()
    assert ended == status or (status is None and ended in (0, 1)), output
    assert "Traceback" not in output, output[: output.index("Traceback") + 12_000]
    return output


def settings_of(database_url: str, server: NatsServer) -> Settings:
    """Return the settings that lead to the servers of the tests."""
    return Settings(
        database_url=SecretStr(database_url),
        nats_url=server.url,
        nats_seed_file=seed_file(server.users, "migrate"),
        clock="simulated",
    )


@asynccontextmanager
async def surroundings(
    database_url: str, nats: Client, server: NatsServer, logs: Path, begin: Begin = afresh
) -> AsyncIterator[Surroundings]:
    """Surround services with a database and a NATS that are prepared; stop the started services at the end."""
    settings = settings_of(database_url, server)
    env = {
        "NTM_DATABASE_URL": database_url,
        "NTM_NATS_URL": server.url,
        "NTM_CLOCK": "simulated",
        "NTM_LOG_FORMAT": "text",
        "NTM_WATCH_SECONDS": "1",
        "NTM_EVIDENCE_STORE": (logs / "evidence").absolute().as_uri(),
    }
    engine = create_engine(settings, "tests")
    around = Surroundings(settings, engine, nats, env, server.users, logs, begin)
    try:
        yield around
    finally:
        for service in around.services:
            await service.stop()
        await engine.dispose()
