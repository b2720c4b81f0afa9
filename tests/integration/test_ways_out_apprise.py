"""Services of Apprise, by a server of ours that speaks Gotify's protocol."""

from __future__ import annotations

import json

import pytest
from aiohttp import web

from services.notify.channels import Result
from services.notify.channels.apprise import Apprise
from tests.integration.providers import deliver_and_close, never, receiving
from tests.unit.test_notify_channels import a_notice, some_settings


@pytest.mark.parametrize(
    ("answers", "result"), [([web.json_response({})], Result.SENT), ([web.Response(status=500)], Result.TEMPORARY)]
)
async def test_a_service_of_apprise_gets_the_subject_and_the_text(answers: list[web.Response], result: Result) -> None:
    async with receiving(*answers) as receiver:
        url = f"gotify://{receiver.url.removeprefix('http://')}/a-token"
        outcome = await deliver_and_close(
            Apprise(some_settings(send_timeout_seconds=10)), a_notice(channel="apprise", address=url)
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
            Apprise(some_settings(send_timeout_seconds=0.2)), a_notice(channel="apprise", address=url)
        )
    assert outcome.result is Result.TEMPORARY


@pytest.mark.parametrize("url", ["dbus://", "syslog://", "windows://", "gnome://", "json://127.0.0.1", "nonsense", ""])
async def test_what_acts_on_this_machine_or_is_no_service_is_refused(url: str) -> None:
    outcome = await deliver_and_close(Apprise(some_settings()), a_notice(channel="apprise", address=url))
    assert (outcome.result, outcome.ends_address) == (Result.PERMANENT, True)
