"""Mail to servers that are slow, greylist, hang up, refuse, or ask for TLS or a password."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from services.notify.delivery.channels.channel import Result
from services.notify.delivery.channels.email import Email
from services.notify.settings import NotifySettings
from tests.integration.providers import Mailbox, deliver, deliver_and_close
from tests.unit.notify.test_channels import a_notice, some_settings


def mail_settings(port: int, **fields: Any) -> NotifySettings:
    return some_settings(**{"smtp_port": port, "smtp_starttls": False, **fields}).model_copy(
        update={"smtp_host": "127.0.0.1"}
    )


async def test_mails_of_several_batches_share_a_connection() -> None:
    server = Mailbox()
    async with server.serve() as port:
        channel = Email(mail_settings(port))
        for number in range(3):
            [outcome] = await deliver(channel, a_notice(request_id=UUID(int=number)))
            assert outcome.result is Result.SENT
        await channel.close()
    assert len(set(server.ids)) == 3
    assert server.connections == 1


async def test_a_greylisted_mail_goes_out_at_the_next_attempt_under_the_same_id() -> None:
    server = Mailbox(recipient=["451 4.7.1 Greylisted, come again"])
    async with server.serve() as port:
        channel = Email(mail_settings(port))
        first, second = await deliver(channel, a_notice(), a_notice())
        await channel.close()
    assert (first.result, first.ends_address, first.is_gateways) == (Result.TEMPORARY, False, False)
    assert second.result is Result.SENT
    assert len(server.ids) == 1


async def test_a_connection_that_drops_after_the_content_is_repeated_under_the_same_message_id() -> None:
    server = Mailbox(drops=1)
    async with server.serve() as port:
        channel = Email(mail_settings(port))
        first, second = await deliver(channel, a_notice(), a_notice())
        await channel.close()
    assert (first.result, second.result) == (Result.TEMPORARY, Result.SENT)
    assert len(server.ids) == 2
    assert len(set(server.ids)) == 1
    assert server.connections == 2


async def test_a_slow_mail_server_is_tried_again_later_on_another_connection() -> None:
    server = Mailbox(wait_seconds=8)
    async with server.serve() as port:
        channel = Email(mail_settings(port, send_timeout_seconds=2))
        [slow] = await deliver(channel, a_notice())
        server.wait_seconds = 0
        [outcome] = await deliver(channel, a_notice())
        await channel.close()
    assert slow.result is Result.TEMPORARY
    assert outcome.result is Result.SENT
    assert server.connections == 2


@pytest.mark.parametrize("answer", ["banana", "", "-1 minus", "999 beyond", "\x00\x01"])
@pytest.mark.parametrize("to", ["recipient", "content"])
async def test_an_answer_that_is_no_smtp_is_tried_again_later_on_another_connection(answer: str, to: str) -> None:
    server = Mailbox(**{to: [answer]})
    async with server.serve() as port:
        channel = Email(mail_settings(port, send_timeout_seconds=2))
        garbled, following = await deliver(channel, a_notice(), a_notice())
        await channel.close()
    assert (garbled.result, garbled.ends_address) == (Result.TEMPORARY, False)
    assert following.result is Result.SENT
    assert server.connections == 2


@pytest.mark.parametrize(
    ("answer", "ends"),
    [
        ("550 5.1.1 No such user", True),
        ("550 5.2.1 Mailbox disabled", True),
        ("550 No such user here", True),
        ("552 5.2.2 Mailbox full", False),
        ("550 5.7.1 Relaying denied", False),
    ],
)
async def test_an_address_ends_when_the_mailbox_is_gone_and_not_for_other_refusals(answer: str, ends: bool) -> None:
    async with Mailbox(recipient=[answer]).serve() as port:
        outcome = await deliver_and_close(Email(mail_settings(port)), a_notice())
    assert (outcome.result, outcome.ends_address) == (Result.PERMANENT, ends)
    assert answer.split(" ", 1)[1] in outcome.detail


async def test_a_mail_refused_for_its_content_leaves_the_address_and_the_next_mail_alone() -> None:
    async with Mailbox(content=["554 5.6.0 Not this"]).serve() as port:
        channel = Email(mail_settings(port))
        refused, following = await deliver(channel, a_notice(), a_notice())
        await channel.close()
    assert (refused.result, refused.ends_address) == (Result.PERMANENT, False)
    assert following.result is Result.SENT


async def test_nothing_is_sent_in_the_clear_to_a_server_that_offers_no_tls() -> None:
    server = Mailbox()
    async with server.serve() as port:
        outcome = await deliver_and_close(Email(mail_settings(port, smtp_starttls=True)), a_notice())
    assert (outcome.result, outcome.is_gateways) == (Result.TECHNICAL, True)
    assert not server.ids


def knows(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: LoginPassword) -> AuthResult:
    return AuthResult(success=(given.login, given.password) == (b"ntm", b"right"), handled=False)


@pytest.mark.parametrize(
    ("password", "result", "is_gateways"), [("right", Result.SENT, False), ("wrong", Result.TECHNICAL, True)]
)
async def test_a_mail_server_that_wants_a_password(password: str, result: Result, is_gateways: bool) -> None:
    async with Mailbox().serve(authenticator=knows, auth_required=True, auth_require_tls=False) as port:
        settings = mail_settings(port, smtp_username="ntm", smtp_password=password)
        outcome = await deliver_and_close(Email(settings), a_notice())
    assert (outcome.result, outcome.is_gateways) == (result, is_gateways)


async def test_a_mail_server_that_is_away_is_the_gateway_s_failure() -> None:
    async with Mailbox().serve() as port:
        pass
    outcome = await deliver_and_close(Email(mail_settings(port)), a_notice())
    assert (outcome.result, outcome.is_gateways) == (Result.TEMPORARY, True)
