"""Zalo's messages by eSMS (developers.esms.vn, `SendZaloMessage_V6`).

Read in its public documents: the fields, code 100 (accepted) and 789 (the Official Account has no such template). Its
reports are those of SMS, at the same address. That it answers a repeated RequestId by 124, as for SMS, is
not verified.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp

from services.notify.alerts.notice import Notice
from services.notify.delivery.channels.channel import Outcome, Result
from services.notify.delivery.channels.http import answer_object, busy, unreachable
from services.notify.delivery.channels.zalo.settings import ZaloSettings
from services.notify.delivery.channels.zalo.template import ZaloTemplate

PATH = "/MainService.svc/json/SendZaloMessage_V6/"
_ACCEPTED, _TRY_AGAIN = {"100", "124"}, {"99", ""}


class ZaloByEsms:
    """A conversation with eSMS about Zalo's messages."""

    def __init__(self, client: aiohttp.ClientSession, settings: ZaloSettings, template: ZaloTemplate) -> None:
        self._client, self._settings, self._template = client, settings, template

    async def deliver(self, notice: Notice) -> Outcome:
        """Send one message. Every refusal is final: an SMS follows."""
        settings = self._settings
        body = {
            "ApiKey": settings.sms_api_key.get_secret_value(),
            "SecretKey": settings.sms_secret_key.get_secret_value(),
            "OAID": settings.zalo_oa_id,
            "Phone": notice.address.removeprefix("+"),
            "TempID": self._template.id,
            "TempData": self._template.filled(notice),
            "RequestId": str(notice.request_id),
            "Sandbox": "0",
        }
        if settings.sms_report_url:
            body["CallbackUrl"] = settings.sms_report_url
        try:
            url = f"{(settings.sms_url or '').rstrip('/')}{PATH}"
            async with self._client.post(url, json=body, allow_redirects=False) as response:
                return busy(response) or read_answer(await answer_object(response))
        except (aiohttp.ClientError, TimeoutError) as error:
            return unreachable(error)


def read_answer(answer: Mapping[str, Any]) -> Outcome:
    """Return the outcome that the gateway's answer means."""
    code = str(answer.get("CodeResult", ""))
    detail = f"CodeResult {code} {answer.get('ErrorMessage') or ''}".strip()
    if code in _ACCEPTED:
        return Outcome(Result.SENT, detail, provider_id=str(answer["SMSID"]) if answer.get("SMSID") else None)
    return Outcome(Result.TEMPORARY if code in _TRY_AGAIN else Result.PERMANENT, detail)
