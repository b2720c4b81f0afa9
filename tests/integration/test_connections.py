"""A service ends its process when the server closes its connection with an error, so that it is started anew."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator

import pytest

from shared.nats.connection import connect
from shared.service.broker import create_broker
from tests.running import settings_of
from tests.servers import NatsServer

# the server takes no control line of more than 4 kB: it says so and hangs up, and nats-py does not come back
TOO_LONG = "a" * 5000


@pytest.fixture
async def terminated() -> AsyncIterator[asyncio.Event]:
    """An event that is set when this process is asked to end."""
    asked, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, asked.set)
    yield asked
    loop.remove_signal_handler(signal.SIGTERM)


async def test_a_connection_that_the_server_closes_ends_the_process(
    nats_server: NatsServer, terminated: asyncio.Event
) -> None:
    connection = await connect(settings_of("postgresql+asyncpg://nowhere", nats_server), "test")
    await connection.publish(TOO_LONG)
    await asyncio.wait_for(terminated.wait(), 60)
    assert connection.is_closed


async def test_a_workers_connection_that_the_server_closes_ends_the_process(
    nats_server: NatsServer, terminated: asyncio.Event
) -> None:
    broker = create_broker(settings_of("postgresql+asyncpg://nowhere", nats_server), "test")
    await broker.start()
    await broker.publish(b"", TOO_LONG)
    await asyncio.wait_for(terminated.wait(), 60)


async def test_who_closes_its_own_connection_goes_on(nats_server: NatsServer, terminated: asyncio.Event) -> None:
    settings = settings_of("postgresql+asyncpg://nowhere", nats_server)
    connection = await connect(settings, "test")
    await connection.close()
    async with create_broker(settings, "test") as broker:
        await broker.start()
    await asyncio.sleep(0.2)
    assert not terminated.is_set()
