"""SMS by eSMS (developers.esms.vn): JSON over HTTPS, repetitions dropped by RequestId for 24 hours.

A CodeResult of 100 says that the gateway accepted the message, not that the message arrived.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import aiohttp

from services.notify.alerts.notice import Notice
from services.notify.delivery.channels.channel import Outcome, Result
from services.notify.delivery.channels.http import GATEWAY_SESSIONS, Client, Pooled, answer_object, busy, unreachable
from services.notify.delivery.channels.sms.gateway import DeliveryReport, SmsGateway
from services.notify.delivery.channels.sms.settings import SmsSettings
from services.notify.sms_text import is_plain

_PATH = "/MainService.svc/json/SendMultipleMessage_V4_post_json/"
_CUSTOMER_CARE = "2"

_RESULTS = {
    "100": Result.SENT,
    "124": Result.SENT,  # this RequestId was accepted before: the answer to an earlier attempt was lost
    "99": Result.TEMPORARY,  # "unknown error, try again later"
    "101": Result.TECHNICAL,  # keys
    "102": Result.TECHNICAL,  # account locked, or without a price list
    "103": Result.TECHNICAL,  # balance used up
    "104": Result.TECHNICAL,  # sender's name not registered
    "108": Result.PERMANENT,  # no phone number
    "118": Result.PERMANENT,  # kind of message
    "131": Result.PERMANENT,  # too long
    "140": Result.TECHNICAL,  # this machine's address may not call
    "146": Result.PERMANENT,  # not the template that was registered with the carriers
    "177": Result.TECHNICAL,  # the sender's name is not registered with this carrier
}
_GATEWAYS = {"101", "102", "103", "104", "140"}
_BAD_NUMBER = "108"
_REJECTED = "4"


class Esms(Pooled):
    """The channel that sends SMS by eSMS."""

    def __init__(self, settings: SmsSettings) -> None:
        client = Client(settings.send_timeout_seconds)
        super().__init__(client, GATEWAY_SESSIONS, lambda kept: _EsmsSession(kept, settings))


class _EsmsSession:
    def __init__(self, client: aiohttp.ClientSession, settings: SmsSettings) -> None:
        self._client = client
        self._settings = settings

    async def deliver(self, notice: Notice) -> Outcome:
        """Send one SMS."""
        body = {
            "ApiKey": self._settings.sms_api_key.get_secret_value(),
            "SecretKey": self._settings.sms_secret_key.get_secret_value(),
            "Phone": notice.address.removeprefix("+"),
            "Content": notice.wording.text,
            "Brandname": self._settings.sms_brandname,
            "SmsType": _CUSTOMER_CARE,
            "IsUnicode": "0" if is_plain(notice.wording.text) else "1",
            "RequestId": str(notice.request_id),
        }
        if self._settings.sms_report_url:
            body["CallbackUrl"] = self._settings.sms_report_url
        url = f"{(self._settings.sms_url or '').rstrip('/')}{_PATH}"
        try:
            async with self._client.post(url, json=body, allow_redirects=False) as response:
                return busy(response) or read_answer(response.status, await answer_object(response))
        except (aiohttp.ClientError, TimeoutError) as error:
            return unreachable(error)


def read_answer(status: int, answer: Mapping[str, Any]) -> Outcome:
    """Return the outcome that the gateway's answer means. After an unknown code the notice is tried again."""
    code = str(answer.get("CodeResult", ""))
    if not code:
        result = Result.TECHNICAL if status >= 400 else Result.TEMPORARY
        return Outcome(result, f"HTTP {status} without a CodeResult", is_gateways=True)
    detail = f"CodeResult {code} {answer.get('ErrorMessage') or ''}".strip()
    sms_id = answer.get("SMSID")
    return Outcome(
        _RESULTS.get(code, Result.TEMPORARY),
        detail,
        provider_id=str(sms_id) if sms_id else None,
        ends_address=code == _BAD_NUMBER,
        is_gateways=code in _GATEWAYS,
    )


def read_report(fields: Mapping[str, str]) -> DeliveryReport | None:
    """Read a delivery report (GET or POST), whose `SendSuccess` and `SendFailed` are counts; None for anything else.

    A report may come late, five times, or never; until one of the counts is above 0, the SMS is on its way.
    """
    sms_id = fields.get("SMSID")
    if not sms_id:
        return None
    status = fields.get("SendStatus", "")
    is_delivered: bool | None = None
    if status == _REJECTED or _counts(fields, "SendFailed"):
        is_delivered = False
    elif _counts(fields, "SendSuccess"):
        is_delivered = True
    detail = f"SendStatus {status} {fields.get('ErrorMessage', '')}".strip()
    return DeliveryReport(sms_id, is_delivered, detail, _uuid(fields.get("RequestId", "")))


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _counts(fields: Mapping[str, str], name: str) -> bool:
    return fields.get(name, "").strip("0") != ""


GATEWAY = SmsGateway(
    open_channel=lambda settings: Esms(settings) if settings.sms_url else None,
    read_report=lambda fields, _: read_report(fields),
    needed_settings=("sms_api_key", "sms_brandname", "sms_secret_key"),
)
