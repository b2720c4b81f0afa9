"""Three nodes with the users of `ntm nats users`: a leader is killed, and services and mirrors go on."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import httpx
import nats as nats_client
import pytest
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError

from shared.contracts import subjects
from shared.nats.roles import MIGRATE, MIRRORED, OFFICE, OFFICE_MIGRATE
from shared.nats.users import login, seed_file
from tests.builders import a_posted_submission
from tests.forked import copied
from tests.running import START, Surroundings, has_taken_all, ntm, surroundings
from tests.servers import NatsServer, start_nats_cluster
from tests.waiting import eventually

MAIL = {"NTM_SMTP_HOST": "127.0.0.1", "NTM_SMTP_PORT": "9", "NTM_SMTP_FROM": "ntm@example.vn"}
PATIENCE_SECONDS = 200


@dataclass
class Cluster:
    """The nodes by their names, the services on them, and connections that manage the streams and the mirrors."""

    nodes: dict[str, NatsServer]
    around: Surroundings
    office: Client

    async def migrate(self) -> str:
        """Run `ntm migrate` as on a server, by its environment."""
        users = self.around.users
        return await ntm(
            "migrate", "--today", START.isoformat(),
            **self.around.env,
            NTM_NATS_SEED_FILE=str(seed_file(users, MIGRATE.name)),
            NTM_NATS_OFFICE_SEED_FILE=str(seed_file(users, OFFICE_MIGRATE.name)),
            NTM_STREAM_REPLICAS="3",
        )  # fmt: skip

    async def leader(self, client: Client, stream: str) -> str:
        """Return the node that leads a stream, or a mirror."""

        async def found() -> str | None:
            with suppress(NatsError, JetStreamError, TimeoutError):
                cluster = (await client.jetstream().stream_info(stream)).cluster
                return cluster.leader if cluster else None
            return None

        leader: str = await eventually(found, PATIENCE_SECONDS)
        return leader

    async def mirrors_are_whole(self) -> bool:
        with suppress(NatsError, JetStreamError, TimeoutError):
            return all(
                [await _content(self.office, name) == await _content(self.around.nats, name) for name in MIRRORED]
            )
        return False

    async def nodes_are_alike(self) -> bool:
        """Say whether every node holds all that its streams and mirrors hold."""
        for client, names in ((self.around.nats, [*subjects.NEEDED]), (self.office, MIRRORED)):
            for name in names:
                cluster = (await client.jetstream().stream_info(name)).cluster
                replicas = (cluster.replicas if cluster else None) or []
                if len(replicas) != 2 or not all(replica.current for replica in replicas):
                    return False
        return True


async def _content(client: Client, stream: str) -> list[tuple[str | None, bytes | None]]:
    js = client.jetstream()
    state = (await js.stream_info(stream)).state
    numbers = range(state.first_seq, state.last_seq + 1) if state.messages else ()
    messages = [await js.get_msg(stream, number) for number in numbers]
    return [(message.subject, message.data) for message in messages]


@pytest.fixture
async def cluster(migrated_database_url: str, tmp_path: Path) -> AsyncIterator[Cluster]:
    await ntm("nats", "users", str(tmp_path / "nats-0" / "users"))
    servers = await start_nats_cluster(tmp_path)
    urls, users = [server.url for server in servers], servers[0].users
    clients = [
        await nats_client.connect(
            urls, **login(seed_file(users, role.name)), max_reconnect_attempts=-1, error_cb=_ignore
        )
        for role in (MIGRATE, OFFICE_MIGRATE)
    ]
    try:
        async with surroundings(migrated_database_url, clients[0], servers[0], tmp_path, copied) as around:
            around.env["NTM_NATS_URL"] = ", ".join(urls)
            nodes = {f"ntm-{number}": server for number, server in enumerate(servers)}
            cluster = Cluster(nodes, around, clients[1])
            await cluster.migrate()
            for name in ("intake", "scoring", "notify"):
                await around.start(name, **(MAIL if name == "notify" else {}))
            yield cluster
    finally:
        for client in clients:
            await client.close()
        for server in servers:
            await server.stop()


async def _ignore(_: Exception) -> None: ...


async def test_a_killed_leader_stops_no_service_and_leaves_the_mirrors_whole(cluster: Cluster) -> None:
    around = cluster.around
    intake, *_ = around.services
    key = await around.key("184")
    revisions, accepted = count(1), list[str]()

    async def post() -> bool:
        number = next(revisions)
        submission = a_posted_submission(revision=number, source_ref=str(number), confirmed=True)
        submission["readings"]["poor_households"] = 131 if number % 2 else 700
        try:
            async with intake.client(key) as client:
                answer = await client.post("/v1/submissions", json=submission)
        except httpx.TransportError:
            return False
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            return False
        assert answer.status_code == httpx.codes.ACCEPTED, answer.text
        accepted.append(str(number))
        return True

    async def is_told() -> bool:
        """Say whether every service has taken all that it has to."""
        with suppress(NatsError, JetStreamError, TimeoutError):
            return all([await has_taken_all(around.nats, service.name) for service in around.services])
        return False

    for client, stream in (
        (around.nats, subjects.SUBMISSIONS_STREAM), (around.nats, subjects.STATUS_STREAM),
        (cluster.office, subjects.STATUS_STREAM),
    ):  # fmt: skip
        for _ in range(3):
            assert await post()
        leader = cluster.nodes[await cluster.leader(client, stream)]
        await leader.kill()
        await eventually(post, PATIENCE_SECONDS)
        for _ in range(3):
            await eventually(post, PATIENCE_SECONDS)
        for service in around.services:
            await eventually(service.is_ready, PATIENCE_SECONDS, lambda s=service: str(s.log))
        await eventually(is_told, PATIENCE_SECONDS)
        await eventually(cluster.mirrors_are_whole, PATIENCE_SECONDS)
        await leader.restart()
        await eventually(cluster.nodes_are_alike, PATIENCE_SECONDS)
    kept = {json.loads(message.data)["source_ref"] for message in await around.published(subjects.ALL_SUBMISSIONS)}
    assert kept >= {*accepted}
    assert await around.published(subjects.ALL_STATUSES)
    assert "STATUS" not in await cluster.migrate()
    await _hears_everything(cluster)


async def _hears_everything(cluster: Cluster) -> None:
    """See that the office hears by its mirror all that the services have published."""
    users, url = cluster.around.users, cluster.around.env["NTM_NATS_URL"].split(", ")
    office = await nats_client.connect(url, **login(seed_file(users, OFFICE.name)))
    expected = await _content(cluster.around.nats, subjects.STATUS_STREAM)
    follows = await office.jetstream().subscribe("ntm.>", stream=subjects.STATUS_STREAM, ordered_consumer=True)
    heard = [await follows.next_msg(timeout=30) for _ in expected]
    assert [(message.subject, message.data) for message in heard] == expected
    await office.close()


async def test_a_cluster_is_backed_up_and_restored_with_three_replicas(cluster: Cluster, tmp_path: Path) -> None:
    around, js = cluster.around, cluster.around.nats.jetstream(timeout=30)
    intake, *_ = around.services
    key = await around.key("184")

    async def post(revision: int) -> str:
        async with intake.client(key) as client:
            body = a_posted_submission(revision=revision, confirmed=True)
            body["readings"]["poor_households"] = 131 if revision % 2 else 700
            answer = await client.post("/v1/submissions", json=body)
        assert answer.status_code == httpx.codes.ACCEPTED, answer.text
        return str(answer.json()["id"])

    async def is_scored(submission: str) -> bool:
        async with intake.client(key) as client:
            answer = await client.get(f"/v1/submissions/{submission}")
        return bool(answer.json().get("status") == "scored")

    async def program(*arguments: str, user: str) -> str:
        around.as_running_system().write(around.logs)
        env = {**around.env, "NTM_NATS_SEED_FILE": str(seed_file(around.users, user)), "NTM_STREAM_REPLICAS": "3"}
        if user == MIGRATE.name:
            env["NTM_NATS_OFFICE_SEED_FILE"] = str(seed_file(around.users, OFFICE_MIGRATE.name))
        return await ntm(*arguments, NTM_DATA=str(around.logs), **env)

    first = await post(1)
    await eventually(lambda: is_scored(first), PATIENCE_SECONDS)
    await program("backup", str(tmp_path / "b"), user="backup")
    kept = await _content(around.nats, subjects.SUBMISSIONS_STREAM)
    for service in around.services:
        await service.stop()
    await program("restore", str(tmp_path / "b"), "--replace", user=MIGRATE.name)
    for stream in subjects.NEEDED:
        assert (await js.stream_info(stream)).config.num_replicas == 3, stream
    assert await _content(around.nats, subjects.SUBMISSIONS_STREAM) == kept
    for service in around.services:
        await service.start()
    assert await is_scored(first)
    second = await post(2)
    await eventually(lambda: is_scored(second), PATIENCE_SECONDS)
    await cluster.migrate()
    await eventually(cluster.mirrors_are_whole, PATIENCE_SECONDS)
