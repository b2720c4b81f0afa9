"""Clients that do not go on, or ask for more than a server can hold, are let go; slow ones are waited for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import uvicorn
from fastapi import FastAPI, Request
from starlette.requests import ClientDisconnect

from deploy.local.uvicorn_options import UVICORN_ENV
from shared.http import deadlines
from tests.ports import free_port
from tests.waiting import eventually

HEAD = b"POST /count HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n"


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines that a test can wait for."""
    for name, seconds in {
        "HEAD_SECONDS": 0.5,
        "BODY_SECONDS": 0.5,
        "UNREAD_SECONDS": 0.5,
        "_LOOK_SECONDS": 0.05,
    }.items():
        monkeypatch.setattr(deadlines, name, seconds)
    monkeypatch.setattr(deadlines, "BODY_BYTES", 10)
    monkeypatch.setattr(deadlines, "INCOMPLETE_PER_ADDRESS", 3)
    monkeypatch.setattr(deadlines, "CONNECTIONS_PER_ADDRESS", 5)


@pytest.fixture
async def server(short: None) -> AsyncIterator[uvicorn.Server]:
    app = FastAPI()
    app.state.left = 0

    @app.post("/count")
    async def count(request: Request) -> int:
        try:
            return len(await request.body())
        except ClientDisconnect:
            app.state.left += 1
            raise

    @app.get("/slow")
    async def slow() -> str:
        await asyncio.sleep(2)
        return "done"

    @app.get("/quick")
    async def quick() -> str:
        return "done"

    @app.get("/large")
    async def large() -> str:
        return "x" * 50_000_000

    config = uvicorn.Config(app, port=free_port(), http=UVICORN_ENV["UVICORN_HTTP"], log_level="error")
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    await eventually(lambda: server.started)
    yield server
    server.should_exit = True
    await running


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def of(cls, server: uvicorn.Server) -> Client:
        return cls(*await asyncio.open_connection("127.0.0.1", server.config.port))

    async def send(self, *parts: bytes, pause: float = 0) -> None:
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()
            await asyncio.sleep(pause)

    async def answer(self) -> bytes:
        """Return all that comes until the server closes the connection; nothing where it cut it."""
        try:
            return await asyncio.wait_for(self.reader.read(), 30)
        except ConnectionResetError:
            return b""


async def test_a_connection_without_a_request_is_closed(server: uvicorn.Server) -> None:
    assert (await (await Client.of(server)).answer()).startswith(b"HTTP/1.1 408 ")


async def test_half_a_head_is_not_waited_for_however_it_drips(server: uvicorn.Server) -> None:
    client = await Client.of(server)
    dripping = asyncio.create_task(client.send(*(b"GET / HTTP/1.1\r\n", *[b"x: y\r\n"] * 1000), pause=0.1))
    answer = await client.answer()  # which the system throws away where more drips in after it
    assert not answer or answer.startswith(b"HTTP/1.1 408 ")
    dripping.cancel()


@pytest.mark.parametrize("body", [[], [b"a"] * 1000])
async def test_a_body_that_does_not_come_is_not_waited_for(server: uvicorn.Server, body: list[bytes]) -> None:
    client = await Client.of(server)
    dripping = asyncio.create_task(client.send(HEAD % 5000, *body, pause=0.2))
    assert await client.answer() == b""
    dripping.cancel()
    assert server.config.loaded_app.app.state.left == 1  # the handler hears of it, and its work ends


async def test_a_slow_body_that_goes_on_is_taken(server: uvicorn.Server) -> None:
    client = await Client.of(server)
    await client.send(HEAD % 120, *[b"0123456789"] * 12, pause=0.25)
    assert b"\r\n\r\n120" in await client.reader.readuntil(b"120")


