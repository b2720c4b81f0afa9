"""`/v1/delivery-reports/{gateway}`: the reports of SMS gateways and of Zalo. A repeated report changes nothing."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import parse_qsl

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.alerts.log import log_message
from services.notify.alerts.notice import NoticeStatus
from services.notify.api.dependencies import Serving
from services.notify.delivery.channels.sms.gateway import DeliveryReport
from services.notify.delivery.channels.sms.gateways import GATEWAYS
from services.notify.delivery.channels.zalo import direct as zalo
from services.notify.storage.alerts import alerts_told
from services.notify.storage.notices import is_under_way, record_report
from services.notify.storage.tables import OutboxRow
from shared.contracts.alert import AlertEvent
from shared.http.body import read_body
from shared.http.parameters import ANY_PARAMETERS
from shared.problems import Fault, Faults, Problem, Problems
from shared.service import outbox
from shared.time import utc_now

ZALO = "zalo"
"""The name in the path of Zalo's own calls; a Zalo message by eSMS is reported by eSMS."""

if TYPE_CHECKING:
    type ReporterName = str
else:
    ReporterName = Literal[(*GATEWAYS, ZALO)]

router = APIRouter(prefix="/v1/delivery-reports")

_LIMIT = 64 * 1024
_PATIENCE_SECONDS = 3
_PAUSE_SECONDS = 0.1


class ReportAnswer(BaseModel):
    """The number of notices that the report changed: 0 for a repeated report, or a report about a message not ours."""

    notices: int


@router.get("/{gateway}", operation_id="take_report_by_query", openapi_extra=ANY_PARAMETERS)
@router.post("/{gateway}", openapi_extra=ANY_PARAMETERS)
async def take_report(
    gateway: ReporterName,
    request: Request,
    notify: Serving,
    token: Annotated[str, Query(description="NTM_SMS_REPORT_TOKEN, since gateways sign nothing.")] = "",
) -> ReportAnswer:
    """Record that an SMS or a Zalo message was delivered, or could not be. An SMS follows where Zalo failed."""
    expected = notify.settings.sms_report_token
    if expected is None or not hmac.compare_digest(token.encode(), expected.get_secret_value().encode()):
        raise Problem(Problems.WRONG_KEY)
    body = await read_body(request, _LIMIT)
    fields = _fields(request, body)
    if gateway == ZALO:
        if not zalo.is_signed(body, request.headers.get("x-zevent-signature", ""), notify.settings):
            raise Problem(Problems.WRONG_KEY)
        report = zalo.read_report(fields)
        if report is None:  # it calls about much else, and calls again where it hears no
            return ReportAnswer(notices=0)
    else:
        report = GATEWAYS[gateway].read_report(fields, notify.settings)
    if report is None:
        raise Problem(Problems.INVALID_QUERY, Fault("", Faults.MISSING))
    if report.is_delivered is None:
        return ReportAnswer(notices=0)
    return ReportAnswer(notices=await record(report, notify))


async def record(report: DeliveryReport, notify: Serving) -> int:
    """Record a report, and return the number of notices that it changed.

    A gateway may report before the attempt itself is recorded: then wait for that. Problem 503 where it takes too long
    for a notice of ours, so that the gateway reports again.
    """
    deadline = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
    while True:
        async with notify.engine.begin() as connection:
            is_early = await is_under_way(connection, "sms", report.request_id)
            changed = await _record(connection, report)
        if changed:
            notify.wake()
        if changed or not is_early:
            return changed
        if asyncio.get_running_loop().time() > deadline:
            break
        await asyncio.sleep(_PAUSE_SECONDS)
    if report.request_id:
        raise Problem(Problems.UNAVAILABLE, headers={"Retry-After": "60"})
    return 0


async def _record(connection: AsyncConnection, report: DeliveryReport) -> int:
    status = NoticeStatus.DELIVERED if report.is_delivered else NoticeStatus.PERMANENT_FAILURE
    event = AlertEvent.DELIVERED if report.is_delivered else AlertEvent.FAILED
    now = utc_now()
    rows = await record_report(connection, report.provider_id, report.request_id, status, now)
    alerts = await alerts_told(connection, [row.id for row in rows])
    entries = [
        log_message(
            alert.id,
            alert.unit_code,
            event,
            now,
            alert.trace,
            f"{row.request_id}/report",
            notice=row.id,
            recipient=row.recipient,
            channel=row.channel,
            detail=None if report.is_delivered else "not delivered",
        )
        for row in rows
        if row.due_at is None
        for alert in alerts[row.id]
    ]
    await outbox.put(connection, OutboxRow, entries)
    return len(rows)


def _fields(request: Request, body: bytes) -> Mapping[str, str]:
    """Return the fields of a report, from the query, a form or JSON."""
    fields = dict(request.query_params)
    if body.lstrip().startswith(b"{"):
        try:
            values = json.loads(body)
        except ValueError:
            return fields
        return fields | {name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()}
    return fields | dict(parse_qsl(body.decode(errors="replace")))
