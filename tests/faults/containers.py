"""The containers of docker-compose.yml, and their faults: killed, paused, restarted, cut off from the network."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from ipaddress import ip_network
from pathlib import Path

from deploy.local.running_system import RunningSystem
from shared.nats.users import seed_file
from tests.containers.compose import Project, killed, project
from tests.faults.kind import Kind
from tests.faults.schedule import Fault
from tests.faults.site import PATIENCE_SECONDS, Site, are_ready
from tests.ports import free_port
from tests.waiting import eventually

OWN_PARTS = ("intake", "scoring", "notify")
"""Containers whose killed process ends the container, which the engine then starts again by itself."""

PARTS = (*OWN_PARTS, "caddy", "nats", "postgres")


class Containers(Site):
    """The system of docker-compose.yml as a project apart, with scoring twice."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        subnet = _docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Subnet}}")
        self.gateways_host = str(next(ip_network(subnet).hosts()))  # this machine, as every container reaches it
        self.locks = {part: asyncio.Lock() for part in PARTS}
        """Held by a fault that strikes a container: another could start what this one has just stopped."""
        self._database_port = free_port()
        self._users = self.data / "users"
        self._project: Project | None = None

    @property
    def project(self) -> Project:
        """The running project."""
        assert self._project
        return self._project

    def container(self, part: str) -> str:
        """Return the id of a part's container, or of its first."""
        return self.project.containers(part)[0]

    @asynccontextmanager
    async def parts(self) -> AsyncIterator[None]:
        self.data.mkdir(parents=True)
        override = self.directory / "override.json"
        override.write_text(json.dumps(self._override()))
        with project(f"ntm-faults-{os.getpid()}", override) as self._project:
            await asyncio.to_thread(self.project.run, "up", "--build", "--detach", "--wait")
            self._take_users()
            self._running_system().write(self.data)
            await self.until_ready()
            yield

    async def until_ready(self) -> None:
        system = self._running_system()
        urls = (system.intake_url, system.scoring_url, system.notify_url)
        await eventually(lambda: are_ready(*urls), PATIENCE_SECONDS, lambda: self.project.run("ps", "--all"))

    @property
    def intake_url(self) -> str:
        return self.project.url("intake")

    def nats_login(self, user: str) -> tuple[list[str], Path]:
        return [self.project.url("nats", "nats")], seed_file(self._users, user)

    def _override(self) -> dict[str, object]:
        """Have services call the runner's gateways, and publish the database's port to the runner."""
        env = {
            "NTM_SMTP_HOST": self.gateways_host,
            "NTM_SMTP_PORT": str(self.ports["mail"]),
            "NTM_SMS_URL": self.gateways_url,
            "NTM_WEBHOOK_ALLOW_PRIVATE": "true",
            "NTM_RETRY_FIRST_SECONDS": "0.3",
            "NTM_RETRY_LONGEST_SECONDS": "2",
        }
        parts: dict[str, dict[str, object]] = {part: {"environment": env} for part in OWN_PARTS}
        parts["scoring"]["scale"] = 2
        return {"services": {**parts, "postgres": {"ports": [f"127.0.0.1:{self._database_port}:5432"]}}}

    def _take_users(self) -> None:
        """Copy the seeds of the broker's users, which stand in volumes."""
        self.project.run("cp", "users:/users/.", str(self._users))

    def _running_system(self) -> RunningSystem:
        password = self.project.settings["POSTGRES_PASSWORD"]
        return RunningSystem(
            intake_url=self.project.url("intake"),
            scoring_url=self.project.url("scoring"),
            notify_url=self.project.url("notify"),
            postbox_url=self.gateways_url,
            nats_url=self.project.url("nats", "nats"),
            nats_seed_file=seed_file(self._users, "operator"),
            nats_users=self._users,
            database_url=f"postgresql+asyncpg://ntm:{password}@127.0.0.1:{self._database_port}/ntm",
            clock="simulated",
        )


async def kill(site: Containers, fault: Fault) -> None:
    """Kill a container's process; the engine starts a container of ours again, an administrator a server's."""
    async with site.locks[fault.part]:
        container = await asyncio.to_thread(site.container, fault.part)
        if fault.part in OWN_PARTS:
            await asyncio.to_thread(killed, container)
            await asyncio.sleep(fault.seconds)
        else:
            await _docker_then("kill", container, fault.seconds, "start")


async def pause(site: Containers, fault: Fault) -> None:
    """Have a container stand still: its connections stay open, and it answers nothing."""
    async with site.locks[fault.part]:
        await _docker_then("pause", await asyncio.to_thread(site.container, fault.part), fault.seconds, "unpause")


async def restart(site: Containers, fault: Fault) -> None:
    """Stop a container, which may end its work, and start it."""
    async with site.locks[fault.part]:
        await _docker_then("stop", await asyncio.to_thread(site.container, fault.part), fault.seconds, "start")


async def restart_all(site: Containers, fault: Fault) -> None:
    """Kill every container at once, as a machine that fails, and start all of them."""
    async with AsyncExitStack() as held:
        for part in PARTS:
            await held.enter_async_context(site.locks[part])
        await asyncio.to_thread(site.project.run, "kill", *PARTS)
        await asyncio.sleep(fault.seconds)
        await asyncio.to_thread(site.project.run, "up", "--detach", "--wait")


async def cut_off(site: Containers, fault: Fault) -> None:
    """Take a container from the network, and give it back; its address may be another one then."""
    async with site.locks[fault.part]:
        container = await asyncio.to_thread(site.container, fault.part)
        network = f"{site.project.name}_default"
        await asyncio.to_thread(_docker, "network", "disconnect", network, container)
        try:
            await asyncio.sleep(fault.seconds)
        finally:
            await asyncio.to_thread(_docker, "network", "connect", "--alias", fault.part, network, container)


async def _docker_then(begin: str, container: str, seconds: float, end: str) -> None:
    await asyncio.to_thread(_docker, begin, container)
    try:
        await asyncio.sleep(seconds)
    finally:
        await asyncio.to_thread(_docker, end, container)


def _docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True).stdout.strip()


KINDS = {
    "container killed": Kind(PARTS, (0, 2), kill, "Docker itself; a server's by `docker compose up --detach`"),
    "container paused": Kind(PARTS, (1, 8), pause),
    "container restarted": Kind(PARTS, (0, 2), restart, "`docker compose up --detach`"),
    "all containers killed": Kind(("",), (0, 2), restart_all, "`docker compose up --detach`"),
    "container cut off": Kind((*OWN_PARTS, "nats", "postgres"), (1, 8), cut_off),
}
