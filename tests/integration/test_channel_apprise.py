"""Apprise sends notices to a server of the tests that speaks Gotify's protocol."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from pathlib import Path

import pytest
from aiohttp import web

from services.notify.alerts.notice import Notice
from services.notify.contacts.service_urls import is_service
from services.notify.delivery.channels.apprise import Apprise
from services.notify.delivery.channels.channel import Outcome, Result
from tests.integration.providers import deliver_and_close, never, receiving
from tests.unit.notify.test_channels import a_notice, some_settings


async def delivered(channel: Apprise, notice: Notice) -> Outcome:
    """Deliver a notice; once more where the end of the test before has ended the process, as AnyIO does."""
    outcome = await deliver_and_close(channel, notice)
    while outcome.detail == "the process that sends has ended":
        outcome = await deliver_and_close(channel, notice)
    return outcome


@pytest.mark.parametrize(
    ("answers", "result"), [([web.json_response({})], Result.SENT), ([web.Response(status=500)], Result.TEMPORARY)]
)
async def test_a_service_of_apprise_gets_the_subject_and_the_text(answers: list[web.Response], result: Result) -> None:
    async with receiving(*answers) as receiver:
        url = f"gotify://{receiver.url.removeprefix('http://')}/a-token"
        outcome = await delivered(
            Apprise(some_settings(send_timeout_seconds=10, services_allow_private=True)),
            a_notice(channel="apprise", address=url),
        )
    assert outcome.result is result, outcome
    assert len(receiver.bodies) == 1, outcome
    [body] = receiver.bodies
    said = json.loads(body)
    assert (said["title"], said["message"]) == ("Xã Điềm He chậm tiến độ", "Nội dung")
    assert "a-token" not in outcome.detail


async def test_a_service_that_does_not_answer_in_time_is_tried_again() -> None:
    async with receiving(never) as receiver:
        url = f"gotify://{receiver.url.removeprefix('http://')}/a-token"
        outcome = await delivered(
            Apprise(some_settings(send_timeout_seconds=3, services_allow_private=True)),
            a_notice(channel="apprise", address=url),
        )
    assert outcome.result is Result.TEMPORARY


@pytest.mark.parametrize("url", ["dbus://", "syslog://", "windows://", "gnome://", "json://127.0.0.1", "nonsense", ""])
async def test_what_acts_on_this_machine_or_is_no_service_is_refused(url: str) -> None:
    outcome = await delivered(Apprise(some_settings()), a_notice(channel="apprise", address=url))
    assert (outcome.result, outcome.ends_address) == (Result.PERMANENT, True)


INSIDE = [
    "127.0.0.1", "localhost", "10.1.2.3", "[::1]", "169.254.169.254", "[::7f00:1]", "[64:ff9b::7f00:1]",
    "[::ffff:127.0.0.1]", "127.0.0.1.", "0.0.0.0", "[fec0::1]",  # noqa: S104
]  # fmt: skip


@pytest.mark.parametrize("host", INSIDE)
async def test_a_service_inside_our_own_networks_is_refused_unless_it_is_allowed(host: str) -> None:
    async with receiving(web.json_response({})) as receiver:
        port = receiver.url.rpartition(":")[2]
        url = f"gotify://{host}:{port}/a-token"
        outcome = await delivered(Apprise(some_settings()), a_notice(channel="apprise", address=url))
    assert outcome.result is not Result.SENT
    assert receiver.bodies == []


@pytest.mark.parametrize(
    "url",
    [
        "discord://4174216298/{long}?template=http://{place}/x",
        "discord://4174216298/{long}?avatar_url=http://{place}/x",
        "tgram://123456789:abcdefg_hijklmnop/12315544/?image=http://{place}/x",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/?template=http://{place}/x",
        "zulip://bot@127.0.0.1%3A{port}/{short}/x?verify=no",
        "zulip://bot@127.0.0.1%3A{port}/{short}/x",
        "zulip://bot@127.0.0.1:{port}/{short}/x",
        "ntfy://{place}/topic?attach=http://{place}/x",
        "ntfy://a.example.vn@{place}/topic",
        "ntfy://a.example.vn%2F@{place}/topic",
        "matrix://user:pass@{place}/#room?mode=slack",
        "mmost://{place}/{short}",
        "rocket://user:pass@{place}/#channel",
        "nctalk://user:pass@{place}/room",
        "synology://{place}/{short}",
        "gotify://{place}/a-token?redirect=yes&verify=no&cto=900",
        "workflows://{place}/WORKFLOWID/SIGNATURE",
        "GOTIFY://{place}/a-token",
        "xmls://{place}", "form://{place}", "apprise://{place}/{short}", "signal://{place}/+84912345678",
        "pushdeer://{place}/{short}", "bark://{place}/{short}", "hassio://{place}/{short}", "lametric://{place}",
    ],
)  # fmt: skip
async def test_no_service_reaches_this_machine_by_whatever_its_url_says(url: str) -> None:
    async with receiving(*[web.json_response({}) for _ in range(4)]) as receiver:
        place = receiver.url.removeprefix("http://")
        filled = url.format(place=place, port=place.rpartition(":")[2], long="a" * 60, short="a" * 32)
        outcome = await delivered(Apprise(some_settings()), a_notice(channel="apprise", address=filled))
        assert outcome.result is not Result.SENT
        assert receiver.bodies == []


@pytest.mark.parametrize(
    "hidden", ["template=/etc/hostname", "verify=no", "cto=900", "+X-Header=a", "attach=http://a.vn"]
)
@pytest.mark.parametrize(
    "query",
    [
        "{}", "format=text&{}", "format=text;{}", "{};format=text", ";{}", "format=text&amp;{}", "silent=yes;;{}",
        "format=text; {}", "FORMAT=text;{}", "format=text;&{}&overflow=split",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "url",
    [
        f"discord://4174216298/{'a' * 60}", "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/",
        "tgram://123456789:abcdefg_hijklmnop/12315544/", "gotify://chat.example.vn/a-token", "ntfy://a.example.vn/topic",
        "matrix://user:pass@a.example.vn/#room", "zulip://bot@langson.zulipchat.com/" + "a" * 32 + "/canh-bao",
        "workflows://a.example.vn/WORKFLOWID/SIGNATURE", "mmost://a.example.vn/" + "a" * 26,
        "nctalk://user:pass@a.example.vn/room", "rocket://user:pass@a.example.vn/#channel",
    ],
)  # fmt: skip
def test_no_parameter_is_hidden_behind_another(url: str, query: str, hidden: str) -> None:
    """A template is read from this machine's files, and sent to whom the URL names."""
    assert is_service(url)
    assert not is_service(f"{url}?{query.format(hidden)}")
    assert not is_service(f"{url}?{query.format(hidden.replace('t', '%74', 1).replace('v', '%76', 1))}")


