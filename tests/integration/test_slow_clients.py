"""Clients that begin a request and do not go on are let go; those that are only slow are waited for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import uvicorn
from fastapi import FastAPI, Request
from starlette.requests import ClientDisconnect

from deploy.local.system import free_port
from deploy.local.uvicorn_options import UVICORN_ENV
from shared.http import deadlines
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
