"""TLS to the broker and to the database: both sides prove who they are, and nothing is said to who does not."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nats as nats_client
import pytest
from nats.errors import Error as NatsError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from deploy.local import nats as local_nats
from deploy.local.uvicorn_options import uvicorn_command
from services.cli.migrate import prepare
from shared.nats.connection import connect, connected
from shared.nats.unreachable import BrokerUnreachableError
from shared.nats.users import make_users
from shared.postgres.engine import create_engine
from shared.service.broker import create_broker
from shared.settings import Settings
from tests.certificates import HERE, Authority, Span, postgres_by_tls
from tests.conftest import prepared
from tests.forked import copied
from tests.ports import free_port
from tests.running import START, settings_of
from tests.servers import Embedded, NatsServer, add_tester
from tests.waiting import eventually

NOWHERE = "postgresql+asyncpg://nowhere"
PATIENCE_SECONDS = 3


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


@pytest.fixture
def stranger(tmp_path: Path) -> Authority:
    """An authority that nobody trusts."""
    return Authority(tmp_path / "stranger")


@pytest.fixture
def by_tls(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everything that is started take the broker and the database by TLS."""
    certificate, key = authority.issue("intake.example")
    for part in ("NATS", "DATABASE"):
        monkeypatch.setenv(f"NTM_{part}_CA_FILE", str(authority.file))
        monkeypatch.setenv(f"NTM_{part}_CERTIFICATE_FILE", str(certificate))
        monkeypatch.setenv(f"NTM_{part}_KEY_FILE", str(key))


@asynccontextmanager
async def nats_by_tls(
    directory: Path, authority: Authority, name: str = HERE, valid: Span | None = None
) -> AsyncIterator[NatsServer]:
    """Yield a broker that demands TLS and a certificate."""
    nats = local_nats.Nats(directory / "nats", free_port())
    make_users(nats.users)
    process = nats.process()
    add_tester(nats.users)
    config, (certificate, key) = nats.directory / "nats-server.conf", authority.issue(name, valid)
    files = f'cert_file: "{certificate}", key_file: "{key}", ca_file: "{authority.file}"'
    config.write_text(f"{config.read_text()}tls {{ {files}, verify: true }}\n")

    async def listens() -> bool:
        try:
            _, writer = await asyncio.open_connection(HERE, nats.port)
        except OSError:
            return False
        writer.close()
        return True

    server = NatsServer(nats.url, Embedded(replace(process, ready=listens), directory / "nats.log"), nats.users)
    await server.restart()
    yield server
    await server.remove()


@pytest.fixture
async def broker(tmp_path: Path, authority: Authority) -> AsyncIterator[NatsServer]:
    async with nats_by_tls(tmp_path, authority) as server:
        yield server


@pytest.fixture
async def database(database_url: str, authority: Authority) -> AsyncIterator[str]:
    async with postgres_by_tls(database_url, authority) as url:
        yield url


@pytest.mark.usefixtures("by_tls")
async def test_the_services_and_the_commands_work_by_tls_alone(
    broker: NatsServer, database: str, tmp_path: Path
) -> None:
    settings = settings_of(database, broker)
    await prepare(settings, START)
    nats = await nats_client.connect(broker.url, **broker.login, tls=settings.nats_tls)
    async with prepared(database, nats, broker, tmp_path) as around:
        intake, scoring = await around.start("intake"), await around.start("scoring")
        key = await around.key("184")
        figures = {"unit": "06280", "period": "2023-06", "readings": {"households": 1204, "poor_households": 131}}
        async with intake.client(key) as client:
            answer = await client.post("/v1/submissions", json=figures)
            assert answer.status_code == 202, answer.text

            async def is_scored() -> bool:
                tracked = await client.get(f"/v1/submissions/{answer.json()['id']}")
                return bool(tracked.json()["status"] == "scored")

            await eventually(is_scored, explain=lambda: scoring.log.read_text())
        assert "1 submissions in the log" in await around.ntm("audit", "verify")
    await nats.close()


def without_certificate(settings: Settings) -> Settings:
    return settings.model_copy(update=dict.fromkeys(CERTIFICATE_FIELDS))


CERTIFICATE_FIELDS = (
    "nats_certificate_file", "nats_key_file", "database_certificate_file", "database_key_file",
)  # fmt: skip


@pytest.mark.usefixtures("by_tls")
async def test_who_shows_no_certificate_or_a_strangers_is_not_let_in(
    broker: NatsServer, database: str, stranger: Authority
) -> None:
    foreign = dict(zip(CERTIFICATE_FIELDS, stranger.issue("intake.example") * 2, strict=True))
    for settings in (
        without_certificate(settings_of(database, broker)),
        settings_of(database, broker).model_copy(update=foreign),
    ):
        await are_refused(settings)