@pytest.mark.parametrize(
    "url",
    [
        "tgram://123456789:abcdefg_hijklmnop/12315544/",
        "tgram://123456789:abcdefg_hijklmnop/12315544/?format=text&silent=yes",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#canh-bao",
        f"matrix://{'a' * 64}?mode=t2bot",
        "zulip://bot@langson.zulipchat.com/" + "a" * 32 + "/canh-bao",
        "ntfys://ntfy.langson.example.vn/canh-bao",
        "mmosts://chat.langson.example.vn/" + "a" * 26,
    ],
)
async def test_the_named_services_can_be_used(url: str) -> None:
    assert is_service(url)


async def test_a_name_that_leads_inside_is_refused_at_the_connection() -> None:
    async with receiving(web.json_response({})) as receiver:
        url = f"gotify://localhost:{receiver.url.rpartition(':')[2]}/a-token"
        outcome = await delivered(
            Apprise(some_settings(send_timeout_seconds=20)), a_notice(channel="apprise", address=url)
        )
    assert (outcome.result, outcome.detail) == (Result.PERMANENT, "not a public address")
    assert receiver.bodies == []


async def test_an_answer_byte_by_byte_ends_with_the_deadline_and_leaves_no_process() -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x")
            await asyncio.sleep(0.2)

    settings = some_settings(send_timeout_seconds=8, services_allow_private=True)
    before = set(threading.enumerate())  # other tests of this process leave idle ones
    async with receiving(drip, drip) as receiver:
        url = f"gotify://{receiver.url.removeprefix('http://')}/a-token"
        outcome = await delivered(Apprise(settings), a_notice(channel="apprise", address=url))
    assert (outcome.result, outcome.detail) == (Result.TEMPORARY, "no answer in time")
    threads = [thread.name for thread in threading.enumerate() if thread not in before]
    assert not [name for name in threads if name.startswith("asyncio_")], "no thread of the service waits for it"
    assert b"anyio.to_process" not in children()


def children() -> bytes:
    """Return the command lines of this process's children."""
    mine = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    return b"".join(Path(f"/proc/{child}/cmdline").read_bytes() for child in mine)


@pytest.mark.parametrize("url", ["fcm://project/device?keyfile=http://127.0.0.1/x", "vapid://user:a@example.vn/x"])
async def test_services_that_read_keys_from_elsewhere_are_refused(url: str) -> None:
    assert not is_service(url)
