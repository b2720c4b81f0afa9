"""A running system that is struck, and the ways to reach its parts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import nats as nats_client
import psutil
from nats.aio.client import Client
from nats.aio.msg import Msg

from deploy.local.clients import database
from deploy.local.running_system import RunningSystem
from shared.access.agency_keys import Terms, add_key
from shared.access.caller import EVERYTHING
from shared.nats.users import login
from tests.faults.gateways import Gateways
from tests.http_client import http_client
from tests.ports import free_port
from tests.running import START, ntm
from tests.waiting import eventually

AGENCY = "faults"
"""The agency whose key the load has."""

PATIENCE_SECONDS = 240
"""Far more than anything takes to be ready again, however busy the machine is."""


SERVICE_MARKS = {name: f"tests.faults.routed:{name}" for name in ("intake", "scoring", "notify")}


class Site(ABC):
    """A system in a directory of its own, with gateways of the runner."""

    gateways_host = "127.0.0.1"
    """The address at which the runner's gateways listen, and at which services reach them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.data = directory / "data"
        """The directory in which commands find the running system."""
        self.gateways = Gateways()
        self.ports = {name: free_port() for name in ("nats", "postgres", "gateways", "mail")}
        """The runner's own ports, by way of which services reach servers and gateways."""
        self.today = START
        self.key = ""
        self.calm: Callable[[], AbstractAsyncContextManager[None]] = nullcontext
        """Pauses the load, and waits until everything is processed."""
        self._clients: dict[str, Client] = {}

    @abstractmethod
    def parts(self) -> AbstractAsyncContextManager[None]:
        """Run all parts."""

    @abstractmethod
    async def until_ready(self) -> None:
        """Wait until every service says that it is ready. AssertionError when that takes too long."""

    @property
    @abstractmethod
    def intake_url(self) -> str:
        """The address of intake, also while it does not run."""

    @abstractmethod
    def nats_login(self, user: str) -> tuple[list[str], Path]:
        """Return the addresses of the broker's nodes, and the seed of a user."""

    @property
    def system(self) -> RunningSystem:
        """The running system, as the commands find it. NotRunningError while it is started again."""
        return RunningSystem.find(self.data)

    @property
    def hook_url(self) -> str:
        """The address of the webhook's receiver."""
        return f"{self.gateways_url}/hook"

    @property
    def gateways_url(self) -> str:
        """The address of the runner's gateways for webhooks and SMS."""
        return f"http://{self.gateways_host}:{self.ports['gateways']}"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the system, with a key for the province and a webhook that hears of everything."""
        listening = self.gateways.listening(self.gateways_host, self.ports["gateways"], self.ports["mail"])
        async with listening, self.parts():
            try:
                self.key = await self._new_key()
                await self._subscribe()
                yield
            finally:
                for client in self._clients.values():
                    await client.close()

    async def client(self, user: str) -> Client:
        """Return a connection to the broker as one of its users, straight and not by way of a proxy."""
        client = self._clients.get(user)
        if client is None or client.is_closed:
            servers, seed = self.nats_login(user)
            # a server that is away is looked for without end, quietly
            client = await nats_client.connect(
                servers, **login(seed), max_reconnect_attempts=-1, reconnect_time_wait=0.3, error_cb=_be_quiet
            )
            self._clients[user] = client
        return client

    async def request(self, subject: str, body: bytes, headers: dict[str, str], seconds: float) -> Msg:
        """Send a request as the operator's user."""
        return await (await self.client("operator")).request(subject, body, seconds, headers=headers)

    async def connection(self, database: str | None = None) -> asyncpg.Connection:
        """Return a connection to the services' database or another one, straight and not by way of a proxy."""
        url = self.system.database_url.replace("+asyncpg", "")
        return await asyncpg.connect(url, database=database, timeout=10)

    async def get(self, url: str, **params: Any) -> Any:
        """Return what a service answers to the province's key."""
        async with http_client(key=self.key, seconds=120) as client:
            answer = await client.get(url, params=params)
            answer.raise_for_status()
            return answer.json()

    async def ntm(self, *arguments: str) -> str | None:
        """Run a command of the program; return its output where it fails, else None."""
        try:
            await ntm(*arguments, NTM_DATA=str(self.data))
        except AssertionError as error:
            return str(error)
        return None

    async def _new_key(self) -> str:
        async with database(self.system) as engine:
            terms = Terms(rate_per_minute=10_000_000)
            return await add_key(engine, AGENCY, AGENCY, ["20"], [EVERYTHING], terms)

    async def _subscribe(self) -> None:
        async with http_client(key=self.key) as client:
            wanted = {"url": self.hook_url, "unit": "20"}
            made = await client.post(f"{self.system.notify_url}/v1/subscriptions", json=wanted)
            assert made.status_code == httpx.codes.CREATED, made.text


class Supervised(Site):
    """A system whose parts are processes that one process starts, and starts again."""

    marks: Mapping[str, str]
    """The parts, each with the words by which its process is known."""

    @property
    @abstractmethod
    def keeper(self) -> int:
        """The process that starts the parts, and starts them again."""

    def process(self, part: str) -> psutil.Process | None:
        """Return the process of a part; None while it does not run."""
        with suppress(psutil.Error):
            for child in psutil.Process(self.keeper).children():
                with suppress(psutil.Error):
                    if self.marks[part] in " ".join(child.cmdline()):
                        return child
        return None

    async def until_running(self, part: str) -> psutil.Process:
        """Return the process of a part as soon as it runs."""
        found: psutil.Process = await eventually(lambda: self.process(part), PATIENCE_SECONDS)
        return found


async def are_ready(*urls: str) -> bool:
    """Say whether the services at these addresses say that they are ready."""
    async with http_client(seconds=5) as client:
        for url in urls:
            try:
                if (await client.get(f"{url}/readyz")).status_code != httpx.codes.OK:
                    return False
            except httpx.HTTPError:
                return False
    return True


async def _be_quiet(_: Exception) -> None:
    pass
