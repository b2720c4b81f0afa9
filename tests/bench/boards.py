"""Open boards on one scoring process: `make bench` or `python -m tests.bench.boards [--seconds 60]`.

200 boards follow `GET /v1/changes/live` while 500 changes a second are published. Five of them read nothing meanwhile:
they are more than 5,000 changes behind in the end, are told so (`reset`), read the list and go on. A board whose
connection the service has closed, which it does when nobody reads for long, connects again as a browser does. It fails
where a board in the end does not have every change of the API once and in order, gets more than two frames a second,
or the memory grows too far.

The processor's time is given by process. What following costs is the difference to the same rate without boards.
Beside it stands the raw limit: the same bytes to as many connections by a bare `transport.write`.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import re
import socket
import statistics
import tempfile
import time
from array import array
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from services.cli.migrate import prepare
from services.scoring.storage.changes import newest_number
from shared.access.agency_keys import Terms, add_key
from shared.access.caller import EVERYTHING
from tests.bench.memory import Watch
from tests.bench.usage import Programs
from tests.changes import a_status_change
from tests.ports import free_port
from tests.publishing import publish_all
from tests.running import START, Service, Surroundings, settings_of, surroundings
from tests.servers import start_nats, start_postgres
from tests.waiting import eventually

SLOW = 5
SINGLES = 10
A_SECOND = 10
"""Transactions a second by which changes are published."""
LIMIT_MEGABYTES = 100
MEGABYTE = 2**20

_ID = re.compile(rb"^id: (\d+)$", re.MULTILINE)
_CHANGE = re.compile(rb'\{"number":(\d+),"id":"([0-9a-f-]{36})"')


class Changes:
    """The changes that a board knows of, in the order in which it heard of them."""

    def __init__(self) -> None:
        self.numbers = array("q")
        self._ids = hashlib.sha256()

    def add(self, found: Iterable[tuple[int, bytes]]) -> None:
        """Add changes by number and id."""
        for number, own_id in found:
            self.numbers.append(number)
            self._ids.update(own_id)

    @property
    def digest(self) -> str:
        """A digest of the ids in their order."""
        return self._ids.hexdigest()


class Board(asyncio.Protocol):
    """A page that follows the changes, at next to no cost of its own."""

    def __init__(self, port: int, key: str, after: int) -> None:
        self._port, self._key, self._raw, self._event = port, key, bytearray(), bytearray()
        self._in_body = self._is_over = False
        self._transport: asyncio.Transport | None = None
        self._again: asyncio.Task[None] | None = None
        self.known = Changes()
        self.after = after
        """The number of the event behind which it goes on."""
        self.frames = array("d")
        """When each frame was there."""
        self.reset = asyncio.Event()
        """It was told to read the lists again, and does not read on until it did (`read_on`)."""
        self.bytes = 0
        self._opened: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def connect(self, buffer: int | None = None) -> None:
        """Follow the changes, where it is given by a connection of which the system keeps so many bytes at hand."""
        loop = asyncio.get_running_loop()
        self._opened, self._in_body = loop.create_future(), False
        self._raw.clear()
        self._event.clear()
        connected = socket.socket()
        connected.setblocking(False)
        if buffer is not None:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        await loop.sock_connect(connected, ("127.0.0.1", self._port))
        await loop.create_connection(lambda: self, sock=connected)
        assert (await self._opened).startswith(b"HTTP/1.1 200"), await self._opened

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        asked = f"GET /v1/changes/live?after={self.after} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {self._key}"
        transport.write(f"{asked}\r\n\r\n".encode())

    def data_received(self, data: bytes) -> None:
        self._raw += data
        if not self._in_body:
            head, separator, _ = self._raw.partition(b"\r\n\r\n")
            if not separator:
                return
            self._opened.set_result(bytes(head))
            del self._raw[: len(head) + 4]
            self._in_body = True
        while not self.reset.is_set() and self._take_chunk():
            pass

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._opened.done():
            self._opened.set_exception(ConnectionError("closed"))
        elif not self._is_over:
            self._again = asyncio.create_task(self.connect())

    def _take_chunk(self) -> bool:
        """Take one chunk of the body out of what has come, and the event that ends in it."""
        if (head := self._raw.find(b"\r\n")) < 0:
            return False
        begin, size = head + 2, int(self._raw[:head], 16)
        if len(self._raw) < begin + size + 2:
            return False
        self._event += memoryview(self._raw)[begin : begin + size]
        self.bytes += size
        del self._raw[: begin + size + 2]
        if self._event.endswith(b"\n\n"):
            self._take_event()
            self._event.clear()
        return True

    def _take_event(self) -> None:
        if self._event.startswith(b"event: changes"):
            self.frames.append(time.perf_counter())
            self.known.add((int(number), own_id) for number, own_id in _CHANGE.findall(self._event))
        elif self._event.startswith(b"event: reset"):
            self.reset.set()
        if found := _ID.search(self._event):
            self.after = int(found[1])

    def look_away(self) -> None:
        """Read nothing, as a computer that sleeps."""
        assert self._transport
        self._transport.pause_reading()

    def look_again(self) -> None:
        """Read on."""
        assert self._transport
        self._transport.resume_reading()

    def read_on(self) -> None:
        """Go on behind the lists that were read."""
        self.reset.clear()
        self.data_received(b"")

    def close(self) -> None:
        self._is_over = True
        if self._transport:
            self._transport.close()


async def listed(service: Service, key: str, behind: int, until: int | None = None) -> list[tuple[int, bytes]]:
    """The changes behind a number as `GET /v1/changes` lists them, in order."""
    found: list[tuple[int, bytes]] = []
    cursor = None if until is None else until + 1
    async with service.client(key) as client:
        while True:
            query: dict[str, Any] = {"limit": 5000} | ({} if cursor is None else {"cursor": cursor})
            page = (await client.get("/v1/changes", params=query, timeout=120)).raise_for_status().json()
            assert not page["unreadable"], page["unreadable"]
            found += [(item["number"], item["id"].encode()) for item in page["items"] if item["number"] > behind]
            cursor = page["next"]
            if cursor is None or cursor <= behind:
                return found[::-1]


async def publish_for(around: Surroundings, seconds: float, rate: int) -> float:
    """Publish so many changes a second; return the rate that was reached."""
    every, each = 1 / A_SECOND, rate // A_SECOND
    count = int(seconds * A_SECOND)
    started = time.perf_counter()
    for number in range(count):
        if (wait := started + number * every - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        await publish_all(around, *(a_status_change() for _ in range(each)))
    return count * each / (time.perf_counter() - started)


@asynccontextmanager
async def open_boards(service: Service, key: str, count: int, after: int) -> AsyncIterator[list[Board]]:
    """Open so many boards, each behind the same change."""
    boards = [Board(service.port, key, after) for _ in range(count)]
    try:
        for place, board in enumerate(boards):
            # the system would hold thousands of changes for a board that does not read
            await board.connect(2**16 if place < SLOW else None)
        yield boards
    finally:
        for board in boards:
            board.close()


async def reads_the_list(board: Board, service: Service, key: str, after: int) -> None:
    """Read the changes up to where a board was told to go on, and go on."""
    newest = board.known.numbers[-1] if board.known.numbers else after
    board.known.add(await listed(service, key, newest, board.after))
    board.read_on()


async def all_at(last: int, boards: Sequence[Board]) -> None:
    """Wait until each board has heard of a change, or was told to read the lists again."""

    def others() -> list[tuple[int, int]]:
        return [(board.after, board.bytes) for board in boards if board.after != last and not board.reset.is_set()]

    await eventually(lambda: not others(), 120, lambda: f"{last}: {others()[:5]}")


async def one_by_one(around: Surroundings, boards: Sequence[Board]) -> list[float]:
    """Publish single changes, the others at rest; return the seconds until each board had each."""
    seconds = []
    for number in range(SINGLES):
        await asyncio.sleep(1 + 0.1 * number)  # at any moment between two looks
        heard = [len(board.frames) for board in boards]
        await publish_all(around, a_status_change())
        began = time.perf_counter()
        await eventually(lambda heard=heard: all(len(b.frames) > n for b, n in zip(boards, heard, strict=True)))  # type: ignore[misc]
        seconds += [board.frames[-1] - began for board in boards]
    return seconds


async def measure(around: Surroundings, seconds: float, count: int, rate: int) -> list[str]:
    """Measure and print; return what does not hold."""
    key = await add_key(around.engine, "bench", "bench", ["20"], [EVERYTHING], Terms(rate_per_minute=1_000_000))
    scoring = await around.start("scoring", NTM_LOG_FORMAT="json")
    assert scoring.process
    programs = Programs(scoring)
    await publish_for(around, 2, rate)
    await listed(scoring, key, 0)

    before = programs.usage()
    alone_rate = await publish_for(around, min(seconds, 20), rate)
    await asyncio.sleep(2)
    alone = programs.usage().since(before)
    alone_changes = int(min(seconds, 20) * A_SECOND) * (rate // A_SECOND)
    print(
        f"published without boards: {alone_rate:,.0f} changes/s (asked: {rate}); a change takes "
        f"{1000 * alone.services / alone_changes:.2f} ms of scoring, {1000 * alone.postgres / alone_changes:.2f} ms of "
        f"PostgreSQL, {1000 * alone.broker / alone_changes:.2f} ms of NATS",
        flush=True,
    )

    async with scoring.client(key) as client:
        after = (await client.get("/v1/changes", params={"limit": 1})).json()["live_after"]
    watch = Watch(scoring.process.pid)
    watching = asyncio.create_task(watch.run())
    async with open_boards(scoring, key, count, after) as boards:
        before, started = programs.usage(), time.perf_counter()
        for board in boards[:SLOW]:
            board.look_away()
        reached = await publish_for(around, seconds, rate)
        changes, published = int(seconds * A_SECOND) * (rate // A_SECOND), time.perf_counter()
        async with around.engine.connect() as connection:
            last = await newest_number(connection)
        await all_at(last, boards[SLOW:])
        drained = time.perf_counter() - published
        for board in boards[:SLOW]:
            board.look_again()
        await all_at(last, boards)
        took, lasted = programs.usage().since(before), time.perf_counter() - started
        rss = watch.peak - watch.first

        frames = sum(len(board.frames) for board in boards)
        most = max(len(board.frames) / (board.frames[-1] - board.frames[0]) for board in boards[SLOW:])
        following = took.services - alone.services * changes / alone_changes
        sent = sum(board.bytes for board in boards)
        lost = [board for board in boards if board.reset.is_set()]
        raw = raw_frames(count, int(sent / frames))
        print(
            f"{count} boards, {changes:,} changes: {reached:,.0f} changes/s; the last was on each board "
            f"{drained:.1f} s after its transaction; {frames:,} frames of {sent / frames / 1000:,.0f} kB, at most "
            f"{most:.2f} a second (under 2.05); {len(lost)} boards were told to read the lists again\n"
            f"  scoring took {took.services:.1f} s of the processor in {lasted:.0f} s, following {following:.1f} s of "
            f"it: {1000 * following / changes:.2f} ms a change, {1000 * following / frames:.3f} ms a frame; raw "
            f"transport.write: {1000 * raw:.3f} ms a frame\n"
            f"  others: PostgreSQL {took.postgres:.1f} s, NATS {took.broker:.1f} s, the boards and what publishes "
            f"{took.own:.1f} s; memory {watch.first / MEGABYTE:.0f} MB before, {rss / MEGABYTE:+.0f} MB at most "
            f"(under {LIMIT_MEGABYTES})",
            flush=True,
        )
        for board in lost:
            await reads_the_list(board, scoring, key, after)
        await all_at(last, boards)
        wanted = Changes()
        wanted.add(await listed(scoring, key, after))
        wrong = [
            f"board {place} has not every change once and in order"
            for place, board in enumerate(boards)
            if (board.known.numbers, board.known.digest) != (wanted.numbers, wanted.digest)
        ]
        wrong += [f"{most:.2f} frames a second"] if most > 2.05 else []
        wrong += [f"memory grew by {rss / MEGABYTE:.0f} MB"] if rss >= LIMIT_MEGABYTES * MEGABYTE else []
        waits = await one_by_one(around, boards)
        print(
            f"a single change, nothing else published: on the boards after {statistics.median(waits):.2f} s, "
            f"on the last one after {max(waits):.2f} s of {SINGLES} changes (under 1)",
            flush=True,
        )
    watching.cancel()
    await asyncio.wait([watching])
    return wrong


def raw_frames(count: int, size: int, frames: int = 10) -> float:
    """Return the seconds of the processor for a frame of so many bytes by a bare server, to so many connections."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    port = free_port()
    child = context.Process(target=_serve_raw, args=(theirs, port, count, size, frames))
    child.start()
    ours.recv()
    reader = context.Process(target=_read_raw, args=(port, count, size * frames))
    reader.start()
    seconds: float = ours.recv()
    child.join()
    reader.join()
    return seconds / (count * frames)


