"""Sending words about troubles to the operators, by mail and by a signed webhook call."""

from __future__ import annotations

import json
from collections.abc import Sequence
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import parseaddr
from typing import Literal
from uuid import UUID

import aiohttp
import aiosmtplib
import structlog

from shared.operations.letter import Told, document, letter
from shared.settings import Settings
from shared.smtp import smtp_client
from shared.time import utc_now
from shared.user_agent import USER_AGENT
from shared.webhook_signature import signed

log = structlog.get_logger()

type Way = Literal["mail", "webhook"]

_SECONDS = 15


class NotSentError(Exception):
    """The mail server, or the webhook's receiver, did not take what operators were to be told."""


def ways(settings: Settings) -> list[Way]:
    """Return the ways by which the operators are told; none where the settings name no operators."""
    named: list[tuple[Way, bool]] = [
        ("mail", bool(settings.operators_mails)),
        ("webhook", settings.operators_webhook is not None),
    ]
    return [way for way, is_named in named if is_named]


async def send(settings: Settings, way: Way, troubles: Sequence[Told], key: UUID) -> None:
    """Tell the operators of troubles by one way. NotSentError where that fails; repeating it keeps the key.

    The key is the mail's Message-ID and the call's `webhook-id`, by which a repetition is known.
    """
    try:
        await (_mail(settings, troubles, key) if way == "mail" else _call(settings, troubles, key))
    except (aiosmtplib.SMTPException, aiohttp.ClientError, OSError, TimeoutError) as error:
        raise NotSentError(f"{way}: {str(error) or type(error).__name__}") from error


async def _mail(settings: Settings, troubles: Sequence[Told], key: UUID) -> None:
    name, address = parseaddr(settings.smtp_from or "")
    sender, written = Address(name, addr_spec=address), letter(troubles)
    mail = EmailMessage(policy=SMTP_POLICY)
    mail["From"] = sender
    mail["To"] = ", ".join(settings.operators_mails)
    mail["Subject"] = written.subject
    mail["Date"] = utc_now()
    mail["Message-ID"] = f"<{key}@{sender.domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail["Content-Language"] = "vi, en"
    mail.set_content(written.text, cte="quoted-printable")
    async with smtp_client(settings, _SECONDS) as client:
        refused, _ = await client.send_message(mail)
    for to, answer in refused.items():  # the others have it
        log.warning("operator's address refused", address=to, answer=str(answer))


async def _call(settings: Settings, troubles: Sequence[Told], key: UUID) -> None:
    now = utc_now()
    secret = settings.operators_webhook_secret
    body = json.dumps({**document(troubles), "timestamp": now.isoformat()}, ensure_ascii=False).encode()
    headers = signed(str(key), int(now.timestamp()), body, (secret.get_secret_value(),) if secret else ())
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_SECONDS)) as client,
        client.post(
            settings.operators_webhook or "",
            data=body,
            headers={"content-type": "application/json", "user-agent": USER_AGENT, **headers},
            allow_redirects=False,
            raise_for_status=True,
        ) as response,
    ):
        if response.status >= 300:
            raise aiohttp.ClientError(f"HTTP {response.status}")
