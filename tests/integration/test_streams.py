"""`ntm migrate` makes the streams what they should be, and never less than they were without being told by name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from nats.aio.client import Client

from deploy.local.nats import answers
from services.cli.migrate import prepare
from shared.contracts import subjects
from shared.nats.connection import connect
from shared.nats.streams import ensure_streams
from shared.nats.unreachable import BrokerUnreachableError, CredentialsRefusedError
from shared.nats.users import seed_file
from shared.service.broker import create_broker
from shared.settings import Settings
from tests.running import settings_of
from tests.servers import TESTER, NatsServer, start_nats_cluster, wrong_seeds
from tests.waiting import eventually

NOWHERE = "postgresql+asyncpg://nowhere"


async def test_streams_that_are_as_they_should_be_stay(nats: Client) -> None:
    made = await ensure_streams(nats.jetstream())
    assert {change.stream for change in made} == {*subjects.NEEDED}
    assert await ensure_streams(nats.jetstream()) == []


async def test_a_dry_run_changes_nothing(nats: Client) -> None:
    assert await ensure_streams(nats.jetstream(), dry_run=True)
    assert await nats.jetstream().streams_info() == []


async def test_an_operators_own_limits_stay(nats: Client) -> None:
    js = nats.jetstream()
    await ensure_streams(js)
    refusals = (await js.stream_info(subjects.REFUSALS_STREAM)).config
    await js.update_stream(refusals.evolve(max_bytes=10_000_000, max_age=5 * refusals.max_age))
    [kept] = await ensure_streams(js)
    assert (kept.stream, kept.setting, kept.is_made) == (subjects.REFUSALS_STREAM, "max_age", False)
    after = (await js.stream_info(subjects.REFUSALS_STREAM)).config
    assert (after.max_bytes, after.max_age) == (10_000_000, 5 * refusals.max_age)


async def test_what_keeps_less_is_done_where_the_stream_is_named(nats: Client) -> None:
    js = nats.jetstream()
    await ensure_streams(js)
    refusals = (await js.stream_info(subjects.REFUSALS_STREAM)).config
    await js.update_stream(refusals.evolve(max_age=5 * refusals.max_age))
    [named] = await ensure_streams(js, lower=[subjects.REFUSALS_STREAM])
    assert named.is_made
    assert (await js.stream_info(subjects.REFUSALS_STREAM)).config.max_age == refusals.max_age


async def test_a_limit_that_drops_what_is_to_be_kept_for_ever_goes(nats: Client) -> None:
    js = nats.jetstream()
    await ensure_streams(js)
    submissions = (await js.stream_info(subjects.SUBMISSIONS_STREAM)).config
    await js.update_stream(submissions.evolve(max_age=3600))
    [change] = await ensure_streams(js)
    assert (change.before, change.after, change.is_made) == (3600, 0, True)
    assert not (await js.stream_info(subjects.SUBMISSIONS_STREAM)).config.max_age


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[list[NatsServer]]:
    servers = await start_nats_cluster(tmp_path)
    yield servers
    for server in servers:
        await server.stop()


async def test_a_cluster_is_named_by_all_its_servers_and_keeps_its_replicas(
    cluster: list[NatsServer], database_url: str
) -> None:
    settings = settings_of(database_url, cluster[0]).model_copy(
        update={"nats_url": ", ".join(server.url for server in cluster), "stream_replicas": 3}
    )
    assert (await prepare(settings, None)).migrations
    await cluster[0].kill()
    await eventually(lambda: answers(cluster[1].url, seed_file(cluster[1].users, TESTER)))  # a leader is elected
    for replicas in (None, 1):
        prepared = await prepare(settings.model_copy(update={"stream_replicas": replicas}), None)
        assert not any(change.is_made for change in prepared.streams)
        assert prepared.migrations == []
    nats = await connect(settings, "test")
    assert {info.config.num_replicas for info in await nats.jetstream().streams_info()} == {3}
    await nats.close()
    async with create_broker(settings, "test") as broker:
        await broker.start()
        assert await broker.ping(timeout=10)


async def test_a_server_that_cannot_be_reached_is_named_and_its_error_too(nats_server: NatsServer) -> None:
    settings = settings_of(NOWHERE, nats_server).model_copy(
        update={"nats_url": "nats://127.0.0.1:1,nats://127.0.0.1:2"}
    )
    with pytest.raises(BrokerUnreachableError, match=r"127\.0\.0\.1:1, nats://127\.0\.0\.1:2: .*Connect call failed"):
        await connect(settings, "test", patience_seconds=0.5)


async def test_wrong_credentials_end_the_waiting_at_once(nats_server: NatsServer, tmp_path: Path) -> None:
    settings = settings_of(NOWHERE, nats_server)
    for seed in wrong_seeds(tmp_path):
        for patience in (3600, None):
            with pytest.raises(CredentialsRefusedError, match="NTM_NATS_SEED_FILE"):
                await connect(settings.model_copy(update={"nats_seed_file": seed}), "test", patience)


@pytest.mark.parametrize("text", ["", "nats://a:4222,", "a:4222", "nats://"])
def test_addresses_that_name_no_server_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="nats_url"):
        Settings(database_url=NOWHERE, nats_url=text)
