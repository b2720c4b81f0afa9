"""Intake while the broker, the database or intake itself fails: a receipt stands for one message on the stream, and a
sender without a receipt hears soon that intake did not accept the submission."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import psutil
import pytest
from sqlalchemy import text

from services.intake.admission.messages import REQUEST_HEADER
from shared.access.agency_keys import Terms, add_key
from shared.access.caller import EVERYTHING
from shared.contracts import subjects
from tests.builders import a_posted_submission
from tests.http_client import http_client
from tests.running import Service, Surroundings
from tests.servers import NatsServer, PostgresServer
from tests.waiting import eventually

pytestmark = pytest.mark.timeout(300)

CLIENTS = 300
PATIENCE_SECONDS = 30
"""Far more than an answer takes, far less than a client would wait."""


@pytest.fixture
async def key(around: Surroundings) -> str:
    return await add_key(around.engine, "storm", "storm", ["184"], [EVERYTHING], Terms(rate_per_minute=1_000_000))


@dataclass
class Storm:
    """Single posts by many clients at once, each under an `Idempotency-Key` of its own, and the answers to them."""

    service: Service
    key: str
    receipts: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The receipts by `Idempotency-Key`."""
    unanswered: set[str] = field(default_factory=set)
    refused: Counter[int] = field(default_factory=Counter)
    without_retry_after: int = 0

    async def blow(self, names: list[str]) -> None:
        """Post once for each name, all at the same time."""
        await asyncio.gather(*(self._post(name) for name in names))

    async def _post(self, name: str) -> None:
        headers = {"Authorization": f"Bearer {self.key}", "Idempotency-Key": name}
        try:
            # a client for each post: one pool of 1,500 connections looks through all of them for each request
            async with http_client(self.service.url, seconds=PATIENCE_SECONDS) as client:
                item = a_posted_submission(source_ref=name)
                answer = await client.post("/v1/submissions", json=item, headers=headers)
        except httpx.TimeoutException:
            raise AssertionError("no answer") from None
        except httpx.TransportError:
            self.unanswered.add(name)
            return
        if answer.status_code == 202:
            receipt = answer.json()
            assert self.receipts.setdefault(name, receipt) == receipt, "another receipt than before"
            return
        self.refused[answer.status_code] += 1
        self.without_retry_after += "retry-after" not in answer.headers


def names(what: str, count: int = CLIENTS) -> list[str]:
    return [f"{what}-{number}" for number in range(count)]


async def on_the_stream(around: Surroundings) -> dict[str, list[str]]:
    """Return the ids of the stored submissions by their request's `Idempotency-Key`."""
    found: dict[str, list[str]] = {}
    for message in await around.published(subjects.ALL_SUBMISSIONS):
        name = (message.headers or {})[REQUEST_HEADER]
        found.setdefault(name, []).append(json.loads(message.data)["id"])
    return found


async def holds_its_promises(around: Surroundings, storm: Storm, sent: list[str]) -> None:
    """Check that each receipt stands for one message, and that clients who send everything again get all receipts."""
    stored = await on_the_stream(around)
    for name, receipt in storm.receipts.items():
        assert stored[name] == [receipt["id"]]

    async def all_received() -> bool:
        await storm.blow([name for name in sent if name not in storm.receipts])
        return len(storm.receipts) == len(sent)

    await eventually(all_received, seconds=120)
    await storm.blow(sent)
    assert await on_the_stream(around) == {name: [storm.receipts[name]["id"]] for name in sent}


async def until_it_is_ready(service: Service) -> None:
    await eventually(service.is_ready, seconds=60)


async def test_posts_that_come_together_go_out_together_and_each_gets_its_own_receipt(
    around: Surroundings, intake: Service, key: str
) -> None:
    storm, sent = Storm(intake, key), names("together")
    await storm.blow(sent)
    assert len({receipt["id"] for receipt in storm.receipts.values()}) == CLIENTS
    js = around.nats.jetstream()
    stored = [(await js.get_msg(subjects.SUBMISSIONS_STREAM, 1 + n)).headers or {} for n in range(CLIENTS)]
    batches = [headers.get("Nats-Batch-Id", f"alone {number}") for number, headers in enumerate(stored)]
    assert len(set(batches)) < CLIENTS / 2
    for _, batch in itertools.groupby(stored, key=lambda headers: headers.get("Nats-Batch-Id")):
        numbers = [headers.get("Nats-Batch-Sequence") for headers in batch]
        assert numbers[0] is None or numbers == [str(number) for number in range(1, len(numbers) + 1)]
    assert await on_the_stream(around) == {name: [storm.receipts[name]["id"]] for name in sent}


@pytest.mark.parametrize("what", ["broker", "database"])
async def test_while_the_broker_or_the_database_stands_still_nobody_gets_a_receipt_or_waits_for_ever(
    around: Surroundings, intake: Service, key: str, nats_server: NatsServer, postgres_server: PostgresServer, what: str
) -> None:
    assert intake.process
    process = psutil.Process(intake.process.pid)
    server = nats_server if what == "broker" else postgres_server
    storm = Storm(intake, key)
    await storm.blow(["before"])
    before = process.memory_info().rss
    rounds = [names(f"still-{number}") for number in range(2)]
    await server.freeze()
    try:
        for sent in rounds:
            await storm.blow(sent)
            assert set(storm.receipts) == {"before"}
            assert not storm.unanswered
    finally:
        await server.thaw()
    assert set(storm.refused) <= {429, 503}
    assert storm.without_retry_after == 0
    assert process.memory_info().rss - before < 50 * 1024 * 1024
    await until_it_is_ready(intake)
    await holds_its_promises(around, storm, ["before", *itertools.chain(*rounds)])


