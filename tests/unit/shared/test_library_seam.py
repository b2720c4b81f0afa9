"""The libraries without our patches, and with them. A library that is mended makes a test here fail.

Then its patch in `shared/nats/library_seam.py` can go, and its test with it.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import subprocess
import sys
import time
import timeit
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import nats.errors
import nkeys
import pytest
from faststream.nats import PullSub
from faststream.nats.subscriber.usecases.stream_pull_subscriber import BatchPullStreamSubscriber
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js import JetStreamContext

from shared.nats import library_seam
from shared.nats.library_seam import PlainServerError, UntriedLibraryError, patch_faststream, patch_nats_py

UNREADABLE = b"MSG a 1 \xff 2\r\n{}\r\n"
READABLE = b"MSG a 1 b 2\r\n{}\r\n"

# run by itself: the tests of this process may have patched the libraries already
_UNPATCHED = """
import asyncio, logging
from tests.unit.shared.test_library_seam import {test}
logging.disable()
asyncio.run({test}())
"""


def without_patches(test: Callable[[], Awaitable[None]]) -> None:
    """Run an asynchronous test in a process of its own, which patches nothing."""
    program = _UNPATCHED.format(test=test.__name__)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


class _Transport:
    """A transport that gives a client the bytes of a server, and then nothing more."""

    def __init__(self, *parts: bytes) -> None:
        self.left = list(parts)
        self.is_empty = asyncio.Event()

    def at_eof(self) -> bool:
        return False

    async def read(self, size: int) -> bytes:
        if self.left:
            return self.left.pop(0)
        self.is_empty.set()
        return await asyncio.Event().wait() or b""


async def _read(*parts: bytes) -> tuple[list[str], _Transport, bool]:
    """Let a client read; return the replies of its messages, the unread bytes, and whether it connects anew."""
    client, taken, is_connecting_anew = Client(), [], []
    transport = _Transport(*parts)
    client._transport = transport  # type: ignore[assignment]

    async def take(message: Msg) -> None:
        taken.append(message.reply)

    async def connect_anew(error: Exception) -> None:
        is_connecting_anew.append(error)

    client._process_op_err = connect_anew  # type: ignore[assignment,method-assign]
    client._status = Client.CONNECTED
    subscription = _subscription(client, take)
    client._subs[1] = subscription
    subscription._start(connect_anew)
    reading = asyncio.create_task(client._read_loop())
    all_read = asyncio.create_task(transport.is_empty.wait())
    await asyncio.wait([reading, all_read], timeout=60, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.sleep(0.3)  # for the subscription, which takes the messages in a task of its own
    for task in (reading, all_read):
        task.cancel()
    subscription._stop_processing()
    return taken, transport, bool(is_connecting_anew)


def _subscription(client: Client, take: Callable[[Msg], Awaitable[None]]) -> Any:
    return Subscription(client, id=1, subject="a", cb=take)


async def unpatched_nats_py_is_deaf_after_an_unreadable_message() -> None:
    taken, transport, is_connecting_anew = await _read(UNREADABLE, READABLE)
    assert taken == []
    assert transport.left == [READABLE]
    assert not is_connecting_anew


def test_nats_py_is_deaf_after_an_unreadable_message() -> None:
    without_patches(unpatched_nats_py_is_deaf_after_an_unreadable_message)


async def test_patched_an_unreadable_message_is_skipped() -> None:
    patch_nats_py()
    taken, transport, is_connecting_anew = await _read(UNREADABLE, READABLE)
    assert taken == ["b"]
    assert transport.left == []
    assert not is_connecting_anew


def _connects_after_renewal() -> tuple[str, str]:
    """Return the public key that a client names, and the one of the seed that its file holds, after a renewal."""
    seeds = [nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER) for _ in range(2)]
    with TemporaryDirectory() as directory:
        file = Path(directory) / "user.nk"
        file.write_bytes(seeds[0])
        client = Client()
        client._nkeys_seed, client._auth_configured, client._server_info = str(file), True, {"nonce": "n"}
        client.options = defaultdict(lambda: None)
        client._setup_nkeys_connect()
        file.write_bytes(seeds[1])
        named = json.loads(client._connect_command().removeprefix(b"CONNECT "))["nkey"]
    return named, nkeys.from_seed(bytearray(seeds[1])).public_key.decode()


async def unpatched_nats_py_names_the_key_before_a_renewal() -> None:
    named, newest = _connects_after_renewal()
    assert named != newest


def test_nats_py_names_the_key_before_a_renewal() -> None:
    without_patches(unpatched_nats_py_names_the_key_before_a_renewal)


def test_patched_the_key_is_the_one_that_signs() -> None:
    patch_nats_py()
    named, newest = _connects_after_renewal()
    assert named == newest


def _asked_for_tls(**server: bool) -> Client:
    """Return a client that was told to use TLS, and what a server says about itself."""
    client = Client()
    client.options = defaultdict(lambda: None, tls=ssl.create_default_context())
    client._server_info = server
    return client


async def unpatched_nats_py_goes_on_without_tls() -> None:
    assert _asked_for_tls(tls_available=True)._connect_command()


def test_nats_py_goes_on_without_tls() -> None:
    without_patches(unpatched_nats_py_goes_on_without_tls)


def test_patched_a_server_without_tls_is_refused() -> None:
    patch_nats_py()
    for server in ({}, {"tls_available": True}, {"tls_required": False}):
        with pytest.raises(PlainServerError):
            _asked_for_tls(**server)._connect_command()
    assert _asked_for_tls(tls_required=True)._connect_command()


HEADERS = b"".join(
    b"%b: %b\r\n" % pair
    for pair in (
        (b"Nats-Msg-Id", b"0c0b9d2e-5f3e-5d6f-9b51-6a3c2f6c1d7e"),
        (b"ce-specversion", b"1.0"),
        (b"ce-id", b"0c0b9d2e-5f3e-5d6f-9b51-6a3c2f6c1d7e"),
        (b"ce-type", b"vn.ntm.submission.accepted.v1"),
        (b"ce-source", b"/ntm/intake"),
        (b"ce-subject", b"ntm.v1.submissions.184.06280"),
        (b"ce-time", b"2023-06-30T08:00:00+00:00"),
        (b"content-type", b"application/json"),
        (b"traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    )
)


async def unpatched_nats_py_takes_its_time_over_headers() -> None:
    theirs, ours = (
        min(timeit.repeat(lambda parse=parse: parse(HEADERS), timer=time.process_time, number=300, repeat=15))  # type: ignore[misc]
        for parse in (Client._parse_header_lines, library_seam._parse_header_lines)
    )
    assert theirs > 1.5 * ours, (theirs, ours)


def test_nats_py_takes_its_time_over_headers() -> None:
    without_patches(unpatched_nats_py_takes_its_time_over_headers)


async def unpatched_nats_py_reads_the_same_headers() -> None:
    for raw in (
        HEADERS,
        b"",
        b"\r\n\r\n",
        b"A:b",
        b"A :\tb \r\n",
        b"no colon\r\nA: b:c\r\n",
        b"\xff: a\r\nB: \xff\r\n",
        b"a b: c",
    ):
        assert Client._parse_header_lines(raw) == library_seam._parse_header_lines(raw), raw


def test_headers_are_read_as_nats_py_reads_them() -> None:
    without_patches(unpatched_nats_py_reads_the_same_headers)


def test_nats_py_cannot_publish_a_batch() -> None:
    assert not [name for name in dir(JetStreamContext) if "batch" in name.lower()]


def test_nats_py_has_no_public_way_to_a_message_with_metadata() -> None:
    with pytest.raises(TypeError):
        Msg(subject="a", metadata=None)  # type: ignore[call-arg]


async def _tasks_started(waiting: int, take: Callable[[Any], Awaitable[object]]) -> int:
    """Return the number of tasks that are started by taking all of some messages that have come already."""
    subscription = Subscription(Client(), id=1, subject="a")
    for _ in range(waiting):
        subscription._pending_queue.put_nowait(Msg(Client(), subject="a"))
    started: list[object] = []

    def start(loop: asyncio.AbstractEventLoop, work: Any, **more: Any) -> asyncio.Task[Any]:
        started.append(work)
        return asyncio.Task(work, loop=loop, **more)

    loop = asyncio.get_running_loop()
    loop.set_task_factory(start)
    try:
        await take(subscription)
    finally:
        loop.set_task_factory(None)
    assert subscription._pending_queue.empty()
    return len(started)


async def test_nats_py_starts_a_task_for_a_message_that_is_there() -> None:
    assert await _tasks_started(1, lambda subscription: subscription.next_msg()) >= 1


async def test_messages_that_are_there_are_taken_without_a_task() -> None:
    async def take(subscription: Any) -> None:
        pulling = SimpleNamespace(_sub=subscription, pending_msgs=2)
        assert len(await library_seam._those_there(pulling, 2)) == 2  # type: ignore[arg-type]

    assert await _tasks_started(2, take) == 0


async def _collect(timeout_seconds: float, nothing_left: type[Exception] = TimeoutError) -> tuple[list[int], float]:
    """Return the sizes of the batches that a subscriber takes when one message is there, and the seconds that it took.

    nats-py raises either error when nothing is left: the plain one where the time is over before the server says so.
    """
    taken: list[int] = []
    there = [SimpleNamespace(metadata=SimpleNamespace(num_pending=0, num_delivered=1))]

    async def fetch(batch: int, timeout: float) -> list[Any]:  # noqa: ASYNC109 - as nats-py's
        if there:
            return [there.pop()]
        await asyncio.sleep(timeout)
        raise nothing_left

    async def consume(messages: list[Any]) -> None:
        taken.append(len(messages))
        subscriber.running = False

    subscriber: Any = SimpleNamespace(
        subscription=SimpleNamespace(fetch=fetch),
        pull_sub=PullSub(batch=True, batch_size=500, timeout=timeout_seconds),
        running=True,
        consume=consume,
    )
    began = time.perf_counter()
    await BatchPullStreamSubscriber._consume_pull(subscriber)
    return taken, time.perf_counter() - began


async def unpatched_faststream_loses_what_it_collected() -> None:
    try:
        await _collect(0.2)
    except TimeoutError:
        return
    raise AssertionError("the loop goes on after a plain TimeoutError")


def test_faststream_loses_what_it_collected_when_nats_py_raises_the_plain_timeout_error() -> None:
    without_patches(unpatched_faststream_loses_what_it_collected)


async def unpatched_faststream_waits_for_more() -> None:
    taken, seconds = await _collect(0.2, nats.errors.TimeoutError)
    assert taken == [1]
    assert seconds > 0.15, seconds


def test_faststream_lets_a_single_message_wait_for_the_whole_timeout() -> None:
    without_patches(unpatched_faststream_waits_for_more)


async def test_patched_a_single_message_is_handed_on_at_once() -> None:
    patch_faststream()
    taken, seconds = await _collect(20)
    assert taken == [1]
    assert seconds < 10


@pytest.mark.parametrize(("library", "patch"), [("nats-py", patch_nats_py), ("faststream", patch_faststream)])
def test_a_newer_library_than_was_tried_is_refused(
    library: str, patch: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library_seam, "version", lambda name: "99.1.2")
    with pytest.raises(UntriedLibraryError, match=rf"{library} 99\.1\.2 is installed; .* was tried with \d+\.\d+"):
        patch()


def test_a_library_without_the_patched_attribute_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    patch_nats_py()
    monkeypatch.delattr(Client, "_parse_header_lines")
    with pytest.raises(
        UntriedLibraryError, match=r"nats-py .* has no Client\._parse_header_lines; .* was tried with 2\.16"
    ):
        patch_nats_py()
