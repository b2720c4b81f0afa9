"""The relay of an outbox publishes what was committed, as it was put or as it is stored."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from services.scoring.storage.tables import OutboxRow
from shared.contracts import subjects
from shared.nats.cloud_events import MESSAGE_ID, Message, cloud_event
from shared.postgres.statements import table_of
from shared.service.outbox import put
from shared.service.runtime import background
from shared.time import utc_now
from tests.interleaving import Pause, engine_of
from tests.running import Surroundings
from tests.runtimes import a_relay
from tests.waiting import eventually

SUBJECT = subjects.parked("scoring")


def a_message() -> Message:
    return cloud_event(SUBJECT, b"{}", event_id=uuid4(), kind="test", source="tests", at=utc_now())


async def published(around: Surroundings) -> list[str]:
    return [(message.headers or {})[MESSAGE_ID] for message in await around.published(SUBJECT)]


async def test_a_relay_publishes_what_was_committed_and_nothing_else(around: Surroundings) -> None:
    relay = a_relay(around)
    undone, kept = a_message(), a_message()
    async with around.engine.connect() as connection:
        await put(connection, OutboxRow, [undone])
        await connection.rollback()
    async with around.engine.begin() as connection:
        await put(connection, OutboxRow, [kept])
    assert await relay.relay() == 1
    assert await relay.relay() == 0
    assert await published(around) == [kept.headers[MESSAGE_ID]]


async def test_what_a_relay_knows_and_what_others_have_stored_go_out_in_order(around: Surroundings) -> None:
    messages = [a_message() for _ in range(6)]
    relay = None
    for number in range(0, 6, 2):
        async with around.engine.begin() as connection:
            await put(connection, OutboxRow, messages[number : number + 2])
        relay = relay or a_relay(around)  # it knows of none that were put before
    assert relay
    assert await relay.relay() == 6
    assert await published(around) == [message.headers[MESSAGE_ID] for message in messages]


async def test_a_message_whose_number_was_given_out_before_is_published_as_it_is_stored(around: Surroundings) -> None:
    relay, outbox = a_relay(around), table_of(OutboxRow)
    lost, stored = a_message(), a_message()
    async with around.engine.begin() as connection:
        await put(connection, OutboxRow, [lost])
    async with around.engine.begin() as connection:  # as if the database had been put back from a copy
        row = {"subject": stored.subject, "body": stored.body.decode(), "headers": stored.headers}
        await connection.execute(outbox.update().values(row))
    assert await relay.relay() == 1
    assert await published(around) == [stored.headers[MESSAGE_ID]]


async def test_a_relay_that_pauses_passes_by_while_another_one_works_and_looks_again(around: Surroundings) -> None:
    early, late = a_message(), a_message()
    async with around.engine.begin() as connection:
        await put(connection, OutboxRow, [early])
    async with engine_of(around.settings, "at work") as engine:
        ending = Pause(engine, "COMMIT")
        working = asyncio.create_task(a_relay(around, engine).relay())
        await ending.reached.wait()
        async with around.engine.begin() as connection:
            await put(connection, OutboxRow, [late])
        passing = a_relay(around, pause_seconds=0.01)
        assert await passing.relay() == 0
        ending.release()
        assert await working == 1
    async with background(passing.run()):

        async def both_are_published() -> bool:
            return await published(around) == [early.headers[MESSAGE_ID], late.headers[MESSAGE_ID]]

        await eventually(both_are_published)
