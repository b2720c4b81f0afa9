"""A name server that changes its answer between check and call: a webhook's host leads inside all of a sudden."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch
from uuid import uuid4

from services.notify.delivery.channels.channel import Result
from services.notify.delivery.channels.webhook import Webhook
from tests.faults.kind import Kind
from tests.faults.schedule import Fault
from tests.faults.site import Site
from tests.integration.providers import deliver_and_close
from tests.unit.notify.test_channels import a_notice, some_settings

_PUBLIC, _PRIVATE = "192.0.0.9", "127.0.0.1"
"""The public one is an anycast address (RFC 7723) to which no network routes anything."""

_ANSWERS = {
    "public first": ([_PUBLIC], [_PRIVATE]),
    "private first": ([_PRIVATE], [_PUBLIC]),
    "both": ([_PUBLIC, _PRIVATE], [_PRIVATE, _PUBLIC]),
}
_CALLS = 5


async def change_answers(site: Site, fault: Fault) -> None:
    """Call webhooks whose host has another address at each question; none may reach this machine."""
    reached = 0

    async def take(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal reached
        reached += 1
        writer.close()

    inside = await asyncio.start_server(take, _PRIVATE, 0)
    port = inside.sockets[0].getsockname()[1]
    host = f"{uuid4().hex}.example.vn"
    try:
        with _answering(host, _ANSWERS[fault.part]):
            for _ in range(_CALLS):
                channel = Webhook(some_settings(send_timeout_seconds=1))  # anew: an earlier one remembers the answer
                notice = a_notice(channel="webhook", address=f"https://{host}:{port}/")
                outcome = await deliver_and_close(channel, notice)
                assert outcome.result is not Result.SENT, outcome
    finally:
        inside.close()
    assert not reached, f"a name that changed its address led {reached} calls inside"


@contextmanager
def _answering(host: str, answers: tuple[list[str], ...]) -> Iterator[None]:
    """Answer questions for a host with these addresses in turn."""
    turns, ask = itertools.cycle(answers), socket.getaddrinfo

    def answer(name: Any, port: Any, *about: Any, **more: Any) -> Any:
        if name != host:
            return ask(name, port, *about, **more)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in next(turns)]

    with patch.object(socket, "getaddrinfo", answer):
        yield


KINDS = {"names change": Kind(tuple(_ANSWERS), (0, 0), change_answers)}
