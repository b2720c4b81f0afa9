"""Fixtures of all tests: one NATS and one PostgreSQL for the run of a worker, which each test finds empty."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import nats as nats_client
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from nats.aio.client import Client
from nats.js.errors import NotFoundError
from schemathesis.pytest.plugin import SchemathesisFunction

from services.cli.migrate import prepare, prepare_streams
from shared.nats.roles import MIRRORED, OFFICE_MIGRATE
from shared.nats.users import login, seed_file
from tests.binding_plan import reference_that_binds
from tests.forked import TO_PRELOAD, copied
from tests.running import START, Surroundings, settings_of, surroundings
from tests.servers import NatsServer, PostgresServer, start_nats, start_postgres

# machines are noisy: no test fails because its examples take long to make or to try
hypothesis_settings.register_profile("ntm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("ntm")


def pytest_xdist_auto_num_workers() -> int:
    """Return how many tests run at once: half of their time they wait."""
    return min((os.cpu_count() or 1) * 3 // 2, 4)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test an id of its own: xdist runs one test for an id, and would leave the others out unsaid.

    Under pytest 9.2 Schemathesis gives one id to the tests of all operations.
    """
    for item in items:
        if isinstance(item, SchemathesisFunction):
            item._id = item.id.with_params(item.operation_label)
    repeated = [test for test, times in Counter(item.nodeid for item in items).items() if times > 1]
    assert not repeated, f"tests that share an id: {repeated}"


@pytest.fixture(scope="session")
async def nats_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[NatsServer]:
    server = await start_nats(tmp_path_factory.mktemp("nats"))
    yield server
    await server.remove()


@pytest.fixture(scope="session")
async def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PostgresServer]:
    server = await start_postgres(tmp_path_factory.mktemp("postgres"), synced=False)
    yield server
    await server.remove()


@pytest.fixture
async def database_url(postgres_server: PostgresServer) -> AsyncIterator[str]:
    """An empty database of the test's own."""
    url = await postgres_server.create_database()
    yield url
    await postgres_server.drop_database(url)


_shared: list[Surroundings] = []
"""The surroundings that tests of a module share, while they stand."""


@pytest.fixture
async def nats(nats_server: NatsServer) -> AsyncIterator[Client]:
    """A connection to a NATS without streams, from which no service of the module's other tests takes anything."""
    for around in _shared:
        for service in around.services:
            await service.stop()
    client = await connect_empty(nats_server)
    yield client
    await client.close()


async def connect_empty(server: NatsServer) -> Client:
    """Delete every stream, the office's mirrors too; return a connection."""
    client = await server.connect()
    streams = client.jetstream()
    for stream in await streams.streams_info():
        if stream.config.name:
            await streams.delete_stream(stream.config.name)
    office = await nats_client.connect(server.url, **login(seed_file(server.users, OFFICE_MIGRATE.name)))
    for mirror in MIRRORED:
        with suppress(NotFoundError):
            await office.jetstream().delete_stream(mirror)
    await office.close()
    return client


@pytest.fixture(scope="session")
async def migrated(nats_server: NatsServer, postgres_server: PostgresServer) -> str:
    """The name of a database with all schemas, to be copied."""
    url = await postgres_server.create_database()
    await prepare(settings_of(url, nats_server), None)
    return url.rpartition("/")[2]


@pytest.fixture
async def migrated_database_url(migrated: str, postgres_server: PostgresServer) -> AsyncIterator[str]:
    """A database of the test's own, with all schemas and no rows."""
    url = await postgres_server.create_database(migrated)
    yield url
    await postgres_server.drop_database(url)


@pytest.fixture(scope="session", autouse=True)
def reference_to_preload(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A directory of reference data whose plan binds the border communes, which `tests.preloaded` reads too."""
    directory = str(reference_that_binds(tmp_path_factory.mktemp("binding")))
    os.environ[TO_PRELOAD] = directory
    return directory


@pytest.fixture(scope="module")
def binding(reference_to_preload: str) -> Iterator[None]:
    """All that a module's tests start uses reference data whose plan binds the border communes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NTM_REFERENCE_DIR", reference_to_preload)
        yield


@pytest.fixture
async def around(
    migrated_database_url: str, nats: Client, nats_server: NatsServer, tmp_path: Path
) -> AsyncIterator[Surroundings]:
    """The surroundings of a service, of the test's own, on 30 June 2023 by a simulated clock."""
    async with prepared(migrated_database_url, nats, nats_server, tmp_path) as around:
        yield around


@pytest.fixture(scope="module")
async def shared_around(
    migrated: str,
    postgres_server: PostgresServer,
    nats_server: NatsServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Surroundings]:
    """The surroundings of services whose state no test of the module disturbs: the same ones for all these tests.

    Tests that have surroundings of their own come behind them in a module: they stop these services.
    """
    url = await postgres_server.create_database(migrated)
    client = await connect_empty(nats_server)
    async with prepared(url, client, nats_server, tmp_path_factory.mktemp("logs")) as around:
        _shared.append(around)
        yield around
        _shared.remove(around)
    await client.close()
    await postgres_server.drop_database(url)


@asynccontextmanager
async def prepared(url: str, nats: Client, server: NatsServer, logs: Path) -> AsyncIterator[Surroundings]:
    """Prepare the streams; the database at the URL has its schemas. Services begin as copies."""
    await prepare_streams(nats, 1, START)
    async with surroundings(url, nats, server, logs, copied) as around:
        yield around
