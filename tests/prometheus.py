"""A real Prometheus, which scrapes what a test runs, and its program `promtool`."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from deploy.local.supervisor import end, spawn
from tests.ports import free_port
from tests.waiting import eventually

FOLDER = Path(__file__).parents[1] / "deploy" / "prometheus"
"""The rules and the example of a configuration."""


def program(name: str) -> str:
    """Return the path of Debian's `prometheus` or `promtool`; without it a test skips, or fails where it is needed."""
    if found := shutil.which(name):
        return found
    reason = f"THE ALERT RULES AND THE DASHBOARD ARE NOT TESTED: no {name} was found (Debian's package `prometheus`)."
    if os.environ.get("NTM_NEED_PROMETHEUS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


async def promtool(*arguments: str) -> str:
    """Run promtool, which must agree; return what it prints."""
    process = await asyncio.create_subprocess_exec(
        program("promtool"), *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()


class Prometheus:
    """A running Prometheus."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def ask(self, path: str, **parameters: str) -> Any:
        """Return the data of an answer of its API."""
        async with httpx.AsyncClient(base_url=self.url, trust_env=False) as client:
            answer = await client.get(f"/api/v1/{path}", params=parameters)
        assert answer.is_success, f"{parameters}: {answer.text}"
        return answer.json()["data"]

    async def query(self, expression: str) -> list[Any]:
        """Return the result of an expression now."""
        found: list[Any] = (await self.ask("query", query=expression))["result"]
        return found


@asynccontextmanager
async def prometheus(folder: Path, token: str, targets: Mapping[str, str]) -> AsyncIterator[Prometheus]:
    """Run Prometheus by the example of a configuration, with targets (`host:port`) by job and every second."""
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text(encoding="utf-8"))
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    for job in config["scrape_configs"]:
        job["static_configs"] = [{"targets": [targets[job["job_name"]]]}]
    shutil.copy(FOLDER / "rules.yml", folder)
    (folder / "metrics-token").write_text(token)
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    port = free_port()
    command = [
        program("prometheus"),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "prometheus.log").open("ab") as log:
        process = await spawn(command, {}, log)
    running = Prometheus(f"http://127.0.0.1:{port}")

    async def is_ready() -> bool:
        async with httpx.AsyncClient(base_url=running.url, trust_env=False) as client:
            try:
                return (await client.get("/-/ready")).is_success
            except httpx.HTTPError:
                return False

    try:
        await eventually(is_ready, explain=lambda: (folder / "prometheus.log").read_text())
        yield running
    finally:
        await end(process)
