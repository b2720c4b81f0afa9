"""Apprise sends notices to a server of the tests that speaks Gotify's protocol."""

from __future__ import annotations

import json

import apprise
import pytest
from aiohttp import web

from services.notify.contacts.service_urls import is_service
from services.notify.delivery.channels.apprise import Apprise, _is_inside
from services.notify.delivery.channels.channel import Result
from tests.integration.providers import deliver_and_close, never, receiving
from tests.unit.notify.test_channels import a_notice, some_settings


@pytest.mark.parametrize(
    ("answers", "result"), [([web.json_response({})], Result.SENT), ([web.Response(status=500)], Result.TEMPORARY)]
)
async def test_a_service_of_apprise_gets_the_subject_and_the_text(answers: list[web.Response], result: Result) -> None:
    async with receiving(*answers) as receiver:
        url = f"gotify://{receiver.url.removeprefix('http://')}/a-token"
        outcome = await deliver_and_close(
            Apprise(some_settings(send_timeout_seconds=10, services_allow_private=True)),
            a_notice(channel="apprise", address=url),
        )
    assert outcome.result is result
    [body] = receiver.bodies
    said = json.loads(body)
    assert (said["title"], said["message"]) == ("Xã Điềm He chậm tiến độ", "Nội dung")
    assert "a-token" not in outcome.detail


async def test_a_service_that_does_not_answer_in_time_is_tried_again() -> None:
    async with receiving(never) as receiver:
        url = f"gotify://{receiver.url.removeprefix('http://')}/a-token?rto=1"
        outcome = await deliver_and_close(
            Apprise(some_settings(send_timeout_seconds=0.2, services_allow_private=True)),
            a_notice(channel="apprise", address=url),
        )
    assert outcome.result is Result.TEMPORARY


@pytest.mark.parametrize("url", ["dbus://", "syslog://", "windows://", "gnome://", "json://127.0.0.1", "nonsense", ""])
async def test_what_acts_on_this_machine_or_is_no_service_is_refused(url: str) -> None:
    outcome = await deliver_and_close(Apprise(some_settings()), a_notice(channel="apprise", address=url))
    assert (outcome.result, outcome.ends_address) == (Result.PERMANENT, True)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "10.1.2.3", "[::1]", "169.254.169.254"])
async def test_a_service_inside_our_own_networks_is_refused_unless_it_is_allowed(host: str) -> None:
    async with receiving(web.json_response({})) as receiver:
        port = receiver.url.rpartition(":")[2]
        url = f"gotify://{host}:{port}/a-token"
        outcome = await deliver_and_close(Apprise(some_settings()), a_notice(channel="apprise", address=url))
    assert (outcome.result, outcome.ends_address) == (Result.PERMANENT, False)
    assert receiver.bodies == []


@pytest.mark.parametrize(
    "url",
    [
        "tgram://127000001:abcdefg_hijklmnop/12315544/",
        f"matrix://{'a' * 64}?mode=t2bot",
        f"ntfy://{'a' * 70}",
        "ntfy://localhost",
    ],
)
async def test_a_key_or_a_topic_in_the_hosts_place_is_no_address_inside(url: str) -> None:
    assert not _is_inside(apprise.Apprise.instantiate(url))


async def test_a_service_that_leads_elsewhere_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.notify.delivery.channels.apprise.is_public", lambda _: True)  # as if it were one
    async with receiving(web.json_response({})) as inside:
        moved = web.Response(status=307, headers={"location": inside.url})
        async with receiving(moved) as receiver:
            url = f"gotify://{receiver.url.removeprefix('http://')}/a-token?redirect=yes"
            outcome = await deliver_and_close(Apprise(some_settings()), a_notice(channel="apprise", address=url))
    assert outcome.result is Result.TEMPORARY
    assert (len(receiver.bodies), inside.bodies) == (1, [])


@pytest.mark.parametrize("url", ["fcm://project/device?keyfile=http://127.0.0.1/x", "vapid://user:a@example.vn/x"])
async def test_services_that_read_keys_from_elsewhere_are_refused(url: str) -> None:
    assert not is_service(url)