async def test_while_the_database_refuses_a_query_every_door_asks_to_come_again(
    around: Surroundings, intake: Service, key: str
) -> None:
    """As one on a disk that can only be read refuses all of them: it says that a right is lacking."""

    async def renamed(name: str, new: str) -> None:
        async with around.engine.begin() as connection:
            await connection.execute(text(f"ALTER TABLE intake.submission RENAME COLUMN {name} TO {new}"))

    file = b"unit;period;households;poor_households\n06280;2023-06;1204;131\n"
    async with intake.client(key) as client:

        async def answers() -> list[httpx.Response]:
            one, lines = a_posted_submission(), {"Content-Type": "application/x-ndjson"}
            return [
                await client.post("/v1/submissions", json=one),
                await client.post("/v1/submissions", content=json.dumps(one), headers=lines),
                await client.post("/v1/uploads", content=file),
                await client.post("/v1/uploads?dry_run=true", content=file),
            ]

        sound = await answers()
        await renamed("sequence", "gone")
        refused = await answers()
        await renamed("gone", "sequence")
        assert [answer.status_code for answer in await answers()] == [answer.status_code for answer in sound]
    assert [answer.text for answer in refused if "unavailable" not in answer.text] == []


async def test_who_waits_when_intake_has_to_end_is_asked_to_come_again(
    around: Surroundings, intake: Service, key: str, nats_server: NatsServer
) -> None:
    async def posted(**form: Any) -> httpx.Response:
        async with intake.client(key) as client:
            return await client.post("/v1/submissions", timeout=PATIENCE_SECONDS, **form)

    await nats_server.freeze()
    try:
        waiting = [
            asyncio.create_task(posted(json=a_posted_submission(source_ref="one"))),
            asyncio.create_task(posted(json=[a_posted_submission(source_ref="of an array")])),
        ]
        await asyncio.sleep(1)
        await intake.stop()
        answers = await asyncio.gather(*waiting)
    finally:
        await nats_server.thaw()
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(503, "unavailable")] * 2
    assert all(answer.headers["retry-after"] for answer in answers)


async def test_when_more_comes_than_may_wait_the_rest_is_asked_to_come_again(
    around: Surroundings, intake: Service, key: str, nats_server: NatsServer
) -> None:
    async def array(number: int) -> httpx.Response:
        items = [a_posted_submission(source_ref=f"{number}-{place}") for place in range(1000)]
        async with intake.client(key) as client:
            return await client.post("/v1/submissions", json=items, timeout=PATIENCE_SECONDS)

    await nats_server.freeze()
    try:
        answers = await asyncio.gather(*(array(number) for number in range(16)))
    finally:
        await nats_server.thaw()
    assert {answer.json()["code"] for answer in answers} == {"busy", "unavailable"}
    assert all(answer.headers["retry-after"] for answer in answers)
    await until_it_is_ready(intake)
    again = [await array(number) for number in range(3)]
    assert [answer.json()["accepted"] for answer in again] == [1000] * 3


async def kill_the_broker(server: NatsServer, _intake: Service) -> None:
    await server.kill()
    await asyncio.sleep(0.5)
    await server.restart()


async def kill_intake(_server: NatsServer, intake: Service) -> None:
    await intake.kill()
    await intake.start()


@pytest.mark.parametrize("harm", [kill_the_broker, kill_intake], ids=lambda harm: harm.__name__)
async def test_a_kill_in_the_middle_of_a_storm_loses_and_doubles_no_receipt(
    around: Surroundings,
    intake: Service,
    key: str,
    nats_server: NatsServer,
    harm: Callable[[NatsServer, Service], Awaitable[None]],
) -> None:
    storm = Storm(intake, key)
    sent = names("storm", 1500)
    waves = [asyncio.create_task(storm.blow(sent[start::5])) for start in range(5)]
    await eventually(lambda: has_stored(around, 200))
    await harm(nats_server, intake)
    await asyncio.gather(*waves)
    assert set(storm.refused) <= {429, 503}
    assert storm.without_retry_after == 0
    await until_it_is_ready(intake)
    await holds_its_promises(around, storm, sent)


async def has_stored(around: Surroundings, count: int) -> bool:
    return await around.stored(subjects.SUBMISSIONS_STREAM) >= count


async def test_a_kill_of_the_database_in_the_middle_of_a_storm_loses_and_doubles_no_receipt(
    around: Surroundings, intake: Service, key: str, postgres_server: PostgresServer
) -> None:
    storm = Storm(intake, key)
    sent = names("database", 1500)
    waves = [asyncio.create_task(storm.blow(sent[start::5])) for start in range(5)]
    await eventually(lambda: has_stored(around, 200))
    await postgres_server.kill()
    await asyncio.gather(*waves)
    await postgres_server.restart()
    assert set(storm.refused) <= {429, 503}
    assert storm.without_retry_after == 0
    await until_it_is_ready(intake)
    await holds_its_promises(around, storm, sent)


async def test_what_got_its_receipt_before_a_kill_is_found_afterwards(
    around: Surroundings, intake: Service, key: str
) -> None:
    storm, sent = Storm(intake, key), names("found")
    await storm.blow(sent)
    await intake.kill()
    await intake.start()

    async def all_found() -> bool:
        async with intake.client(key) as client:
            found = [await client.get(f"/v1/submissions/{one['id']}") for one in storm.receipts.values()]
        assert {answer.status_code for answer in found} <= {200, 503}
        return all(answer.status_code == 200 for answer in found)

    await eventually(all_found, seconds=100)