@pytest.mark.usefixtures("by_tls")
@pytest.mark.parametrize("name", ["127.0.0.2", "nats.example"])
async def test_a_server_with_a_certificate_for_another_name_is_not_told_anything(
    name: str, authority: Authority, database_url: str, tmp_path: Path
) -> None:
    async with nats_by_tls(tmp_path, authority, name) as server, postgres_by_tls(database_url, authority, name) as url:
        await are_refused(settings_of(url, server), "certificate verify failed")


@pytest.mark.usefixtures("by_tls")
@pytest.mark.parametrize("days", [(-30, -1), (1, 30)], ids=["has expired", "is not valid yet"])
async def test_a_server_whose_certificate_is_not_valid_now_is_not_told_anything(
    days: tuple[int, int], authority: Authority, database_url: str, tmp_path: Path
) -> None:
    since, until = (datetime.now(UTC) + timedelta(days=number) for number in days)
    async with (
        nats_by_tls(tmp_path, authority, valid=(since, until)) as server,
        postgres_by_tls(database_url, authority, valid=(since, until)) as url,
    ):
        await are_refused(settings_of(url, server), "certificate verify failed")


@pytest.mark.usefixtures("by_tls")
async def test_a_server_that_a_stranger_vouches_for_is_not_told_anything(
    stranger: Authority, database_url: str, tmp_path: Path
) -> None:
    async with nats_by_tls(tmp_path, stranger) as server, postgres_by_tls(database_url, stranger) as url:
        await are_refused(settings_of(url, server), "certificate verify failed")


@pytest.mark.usefixtures("by_tls")
async def test_a_server_that_speaks_openly_is_not_told_anything(nats_server: NatsServer, database_url: str) -> None:
    settings = settings_of(database_url, nats_server)
    await are_refused(settings, "does not demand TLS", "rejected SSL upgrade")
    by_name = {"nats_url": nats_server.url.replace("nats://", "tls://"), "nats_ca_file": None}
    await are_refused(settings.model_copy(update=by_name), "does not demand TLS", "rejected SSL upgrade")


async def are_refused(settings: Settings, *words: str) -> None:
    """Show that the broker by both kinds of connection, and the database, come to nothing, for the reason given."""
    with pytest.raises(BrokerUnreachableError, match=words[0] if words else None):
        async with connected(settings, "test", PATIENCE_SECONDS):
            pass
    worker = create_broker(settings, "test")
    with pytest.raises((NatsError, OSError)):
        await asyncio.wait_for(worker.connect(), PATIENCE_SECONDS)
    engine = create_engine(settings, "test")
    with pytest.raises((OSError, DBAPIError), match=words[-1] if words else None):
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
    await engine.dispose()


@pytest.mark.usefixtures("by_tls")
async def test_a_connection_is_not_resumed_with_a_server_that_has_come_back_without_tls(
    broker: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = await connect(settings_of(NOWHERE, broker), "test")
    config = next(broker.users.parent.glob("nats-server.conf"))
    by_tls = config.read_text()
    await broker.stop()
    config.write_text(re.sub(r"^tls .*$", "", by_tls, flags=re.MULTILINE))
    await broker.restart()
    plain = await nats_client.connect(broker.url, **broker.login)  # it serves who asks for no TLS
    await eventually(lambda: "does not demand TLS" in str(connection.last_error))
    assert not connection.is_connected
    await plain.close()

    await broker.stop()
    config.write_text(by_tls)
    await broker.restart()
    await eventually(lambda: connection.is_connected)
    await connection.close()


def broken(authority: Authority, directory: Path) -> dict[str, tuple[dict[str, str], str]]:
    """Return settings that cannot be used, each with the words that say so."""
    certificate, key = map(str, authority.issue("intake.example"))
    text_file = directory / "text.pem"
    text_file.write_text("hello")
    return {
        "missing": ({"NTM_NATS_CA_FILE": "/nowhere/ca.pem"}, r"NTM_NATS_CA_FILE \(/nowhere/ca.pem\).*No such file"),
        "text": ({"NTM_DATABASE_CA_FILE": str(text_file)}, r"NTM_DATABASE_CA_FILE \(.*text.pem\)"),
        "half": ({"NTM_NATS_CERTIFICATE_FILE": certificate}, "NTM_NATS_KEY_FILE belong together"),
        "swapped": (
            {"NTM_DATABASE_CERTIFICATE_FILE": key, "NTM_DATABASE_KEY_FILE": certificate},
            "NTM_DATABASE_CERTIFICATE_FILE, NTM_DATABASE_KEY_FILE",
        ),
    }


@pytest.mark.parametrize("case", ["missing", "text", "half", "swapped"])
async def test_a_service_with_a_file_that_cannot_be_used_names_it_and_ends(
    case: str, authority: Authority, nats_server: NatsServer, tmp_path: Path
) -> None:
    env, words = broken(authority, tmp_path)[case]
    log = tmp_path / "intake.log"
    env = {"NTM_DATABASE_URL": NOWHERE, "NTM_NATS_URL": nats_server.url, **env}
    process = await copied(uvicorn_command("services.intake.app:app", free_port()), env, log)
    assert await process.wait() != 0
    assert re.search(words, log.read_text()), log.read_text()
