"""`/v1/notices`: the ledger of notices, with their alerts, attempts and acknowledgements."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notify.alerts.answer import AnswerMeaning
from services.notify.alerts.draft import LeftOut, NotSent
from services.notify.alerts.links import MARK
from services.notify.alerts.notice import NoticeStatus
from services.notify.alerts.offices import office_of
from services.notify.api.dependencies import (
    Serving,
    Since,
    UnitParameter,
    is_of_province,
    moment_and_id,
    visible,
)
from services.notify.api.released_words import released_event
from services.notify.contacts.masking import mask_address, mask_in
from services.notify.routing.key_scope import KeyScope
from services.notify.storage import ledger
from services.notify.storage.ledger import Filter
from services.notify.storage.notices import StoredNotice
from services.notify.telling.resend import resend
from shared.access.caller import Caller
from shared.contracts.alert import ChannelName
from shared.contracts.bilingual import Bilingual
from shared.contracts.refs import UnitRef
from shared.http.dependencies import SignedIn
from shared.http.paging import Cursor, Limit, decode_cursor, encode_cursor
from shared.problems import Fault, Faults, Problem, Problems
from shared.readable import read_or_none, read_row, read_rows
from shared.reference.load import Reference
from shared.reference.models import AnyEvent
from shared.spreadsheet.delimited import BYTE_ORDER_MARK, write_lines
from shared.time import VIETNAM, utc_now

router = APIRouter(prefix="/v1")

_EXPORT_PAGE = 500

_UNREADABLE = "?"
"""Stands in the export where what is stored is damaged."""


class AttemptItem(BaseModel):
    """An attempt at a notice, with the provider's words in `detail`."""

    number: int
    started_at: AwareDatetime
    finished_at: AwareDatetime
    outcome: str
    detail: str
    provider_id: str | None


class AnswerItem(BaseModel):
    """An answer to the notice's mail, and what followed from it; `at` is by the services' clock. `sender`, `words`: as
    they were written; `words` are null where the key does not cover the recipient's unit.
    """

    at: AwareDatetime
    sender: str
    meaning: str = Field(description="The stable word for programs, such as `note`.")
    meant: Bilingual
    words: str | None


class MentionItem(BaseModel):
    """An alert that the notice tells, or leaves out. `because`: the alert or silence that is the reason."""

    alert: UUID
    unit: UnitRef
    topic: str
    event: AnyEvent
    on: date
    left_out: Bilingual | None
    because: UUID | None
    acknowledged_at: AwareDatetime | None
    acknowledged_by: str | None


class NoticeItem(BaseModel):
    """A notice. `next_attempt_at`: null when the notice is finished; `reason`: the reason why it was not attempted;
    `waited`: the reason why it waited; `step`: the number of escalations that led to this recipient; `subject`, `text`:
    null where the key does not cover the recipient's unit, whose notices also tell of other units.
    """

    id: UUID
    branch: str
    recipient: str
    name: str
    channel: ChannelName
    address: str
    status: NoticeStatus
    reason: Bilingual | None
    waited: str | None
    step: int
    subject: str | None
    text: str | None
    created_at: AwareDatetime
    next_attempt_at: AwareDatetime | None
    resent_by: str | None
    parts: int | None
    cost_dong: int | None
    alerts: list[MentionItem]
    unreadable: list[UUID] = Field(default=[], description="Alerts of it whose stored content is damaged.")
    attempts: list[AttemptItem]
    answers: list[AnswerItem] = Field(default=[], description="Answers to its mail, oldest first.")
    sample: bool


class NoticePage(BaseModel):
    """Notices, newest first; `next` is the cursor of the following page."""

    items: list[NoticeItem]
    unreadable: list[UUID] = Field(default=[], description="Notices whose stored content is damaged.")
    next: str | None


class NoticeTotalItem(BaseModel):
    """How many notices of a channel have a status; `parts`: the SMS that they took, at an estimated `cost_dong`."""

    channel: ChannelName
    status: NoticeStatus
    notices: int
    parts: int
    cost_dong: int


class NoticeTotals(BaseModel):
    """Notices by channel and status."""

    items: list[NoticeTotalItem]
    unreadable: int = Field(description="Notices whose stored channel or status is damaged.")


class Resent(BaseModel):
    """The notices that notify sends again, a notice for each address that it knows now."""

    items: list[NoticeItem]


Recipient = Annotated[str | None, Query(description="Such as `district_office@184`.")]
AlertParameter = Annotated[UUID | None, Query(description="Only notices that name this alert.")]

type Delimiter = Literal[";", ","]
DelimiterParameter = Annotated[
    Delimiter,
    Query(description="The semicolon splits columns in an Excel set up for Vietnam, the comma in one for English."),
]


