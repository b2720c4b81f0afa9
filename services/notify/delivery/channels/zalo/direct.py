"""Zalo's messages directly: the business message template API, with access tokens that notify renews.

Read in several public clients of it, not in Zalo's own documents: the addresses, the fields, `error` 0 for an accepted
message and -124 or -216 for a token that has ended, the call of a message that arrived, and that a refresh token is
good for one renewal. That Zalo drops a repeated `tracking_id` is nowhere said: a message may come twice after a crash.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import aiohttp

from services.notify.alerts.notice import Notice
from services.notify.delivery.channels.channel import Outcome, Result
from services.notify.delivery.channels.http import answer_object, busy, unreachable
from services.notify.delivery.channels.sms.gateway import DeliveryReport
from services.notify.delivery.channels.zalo.settings import ZaloSettings
from services.notify.delivery.channels.zalo.template import ZaloTemplate
from services.notify.delivery.channels.zalo.tokens import NotRenewedError, Tokens

PATH = "/message/template"
_TOKEN_ENDED = {-124, -216}


class ZaloDirectly:
    """A conversation with Zalo."""

    def __init__(
        self, client: aiohttp.ClientSession, settings: ZaloSettings, template: ZaloTemplate, tokens: Tokens
    ) -> None:
        self._client, self._settings, self._template, self._tokens = client, settings, template, tokens

    async def deliver(self, notice: Notice) -> Outcome:
        """Send one message; where the access token has ended, renew it and send once more. Every refusal is final."""
        try:
            token = await self._tokens.current(self._client)
            outcome = await self._send(notice, token)
            if outcome is None:
                outcome = await self._send(notice, await self._tokens.renewed(self._client, token))
        except NotRenewedError as error:
            return Outcome(Result.TECHNICAL, str(error))
        except (aiohttp.ClientError, TimeoutError) as error:
            return unreachable(error)
        return outcome or Outcome(Result.TECHNICAL, "the renewed access token is refused")

    async def _send(self, notice: Notice, token: str) -> Outcome | None:
        """Return the outcome of a request; None where Zalo says that the token has ended."""
        body = {
            "phone": notice.address.removeprefix("+"),
            "template_id": self._template.id,
            "template_data": self._template.filled(notice),
            "tracking_id": str(notice.request_id),
        }
        url = f"{self._settings.zalo_url.rstrip('/')}{PATH}"
        headers = {"access_token": token}
        async with self._client.post(url, json=body, headers=headers, allow_redirects=False) as response:
            if response.status == 401:
                return None
            answer = await answer_object(response)
            return busy(response) or (None if answer.get("error") in _TOKEN_ENDED else read_answer(answer))


def read_answer(answer: Mapping[str, Any]) -> Outcome:
    """Return the outcome that Zalo's answer means."""
    error = answer.get("error")
    detail = f"error {error} {answer.get('message') or ''}".strip()
    if error == 0:
        data = answer.get("data")
        message = data.get("msg_id") if isinstance(data, dict) else None
        return Outcome(Result.SENT, detail, provider_id=str(message) if message else None)
    return Outcome(Result.TEMPORARY if error is None else Result.PERMANENT, detail)


def read_report(fields: Mapping[str, Any]) -> DeliveryReport | None:
    """Read Zalo's call about a message that arrived; None for its calls about anything else."""
    try:
        message = json.loads(fields.get("message", ""))
    except ValueError:
        return None
    if (
        fields.get("event_name") != "user_received_message"
        or not isinstance(message, dict)
        or not message.get("msg_id")
    ):
        return None
    return DeliveryReport(str(message["msg_id"]), is_delivered=True, detail="user_received_message")


def is_signed(body: bytes, signature: str, settings: ZaloSettings) -> bool:
    """Say whether Zalo signed a call: SHA-256 of the app's id, the body, its timestamp and the account's secret.

    Without the secret in the settings nothing is checked beside the token in the address.
    """
    secret = settings.zalo_oa_secret.get_secret_value()
    if not secret:
        return True
    try:
        timestamp = str(json.loads(body)["timestamp"])
    except (ValueError, LookupError, TypeError):
        return False
    digest = sha256(settings.zalo_app_id.encode() + body + timestamp.encode() + secret.encode()).hexdigest()
    return hmac.compare_digest(digest.encode(), signature.removeprefix("mac=").lower().encode())
