"""Patches of nats-py and FastStream, and uses of their private attributes: all of them stand in this module.

Each says why it is needed, and which issue of the library is about it. `tests/unit/shared/test_library_seam.py` shows
what the libraries do without the patches: a test there fails once a library is mended, and then its patch can go.
When a newer library than the tried ones is installed the patches refuse to be applied: run those tests, then widen
the range here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import Error as JetStreamError

if TYPE_CHECKING:
    from faststream.nats.subscriber.usecases.stream_pull_subscriber import BatchPullStreamSubscriber

log = structlog.get_logger()

_TRIED = {"nats-py": ((2, 16), (2, 16)), "faststream": ((0, 7), (0, 7))}
"""The first and the last version of each library with which the patches were tried."""

_ANSWER_SECONDS = 5
"""The time after which the server is taken to be away, where it says no more what it has."""

_process_msg = Client._process_msg
_connect_command = Client._connect_command


class PlainServerError(NatsError):
    """A server speaks without TLS, where the settings ask for it."""

    def __str__(self) -> str:
        return "the server does not demand TLS, as NTM_NATS_URL (tls://…) or NTM_NATS_CA_FILE does"


class UntriedLibraryError(RuntimeError):
    """A library is installed with which the patches of this module were not tried."""


def patch_nats_py() -> None:
    """Patch nats-py's client class, since FastStream makes its own connections. Patching again changes nothing."""
    _check("nats-py", Client, "_process_msg", "_parse_header_lines", "_send_command", "_connect_command")
    _check("nats-py", Client, "_setup_nkeys_seed_connect")
    _check("nats-py", Msg, "_metadata")
    Client._process_msg = _process_or_skip  # type: ignore[assignment,method-assign]
    Client._connect_command = _connect_as_told  # type: ignore[assignment,method-assign]
    Client._parse_header_lines = staticmethod(_parse_header_lines)  # type: ignore[method-assign]


def patch_faststream() -> None:
    """Patch FastStream's subscriber that takes messages in batches. Patching again changes nothing."""
    # imported here: commands that only connect to NATS would load FastStream for nothing
    from faststream.nats.subscriber.usecases.stream_pull_subscriber import BatchPullStreamSubscriber

    _check("faststream", BatchPullStreamSubscriber, "_consume_pull")
    BatchPullStreamSubscriber._consume_pull = _consume_promptly  # type: ignore[assignment,method-assign]


def _check(library: str, owner: type, *attributes: str) -> None:
    """Raise UntriedLibraryError when the library's version was not tried, or has none of these attributes any more."""
    (first, last), installed = _TRIED[library], version(library)
    tried = " to ".join(".".join(map(str, end)) for end in dict.fromkeys((first, last)))
    if not first <= tuple(int(part) for part in installed.split(".")[:2]) <= last:
        raise UntriedLibraryError(f"{library} {installed} is installed; {__name__} was tried with {tried}")
    for attribute in attributes:
        if not hasattr(owner, attribute):
            raise UntriedLibraryError(
                f"{library} {installed} has no {owner.__name__}.{attribute}; {__name__} was tried with {tried}"
            )


async def _process_or_skip(client: Client, *parts: Any) -> None:
    """Skip a message whose headers or reply subject are unreadable, without an answer to its sender.

    nats-py stops reading at the first such message and says nothing, so that anybody who may publish could make a
    service deaf. About its read loop: https://github.com/nats-io/nats.py/pull/914.
    """
    try:
        await _process_msg(client, *parts)
    except (ValueError, LookupError) as error:
        log.warning("message not readable", error=f"{type(error).__name__}: {error}"[:200])


def _connect_as_told(client: Client) -> bytes:
    """Refuse a server without TLS where TLS was asked for, and name the public key of the seed that is there now.

    nats-py uses TLS where the server demands it, and otherwise says everything openly, whatever context it was given:
    who stands between could take the server's demand away. https://github.com/nats-io/nats.py/pull/912 mends that in
    its successor. And it signs by the seed that it reads at each connection, which may have been renewed, but names
    the public key that it read first: after a renewal it would never connect again. No issue was found about that.
    """
    if client.options.get("tls") and not client._server_info.get("tls_required"):
        raise PlainServerError
    if client._nkeys_seed:
        client._setup_nkeys_seed_connect()
    return _connect_command(client)


