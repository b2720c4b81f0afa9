"""NATS and PostgreSQL keep everything that they have acknowledged, however they end."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import asyncpg
import nats as nats_client
import nats.errors
import pytest
from nats.aio.client import Client

from deploy.local import postgres
from deploy.local.nats import Nats
from deploy.local.postgres import Postgres
from shared.nats.users import server_file
from tests.ports import free_port
from tests.servers import (
    Embedded,
    NatsServer,
    PostgresServer,
    Server,
    start_nats,
    start_postgres,
    use_containers,
)

type Ending = Callable[[Server], Awaitable[None]]

ENDINGS = pytest.mark.parametrize("ending", [Server.stop, Server.kill], ids=["stopped", "killed"])
"""The ways to end a server: a request to stop, and kill -9."""


@pytest.fixture(params=["embedded", "as_chosen"])
def directory(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each kind of server: the embedded ones, which `make up` uses, and containers where a Docker engine answers."""
    if request.param == "as_chosen" and not use_containers():
        pytest.skip("there are no containers here")
    monkeypatch.setattr("tests.servers.use_containers", lambda: request.param == "as_chosen")
    return tmp_path


@pytest.fixture
async def own_nats(directory: Path) -> AsyncIterator[NatsServer]:
    server = await start_nats(directory)
    yield server
    await server.remove()


@pytest.fixture
async def own_postgres(directory: Path) -> AsyncIterator[PostgresServer]:
    server = await start_postgres(directory)
    yield server
    await server.remove()


async def connect(server: PostgresServer) -> asyncpg.Connection:
    return await asyncpg.connect(server.url.replace("+asyncpg", ""))


@ENDINGS
async def test_nats_keeps_what_it_has_acknowledged(own_nats: NatsServer, ending: Ending) -> None:
    client = await nats_client.connect(own_nats.url, **own_nats.login)
    await client.jetstream().add_stream(name="KEPT", subjects=["kept.>"])
    for number in range(50):
        await client.jetstream().publish("kept.one", str(number).encode())

    await ending(own_nats)
    await client.close()
    await own_nats.restart()

    client = await nats_client.connect(own_nats.url, **own_nats.login)
    assert (await client.jetstream().stream_info("KEPT")).state.messages == 50
    await client.close()


@ENDINGS
async def test_postgres_keeps_what_it_has_committed(own_postgres: PostgresServer, ending: Ending) -> None:
    connection = await connect(own_postgres)
    await connection.execute("CREATE TABLE kept (number int)")
    await connection.execute("INSERT INTO kept SELECT generate_series(1, 50)")

    await ending(own_postgres)
    connection.terminate()
    await own_postgres.restart()

    connection = await connect(own_postgres)
    assert await connection.fetchval("SELECT count(*) FROM kept") == 50
    await connection.close()


async def test_postgres_starts_although_its_old_number_belongs_to_another_process(tmp_path: Path) -> None:
    own = Postgres(tmp_path / "postgres", free_port(), "password")
    server = Server(own.url, Embedded(own.process(), tmp_path / "log"))
    await server.restart()
    await server.kill()
    path = tmp_path / "postgres" / "postmaster.pid"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(["1", *lines[1:]]) + "\n")

    await server.restart()
    await server.stop()


async def test_postgres_starts_below_a_directory_that_its_owner_alone_may_enter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    package = postgres.BINARIES.parents[1]
    libraries = package.with_name(f"{package.name}.libs")  # where the programs look for them: beside the package
    for directory in (postgres.BINARIES.parent, libraries):
        shutil.copytree(directory, closed / directory.relative_to(package.parent))
    monkeypatch.setattr(postgres, "BINARIES", closed / postgres.BINARIES.relative_to(package.parent))
    own = Postgres(closed / "postgres", free_port(), "password")
    server = PostgresServer(own.url, Embedded(own.process(), tmp_path / "log"))
    await server.restart()

    connection = await connect(server)
    assert await connection.fetchval("SELECT 1") == 1
    await connection.close()
    await server.stop()


async def test_the_embedded_postgres_writes_through_and_sorts_alike_everywhere(tmp_path: Path) -> None:
    own = Postgres(tmp_path / "postgres", free_port(), "password")
    server = PostgresServer(own.url, Embedded(own.process(), tmp_path / "log"))
    await server.restart()

    connection = await connect(server)
    assert await connection.fetchval("SHOW fsync") == "on"
    assert await connection.fetchval("SELECT datlocale FROM pg_database WHERE datname = 'ntm'") == "C.UTF-8"
    await connection.close()
    await server.stop()


async def test_nats_refuses_who_is_no_user(nats_server: NatsServer) -> None:
    with pytest.raises(nats.errors.Error):
        await nats_client.connect(nats_server.url, allow_reconnect=False)


def test_the_configuration_and_the_seeds_of_nats_are_for_the_owner_only(tmp_path: Path) -> None:
    command = Nats(tmp_path / "nats", 4222).process().command

    config, users = Path(command[-1]), tmp_path / "nats" / "users"
    files = list(users.rglob("*.nk"))
    seeds = [path.read_text() for path in files]
    assert seeds
    for path in (config, users, users / "users.json", *files, *(path.parent for path in files)):
        assert path.stat().st_mode & 0o077 == 0
    for text in (config.read_text(), server_file(users).read_text(), " ".join(command)):
        assert not any(seed in text for seed in seeds)


async def test_every_test_has_a_database_of_its_own(database_url: str, postgres_server: PostgresServer) -> None:
    assert database_url != postgres_server.url
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    await connection.execute("CREATE TABLE template_table (number int)")
    await connection.close()

    copy = await postgres_server.create_database(template=database_url.rpartition("/")[2])
    connection = await asyncpg.connect(copy.replace("+asyncpg", ""))
    assert await connection.fetchval("SELECT count(*) FROM template_table") == 0
    await connection.close()
    await postgres_server.drop_database(copy)


async def test_every_test_finds_nats_without_streams(nats: Client) -> None:
    assert await nats.jetstream().streams_info() == []
