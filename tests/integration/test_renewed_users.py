"""The keys of the broker's users are renewed under a load of posts: nothing accepted is lost, no service ends."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import nats as nats_client
import pytest
from nats.aio.client import Client
from nats.errors import Error as NatsError

from deploy.local.nats import Nats
from services.cli.migrate import prepare_streams
from services.intake.doors.nats import STATUS_HEADER
from shared.contracts import subjects
from shared.nats.connection import connect
from shared.nats.consumers import acknowledged_until
from shared.nats.roles import ROLES, agency
from shared.nats.users import login, seed_file
from tests.builders import a_posted_submission
from tests.forked import copied
from tests.ports import free_port
from tests.running import START, Surroundings, has_taken_all, ntm, settings_of, surroundings
from tests.servers import Embedded, NatsServer
from tests.waiting import eventually

AGENCY, AGENCY_USER = "x", "agency-x"
RENEWED = [role.name for role in (*ROLES, agency(AGENCY))]
MAIL = {"NTM_SMTP_HOST": "127.0.0.1", "NTM_SMTP_PORT": "9", "NTM_SMTP_FROM": "ntm@example.vn"}
FOR_LATER = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


@dataclass
class Load:
    """Posts one after the other, each sent again until it is answered for good."""

    unit: str
    post: Callable[[dict[str, Any]], Awaitable[int | None]]
    """Sends a post and returns the status; None where no answer came."""
    accepted: set[str] = field(default_factory=set)
    """What each accepted post names as its source."""
    refused: list[int] = field(default_factory=list)

    async def run(self) -> None:
        for number in range(1, 1001):  # no revision is higher
            await asyncio.sleep(0.05)
            source = f"{self.unit} {number}"
            submission = a_posted_submission(unit=self.unit, revision=number, source_ref=source)
            while (status := await self.post(submission)) is None or status in FOR_LATER:  # noqa: ASYNC110 - no event
                await asyncio.sleep(1)  # as `Retry-After` asks
            if status == HTTPStatus.ACCEPTED:
                self.accepted.add(source)
            else:
                self.refused.append(status or 0)

    async def goes_on(self, posts: int = 5) -> None:
        """Wait until some more posts are accepted."""
        before = len(self.accepted)
        await eventually(
            lambda: len(self.accepted) >= before + posts, explain=lambda: f"{self.unit}: {self.refused[:5]}"
        )


@dataclass
class Broker:
    """A server of the test's own, and what an operator does with its users."""

    nats: Nats
    server: NatsServer

    async def users(self, *options: str) -> None:
        """Change the users as an operator does, and have the server take them up."""
        await ntm("nats", "users", str(self.nats.users), *options)
        os.kill(int((self.nats.directory / "nats-server.pid").read_text()), signal.SIGHUP)

    async def agency(self) -> Client:
        return await nats_client.connect(
            self.nats.url, **login(seed_file(self.nats.users, AGENCY_USER)), max_reconnect_attempts=-1, error_cb=_ignore
        )


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    nats = Nats(tmp_path / "nats", free_port())
    await ntm("nats", "users", str(nats.users), "--agency", AGENCY)
    server = NatsServer(nats.url, Embedded(nats.process(), tmp_path / "nats.log"), nats.users)
    await server.restart()
    yield Broker(nats, server)
    await server.remove()


@pytest.fixture
async def line(broker: Broker, migrated_database_url: str, tmp_path: Path) -> AsyncIterator[Surroundings]:
    """All three services on that server."""
    client = await connect(settings_of(migrated_database_url, broker.server), "tests")
    await prepare_streams(client, None, START)
    async with surroundings(migrated_database_url, client, broker.server, tmp_path, copied) as around:
        for name in ("intake", "scoring", "notify"):
            await around.start(name, **(MAIL if name == "notify" else {}))
        yield around
    await client.close()


async def test_keys_are_renewed_under_a_load_of_posts_without_a_lost_post_or_an_ended_service(
    broker: Broker, line: Surroundings, tmp_path: Path
) -> None:
    intake, *_ = line.services
    key = await line.key("184", agency=AGENCY)
    systems = [await broker.agency()]

    async def by_request(submission: dict[str, Any]) -> int | None:
        try:
            reply = await systems[-1].request(subjects.submit(AGENCY), json.dumps(submission).encode(), timeout=10)
        except (NatsError, OSError):
            return None
        return int((reply.headers or {})[STATUS_HEADER])

    async with intake.client(key) as client, asyncio.TaskGroup() as group:

        async def by_http(submission: dict[str, Any]) -> int:
            return (await client.post("/v1/submissions", json=submission)).status_code

        loads = [Load("06256", by_http), Load("06268", by_http), Load("06274", by_request)]
        senders = [group.create_task(load.run()) for load in loads]
        for round_ in range(2):
            for load in loads:
                await load.goes_on()
            old = [_copy(seed_file(broker.nats.users, name), tmp_path / f"old-{round_}") for name in RENEWED]
            await broker.users(*(option for name in RENEWED for option in ("--renew", name)))
            await eventually(lambda: _all_open(broker, RENEWED))
            for load in loads:
                await load.goes_on()
            systems.append(await broker.agency())  # the agency takes up its new key before the old one is dropped
            await systems[-2].close()
            await broker.users(*(option for name in RENEWED for option in ("--retire", name)))
            for seed in old:
                await eventually(lambda seed=seed: _is_refused(broker, seed))
            for load in loads:
                await load.goes_on()
        for sender in senders:
            sender.cancel()
    for service in line.services:
        assert service.process
        assert service.process.returncode is None, service.log.read_text()
        await eventually(service.is_ready, explain=lambda name=service.name: f"{name} is not ready")
    for load in loads:
        assert load.refused == []
    await systems[-1].close()
    await _all_is_kept_and_told(line, set[str]().union(*(load.accepted for load in loads)))


async def _all_is_kept_and_told(line: Surroundings, accepted: set[str]) -> None:
    kept = {json.loads(message.data)["source_ref"] for message in await line.published(subjects.ALL_SUBMISSIONS)}
    assert accepted <= kept
    js = line.nats.jetstream()
    for service in line.services:
        await eventually(
            lambda name=service.name: has_taken_all(line.nats, name), explain=lambda name=service.name: name
        )
    assert await acknowledged_until(js, subjects.SUBMISSIONS_STREAM, subjects.SCORING_CONSUMER)


def _copy(seed: Path, directory: Path) -> Path:
    directory.mkdir(exist_ok=True)
    (directory / seed.name).write_bytes(seed.read_bytes())
    return directory / seed.name


async def _is_refused(broker: Broker, seed: Path) -> bool:
    try:
        client = await nats_client.connect(broker.nats.url, **login(seed), allow_reconnect=False, error_cb=_ignore)
    except (NatsError, OSError) as error:
        return "authorization" in str(error).lower()
    await client.close()
    return False


async def _all_open(broker: Broker, names: list[str]) -> bool:
    for name in names:
        if await _is_refused(broker, seed_file(broker.nats.users, name)):
            return False
    return True


async def _ignore(_: Exception) -> None: ...
