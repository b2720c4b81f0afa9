"""Commands end with a clear word where a cluster of NATS has no quorum, or PostgreSQL is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.local.nats import Nats
from deploy.local.running_system import RunningSystem
from deploy.local.supervisor import end, spawn
from shared.nats.users import seed_file
from tests.ports import free_port
from tests.running import ntm
from tests.servers import NatsServer, PostgresServer
from tests.waiting import eventually

NOWHERE = "http://127.0.0.1:9"

NEED_NATS = [
    ("migrate",),
    ("migrate", "--dry-run"),
    ("audit", "verify"),
    ("audit", "repair"),
    ("rebuild",),
    ("rebuild", "--verify"),
    ("tick",),
    ("reference", "list"),
    ("reference", "show", "1"),
    ("operations",),
    ("backup", "{directory}/b.backup"),
    ("agency", "add", "Phòng Y tế", "--unit", "184"),
]
NEED_THE_DATABASE = [
    ("migrate",),
    ("audit", "verify"),
    ("audit", "repair"),
    ("rebuild",),
    ("parked",),
    ("agency", "list"),
    ("backup", "{directory}/b.backup"),
]


@pytest.fixture(scope="module")
async def one_of_three(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[str, Path]]:
    """The address and the users of a server whose cluster has lost the two others."""
    directory = tmp_path_factory.mktemp("one")
    nats = Nats(directory / "nats", free_port())
    process = nats.process()
    routes = ", ".join(f'"nats://127.0.0.1:{free_port()}"' for _ in range(2))
    cluster = f'cluster {{ name: ntm, listen: "127.0.0.1:{free_port()}", routes: [{routes}] }}\n'
    nats.config.write_text(nats.config.read_text() + cluster)
    with (directory / "nats.log").open("ab") as log:
        child = await spawn(process.command, process.env, log)
    await eventually(lambda: "Server is ready" in (directory / "nats.log").read_text())
    yield nats.url, nats.users
    await end(child, process.stop_signal)


def write_system(directory: Path, nats_url: str, users: Path, database_url: str) -> None:
    RunningSystem(
        intake_url=NOWHERE, scoring_url=NOWHERE, notify_url=NOWHERE, postbox_url=NOWHERE, nats_url=nats_url,
        nats_seed_file=seed_file(users, "operator"), nats_users=users, database_url=database_url, clock="simulated",
    ).write(directory)  # fmt: skip


@dataclass
class Ended:
    """The words of a command that failed, and the directory in which it ran."""

    said: str
    directory: Path


@pytest.fixture(scope="module")
async def ended(
    one_of_three: tuple[str, Path],
    migrated: str,
    postgres_server: PostgresServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[tuple[str, ...], Ended]:
    """How each command ended: all run side by side, since each waits for long, and on a database of its own."""

    async def run(command: tuple[str, ...]) -> Ended:
        directory, database = tmp_path_factory.mktemp("system"), await postgres_server.create_database(migrated)
        write_system(directory, *one_of_three, database)
        arguments = [argument.format(directory=directory) for argument in command]
        said = await ntm(*arguments, status=1, NTM_DATA=str(directory))
        await postgres_server.drop_database(database)
        return Ended(said, directory)

    return dict(zip(NEED_NATS, await asyncio.gather(*map(run, NEED_NATS)), strict=True))


@pytest.mark.parametrize("command", NEED_NATS, ids=" ".join)
async def test_a_command_names_the_cluster_that_has_no_quorum(
    ended: dict[tuple[str, ...], Ended], command: tuple[str, ...]
) -> None:
    assert "NATS" in ended[command].said
    assert "then repeat the command" in ended[command].said
    assert not (ended[command].directory / "b.backup").exists()


@pytest.mark.parametrize("command", NEED_THE_DATABASE, ids=" ".join)
async def test_a_command_names_the_database_that_is_away(
    command: tuple[str, ...], nats_server: NatsServer, tmp_path: Path
) -> None:
    address = f"postgresql+asyncpg://ntm:nothing@127.0.0.1:{free_port()}/ntm"
    write_system(tmp_path, nats_server.url, nats_server.users, address)
    arguments = [argument.format(directory=tmp_path) for argument in command]
    said = await ntm(*arguments, status=1, NTM_DATA=str(tmp_path))
    assert "PostgreSQL" in said
