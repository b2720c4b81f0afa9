"""SMS by SpeedSMS (speedsms.vn): JSON over HTTPS with the access token as user name.

The gateway knows no id of ours, so it cannot recognise a repetition: where its answer is lost after it took the message
(a timeout, a broken connection, a process killed before it recorded the attempt), the next attempt sends another SMS.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import aiohttp

from services.notify.alerts.notice import Notice
from services.notify.delivery.channels.channel import Outcome, Result
from services.notify.delivery.channels.http import GATEWAY_SESSIONS, Client, Pooled, answer_object, busy, unreachable
from services.notify.delivery.channels.sms.gateway import DeliveryReport, SmsGateway
from services.notify.delivery.channels.sms.settings import SmsSettings

_PATH = "/index.php/sms/send"
_BRANDNAME = 3

_FAILURES = {
    "007": Result.TECHNICAL,  # this address may not call
    "008": Result.TECHNICAL,  # account locked
    "009": Result.TECHNICAL,  # account without right
    "101": Result.TECHNICAL,  # parameters
    "105": Result.PERMANENT,  # no valid phone
    "110": Result.PERMANENT,  # content
    "113": Result.PERMANENT,  # too long
    "300": Result.TECHNICAL,  # balance used up
    "500": Result.TEMPORARY,
}
_BAD_NUMBER = "105"


class SpeedSms(Pooled):
    """The channel that sends SMS by SpeedSMS."""

    def __init__(self, settings: SmsSettings) -> None:
        client = Client(settings.send_timeout_seconds)
        super().__init__(client, GATEWAY_SESSIONS, lambda kept: _SpeedSmsSession(kept, settings))


class _SpeedSmsSession:
    def __init__(self, client: aiohttp.ClientSession, settings: SmsSettings) -> None:
        self._client, self._settings = client, settings

    async def deliver(self, notice: Notice) -> Outcome:
        """Send one SMS."""
        body = {
            "to": [notice.address.removeprefix("+")],
            "content": notice.wording.text,
            "sms_type": _BRANDNAME,
            "sender": self._settings.sms_brandname,
        }
        token = b64encode(f"{self._settings.sms_api_key.get_secret_value()}:x".encode()).decode()
        headers = {"Authorization": f"Basic {token}"}
        url = f"{(self._settings.sms_url or '').rstrip('/')}{_PATH}"
        try:
            async with self._client.post(url, json=body, headers=headers, allow_redirects=False) as response:
                return busy(response) or read_answer(response.status, await answer_object(response))
        except (aiohttp.ClientError, TimeoutError) as error:
            return unreachable(error)


def read_answer(status: int, answer: Mapping[str, Any]) -> Outcome:
    """Return the outcome that the gateway's answer means. After an unknown code the notice is tried again."""
    code, data = str(answer.get("code", "")), answer.get("data")
    if answer.get("status") == "success" and isinstance(data, dict):
        if data.get("invalidPhone"):
            return Outcome(Result.PERMANENT, "invalid phone", ends_address=True)
        price = data.get("totalPrice")
        cost = int(price) if isinstance(price, int | float) else None
        return Outcome(Result.SENT, f"code {code}", provider_id=str(data.get("tranId") or "") or None, cost_dong=cost)
    otherwise = Result.TECHNICAL if status >= 400 and not code else Result.TEMPORARY
    result = _FAILURES.get(code, otherwise)
    detail = f"HTTP {status} code {code} {answer.get('message') or ''}".strip()
    return Outcome(result, detail, ends_address=code == _BAD_NUMBER, is_gateways=result is Result.TECHNICAL or not code)


def read_report(fields: Mapping[str, Any]) -> DeliveryReport | None:
    """Read a delivery report (POST): status 0 is delivered, 1 to 63 on its way, from 64 on failed."""
    if fields.get("type") != "report" or not fields.get("tranId"):
        return None
    try:
        status = int(fields.get("status", ""))
    except (TypeError, ValueError):
        return None
    is_delivered = True if status == 0 else None if status < 64 else False
    return DeliveryReport(str(fields["tranId"]), is_delivered, f"status {status}")


GATEWAY = SmsGateway(
    open_channel=lambda settings: SpeedSms(settings) if settings.sms_url else None,
    read_report=lambda fields, _: read_report(fields),
    needed_settings=("sms_api_key", "sms_brandname"),
)
