"""SMS by any gateway with a plain HTTP contract, which a YAML file describes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import aiohttp
from pydantic import AnyHttpUrl, BaseModel, Field

from services.notify.alerts.notice import Notice
from services.notify.delivery.channels.channel import Channel, Outcome, Result
from services.notify.delivery.channels.http import GATEWAY_SESSIONS, Client, Pooled, answer_object, busy, unreachable
from services.notify.delivery.channels.sms.gateway import DeliveryReport, SmsGateway
from services.notify.delivery.channels.sms.settings import SmsSettings
from shared.reference.located import read_yaml

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_NUMBER = re.compile(r"\d+(\.\d+)?")
_ARGUMENTS = {"json": "json", "form": "data", "query": "params"}


type Pointer = Annotated[str, Field(pattern=r"^(/([^/~]|~[01])*)+$")]
"""A JSON pointer (RFC 6901)."""


class GatewayContract(BaseModel):
    """The contract of a gateway: its requests and its answers, which are read at JSON pointers such as `/data/id`.

    Headers and fields may hold the placeholders `{phone}` (+84912345678), `{digits}` (84912345678), `{national}`
    (0912345678), `{text}`, `{sender}`, `{request_id}`, `{key}` and `{secret}`.
    """

    url: AnyHttpUrl
    method: Literal["POST", "GET", "PUT"] = "POST"
    body: Literal["json", "form", "query"] = "json"
    headers: dict[str, str] = Field(default={})
    fields: dict[str, Any]
    code_at: Pointer | None = Field(default=None, description="The answer's code; without it, HTTP's status.")
    id_at: Pointer | None = None
    cost_at: Pointer | None = Field(default=None, description="The cost in dong.")
    accepted: list[str] = Field(min_length=1, description="Codes of an accepted message.")
    refused: list[str] = Field(default=[], description="Codes after which no other attempt can succeed.")
    bad_number: list[str] = Field(default=[])
    ours: list[str] = Field(default=[], description="Codes of faults that our side has to mend.")
    report_id: str | None = Field(default=None, description="The field of a delivery report with the message's id.")
    report_status: str | None = None
    delivered: list[str] = Field(default=[])
    undelivered: list[str] = Field(default=[])


def contract_of(settings: SmsSettings) -> GatewayContract | None:
    """Read the file of the gateway's contract; None where the settings name none."""
    return read_yaml(settings.sms_contract).parse(GatewayContract) if settings.sms_contract else None


class Generic(Pooled):
    """The channel that sends SMS by the contract's gateway."""

    def __init__(self, settings: SmsSettings, contract: GatewayContract) -> None:
        client = Client(settings.send_timeout_seconds)
        super().__init__(client, GATEWAY_SESSIONS, lambda kept: _GenericSession(kept, settings, contract))


class _GenericSession:
    def __init__(self, client: aiohttp.ClientSession, settings: SmsSettings, contract: GatewayContract) -> None:
        self._client, self._settings, self._contract = client, settings, contract

    async def deliver(self, notice: Notice) -> Outcome:
        """Send one SMS."""
        known = {
            "phone": notice.address,
            "digits": notice.address.removeprefix("+"),
            "national": re.sub(r"^\+84", "0", notice.address),
            "text": notice.wording.text,
            "sender": self._settings.sms_brandname,
            "request_id": str(notice.request_id),
            "key": self._settings.sms_api_key.get_secret_value(),
            "secret": self._settings.sms_secret_key.get_secret_value(),
        }
        fields = filled(self._contract.fields, known)
        headers = {name: str(filled(value, known)) for name, value in self._contract.headers.items()}
        body = {_ARGUMENTS[self._contract.body]: fields}
        try:
            async with self._client.request(
                self._contract.method, str(self._contract.url), headers=headers, allow_redirects=False, **body
            ) as response:
                return busy(response) or read_answer(response.status, await answer_object(response), self._contract)
        except (aiohttp.ClientError, TimeoutError) as error:
            return unreachable(error)


def filled(value: Any, known: Mapping[str, str]) -> Any:
    """Return the value with its placeholders filled in, at any depth."""
    if isinstance(value, str):
        return _PLACEHOLDER.sub(lambda placeholder: known.get(placeholder[1], placeholder[0]), value)
    if isinstance(value, dict):
        return {name: filled(part, known) for name, part in value.items()}
    if isinstance(value, list):
        return [filled(part, known) for part in value]
    return value


def read_answer(status: int, answer: Mapping[str, Any], contract: GatewayContract) -> Outcome:
    """Return the outcome that the gateway's answer means. After an unknown code the notice is tried again."""
    words = str(status) if contract.code_at is None else _words_at(answer, contract.code_at)
    detail = f"HTTP {status} code {words}"
    if words is None:
        return Outcome(Result.TECHNICAL if status >= 400 else Result.TEMPORARY, detail, is_gateways=True)
    if words in contract.accepted:
        cost = _words_at(answer, contract.cost_at)
        return Outcome(
            Result.SENT,
            detail,
            provider_id=_words_at(answer, contract.id_at),
            cost_dong=round(float(cost)) if cost and _NUMBER.fullmatch(cost) else None,
        )
    if words in contract.bad_number:
        return Outcome(Result.PERMANENT, detail, ends_address=True)
    if words in contract.refused:
        return Outcome(Result.PERMANENT, detail)
    is_ours = words in contract.ours
    return Outcome(Result.TECHNICAL if is_ours else Result.TEMPORARY, detail, is_gateways=is_ours)


def read_report(fields: Mapping[str, Any], contract: GatewayContract) -> DeliveryReport | None:
    """Read a delivery report; None where the contract defines none, or the fields lack the message's id."""
    if not contract.report_id or not contract.report_status or not fields.get(contract.report_id):
        return None
    status = str(fields.get(contract.report_status, ""))
    is_delivered = True if status in contract.delivered else False if status in contract.undelivered else None
    return DeliveryReport(str(fields[contract.report_id]), is_delivered, f"status {status}")


def _words_at(answer: Any, pointer: str | None) -> str | None:
    """Return the value at a JSON pointer, a text as it is and anything else as JSON."""
    if pointer is None:
        return None
    for part in pointer.split("/")[1:]:
        step = part.replace("~1", "/").replace("~0", "~")
        if isinstance(answer, dict):
            answer = answer.get(step)
        elif isinstance(answer, list) and step.isdecimal() and int(step) < len(answer):
            answer = answer[int(step)]
        else:
            return None
    return answer if isinstance(answer, str | None) else json.dumps(answer)


def _open_channel(settings: SmsSettings) -> Channel | None:
    contract = contract_of(settings)
    return Generic(settings, contract) if contract else None


def _read_report(fields: Mapping[str, Any], settings: SmsSettings) -> DeliveryReport | None:
    contract = contract_of(settings)
    return read_report(fields, contract) if contract else None


GATEWAY = SmsGateway(_open_channel, _read_report)
