"""A stream is read in order, once, without a consumer."""

from __future__ import annotations

from nats.aio.client import Client
from nats.js.api import StreamConfig

from shared.nats.stream_reader import read_stream

COUNT = 4_500


async def filled(nats: Client) -> None:
    js = nats.jetstream()
    await js.add_stream(StreamConfig(name="FILLED", subjects=["filled.>"], allow_direct=True))
    for number in range(1, COUNT + 1):
        await nats.publish(f"filled.{'odd' if number % 2 else 'even'}.{number % 7}", str(number).encode())
    await nats.flush()
    while (await js.stream_info("FILLED")).state.last_seq < COUNT:
        pass


async def read(nats: Client, subject: str, after: int = 0) -> list[int]:
    numbers = []
    async for batch in read_stream(nats, "FILLED", subject, after):
        assert batch
        for message in batch:
            assert message.metadata.sequence.stream == int(message.data)
            numbers.append(int(message.data))
    return numbers


async def test_the_messages_of_a_subject_or_a_family_come_in_order_and_each_once(nats: Client) -> None:
    await filled(nats)
    everything = list(range(1, COUNT + 1))
    assert await read(nats, "filled.>") == everything
    assert await read(nats, "filled.odd.>") == everything[::2]
    assert await read(nats, "filled.even.2") == [number for number in everything if number % 2 == 0 and number % 7 == 2]
    assert await read(nats, "filled.>", after=4_321) == everything[4_321:]
    assert await read(nats, "filled.>", after=COUNT) == []
    assert await read(nats, "filled.none.>") == []
    assert not await nats.jetstream().consumers_info("FILLED")


async def test_deleted_messages_are_passed_over_also_at_the_end(nats: Client) -> None:
    await filled(nats)
    for number in (1, 2_000, COUNT):
        await nats.jetstream().delete_msg("FILLED", number)
    assert await read(nats, "filled.>") == [number for number in range(1, COUNT + 1) if number not in (1, 2_000, COUNT)]