@router.get("/notices")
async def list_notices(
    notify: Serving,
    caller: SignedIn,
    unit: UnitParameter = None,
    recipient: Recipient = None,
    alert: AlertParameter = None,
    status: NoticeStatus | None = None,
    channel: ChannelName | None = None,
    since: Since = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> NoticePage:
    """List notices with every attempt and every decision, newest first."""
    conditions = Filter(
        units=visible(caller, unit, notify.reference),
        recipient=recipient,
        alert=alert,
        channel=channel,
        status=status.value if status else None,
        since=since,
        after=decode_cursor(cursor, moment_and_id),
        limit=limit + 1,
    )
    async with notify.engine.connect() as connection:
        rows = await ledger.newest_notices(connection, conditions)
        page = rows[:limit]
        details = await ledger.details_of(connection, [row.id for row in page], conditions.units)
    following = encode_cursor(page[-1].created_at, page[-1].id) if len(rows) > limit else None
    items, damaged = read_rows(page, lambda row: _notice(row, details, caller, notify.reference))
    return NoticePage(items=items, unreadable=[row.id for row in damaged], next=following)


@router.get("/notices/totals")
async def total_notices(
    notify: Serving, caller: SignedIn, unit: UnitParameter = None, since: Since = None
) -> NoticeTotals:
    """Count notices by channel and status, with the SMS that they took and what these cost."""
    conditions = Filter(units=visible(caller, unit, notify.reference), since=since)
    async with notify.engine.connect() as connection:
        rows = await ledger.totals_of(connection, conditions)
    items, damaged = read_rows(rows, lambda row: NoticeTotalItem.model_validate(row._asdict()))
    return NoticeTotals(items=items, unreadable=sum(row.notices for row in damaged))


@router.get("/notices.csv", response_class=StreamingResponse)
async def export_notices(
    notify: Serving,
    caller: SignedIn,
    unit: UnitParameter = None,
    recipient: Recipient = None,
    since: Since = None,
    delimiter: DelimiterParameter = ";",
) -> StreamingResponse:
    """Return the ledger as CSV for Excel: a row for each alert of each notice, newest first, in Vietnamese time."""
    units = visible(caller, unit, notify.reference)
    conditions = Filter(units=units, recipient=recipient, since=since, limit=_EXPORT_PAGE)
    rows = _csv(notify.engine, conditions, delimiter, in_full=is_of_province(caller, notify.reference))
    headers = {"content-disposition": 'attachment; filename="notices.csv"'}
    return StreamingResponse(rows, media_type="text/csv; charset=utf-8", headers=headers)


@router.post("/notices/{notice_id}/resend", status_code=202)
async def resend_notice(notice_id: UUID, notify: Serving, caller: SignedIn) -> Resent:
    """Send a notice again, to its address or to the addresses that became known since, at most once a minute.

    For recipients in the units of the key: a district does not send to the province in the system's name.
    """
    seen = visible(caller, None, notify.reference)
    now = utc_now()
    async with notify.engine.begin() as connection:
        notice = await ledger.notice_of(connection, notice_id, seen)
        if notice is None:
            raise Problem(Problems.NOT_FOUND)
        if not _may_resend(notice, caller, notify.reference):
            raise Problem(Problems.OUT_OF_SCOPE, Fault("/recipient", Faults.OTHERS_NOTICE, {"value": notice.recipient}))
        if ledger.was_sent_lately(notice, now):
            raise Problem(Problems.SENT_LATELY, headers={"Retry-After": "60"})
        if notice.status == NoticeStatus.WITHHELD.value and notice.address:
            raise Problem(Problems.NOTICE_WITHHELD)
        if why_not := await resend(connection, notice, notify.pipeline, now, caller.agency):
            has_address = notice.address or why_not in (NotSent.BUDGET_SPENT, NotSent.NOTHING_LEFT)
            raise Problem(Problems.NOT_SENDABLE if has_address else Problems.NO_ADDRESS, detail=why_not.value)
        rows = await ledger.notices_like(connection, notice)
        details = await ledger.details_of(connection, [row.id for row in rows], seen)
    notify.wake()
    return Resent(items=read_rows(rows, lambda row: _notice(row, details, caller, notify.reference)).items)


def _may_resend(notice: StoredNotice, caller: Caller, reference: Reference) -> bool:
    """Say whether the key covers the recipient's unit and all criteria, or the recipient's own where it is a sector."""
    role = next((each for each in reference.plan.roles if each.role == notice.recipient.partition("@")[0]), None)
    unit = read_row(notice.unit, reference.units.by_key)
    return caller.covers_unit(unit, reference.units) and KeyScope.of(caller).covers(role.owns if role else ())


def _notice(row: StoredNotice, details: ledger.Details, caller: Caller, reference: Reference) -> NoticeItem:
    in_full = is_of_province(caller, reference)
    is_for_own = caller.covers_unit(reference.units.by_key(row.unit), reference.units)
    alerts, damaged = read_rows(details.mentions.get(row.id, ()), _mention)
    return NoticeItem(
        id=row.id,
        branch=row.branch,
        recipient=row.recipient,
        name=row.name or office_of(row.recipient, row.created_at.astimezone(VIETNAM).date(), reference) or "",
        channel=row.channel,
        address=row.address if in_full else mask_address(row.address),
        status=NoticeStatus(row.status),
        reason=NotSent[row.reason.upper()].value if row.reason else None,
        waited=row.waited,
        step=row.step,
        subject=row.subject if is_for_own else None,
        text=row.text.replace(MARK, "…") if row.text and is_for_own else None,
        created_at=row.created_at,
        next_attempt_at=row.due_at,
        resent_by=row.resent_by,
        parts=row.parts,
        cost_dong=row.cost_dong,
        alerts=alerts,
        unreadable=[mention.alert for mention in damaged],
        attempts=[
            AttemptItem(
                number=attempt.number,
                started_at=attempt.started_at,
                finished_at=attempt.finished_at,
                outcome=attempt.outcome,
                detail=attempt.detail if in_full else mask_in(attempt.detail, row.address),
                provider_id=attempt.provider_id,
            )
            for attempt in details.attempts.get(row.id, ())
        ],
        answers=[
            AnswerItem(
                at=answer.at,
                sender=answer.sender if in_full else mask_address(answer.sender),
                meaning=answer.meaning,
                meant=AnswerMeaning[answer.meaning.upper()].value,
                words=answer.words if is_for_own else None,
            )
            for answer in details.answers.get(row.id, ())
        ],
        sample=row.sample,
    )


def _mention(row: ledger.Mention) -> MentionItem:
    return MentionItem(
        alert=row.alert,
        unit=UnitRef.model_validate(row.unit_ref),
        topic=row.topic,
        event=released_event(row.event),
        on=row.on,
        left_out=LeftOut[row.left_out.upper()].value if row.left_out else None,
        because=row.because,
        acknowledged_at=row.acknowledged_at,
        acknowledged_by=row.acknowledged_by,
    )


async def _csv(engine: AsyncEngine, conditions: Filter, delimiter: Delimiter, *, in_full: bool) -> AsyncIterator[bytes]:
    """Yield the ledger page by page, so that a year's ledger needs no more memory than a page."""
    yield BYTE_ORDER_MARK.encode() + write_lines([ledger.CSV_COLUMNS], delimiter)
    while True:
        async with engine.connect() as connection:
            rows = await ledger.newest_notices(connection, conditions)
            details = await ledger.details_of(connection, [row.id for row in rows], conditions.units)
        if not rows:
            return
        lines = (line for row in rows for line in _csv_lines(row, details, in_full=in_full))
        yield write_lines(lines, delimiter)
        conditions = conditions.behind(rows[-1].created_at, rows[-1].id)


def _csv_lines(row: StoredNotice, details: ledger.Details, *, in_full: bool) -> list[list[str]]:
    attempts = details.attempts.get(row.id, ())
    common: Mapping[str, object] = {
        "notice": row.id,
        "recipient": row.recipient,
        "name": row.name,
        "channel": row.channel,
        "address": row.address if in_full else mask_address(row.address),
        "status": row.status,
        "reason": row.reason or "",
        "created_at": _local(row.created_at),
        "finished_at": _local(attempts[-1].finished_at) if attempts else "",
        "attempts": len(attempts),
        "parts": row.parts or "",
        "cost_dong": row.cost_dong if row.cost_dong is not None else "",
    }
    lines = []
    for mention in details.mentions.get(row.id, ()):
        unit = read_or_none(UnitRef, mention.unit_ref)
        about = {
            "unit": unit.code if unit else _UNREADABLE,
            "unit_name": unit.name if unit else _UNREADABLE,
            "topic": mention.topic,
            "event": mention.event,
            "on": mention.on,
            "left_out": mention.left_out or "",
            "acknowledged_at": _local(mention.acknowledged_at),
            "acknowledged_by": mention.acknowledged_by or "",
        }
        known = {**common, **about}
        lines.append([str(known[name]) for name in ledger.CSV_COLUMNS])
    return lines


def _local(moment: datetime | None) -> str:
    return f"{moment.astimezone(VIETNAM):%Y-%m-%d %H:%M:%S}" if moment else ""