def _serve_raw(pipe: Connection, port: int, count: int, size: int, frames: int) -> None:
    async def serve() -> float:
        writers: list[asyncio.StreamWriter] = []
        body = b"x" * size
        server = await asyncio.start_server(lambda _, writer: writers.append(writer), "127.0.0.1", port)
        pipe.send("ready")
        while len(writers) < count:  # noqa: ASYNC110 - it has to cost nothing
            await asyncio.sleep(0.01)
        began = time.process_time()
        for _ in range(frames):
            for writer in writers:
                writer.write(body)
            await asyncio.gather(*(writer.drain() for writer in writers))
        for writer in writers:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for writer in writers))
        server.close()
        return time.process_time() - began

    pipe.send(asyncio.run(serve()))


def _read_raw(port: int, count: int, size: int) -> None:
    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        left = size
        while left > 0 and (found := await reader.read(2**18)):
            left -= len(found)
        writer.close()

    async def everyone() -> None:
        await asyncio.gather(*(one() for _ in range(count)))

    asyncio.run(everyone())


async def main(seconds: float, count: int, rate: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        server, postgres = await start_nats(directory, embedded=True), await start_postgres(directory, embedded=True)
        url = await postgres.create_database()
        nats = await server.connect()
        try:
            await prepare(settings_of(url, server), START)
            async with surroundings(url, nats, server, directory) as around:
                wrong = await measure(around, seconds, count, rate)
        finally:
            await nats.close()
            await server.remove()
            await postgres.remove()
    raise SystemExit("; ".join(wrong) or 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--boards", type=int, default=200)
    parser.add_argument("--rate", type=int, default=500)
    asked = parser.parse_args()
    asyncio.run(main(asked.seconds, asked.boards, asked.rate))
