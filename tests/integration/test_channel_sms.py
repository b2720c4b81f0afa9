"""SMS channels against gateways that answer as their public contracts say, or do not answer."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

import pytest
from aiohttp import web

from services.notify.alerts.notice import Notice, Wording
from services.notify.delivery.channels.channel import Result
from services.notify.delivery.channels.sms.esms import Esms
from services.notify.delivery.channels.sms.generic import GatewayContract, Generic
from services.notify.delivery.channels.sms.speedsms import SpeedSms
from services.notify.settings import NotifySettings
from tests.integration.providers import Answer, Receiver, broken, deliver, deliver_and_close, never, receiving
from tests.unit.notify.test_channels import a_notice, some_settings

PHONE = "+84912345678"
SMS = Wording("NTM 06280 Diem He cham tien do tieu chi 11")


def sms_settings(receiver: Receiver, **fields: Any) -> NotifySettings:
    return some_settings(
        sms_url=receiver.url,
        sms_api_key="key",
        sms_secret_key="secret",
        sms_brandname="NTM-LANGSON",
        send_timeout_seconds=3,
        **fields,
    )


def an_sms(**fields: Any) -> Notice:
    return a_notice(channel="sms", address=PHONE, wording=SMS, **fields)


def esms(code: str, **more: str) -> web.Response:
    return web.json_response({"CodeResult": code, "CountRegenerate": 0, **more})


@pytest.mark.parametrize(
    ("answer", "result", "ends", "is_gateways"),
    [
        (esms("100", SMSID="7"), Result.SENT, False, False),
        (esms("124", ErrorMessage="Duplicate RequestId"), Result.SENT, False, False),
        (esms("103", ErrorMessage="Balance not enough"), Result.TECHNICAL, False, True),
        (esms("101", ErrorMessage="Authorize Failed"), Result.TECHNICAL, False, True),
        (esms("108", ErrorMessage="Phone not valid"), Result.PERMANENT, True, False),
        (web.Response(status=503), Result.TEMPORARY, False, True),
        (web.Response(text="<html>", content_type="text/html"), Result.TEMPORARY, False, True),
        (never, Result.TEMPORARY, False, False),
        (broken, Result.TEMPORARY, False, False),
    ],
    ids=["accepted", "known", "no balance", "keys", "bad number", "503", "a page", "lost answer", "broken"],
)
async def test_what_esms_answers(answer: web.Response | Answer, result: Result, ends: bool, is_gateways: bool) -> None:
    async with receiving(answer) as gateway:
        outcome = await deliver_and_close(Esms(sms_settings(gateway)), an_sms())
    assert (outcome.result, outcome.ends_address, outcome.is_gateways) == (result, ends, is_gateways)


async def test_an_sms_whose_answer_was_lost_is_repeated_under_the_same_request_id() -> None:
    async with receiving(never, esms("124", SMSID="7")) as gateway:
        channel = Esms(sms_settings(gateway, sms_report_url="https://ntm.example.vn/v1/delivery-reports/esms"))
        first, second = await deliver(channel, an_sms(), an_sms())
        await channel.close()
    assert (first.result, second.result) == (Result.TEMPORARY, Result.SENT)
    sent = [json.loads(body) for body in gateway.bodies]
    assert sent[0] == sent[1]
    assert sent[0]["RequestId"] == str(an_sms().request_id)
    assert sent[0]["CallbackUrl"] == "https://ntm.example.vn/v1/delivery-reports/esms"
    assert (sent[0]["Phone"], sent[0]["Brandname"], sent[0]["IsUnicode"]) == ("84912345678", "NTM-LANGSON", "0")


def speedsms(**answer: Any) -> web.Response:
    return web.json_response(answer)


TAKEN = {"tranId": 123456, "totalSMS": 1, "totalPrice": 250, "invalidPhone": []}


@pytest.mark.parametrize(
    ("answer", "result", "ends", "is_gateways"),
    [
        (speedsms(status="success", code="00", data=TAKEN), Result.SENT, False, False),
        (speedsms(status="success", code="00", data={**TAKEN, "invalidPhone": ["1"]}), Result.PERMANENT, True, False),
        (speedsms(status="error", code="105", message="invalid", invalidPhone=["1"]), Result.PERMANENT, True, False),
        (speedsms(status="error", code="300", message="balance"), Result.TECHNICAL, False, True),
        (speedsms(status="error", code="500", message="again"), Result.TEMPORARY, False, False),
        (web.Response(status=401), Result.TECHNICAL, False, True),
        (never, Result.TEMPORARY, False, False),
    ],
    ids=["accepted", "one bad number", "bad number", "no balance", "internal", "401", "lost answer"],
)
async def test_what_speedsms_answers(
    answer: web.Response | Answer, result: Result, ends: bool, is_gateways: bool
) -> None:
    async with receiving(answer) as gateway:
        outcome = await deliver_and_close(SpeedSms(sms_settings(gateway, sms_gateway="speedsms")), an_sms())
    assert (outcome.result, outcome.ends_address, outcome.is_gateways) == (result, ends, is_gateways)


async def test_speedsms_gets_the_token_the_number_and_the_sender_and_says_the_price() -> None:
    async with receiving(speedsms(status="success", code="00", data=TAKEN)) as gateway:
        outcome = await deliver_and_close(SpeedSms(sms_settings(gateway, sms_gateway="speedsms")), an_sms())
    [request], [body] = gateway.requests, gateway.bodies
    assert (request.method, request.path) == ("POST", "/index.php/sms/send")
    assert b64decode(request.headers["authorization"].removeprefix("Basic ")) == b"key:x"
    assert json.loads(body) == {"to": ["84912345678"], "content": SMS.text, "sms_type": 3, "sender": "NTM-LANGSON"}
    assert (outcome.provider_id, outcome.cost_dong) == ("123456", 250)


def a_contract(receiver: Receiver, **fields: Any) -> GatewayContract:
    known = {
        "url": f"{receiver.url}/send",
        "headers": {"Authorization": "Bearer {key}"},
        "fields": {"to": ["{national}"], "msg": "{text}", "from": "{sender}", "ref": "{request_id}"},
        "code_at": "/result/code",
        "id_at": "/result/ids/0",
        "cost_at": "/result/price",
        "accepted": ["0"],
        "bad_number": ["4"],
        "ours": ["9"],
    }
    return GatewayContract.model_validate({**known, **fields})


@pytest.mark.parametrize(
    ("code", "result", "ends", "is_gateways"),
    [
        (0, Result.SENT, False, False),
        ("4", Result.PERMANENT, True, False),
        (9, Result.TECHNICAL, False, True),
        (77, Result.TEMPORARY, False, False),
        (None, Result.TEMPORARY, False, True),
    ],
)
async def test_a_generic_gateway_is_called_and_understood_by_its_contract(
    code: int | str | None, result: Result, ends: bool, is_gateways: bool
) -> None:
    answer = web.json_response({"result": {"code": code, "ids": ["a7"], "price": 349.6}})
    async with receiving(answer) as gateway:
        outcome = await deliver_and_close(Generic(sms_settings(gateway), a_contract(gateway)), an_sms())
    [request], [body] = gateway.requests, gateway.bodies
    assert request.headers["authorization"] == "Bearer key"
    assert json.loads(body) == {
        "to": ["0912345678"],
        "msg": SMS.text,
        "from": "NTM-LANGSON",
        "ref": str(an_sms().request_id),
    }
    assert (outcome.result, outcome.ends_address, outcome.is_gateways) == (result, ends, is_gateways)
    if result is Result.SENT:
        assert (outcome.provider_id, outcome.cost_dong) == ("a7", 350)


async def test_a_generic_gateway_may_be_asked_by_get_and_answer_by_status_alone() -> None:
    async with receiving(web.Response(status=202)) as gateway:
        contract = a_contract(
            gateway,
            method="GET",
            body="query",
            fields={"n": "{digits}", "t": "{text}"},
            code_at=None,
            accepted=["200", "202"],
        )
        outcome = await deliver_and_close(Generic(sms_settings(gateway), contract), an_sms())
    assert dict(gateway.requests[0].query) == {"n": "84912345678", "t": SMS.text}
    assert outcome.result is Result.SENT
