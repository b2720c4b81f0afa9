"""Webhooks to receivers that verify them and answer in every way, and the speed at which notices are handed over."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from aiohttp import web
from standardwebhooks import Webhook as Verifier

from services.notify.alerts.notice import Notice, Wording
from services.notify.delivery.channels.channel import Result
from services.notify.delivery.channels.pace import paced
from services.notify.delivery.channels.webhook import Webhook, new_secret
from shared.user_agent import USER_AGENT
from tests.integration.providers import Answer, broken, deliver, deliver_and_close, never, receiving
from tests.unit.notify.test_channels import a_notice, some_settings

EVENT = Wording(json.dumps({"type": "ntm.status.lost", "data": {"name": "Xã Điềm He"}}, ensure_ascii=False))


def a_call(url: str, *secrets: str, **fields: Any) -> Notice:
    return a_notice(channel="webhook", address=url, wording=EVENT, signing_secrets=secrets, **fields)


def open_webhook(**fields: Any) -> Webhook:
    return Webhook(some_settings(webhook_allow_private=True, send_timeout_seconds=3, **fields))


async def test_a_receiver_verifies_the_signature_with_the_new_secret_and_with_the_old_one() -> None:
    new, old = new_secret(), new_secret()
    async with receiving() as receiver:
        outcome = await deliver_and_close(open_webhook(), a_call(f"{receiver.url}/hook?x=%20y", new, old))
    [request], [body] = receiver.requests, receiver.bodies
    for secret in (new, old):
        assert Verifier(secret).verify(body, dict(request.headers)) == json.loads(EVENT.text)
    with pytest.raises(Exception, match="No matching signature"):
        Verifier(new_secret()).verify(body, dict(request.headers))
    assert outcome.result is Result.SENT
    assert request.headers["webhook-id"] == str(a_notice().request_id)
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"] == USER_AGENT
    assert request.path_qs == "/hook?x=%20y"


@pytest.mark.parametrize(
    ("answer", "result", "ends", "wait"),
    [
        (web.Response(status=204), Result.SENT, False, 0),
        (web.Response(status=410), Result.PERMANENT, True, 0),
        (web.Response(status=404, text="no\nsuch  hook"), Result.TEMPORARY, False, 0),
        (web.Response(status=302, headers={"location": "http://127.0.0.1:1/"}), Result.TEMPORARY, False, 0),
        (web.Response(status=429, headers={"retry-after": "120"}), Result.TEMPORARY, False, 120),
        (web.Response(status=503, headers={"retry-after": "9" * 400}), Result.TEMPORARY, False, 3600),
        (
            web.Response(status=503, headers={"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}),
            Result.TEMPORARY,
            False,
            0,
        ),
        (web.Response(status=500, text="x" * 100_000), Result.TEMPORARY, False, 0),
        (never, Result.TEMPORARY, False, 0),
        (broken, Result.TEMPORARY, False, 0),
    ],
    ids=["204", "410", "404", "302", "429", "absurd wait", "past date", "long answer", "no answer", "broken"],
)
async def test_what_a_receiver_answers(answer: web.Response | Answer, result: Result, ends: bool, wait: float) -> None:
    async with receiving(answer) as receiver:
        outcome = await deliver_and_close(open_webhook(), a_call(receiver.url, new_secret()))
    assert (outcome.result, outcome.ends_address, outcome.retry_after_seconds) == (result, ends, wait)
    assert not outcome.is_gateways
    assert len(receiver.requests) == 1
    assert len(outcome.detail) < 2100
    assert "\n" not in outcome.detail


async def test_calls_one_after_the_other_share_a_connection_also_where_the_receiver_says_something() -> None:
    async with receiving(*(web.Response(text="taken") for _ in range(4))) as receiver:
        channel = open_webhook()
        notices = [a_call(receiver.url, request_id=UUID(int=number)) for number in range(2)]
        await deliver(channel, *notices)
        await deliver(channel, *notices)
        await channel.close()
    assert len(receiver.requests) == 4
    assert len(receiver.ports) == 1


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "[::1]",
        "localhost",
        "[::ffff:127.0.0.1]",
        "169.254.169.254",
        "10.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "[::7f00:1]",
        "[64:ff9b::7f00:1]",
    ],
)
async def test_a_subscriber_cannot_make_us_call_into_private_networks(host: str) -> None:
    async with receiving() as receiver:
        port = urlsplit(receiver.url).port
        channel = Webhook(some_settings(send_timeout_seconds=5))
        outcome = await deliver_and_close(channel, a_call(f"https://{host}:{port}/"))
    assert (outcome.result, outcome.ends_address) == (Result.PERMANENT, True)
    assert not receiver.requests


@pytest.mark.parametrize(
    "url",
    [
        "http://example.vn/", "ftp://example.vn/", "https://a@example.vn/", "x", "https://[/", "https://xn--/",
        "https://example.vn/a\r\nx: y", "https://example.vn/\x00", "https://exam ple.vn/", "https://example.vn/a b",
        "https://example.vn\\@127.0.0.1/", "https://example.vn:99999/", "https://\u202eexample.vn/",
    ],
)  # fmt: skip
async def test_what_is_no_https_address_is_not_called(url: str) -> None:
    outcome = await deliver_and_close(Webhook(some_settings()), a_call(url))
    assert (outcome.result, outcome.ends_address) == (Result.PERMANENT, True)


async def test_names_that_take_long_keep_no_other_channel_from_resolving_names(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve, may_end = socket.getaddrinfo, threading.Event()

    def slowly(host: str, *others: Any, **options: Any) -> Any:
        if host.startswith("slow-"):
            may_end.wait(60)
            raise socket.gaierror(socket.EAI_AGAIN, "no answer")
        return resolve(host, *others, **options)

    monkeypatch.setattr(socket, "getaddrinfo", slowly)
    channel = Webhook(some_settings(send_timeout_seconds=30))
    calls = [asyncio.create_task(deliver(channel, a_call(f"https://slow-{number}.vn/"))) for number in range(40)]
    try:
        await asyncio.sleep(0.5)
        assert await asyncio.wait_for(asyncio.get_running_loop().getaddrinfo("localhost", 25), 20)
        assert not any(call.done() for call in calls)
    finally:
        may_end.set()
        for call in calls:
            [outcome] = await call
            assert outcome.result is Result.TEMPORARY
        await channel.close()


async def test_a_rate_is_held_over_all_sessions() -> None:
    async with receiving() as receiver:
        channel = paced(open_webhook(), 0.1)
        async with channel.open() as first, channel.open() as second:
            await first.deliver(a_call(receiver.url))
            waiting = asyncio.create_task(second.deliver(a_call(receiver.url)))
            await asyncio.wait([waiting], timeout=0.2)
            assert not waiting.done()
            waiting.cancel()
        await channel.close()
    assert len(receiver.requests) == 1


def test_no_more_sessions_are_open_than_have_their_turn_within_an_attempt() -> None:
    assert [paced(open_webhook(), rate).sessions for rate in (0.1, 2, 100, None)] == [1, 20, 64, 64]
