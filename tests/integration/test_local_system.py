"""`ntm up` with stand-ins in the place of the services: the supervisor, the servers, the ports and the secrets."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import psutil
import pytest

from deploy.local.clients import settings_of
from deploy.local.nats import answers
from deploy.local.running_system import NotRunningError, RunningSystem
from deploy.local.supervisor import DataLostError, StartFailedError
from deploy.local.system import Installation, Options, PortInUseError, Ports, is_free, run
from shared.backup.archive import written
from shared.backup.retention import name_at
from shared.contracts import subjects
from shared.nats.connection import connected
from shared.nats.roles import MIGRATE, ROLES
from shared.nats.streams import ensure_streams
from shared.time import utc_now
from tests.http_client import http_client
from tests.integration.test_supervisor import is_gone
from tests.ports import free_ports
from tests.running import ntm
from tests.waiting import eventually

STARTS = """
import asyncio, sys
from datetime import date
from pathlib import Path
from deploy.local.system import Options, Ports, run

STAND_INS = dict.fromkeys(("intake", "scoring", "notify"), "tests.integration.stand_in:app")

async def say(running):
    print("ready", flush=True)

options = Options(
    data=Path(sys.argv[1]), ports=Ports.starting_at(int(sys.argv[2])), today=date(2023, 6, 30),
    services=STAND_INS, migrate=(sys.executable, "-c", ""),
)
asyncio.run(run(options, say))
"""


class System:
    def __init__(self, data: Path, base: int) -> None:
        self.data = data
        self.base = base
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> RunningSystem:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", STARTS, str(self.data), str(self.base), stdout=asyncio.subprocess.PIPE
        )
        assert self.process.stdout
        assert await asyncio.wait_for(self.process.stdout.readline(), 120) == b"ready\n"
        return RunningSystem.find(self.data)

    async def end(self, number: signal.Signals) -> list[int]:
        """Send the signal and wait for the end; return the ids of the processes that ran before."""
        assert self.process
        children = [child.pid for child in psutil.Process(self.process.pid).children(recursive=True)]
        self.process.send_signal(number)
        await asyncio.wait_for(self.process.wait(), 60)
        return children


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    system = System(tmp_path / "data", free_ports(4))
    yield system
    if system.process and system.process.returncode is None:
        await system.end(signal.SIGTERM)


async def ask(url: str) -> dict[str, Any]:
    async with http_client() as http:
        answer = await http.get(f"{url}/readyz")
    return dict(answer.json())


async def connect(running: RunningSystem) -> asyncpg.Connection:
    return await asyncpg.connect(running.database_url.replace("+asyncpg", ""))


async def test_the_system_starts_stops_and_finds_its_data_again(system: System) -> None:
    running = await system.start()
    assert (running.intake_url, running.clock) == (f"http://127.0.0.1:{system.base}", "simulated")
    seed = running.nats_seed_file.read_bytes()
    connection = await connect(running)
    await connection.execute("CREATE TABLE kept (number int)")
    await connection.close()

    children = await system.end(signal.SIGINT)
    assert system.process
    assert system.process.returncode == 0
    assert all(is_gone(pid) for pid in children)
    with pytest.raises(NotRunningError, match="make up"):
        RunningSystem.find(system.data)

    again = await system.start()
    assert (again.nats_url, again.nats_seed_file) == (running.nats_url, running.nats_seed_file)
    assert again.nats_seed_file.read_bytes() == seed
    connection = await connect(again)
    assert await connection.fetchval("SELECT count(*) FROM kept") == 0
    await connection.close()


async def test_a_killed_system_leaves_no_process_and_starts_again(system: System) -> None:
    await system.start()
    children = await system.end(signal.SIGKILL)
    assert len(children) > 5
    await eventually(lambda: all(is_gone(pid) for pid in children), explain=lambda: "the end of all processes")
    with pytest.raises(NotRunningError):
        RunningSystem.find(system.data)

    await system.start()


async def test_whatever_part_is_killed_comes_back(system: System) -> None:
    running = await system.start()
    assert system.process
    supervisor = psutil.Process(system.process.pid)
    parts = supervisor.children()
    assert len(parts) == 6
    for part in parts:
        part.kill()

    async def all_are_back() -> bool:
        now = supervisor.children()
        return len(now) == 6 and not set(now) & set(parts) and await all_answer(running)

    await eventually(all_are_back, explain=lambda: "six new processes that answer")


async def all_answer(running: RunningSystem) -> bool:
    try:
        for url in (running.intake_url, running.scoring_url, running.notify_url):
            await ask(url)
        async with http_client() as http:
            await http.get(running.postbox_url)
        await (await connect(running)).close()
    except (httpx.HTTPError, OSError, asyncpg.PostgresError):
        return False
    return await answers(running.nats_url, running.nats_seed_file)


@pytest.mark.parametrize("part", ["postgres", "nats", "database"])
async def test_data_that_were_lost_are_named_and_nothing_starts_empty(system: System, part: str) -> None:
    running = await system.start()
    if part == "database":
        server = running.database_url.replace("+asyncpg", "").rpartition("/")[0]
        connection = await asyncpg.connect(f"{server}/postgres")
        await connection.execute("DROP DATABASE ntm WITH (FORCE)")
        await connection.close()
    await system.end(signal.SIGTERM)
    if part != "database":
        shutil.rmtree(system.data / part)
    options = Options(data=system.data, ports=Ports.starting_at(system.base))
    with pytest.raises(DataLostError, match=rf"(?s){part}.*--accept-loss"):
        await run(options, _nothing)
    if part != "database":
        assert not (system.data / part / ("PG_VERSION" if part == "postgres" else "jetstream")).exists()

    accepted = asyncio.Event()

    async def is_complete(_: RunningSystem) -> None:
        accepted.set()
        os.kill(os.getpid(), signal.SIGTERM)

    await run(replace(options, accept_loss=True, services={}, migrate=(sys.executable, "-c", "")), is_complete)
    assert accepted.is_set()


async def test_a_service_gets_what_it_needs_and_no_more(system: System) -> None:
    running = await system.start()
    intake, notify = (await ask(running.intake_url))["env"], (await ask(running.notify_url))["env"]

    assert intake["NTM_DATABASE_URL"] == running.database_url
    assert intake["NTM_CLOCK"] == "simulated"
    assert not any(name.startswith(("NTM_SMTP", "NTM_SMS")) for name in intake)
    assert notify["NTM_SMS_URL"].startswith(running.postbox_url)
    pages = {"INTAKE": running.intake_url, "SCORING": running.scoring_url, "NOTIFY": running.notify_url}
    for env in (intake, notify):
        assert {name: env[f"NTM_{name}_PAGE"] for name in pages} == pages


async def test_secrets_are_for_the_owner_only(system: System) -> None:
    running = await system.start()

    for name in ("run.json", "secrets.json"):
        assert (system.data / name).stat().st_mode & 0o077 == 0
    assert running.nats_users
    users = list(running.nats_users.rglob("*.nk"))
    assert len(users) == len(ROLES)
    assert all(seed.parent.stat().st_mode & 0o077 == 0 for seed in users)
    assert all(seed.stat().st_mode & 0o077 == 0 for seed in users)
    assert system.process
    for child in psutil.Process(system.process.pid).children():
        line = " ".join(child.cmdline())
        assert all(
            text not in line
            for text in json.loads((system.data / "secrets.json").read_text()).values()
            if isinstance(text, str)
        )


async def test_the_guide_names_all_that_a_running_system_keeps(system: System) -> None:
    await system.start()
    guide = (Path(__file__).parents[2] / "deploy/README.md").read_text("utf-8")
    chapter = guide.partition("## On one machine")[2].partition("\n## ")[0]
    named = {
        name for row in re.findall(r"^\| (`.+?) \|", chapter, re.MULTILINE) for name in re.findall(r"[\w.-]+", row)
    }
    assert {path.name for path in system.data.iterdir()} <= named


async def test_a_port_in_use_is_named_with_the_way_out(tmp_path: Path) -> None:
    base = free_ports(4)
    expected = pytest.raises(PortInUseError, match=f"Port {base + 2}, meant for notify.*--ports-from")
    with socket.create_server(("127.0.0.1", base + 2)), expected:
        await run(Options(data=tmp_path, ports=Ports.starting_at(base)), _nothing)
    assert list(asdict(Ports()).values()) == [8001, 8002, 8003, 8025]


async def test_a_failing_migration_ends_the_start(tmp_path: Path) -> None:
    options = Options(
        data=tmp_path,
        ports=Ports.starting_at(free_ports(4)),
        migrate=(sys.executable, "-c", "raise SystemExit('column exists')"),
    )
    with pytest.raises(StartFailedError, match=r"(?s)migrate failed.*column exists"):
        await run(options, _nothing)
    chosen = json.loads((tmp_path / "secrets.json").read_text())
    assert all(is_free(chosen[name]) for name in ("nats_port", "database_port", "smtp_port"))


def test_a_taken_port_within_is_replaced_and_the_secrets_stay(tmp_path: Path) -> None:
    first = Installation.load(tmp_path)
    with socket.create_server(("127.0.0.1", first.nats_port)):
        second = Installation.load(tmp_path)

    assert second.nats_port != first.nats_port
    assert (second.link_secret, second.smtp_port) == (first.link_secret, first.smtp_port)


@pytest.mark.parametrize("text", ["", "{", '{"pid": 1}'])
def test_a_broken_run_file_is_said_to_be_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(NotRunningError, match="ntm up"):
        RunningSystem.find(tmp_path)


async def _nothing(_: RunningSystem) -> None:
    pass


async def test_each_stream_that_vanished_is_named_and_nothing_starts_without_it(system: System) -> None:
    running = await system.start()
    names = (*subjects.KEPT, *subjects.KEPT_A_YEAR)
    settings = settings_of(running, MIGRATE.name)
    async with connected(settings, "tests", 30) as nats:
        await ensure_streams(nats.jetstream())
    await system.end(signal.SIGTERM)
    options = Options(data=system.data, ports=Ports.starting_at(system.base), streams=names)
    for name in names:
        [directory] = (system.data / "nats").glob(f"jetstream/*/streams/{name}")
        directory.rename(system.data / name)
        with pytest.raises(DataLostError, match=rf"(?s){name} in .*--accept-loss"):
            await run(options, _nothing)
        (system.data / name).rename(directory)


async def test_ntm_up_backs_up_every_day_and_keeps_what_it_is_to_keep(tmp_path: Path) -> None:
    data, backups, base = tmp_path / "data", tmp_path / "backups", free_ports(4)
    backups.mkdir()
    old = [name_at(utc_now().replace(year=2020, month=3, day=day, hour=1)) for day in (1, 2, 3)]
    for name in old:
        with written(backups / name, []):
            pass
    options = ("--backup-to", str(backups), "--backup-daily-at", "00:00", "--backup-keep", "1,0,0")
    command = ("up", "--empty", "--today", "2023-06-30", "--ports-from", str(base), *options)
    with (tmp_path / "up.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.cli.main", *command, "--data", str(data), stdout=log, stderr=log
        )
    try:

        async def is_backed_up() -> bool:
            assert process.returncode is None, (tmp_path / "up.log").read_text()
            names = {file.name for file in backups.iterdir() if file.name.endswith(".backup")}
            return len(names) == 1 and not names & {*old}

        await eventually(is_backed_up, 200, lambda: (data / "logs" / "backup.log").read_text())
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), 60)
    [file] = [file for file in backups.iterdir() if file.name.endswith(".backup")]
    assert str(file) in await ntm("backup", "--verify", str(file))
    await ntm("restore", str(file), "--data", str(tmp_path / "other"))
