"""What notify answers over HTTP. A key sees what concerns its units; addresses in full only with the whole province."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime, BaseModel
from sqlalchemy import Row

from services.notify import queries
from services.notify.masking import mask_address, mask_in
from services.notify.notices import ChannelName, NoticeStatus, NotSent
from services.notify.queries import Filter
from services.notify.tell import resend
from shared.access import Caller, authenticate
from shared.clock import utc_now
from shared.contracts import Bilingual, Event, ProblemEvent, UnitRef
from shared.problems import Fault, Faults, Problem, Problems
from shared.reference.load import Reference
from shared.runtime import Runtime

router = APIRouter(prefix="/v1")


class AlertItem(BaseModel):
    """What somebody may have to know; `on` is the day judged or told, `raised_at` real time.

    `topic`: the criterion's key, the commitment's id or the difficulty's; `reason`: the verdict's, or a difficulty's
    words as they were written.
    """

    id: UUID
    unit: UnitRef
    topic: str
    event: Event | ProblemEvent
    on: date
    raised_at: AwareDatetime
    reason: Bilingual
    sample: bool


class AttemptItem(BaseModel):
    """An attempt at a notice, in the provider's words."""

    number: int
    started_at: AwareDatetime
    finished_at: AwareDatetime
    outcome: str
    detail: str
    provider_id: str | None


class NoticeItem(BaseModel):
    """A notice. `next_attempt_at`: none when it is finished; `reason`: why it could not even be tried."""

    id: UUID
    alert: UUID
    unit: UnitRef
    topic: str
    event: Event | ProblemEvent
    on: date
    recipient: str
    name: str
    channel: ChannelName
    address: str
    status: NoticeStatus
    reason: Bilingual | None
    subject: str | None
    text: str | None
    created_at: AwareDatetime
    next_attempt_at: AwareDatetime | None
    resent_by: str | None
    attempts: list[AttemptItem]
    sample: bool


class AlertPage(BaseModel):
    """Alerts, newest first; `next` is the cursor of the following page."""

    items: list[AlertItem]
    next: str | None


class NoticePage(BaseModel):
    """Notices, newest first; `next` is the cursor of the following page."""

    items: list[NoticeItem]
    next: str | None


class Resent(BaseModel):
    """The notices that go out again: to every address that is known now."""

    items: list[NoticeItem]


