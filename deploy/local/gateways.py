"""The SMS gateways of the postbox: the public HTTP contracts of eSMS and SpeedSMS over one outbox."""

from __future__ import annotations

import binascii
import hmac
import re
from base64 import b64decode
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deploy.local.outbox import Outbox

SMS_PATH = "/MainService.svc/json/SendMultipleMessage_V4_post_json/"
SPEEDSMS_PATH = "/index.php/sms/send"
BODY_BYTES = 64_000
GSM_CHARACTERS, UNICODE_CHARACTERS = 3 * 153, 3 * 67
"""The longest message that a gateway takes here: three parts."""

_MOBILE = re.compile(r"(?:\+?84|0)[35789]\d{8}")


@dataclass(frozen=True, slots=True)
class GatewayKeys:
    """The keys that a gateway asks of its callers."""

    api: str = field(repr=False)
    secret: str = field(repr=False)

    def fit(self, api: str, secret: str) -> bool:
        """Say whether the API key and the secret are the gateway's."""
        right_api = hmac.compare_digest(api.encode(), self.api.encode())
        return hmac.compare_digest(secret.encode(), self.secret.encode()) and right_api

    def fit_token(self, authorization: str) -> bool:
        """Say whether a Basic authorization has the API key as its user name, as SpeedSMS asks."""
        try:
            name = b64decode(authorization.removeprefix("Basic "), validate=True).partition(b":")[0]
        except (binascii.Error, ValueError):
            return False
        return hmac.compare_digest(name, self.api.encode())


class SmsRequest(BaseModel):
    """A request to eSMS' SendMultipleMessage_V4_post_json. Numbers are taken for texts, as the gateway does."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    ApiKey: str = ""
    SecretKey: str = ""
    Phone: str = ""
    Content: str = ""
    Brandname: str = ""
    SmsType: str = ""
    IsUnicode: str = "0"
    RequestId: str | None = None
    CallbackUrl: str | None = None


class SpeedSmsRequest(BaseModel):
    """A request to SpeedSMS' sms/send, for one recipient."""

    to: list[str] = Field(min_length=1, max_length=1)
    content: str
    sms_type: int
    sender: str = ""


class SmsGateways:
    """The routes of the gateways, which keep each message that they take in the outbox."""

    def __init__(self, outbox: Outbox, keys: GatewayKeys) -> None:
        self._outbox, self._keys = outbox, keys
        self.routes = [
            Route(SMS_PATH, self.take_esms, methods=["POST"]),
            Route(SPEEDSMS_PATH, self.take_speedsms, methods=["POST"]),
        ]

    async def take_esms(self, request: Request) -> Response:
        """Answer as eSMS does: HTTP 200 with a CodeResult, whether accepted or refused."""
        content = await _content(request)
        if content is None:
            return _refused("99", "Request too long", 413)
        try:
            message = SmsRequest.model_validate_json(content)
        except ValidationError as error:
            return _refused("99", f"Not a request: {error.errors()[0]['msg']}", 400)
        if not self._keys.fit(message.ApiKey, message.SecretKey):
            return _refused("101", "Authorize Failed")
        if message.RequestId and (earlier := self._outbox.find_request(message.RequestId)):
            return _refused("124", "RequestId exists", SMSID=earlier.id)
        if fault := _fault(message):
            return _refused(*fault)
        try:
            sent = self._outbox.keep_sms(message.Brandname, message.Phone, message.Content, message.RequestId)
        except OSError as error:
            return _refused("99", f"Not kept: {error.strerror}")
        return JSONResponse({"CodeResult": "100", "CountRegenerate": 0, "SMSID": sent.id})

    async def take_speedsms(self, request: Request) -> Response:
        """Answer as SpeedSMS does. SpeedSMS knows no id of the caller's, so a repetition is another message."""
        content = await _content(request)
        if not self._keys.fit_token(request.headers.get("authorization", "")):
            return _failed("009", "Account not allow to call the API")
        try:
            message = SpeedSmsRequest.model_validate_json(content or b"")
        except ValidationError:
            return _failed("101", "Invalid or missing parameters")
        [phone] = message.to
        if not _is_mobile(phone):
            return _failed("105", "Phone number invalid", invalidPhone=[phone])
        if not message.content.isascii():
            return _failed("110", "Not support sms content encoding")
        if len(message.content) > GSM_CHARACTERS:
            return _failed("113", "Sms content too long")
        try:
            sent = self._outbox.keep_sms(message.sender, phone, message.content, None)
        except OSError as error:
            return _failed("500", f"Not kept: {error.strerror}")
        taken = {"tranId": sent.n, "totalSMS": 1, "totalPrice": 0, "invalidPhone": []}
        return JSONResponse({"status": "success", "code": "00", "data": taken})


def _refused(code: str, reason: str, status: int = 200, **more: str) -> JSONResponse:
    return JSONResponse({"CodeResult": code, "CountRegenerate": 0, "ErrorMessage": reason, **more}, status)


def _failed(code: str, reason: str, **more: list[str]) -> JSONResponse:
    return JSONResponse({"status": "error", "code": code, "message": reason, **more})


async def _content(request: Request) -> bytes | None:
    """Return the body of a request; None when it is too long."""
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > BODY_BYTES:
            return None
    return bytes(content)


def _is_mobile(phone: str) -> bool:
    return _MOBILE.fullmatch(re.sub(r"[\s.-]", "", phone)) is not None


def _fault(message: SmsRequest) -> tuple[str, str] | None:
    """Return the first reason to refuse a message, in eSMS' codes; None when the message can go out."""
    if not message.Content:
        return "99", "Content is empty"
    if not _is_mobile(message.Phone):
        return "108", "Phone not valid"
    if not 1 <= len(message.Brandname) <= 11:
        return "104", "Brandname not exist"
    if message.SmsType != "2":
        return "118", "SmsType not valid"
    if message.IsUnicode not in ("0", "1"):
        return "99", "IsUnicode not valid"
    longest = UNICODE_CHARACTERS if message.IsUnicode == "1" else GSM_CHARACTERS
    if len(message.Content) > longest:
        return "131", f"Content longer than {longest} characters"
    if message.IsUnicode == "0" and not message.Content.isascii():
        return "99", "Content has diacritics, and IsUnicode is 0"
    return None
