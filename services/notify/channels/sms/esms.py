"""SMS by eSMS (developers.esms.vn): JSON over HTTPS, repetitions dropped by RequestId for 24 hours.

Accepted is not delivered: a CodeResult of 100 says that the gateway has the message.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from services.notify.channels import Outcome, Result, Session
from services.notify.notices import Notice
from services.notify.settings import NotifySettings

_PATH = "/MainService.svc/json/SendMultipleMessage_V4_post_json/"
_CUSTOMER_CARE = "2"

_RESULTS = {
    "100": Result.SENT,
    "124": Result.SENT,  # this RequestId was accepted before: the answer to an earlier attempt was lost
    "99": Result.TEMPORARY,  # "unknown error, try again later"
    "101": Result.TECHNICAL,  # keys
    "102": Result.TECHNICAL,  # account locked
    "103": Result.TECHNICAL,  # balance used up
    "104": Result.TECHNICAL,  # sender's name not registered
    "118": Result.PERMANENT,  # kind of message
    "131": Result.PERMANENT,  # too long
    "146": Result.PERMANENT,  # not the template that was registered with the carriers
}


class Esms:
    """The gateway, as a channel."""

    sessions = 8

    def __init__(self, settings: NotifySettings) -> None:
        self._settings = settings
        self._tls = httpx.create_ssl_context()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Session]:
        """A kept-alive connection."""
        async with httpx.AsyncClient(
            base_url=self._settings.sms_url or "", timeout=self._settings.send_timeout_seconds, verify=self._tls
        ) as client:
            yield _EsmsSession(client, self._settings)


class _EsmsSession:
    def __init__(self, client: httpx.AsyncClient, settings: NotifySettings) -> None:
        self._client = client
        self._settings = settings

    async def deliver(self, notice: Notice) -> Outcome:
        """One SMS."""
        body = {
            "ApiKey": self._settings.sms_api_key.get_secret_value(),
            "SecretKey": self._settings.sms_secret_key.get_secret_value(),
            "Phone": notice.address.removeprefix("+"),
            "Content": notice.wording.text,
            "Brandname": self._settings.sms_brandname,
            "SmsType": _CUSTOMER_CARE,
            "IsUnicode": "0",
            "RequestId": str(notice.request_id),
        }
        try:
            response = await self._client.post(_PATH, json=body)
        except httpx.HTTPError as error:
            return Outcome(Result.TEMPORARY, f"{type(error).__name__}: {error}")
        return read_answer(response)


def read_answer(response: httpx.Response) -> Outcome:
    """What the gateway's answer means. An unknown code is tried again: it may be a passing one."""
    if response.status_code == httpx.codes.TOO_MANY_REQUESTS or response.is_server_error:
        return Outcome(Result.TEMPORARY, f"HTTP {response.status_code}", retry_after_seconds=_retry_after(response))
    answer = _json_object(response)
    code = str(answer.get("CodeResult", ""))
    if not code:
        result = Result.TECHNICAL if response.is_client_error else Result.TEMPORARY
        return Outcome(result, f"HTTP {response.status_code} without a CodeResult")
    detail = f"CodeResult {code} {answer.get('ErrorMessage') or ''}".strip()
    sms_id = answer.get("SMSID")
    return Outcome(_RESULTS.get(code, Result.TEMPORARY), detail, provider_id=str(sms_id) if sms_id else None)


def _json_object(response: httpx.Response) -> dict[str, Any]:
    try:
        answer = response.json()
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _retry_after(response: httpx.Response) -> float:
    text = response.headers.get("retry-after", "")
    return float(text) if text.isdecimal() else 0