def _parse_header_lines(raw: bytes) -> dict[str, str]:
    """Return what nats-py returns for a message's headers, in a third of the time: it looks at each letter of a name.

    No issue was found; https://github.com/nats-io/nats.py/pull/431 was about the parser before it.
    """
    headers = {}
    for line in raw.decode("utf-8", "replace").split("\r\n"):
        name, colon, value = line.partition(":")
        name = name.strip()
        if colon and name.isascii() and len(name.split()) == 1:
            headers[name] = value.strip()
    return headers


async def _consume_promptly(subscriber: BatchPullStreamSubscriber) -> None:
    """Fetch messages and hand on at once those that are there, up to the size of a batch.

    FastStream collects for the whole timeout, so that a single message waits for it. Where nats-py raises the plain
    TimeoutError, FastStream ends its loop and loses what it collected: it catches the subclass in `nats.errors` only.
    It collects on purpose: https://github.com/ag2ai/faststream/issues/2219; no issue was found about the other fault.
    """
    assert subscriber.subscription is not None  # noqa: S101 - FastStream subscribes before it starts the loop
    while subscriber.running:
        try:
            messages = await subscriber.subscription.fetch(1, timeout=subscriber.pull_sub.timeout)
        except TimeoutError:
            continue
        except (NatsError, JetStreamError) as error:
            log.warning("nothing to fetch", error=str(error) or type(error).__name__)
            await asyncio.sleep(0.5)
            await _bind_again(subscriber)
            continue
        # of those that come again, as all that a killed process had taken, the first does not say how many they are
        if (first := messages[0].metadata).num_pending or first.num_delivered > 1:
            messages += await _those_there(subscriber.subscription, subscriber.pull_sub.batch_size - 1)
        if subscriber.running:
            await subscriber.consume(messages)


async def _those_there(subscription: JetStreamContext.PullSubscription, most: int) -> list[Msg]:
    """Return the messages that a consumer has now, at most so many.

    nats-py would collect them until a time is over, also where the server has no more to give. A process that stood
    still that long, as in a container whose share of a processor is used up, would leave most of them in its memory,
    and work on the first few: the others come again, to another process, before it has come to them.
    """
    messages: list[Msg] = []
    if (asked := most - subscription.pending_msgs) > 0:
        request = f'{{"batch":{asked},"no_wait":true}}'.encode()
        await subscription._nc.publish(subscription._nms, request, subscription._deliver)
    with suppress(NatsError, TimeoutError):  # what came is worked on, and what is lost comes again
        while len(messages) < most:
            message = _message_there(subscription._sub) or await subscription._sub.next_msg(_ANSWER_SECONDS)
            if JetStreamContext.is_status_msg(message):
                break
            messages.append(message)
    return messages


def _message_there(subscription: Subscription) -> Msg | None:
    """Return the next message that has come already; None where none has.

    nats-py would start a task for it and a time to wait, which takes longer than everything else about its reading.
    """
    if subscription._pending_queue.empty():
        return None
    message = subscription._pending_queue.get_nowait()
    subscription._pending_size -= len(message.data)
    subscription._pending_queue.task_done()
    return message


async def _bind_again(subscriber: BatchPullStreamSubscriber) -> None:
    """Find the consumer again, or make it anew where somebody deleted it; a consumer that is there stays as it is."""
    with suppress(NatsError, JetStreamError, TimeoutError):
        subscriber.subscription = await subscriber.jetstream.pull_subscribe(
            subject=subscriber.subject.broker_address, config=subscriber.config, **subscriber.extra_options
        )


async def send_commands(nats: Client, commands: bytes) -> None:
    """Send commands of the NATS protocol as they are.

    nats-py cannot publish an atomic batch: it takes the empty answer to each message but the last for broken JSON
    (https://github.com/nats-io/nats.py/issues/811), and has no public way to send what it did not write itself.
    """
    await nats._send_command(commands)


def received_message(
    nats: Client, subject: str, data: bytes, headers: Mapping[str, str] | None, metadata: Msg.Metadata
) -> Msg:
    """Return a message as a subscription of this client would receive it.

    nats-py makes messages only of bytes that it reads, and takes their metadata from the reply subject; no issue was
    found.
    """
    kept = None if headers is None else dict(headers)
    return Msg(_client=nats, subject=subject, data=data, headers=kept, _metadata=metadata)
