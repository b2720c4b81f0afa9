"""PostgreSQL with a replica, both in the URL: the first is killed under load, and the services go on by the second."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest
from nats.aio.client import Client

from deploy.local.postgres import BINARIES, USER, Postgres
from services.cli.migrate import prepare
from tests.builders import a_posted_submission
from tests.forked import copied
from tests.ports import free_port
from tests.running import START, Surroundings, settings_of, surroundings
from tests.servers import PASSWORD, Embedded, NatsServer, PostgresServer, start_postgres
from tests.waiting import eventually

MAIL = {"NTM_SMTP_HOST": "127.0.0.1", "NTM_SMTP_PORT": "9", "NTM_SMTP_FROM": "ntm@example.vn"}
PATIENCE_SECONDS = 200


async def ask(server: PostgresServer, sql: str) -> object:
    connection = await asyncpg.connect(server.url.replace("+asyncpg", ""))
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def start_replica(primary: PostgresServer, directory: Path) -> PostgresServer:
    """Start a replica; return when nothing is committed that it does not have."""
    parts, data = urlsplit(primary.url), directory / "postgres"
    copy = [BINARIES / "pg_basebackup", "--pgdata", data, "--write-recovery-conf", "--checkpoint=fast",
            "--dbname", f"postgresql://{parts.netloc}/postgres"]  # fmt: skip

    def make() -> None:
        directory.mkdir()
        subprocess.run(copy, check=True, capture_output=True)
        original = (directory.parent / "first" / "postgres").stat()
        for path in (data, *data.rglob("*")):
            shutil.chown(path, original.st_uid, original.st_gid)

    await asyncio.to_thread(make)
    postgres = Postgres(data, free_port(), PASSWORD)
    runner = Embedded(postgres.process(), directory / "postgres.log")
    await runner.start()
    await ask(primary, "ALTER SYSTEM SET synchronous_standby_names = '*'")
    await ask(primary, "SELECT pg_reload_conf()")

    async def is_synchronous() -> bool:
        return await ask(primary, "SELECT sync_state FROM pg_stat_replication") == "sync"

    await eventually(is_synchronous, PATIENCE_SECONDS)
    return PostgresServer(postgres.url, runner)


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[tuple[PostgresServer, PostgresServer]]:
    (tmp_path / "first").mkdir()
    primary = await start_postgres(tmp_path / "first", synced=False, embedded=True)
    replica = await start_replica(primary, tmp_path / "second")
    yield primary, replica
    for server in (primary, replica):
        await server.stop()


@pytest.fixture
async def around(
    pair: tuple[PostgresServer, PostgresServer], nats: Client, nats_server: NatsServer, tmp_path: Path
) -> AsyncIterator[Surroundings]:
    first, second = (urlsplit(server.url).netloc.rpartition("@")[2] for server in pair)
    # as deploy/README.md writes it
    url = f"postgresql+asyncpg://{USER}:{PASSWORD}@/{USER}?host={first}&host={second}&target_session_attrs=primary"
    await prepare(settings_of(url, nats_server), START)
    async with surroundings(url, nats, nats_server, tmp_path, copied) as around:
        yield around


async def test_services_go_on_by_the_replica_and_lose_nothing(
    around: Surroundings, pair: tuple[PostgresServer, PostgresServer]
) -> None:
    primary, replica = pair
    for name in ("intake", "scoring", "notify"):
        await around.start(name, **(MAIL if name == "notify" else {}))
    intake, scoring, _ = around.services
    key, revisions, accepted = await around.key("184"), count(1), set[str]()
    ends = asyncio.Event()

    async def post() -> bool:
        number = next(revisions)
        submission = a_posted_submission(revision=number, source_ref=str(number), confirmed=True)
        submission["readings"]["poor_households"] = 131 if number % 2 else 700
        with suppress(httpx.TransportError):
            async with intake.client(key) as client:
                answer = await client.post("/v1/submissions", json=submission)
            if answer.status_code == httpx.codes.ACCEPTED:
                accepted.add(answer.json()["id"])
                return True
            assert answer.is_server_error, answer.text
        return False

    async def post_on() -> None:
        while not ends.is_set():
            await post()

    posting = asyncio.create_task(post_on())
    await eventually(lambda: _at_least(accepted, 20), PATIENCE_SECONDS)
    await primary.kill()
    await asyncio.sleep(1)  # posts come meanwhile, and the services notice
    await ask(replica, "SELECT pg_promote()")
    before = len(accepted)
    await eventually(lambda: _at_least(accepted, before + 20), PATIENCE_SECONDS)
    ends.set()
    await posting
    for service in around.services:
        await eventually(service.is_ready, PATIENCE_SECONDS, lambda s=service: str(s.log))

    async def all_is_scored() -> bool:
        async with intake.client(key) as client:
            for submission in accepted:
                answer = await client.get(f"/v1/submissions/{submission}")
                if answer.status_code != httpx.codes.OK or answer.json()["status"] != "scored":
                    return False
        return True

    await eventually(all_is_scored, PATIENCE_SECONDS, lambda: str(scoring.log))
    assert not await ask(replica, "SELECT pg_is_in_recovery()")


async def _at_least(found: set[str], number: int) -> bool:
    return len(found) >= number