async def test_an_answer_may_take_long_and_an_idle_connection_is_kept(server: uvicorn.Server) -> None:
    client = await Client.of(server)
    for _ in range(2):
        await client.send(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n")
        await asyncio.wait_for(client.reader.readuntil(b'"done"'), 30)
        await asyncio.sleep(2)


async def test_an_answer_that_nobody_reads_is_given_up(server: uvicorn.Server) -> None:
    client = await Client.of(server)
    await client.send(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n")
    await eventually(lambda: not server.server_state.connections)


async def test_an_address_keeps_only_so_many_requests_waiting(server: uvicorn.Server) -> None:
    clients = [await Client.of(server) for _ in range(4)]
    assert (await clients[3].answer()).startswith(b"HTTP/1.1 503 ")
    await clients[0].send(HEAD % 2, b"ab")
    assert await clients[0].reader.readuntil(b"\r\n\r\n2")
    assert (await (await Client.of(server)).answer()).startswith(b"HTTP/1.1 408 ")  # the place was free again


QUICK = b"GET /quick HTTP/1.1\r\nhost: x\r\n\r\n"


@pytest.mark.parametrize("path", ["slow", "quick", "large"])
async def test_a_client_that_sends_requests_ahead_without_end_is_cut_off(server: uvicorn.Server, path: str) -> None:
    client = await Client.of(server)
    with suppress(ConnectionError):
        await client.send(QUICK.replace(b"quick", path.encode()) * (102))
        await client.reader.read()
    await eventually(lambda: not server.server_state.connections)


async def test_some_requests_ahead_are_answered_in_their_order(server: uvicorn.Server) -> None:
    client = await Client.of(server)
    await client.send(*[HEAD % size + b"a" * size for size in range(10, 60)])
    for size in range(10, 60):
        assert (await client.reader.readuntil(b"\r\n\r\n%d" % size)).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("line", [b"x: y\r\n", b"y" * 1000])
async def test_a_head_without_end_is_not_read(server: uvicorn.Server, line: bytes) -> None:
    client = await Client.of(server)
    with suppress(ConnectionError):
        await client.send(b"GET /quick HTTP/1.1\r\nhost: x\r\nx: ", *[line * 1000] * 1000)
    answer = await client.answer()  # which the system throws away where more comes after it
    assert not answer or answer.startswith(b"HTTP/1.1 431 ")
    await eventually(lambda: not server.server_state.connections)


async def test_a_long_head_and_a_long_body_are_read(server: uvicorn.Server) -> None:
    client = await Client.of(server)
    head = (HEAD % 2_000_000).replace(b"host: x", b"host: x\r\nx: " + b"y" * 40_000)
    for _ in range(2):
        await client.send(head + b"a" * 2_000_000)
        assert (await client.reader.readuntil(b"\r\n\r\n2000000")).startswith(b"HTTP/1.1 200")


async def test_a_new_connection_ends_the_one_of_its_address_that_was_idle_for_longest(server: uvicorn.Server) -> None:
    clients = [await Client.of(server) for _ in range(2)]
    for client in (*clients, *clients[:1]):
        await client.send(QUICK)
        await client.reader.readuntil(b'"done"')
    working = [await Client.of(server) for _ in range(3)]
    for client in working:
        await client.send(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n")
    await eventually(lambda: len(server.server_state.tasks) == 3)
    new = await Client.of(server)
    await new.send(QUICK)
    await new.reader.readuntil(b'"done"')
    assert await clients[1].answer() == b"", "the first one has had a request since"
    await clients[0].send(QUICK)
    await clients[0].reader.readuntil(b'"done"')
    for client in working:
        await client.reader.readuntil(b'"done"')


async def test_an_address_that_only_works_gets_no_more_connections(server: uvicorn.Server) -> None:
    working = []
    for _ in range(5):
        working.append(await Client.of(server))
        await working[-1].send(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n")
        await eventually(lambda: len(server.server_state.tasks) == len(working))
    assert (await (await Client.of(server)).answer()).startswith(b"HTTP/1.1 503 ")
    for client in working:
        await client.reader.readuntil(b'"done"')
