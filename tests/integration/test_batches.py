"""A batch stays with the process that works on it, however slow, and comes to another soon when that one is killed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import ConsumerConfig

from shared.contracts import subjects
from shared.nats.consumers import ACK_SECONDS, consumer_config
from shared.nats.streams import ensure_streams
from shared.nats.users import seed_file
from shared.service.batch_processing import process
from shared.service.broker import batches, create_broker, start
from shared.service.proof import Proof
from shared.settings import Settings
from tests.running import settings_of
from tests.servers import TESTER, NatsServer

SUBJECT = subjects.refusal("tests")
NOWHERE = "postgresql+asyncpg://nowhere"


def as_tester(server: NatsServer) -> Settings:
    """Return settings by which a worker may have consumers of any name."""
    return settings_of(NOWHERE, server).model_copy(update={"nats_seed_file": seed_file(server.users, TESTER)})


async def never(message: Msg, reason: str) -> None:
    raise AssertionError(f"parked: {reason}")


async def test_a_batch_that_takes_longer_than_the_server_waits_comes_once(
    nats: Client, nats_server: NatsServer
) -> None:
    await ensure_streams(nats.jetstream())
    begun: list[tuple[str, int]] = []
    done = asyncio.Event()

    async def handle(messages: Sequence[Msg]) -> None:
        begun.extend((message.data.decode(), message.metadata.num_delivered) for message in messages)
        await asyncio.sleep(3 * ACK_SECONDS)

    async def take(messages: list[Msg]) -> None:
        await process(subjects.REFUSALS_STREAM, messages, handle, never, Proof(None, {}))
        done.set()

    workers = [create_broker(as_tester(nats_server), f"worker-{number}") for number in range(2)]
    for worker in workers:
        batches(worker, subjects.ALL_REFUSALS, "slow")(take)
        await start(worker, nats)
    await nats.jetstream().publish(SUBJECT, b"first")
    await asyncio.wait_for(done.wait(), 60)
    await asyncio.sleep(3)
    for worker in workers:
        await worker.stop()
    assert begun == [("first", 1)]


async def test_a_consumer_of_an_earlier_version_takes_over_the_settings(nats: Client, nats_server: NatsServer) -> None:
    await ensure_streams(nats.jetstream())
    await nats.jetstream().pull_subscribe(subjects.ALL_REFUSALS, "old", config=ConsumerConfig(ack_wait=30))
    await nats.jetstream().publish(SUBJECT, b"kept")
    taken: asyncio.Queue[bytes] = asyncio.Queue()
    worker = create_broker(as_tester(nats_server), "worker")

    @batches(worker, subjects.ALL_REFUSALS, "old")
    async def take(messages: list[Msg]) -> None:
        for message in messages:
            await taken.put(message.data)

    await start(worker, nats)
    assert await asyncio.wait_for(taken.get(), 60) == b"kept"
    await worker.stop()
    config = (await nats.jetstream().consumer_info(subjects.REFUSALS_STREAM, "old")).config
    assert config.ack_wait is not None
    assert config.ack_wait < 3


async def test_what_a_killed_process_had_taken_comes_to_another_together(nats: Client, nats_server: NatsServer) -> None:
    """One by one it would take that many rounds until the figures count that lay in a full batch."""
    await ensure_streams(nats.jetstream())
    killed = await nats.jetstream().pull_subscribe(
        subjects.ALL_REFUSALS, "killed", config=consumer_config(subjects.ALL_REFUSALS, "killed")
    )
    sent = [str(number).encode() for number in range(40)]
    for body in sent:
        await nats.jetstream().publish(SUBJECT, body)
    assert len(await killed.fetch(40, timeout=10)) == 40
    taken: list[list[bytes]] = []
    done = asyncio.Event()
    worker = create_broker(as_tester(nats_server), "worker")

    @batches(worker, subjects.ALL_REFUSALS, "killed")
    async def take(messages: list[Msg]) -> None:
        taken.append([message.data for message in messages])
        if sum(map(len, taken)) == len(sent):
            done.set()

    await start(worker, nats)
    await asyncio.wait_for(done.wait(), 60)
    await worker.stop()
    assert sorted(body for batch in taken for body in batch) == sorted(sent)
    assert len(taken) < 10


async def test_a_process_that_stands_still_again_and_again_takes_all_that_is_there_together(
    nats: Client, nats_server: NatsServer
) -> None:
    """As in a container whose share of the processor is used up: what it had not looked at would come again."""
    await ensure_streams(nats.jetstream())
    for number in range(20):
        await nats.jetstream().publish(SUBJECT, f"{number}".encode())
    taken: list[int] = []
    done = asyncio.Event()
    worker = create_broker(as_tester(nats_server), "worker")

    @batches(worker, subjects.ALL_REFUSALS, "halting")
    async def take(messages: list[Msg]) -> None:
        taken.append(len(messages))
        if sum(taken) >= 20:
            done.set()

    async def stand_still() -> None:
        while True:
            time.sleep(0.07)  # noqa: ASYNC251 - nothing else runs meanwhile
            await asyncio.sleep(0)

    await start(worker, nats)
    standing = asyncio.create_task(stand_still())
    await asyncio.wait_for(done.wait(), 60)
    standing.cancel()
    await worker.stop()
    assert taken == [20]