def _runtime(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime


Called = Annotated[Caller, Depends(authenticate)]
Running = Annotated[Runtime, Depends(_runtime)]
UnitParameter = Annotated[str | None, Query(description="Only what concerns this unit or those below it.")]
Since = Annotated[AwareDatetime | None, Query(description="Only from this moment on.")]
Cursor = Annotated[str | None, Query(description="`next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=500)]


@router.get("/alerts")
async def list_alerts(
    runtime: Running,
    caller: Called,
    unit: UnitParameter = None,
    since: Since = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> AlertPage:
    """What somebody may have to know, newest first."""
    wanted = Filter(
        units=_visible(caller, unit, runtime.reference), since=since, after=_decode(cursor), limit=limit + 1
    )
    async with runtime.engine.connect() as connection:
        rows = await queries.newest_alerts(connection, wanted)
    page = rows[:limit]
    following = _encode(page[-1].raised_at, page[-1].id) if len(rows) > limit else None
    return AlertPage(items=[_alert(row) for row in page], next=following)


@router.get("/notices")
async def list_notices(
    runtime: Running,
    caller: Called,
    unit: UnitParameter = None,
    recipient: Annotated[str | None, Query(description="Such as `district_office@184`.")] = None,
    status: NoticeStatus | None = None,
    channel: ChannelName | None = None,
    since: Since = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> NoticePage:
    """What was said to whom, with every attempt, newest first."""
    wanted = Filter(
        units=_visible(caller, unit, runtime.reference),
        recipient=recipient,
        channel=channel,
        status=status.value if status else None,
        since=since,
        after=_decode(cursor),
        limit=limit + 1,
    )
    async with runtime.engine.connect() as connection:
        rows = await queries.newest_notices(connection, wanted)
        page = rows[:limit]
        attempts = await queries.attempts_at(connection, [row.id for row in page])
    following = _encode(page[-1].created_at, page[-1].id) if len(rows) > limit else None
    return NoticePage(items=_notices(page, attempts, caller, runtime.reference), next=following)


@router.post("/notices/{notice_id}/resend", status_code=202)
async def resend_notice(notice_id: UUID, request: Request, runtime: Running, caller: Called) -> Resent:
    """Send a notice again, to the address it had and to those that became known since."""
    visible = _visible(caller, None, runtime.reference)
    async with runtime.engine.begin() as connection:
        notice = await queries.notice_of(connection, notice_id)
        if notice is None or notice.unit not in visible:
            raise Problem(Problems.NOT_FOUND)
        state = request.app.state
        if not await resend(connection, notice, state.stages, state.world, utc_now(), caller.agency):
            raise Problem(Problems.NO_ADDRESS)
        rows = await queries.notices_like(connection, notice)
        attempts = await queries.attempts_at(connection, [row.id for row in rows])
    state.wake()
    return Resent(items=_notices(rows, attempts, caller, runtime.reference))


def _visible(caller: Caller, under: str | None, reference: Reference) -> list[int]:
    """The units of all times that the key covers and that were asked for."""
    units = reference.units
    if under is not None and not units.known(under):
        raise Problem(Problems.NOT_FOUND, Fault("/unit", Faults.UNKNOWN_UNIT, {"value": under}))
    wanted = [unit for unit in units if under is None or units.is_under(unit, under)]
    covered = [unit.key for unit in wanted if caller.covers_unit(unit, units)]
    if under is not None and not covered:
        raise Problem(Problems.OUT_OF_SCOPE, Fault("/unit", Faults.OUTSIDE_UNITS, {"value": under}))
    return covered


def _alert(row: Row[Any]) -> AlertItem:
    return AlertItem(
        id=row.id,
        unit=UnitRef.model_validate(row.body["unit"]),
        topic=row.topic,
        event=row.event,
        on=row.on,
        raised_at=row.raised_at,
        reason=_reason(row.body),
        sample=row.sample,
    )


def _reason(body: dict[str, Any]) -> Bilingual:
    if "assessment" in body:
        return Bilingual.model_validate(body["assessment"]["reason"])
    return Bilingual(vi=body["words"], en=body["words"])


def _notices(
    rows: Sequence[Row[Any]], attempts: Sequence[Row[Any]], caller: Caller, reference: Reference
) -> list[NoticeItem]:
    sees_addresses = reference.plan.unit in caller.units
    return [
        _notice(row, [one for one in attempts if one.notice == row.id], sees_addresses=sees_addresses) for row in rows
    ]


def _notice(row: Row[Any], attempts: Sequence[Row[Any]], *, sees_addresses: bool) -> NoticeItem:
    return NoticeItem(
        id=row.id,
        alert=row.alert,
        unit=UnitRef.model_validate(row.body["unit"]),
        topic=row.topic,
        event=row.event,
        on=row.on,
        recipient=row.recipient,
        name=row.name,
        channel=row.channel,
        address=row.address if sees_addresses else mask_address(row.address),
        status=NoticeStatus(row.status),
        reason=NotSent[row.reason.upper()].value if row.reason else None,
        subject=row.subject,
        text=row.text,
        created_at=row.created_at,
        next_attempt_at=row.due_at,
        resent_by=row.resent_by,
        attempts=[
            AttemptItem(
                number=one.number,
                started_at=one.started_at,
                finished_at=one.finished_at,
                outcome=one.outcome,
                detail=one.detail if sees_addresses else mask_in(one.detail, row.address),
                provider_id=one.provider_id,
            )
            for one in attempts
        ],
        sample=row.sample,
    )


def _encode(moment: datetime, key: UUID) -> str:
    return base64.urlsafe_b64encode(f"{moment.isoformat()}/{key}".encode()).decode()


def _decode(cursor: str | None) -> tuple[datetime, UUID] | None:
    if cursor is None:
        return None
    try:
        moment, _, key = base64.urlsafe_b64decode(cursor.encode()).decode().partition("/")
        at = datetime.fromisoformat(moment)
        if at.tzinfo is None:
            raise ValueError(moment)
        return at, UUID(key)
    except (binascii.Error, ValueError):
        fault = Fault("/cursor", Faults.BAD_PARAMETER, {"value": cursor, "expected": "`next`"})
        raise Problem(Problems.INVALID_QUERY, fault) from None
