"""The gateways of the postbox: the public HTTP contracts of eSMS (SMS, Zalo), SpeedSMS and Zalo over one outbox."""

from __future__ import annotations

import binascii
import hmac
import re
from base64 import b64decode
from dataclasses import dataclass, field
from secrets import token_urlsafe
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deploy.local.outbox import Outbox

SMS_PATH = "/MainService.svc/json/SendMultipleMessage_V4_post_json/"
ESMS_ZALO_PATH = "/MainService.svc/json/SendZaloMessage_V6/"
ZALO_PATH = "/message/template"
ZALO_RENEWAL_PATH = "/v4/oa/access_token"
ZALO_TEMPLATES = frozenset({"300001"})
"""The templates that Zalo has approved here."""
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


class EsmsZaloRequest(BaseModel):
    """A request to eSMS' SendZaloMessage_V6."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    ApiKey: str = ""
    SecretKey: str = ""
    OAID: str = ""
    Phone: str = ""
    TempID: str = ""
    TempData: dict[str, str] = {}
    RequestId: str | None = None
    CallbackUrl: str | None = None


class ZaloRequest(BaseModel):
    """A request to Zalo's business message template API."""

    phone: str
    template_id: str
    template_data: dict[str, str]
    tracking_id: str


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
        self.access_token, self.refresh_token = "", keys.secret
        self.routes = [
            Route(SMS_PATH, self.take_esms, methods=["POST"]),
            Route(ESMS_ZALO_PATH, self.take_esms_zalo, methods=["POST"]),
            Route(ZALO_PATH, self.take_zalo, methods=["POST"]),
            Route(ZALO_RENEWAL_PATH, self.renew_zalo_token, methods=["POST"]),
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

    async def take_esms_zalo(self, request: Request) -> Response:
        """Answer as eSMS does to a Zalo message; 789 for a template that is not approved."""
        try:
            message = EsmsZaloRequest.model_validate_json(await _content(request) or b"")
        except ValidationError as error:
            return _refused("99", f"Not a request: {error.errors()[0]['msg']}", 400)
        if not self._keys.fit(message.ApiKey, message.SecretKey):
            return _refused("101", "Authorize Failed")
        if message.TempID not in ZALO_TEMPLATES:
            return _refused("789", "TemplateId is not config")
        if message.RequestId and (earlier := self._outbox.find_request(message.RequestId)):
            return _refused("124", "RequestId exists", SMSID=earlier.id)
        if not _is_mobile(message.Phone):
            return _refused("108", "Phone not valid")
        sent = self._outbox.keep_sms("Zalo", message.Phone, _words(message.TempData), message.RequestId)
        return JSONResponse({"CodeResult": "100", "CountRegenerate": 0, "SMSID": sent.id})

    async def take_zalo(self, request: Request) -> Response:
        """Answer as Zalo does: HTTP 200 with an error, 0 for a message that was taken."""
        given = request.headers.get("access_token", "")
        if not self.access_token or not hmac.compare_digest(given.encode(), self.access_token.encode()):
            return JSONResponse({"error": -124, "message": "Access token is invalid"})
        try:
            message = ZaloRequest.model_validate_json(await _content(request) or b"")
        except ValidationError:
            return JSONResponse({"error": -132, "message": "Parameter is invalid"})
        if message.template_id not in ZALO_TEMPLATES:
            return JSONResponse({"error": -131, "message": "Template is not approved"})
        if not _is_mobile(message.phone):
            return JSONResponse({"error": -108, "message": "Phone number is invalid"})
        sent = self._outbox.keep_sms("Zalo", message.phone, _words(message.template_data), message.tracking_id)
        return JSONResponse({"error": 0, "message": "Success", "data": {"msg_id": sent.id, "sent_time": "0"}})

    async def renew_zalo_token(self, request: Request) -> Response:
        """Give the next pair of tokens for the refresh token, which is good for once; its first one is the secret."""
        form = dict(parse_qsl((await _content(request) or b"").decode(errors="replace")))
        right = hmac.compare_digest(form.get("refresh_token", "").encode(), self.refresh_token.encode())
        if not right or not self._keys.fit(self._keys.api, request.headers.get("secret_key", "")):
            return JSONResponse({"error": -14020, "error_name": "Invalid refresh token"})
        self.access_token, self.refresh_token = token_urlsafe(), token_urlsafe()
        pair = {"access_token": self.access_token, "refresh_token": self.refresh_token, "expires_in": "90000"}
        return JSONResponse(pair)

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


def _words(data: dict[str, str]) -> str:
    return "; ".join(f"{name}: {value}" for name, value in data.items())


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
