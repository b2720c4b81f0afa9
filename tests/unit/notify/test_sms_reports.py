"""Delivery reports of gateways, which arrive late, several times, or never."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from services.notify.delivery.channels.sms import esms, generic, speedsms
from services.notify.delivery.channels.sms.generic import GatewayContract

CONTRACT = GatewayContract.model_validate(
    {
        "url": "https://sms.example.vn/send",
        "fields": {"to": "{phone}"},
        "accepted": ["0"],
        "report_id": "msgid",
        "report_status": "state",
        "delivered": ["DELIVRD"],
        "undelivered": ["UNDELIV", "EXPIRED"],
    }
)


@pytest.mark.parametrize(
    ("fields", "is_delivered"),
    [
        ({"SendStatus": "5", "SendSuccess": "1", "SendFailed": "0"}, True),
        ({"SendStatus": "5", "SendSuccess": "2", "SendFailed": "0"}, True),
        ({"SendStatus": "5", "SendSuccess": "0", "SendFailed": "1"}, False),
        ({"SendStatus": "5", "SendSuccess": "1", "SendFailed": "1"}, False),
        ({"SendStatus": "4", "SendSuccess": "0", "SendFailed": "0"}, False),
        ({"SendStatus": "7", "SendSuccess": "0", "SendFailed": "0"}, None),
        ({"SendStatus": "2"}, None),
        ({}, None),
    ],
)
def test_what_esms_calls_back(fields: dict[str, str], is_delivered: bool | None) -> None:
    report = esms.read_report({"SMSID": "dc712784", "RequestId": "r", **fields})
    assert report
    assert (report.provider_id, report.is_delivered) == ("dc712784", is_delivered)


@pytest.mark.parametrize(("status", "is_delivered"), [("0", True), (0, True), ("1", None), ("63", None), (64, False)])
def test_what_speedsms_calls_back(status: str | int, is_delivered: bool | None) -> None:
    report = speedsms.read_report({"type": "report", "tranId": 123456, "phone": "84912345678", "status": status})
    assert report
    assert (report.provider_id, report.is_delivered) == ("123456", is_delivered)


@pytest.mark.parametrize(
    ("state", "is_delivered"), [("DELIVRD", True), ("EXPIRED", False), ("ACCEPTD", None), (None, None)]
)
def test_what_a_generic_gateway_calls_back(state: str | None, is_delivered: bool | None) -> None:
    report = generic.read_report({"msgid": "a7", "state": state}, CONTRACT)
    assert report
    assert (report.provider_id, report.is_delivered) == ("a7", is_delivered)


@pytest.mark.parametrize("fields", [{}, {"type": "sms", "tranId": "1"}, {"type": "report", "tranId": 1, "status": "x"}])
def test_what_is_no_report_is_none(fields: dict[str, Any]) -> None:
    assert esms.read_report(fields) is None
    assert speedsms.read_report(fields) is None
    assert generic.read_report(fields, CONTRACT) is None
    assert generic.read_report({"msgid": "a7"}, CONTRACT.model_copy(update={"report_id": None})) is None


def test_a_contract_whose_pointer_is_none_is_refused_when_it_is_read() -> None:
    with pytest.raises(ValidationError, match="code_at"):
        GatewayContract.model_validate({**CONTRACT.model_dump(), "code_at": "result.code"})
