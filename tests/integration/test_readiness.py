"""A service is ready while a write works, and says what is wrong and what to do while none does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from nats.js.api import DiscardPolicy
from sqlalchemy import text

from services.cli.migrate import SCHEMAS, prepare_streams
from shared.contracts import subjects
from shared.nats.streams import ensure_streams
from shared.postgres.schema_version import misfit, note, numbers_of
from tests.integration.notify_service import NotifyService
from tests.running import START, Service, Surroundings, surroundings
from tests.servers import NatsServer, start_nats_cluster
from tests.waiting import eventually


async def said_by(service: Service) -> str:
    """Return what a service says that it lacks; nothing where it is ready."""
    async with service.client() as client:
        answer = await client.get("/readyz", headers={"Accept-Language": "en"})
    return "" if answer.status_code == 200 else answer.json()["detail"]


async def says(service: Service, *words: str) -> None:
    async def found() -> bool:
        said = await said_by(service)
        return all(word in said for word in words)

    await eventually(found, explain=lambda: f"{service.name}: {service.log}")


async def refuse_writes(around: Surroundings, stream: str, limit: int) -> None:
    """Have the broker refuse what is published on a stream, as it does at the limit of its store."""
    js = around.nats.jetstream()
    config = (await js.stream_info(stream)).config
    await js.update_stream(config.evolve(max_bytes=limit, discard=DiscardPolicy.NEW if limit > 0 else config.discard))
    if limit > 0 and stream == subjects.TRIAL_STREAM:
        await js.purge_stream(stream)  # a message may always take the place of the last one on its subject


@pytest.mark.parametrize("name", ["intake", "scoring"])
async def test_a_service_without_its_stream_is_not_ready_until_it_is_there_again(
    around: Surroundings, name: str
) -> None:
    service = await around.start(name)
    js = around.nats.jetstream()
    for stream in (subjects.SUBMISSIONS_STREAM, subjects.TRIAL_STREAM):
        await js.delete_stream(stream)
        await says(service, "broker", "ntm migrate")
        await ensure_streams(js)
        await eventually(service.is_ready)


async def test_notify_is_not_ready_without_its_stream(notify: NotifyService) -> None:
    js = notify.nats.jetstream()
    await js.delete_stream(subjects.STATUS_STREAM)
    await says(notify.service, "broker", "ntm migrate")
    await ensure_streams(js)
    await eventually(notify.service.is_ready)


@pytest.mark.parametrize("stream", [subjects.TRIAL_STREAM, subjects.SUBMISSIONS_STREAM])
async def test_a_service_whose_store_refuses_writes_is_not_ready_until_there_is_room(
    around: Surroundings, stream: str
) -> None:
    service = await around.start("intake")
    await refuse_writes(around, stream, 1)
    await says(service, "disk", "df -h")
    await refuse_writes(around, stream, -1)
    await eventually(service.is_ready)


@pytest.mark.parametrize("name", ["intake", "scoring"])
async def test_a_service_whose_schema_is_older_is_not_ready_until_it_is_migrated(
    around: Surroundings, name: str
) -> None:
    service = await around.start(name)
    version = text(f"UPDATE {name}.alembic_version SET version_num = :number")  # noqa: S608 - of this test alone
    async with around.engine.begin() as connection:
        await connection.execute(version, {"number": "0001"})
    await says(service, "schema", f"{name} is at 0001", "ntm migrate")
    async with around.engine.begin() as connection:
        await connection.execute(version, {"number": max(numbers_of(SCHEMAS[name]))})
    await eventually(service.is_ready)


async def test_a_service_stays_ready_beside_a_newer_schema_unless_that_breaks_older_programs(
    around: Surroundings,
) -> None:
    service = await around.start("intake")
    async with around.engine.begin() as connection:
        await connection.execute(text("UPDATE intake.alembic_version SET version_num = '9998'"))
        await connection.execute(text(note("intake", "0001")))
    await asyncio.sleep(3)  # longer than one try of the database counts
    assert await said_by(service) == ""
    async with around.engine.begin() as connection:
        await connection.execute(text(note("intake", "9998")))
    await says(service, "schema", "needs a program that knows 9998", "update")


async def test_migrating_notes_what_a_program_has_to_know(around: Surroundings) -> None:
    async with around.engine.connect() as connection:
        noted = {
            schema: await connection.scalar(text(f"SELECT obj_description('{schema}'::regnamespace)"))
            for schema in ("intake", "scoring", "notify")
        }
        assert (
            await misfit(connection, {schema: max(numbers_of(package)) for schema, package in SCHEMAS.items()}) is None
        )
        assert await misfit(connection, {"scoring": "0002"}) is not None
    assert noted == {
        "intake": None,
        "scoring": "ntm: programs that know migration 0003",
        "notify": "ntm: programs that know migration 0004",
    }


async def test_a_service_on_a_database_without_its_schema_is_told_so(around: Surroundings) -> None:
    async with around.engine.connect() as connection:
        words = await misfit(connection, {"nobodys": "0002"})
    assert words
    assert "nobodys" in words.en


@pytest.fixture
async def on_a_cluster(
    migrated_database_url: str, tmp_path: Path
) -> AsyncIterator[tuple[Surroundings, list[NatsServer]]]:
    servers = await start_nats_cluster(tmp_path)
    nats = await servers[0].connect()
    await prepare_streams(nats, 3, START)
    try:
        async with surroundings(migrated_database_url, nats, servers[0], tmp_path) as around:
            yield around, servers
    finally:
        await nats.close()
        for server in servers:
            await server.stop()


async def test_a_service_on_a_cluster_without_quorum_is_not_ready_until_the_others_are_back(
    on_a_cluster: tuple[Surroundings, list[NatsServer]],
) -> None:
    around, (_, *others) = on_a_cluster
    services = [await around.start(name) for name in ("intake", "scoring")]
    for server in others:
        await server.kill()
    for service in services:
        await says(service, "quorum", "nats server report jetstream")
    for server in others:
        await server.restart()
    for service in services:
        await eventually(service.is_ready)
