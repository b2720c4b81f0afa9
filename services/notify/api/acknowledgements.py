"""Acknowledging alerts: by a key (`/v1/alerts/{id}/acknowledge`), or without a login by the link in a message
(`/a/{token}`). The link of a digest also lets its recipient end the digests, that of news the news.

Opening a link changes nothing, because mail scanners open links. Only the buttons on its page change something.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qs
from uuid import UUID

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.alerts.alert import Alert
from services.notify.alerts.draft import DIGESTS, NEWS, Draft
from services.notify.alerts.links import VALID_FOR, hash_of
from services.notify.api.alerts import AlertItem, alert_item, names_in
from services.notify.api.dependencies import Serving, is_coordinator, visible
from services.notify.routing.key_scope import KeyScope
from services.notify.routing.matching import criteria
from services.notify.stages.route import route
from services.notify.storage import ledger
from services.notify.storage.alert_rows import StoredAlert, readable_alert
from services.notify.storage.alerts import alerts_of_notice
from services.notify.storage.contacts import end_digest, end_news, has_digest, has_news
from services.notify.storage.notices import StoredNotice
from services.notify.telling.acknowledge import Responsible, acknowledge, as_recorded, recipient_takes
from services.notify.world import World
from shared import text
from shared.access.caller import Caller
from shared.http.body import read_body
from shared.http.dependencies import SignedIn
from shared.problems import Fault, Faults, Problem, Problems
from shared.reference.load import Reference
from shared.service.clock import Clock
from shared.text import moment, storable
from shared.time import VIETNAM, utc_now

router = APIRouter()

NOTE_LENGTH = 500
_FORM_LIMIT = 16 * 1024
_page = Environment(loader=PackageLoader("services.notify"), autoescape=True, trim_blocks=True, lstrip_blocks=True)

_HEADERS = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",  # the address is the key
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "x-robots-tag": "noindex",
}

type Token = Annotated[str, Path(max_length=200)]
"""The token of a link. A token that was cut off on its way is accepted here, and the page says so."""


class Acknowledgement(BaseModel):
    """A note on what is done about the alert, for everybody who can see the alert."""

    note: str | None = Field(default=None, max_length=NOTE_LENGTH)


@router.post("/v1/alerts/{alert_id}/acknowledge")
async def acknowledge_alert(
    alert_id: UUID, notify: Serving, caller: SignedIn, said: Acknowledgement | None = None
) -> AlertItem:
    """Acknowledge an alert: the caller's agency takes care of it. An earlier acknowledgement stays.

    An acknowledged alert is not repeated and climbs no further, so the key has to be that of an office that the plan
    tells of it, for its criterion: who hears of nothing keeps nobody else from hearing.
    """
    seen = visible(caller, None, notify.reference)
    world = await notify.world()
    async with notify.engine.begin() as connection:
        rows = await ledger.alert_rows(connection, [alert_id], seen)
        if not rows:
            raise Problem(Problems.NOT_FOUND)
        alert = readable_alert(rows[0], notify.reference)
        if not _may_acknowledge(alert, caller, world):
            raise Problem(Problems.OUT_OF_SCOPE, Fault("", Faults.NOT_TOLD))
        note, today = said.note if said else None, notify.runtime.clock.today()
        at = notify.runtime.clock.now()
        await acknowledge(connection, [alert_id], Responsible(caller.agency, caller.name or None, note, at, today))
        [row] = await ledger.alert_rows(connection, [alert_id], seen)
        names = await names_in(connection, [row])
    return alert_item(row, names, notify.reference)


def _may_acknowledge(alert: Alert | None, caller: Caller, world: World) -> bool:
    """Say whether the key covers the alert's criteria and an office that hears of it, or is the coordinator's."""
    if alert is None or is_coordinator(caller, world.reference):  # a damaged alert concerns the coordinator alone
        return is_coordinator(caller, world.reference)
    reference = world.of(alert).reference
    hears = (draft.recipient for draft in route([Draft((alert,))], world))
    return KeyScope.of(caller).covers(criteria(alert, reference.plan)) and any(
        recipient and recipient.role and caller.covers_unit(recipient.unit, reference.units) for recipient in hears
    )


@router.get("/a/{token}", response_class=HTMLResponse, include_in_schema=False)
async def show_link(token: Token, notify: Serving) -> HTMLResponse:
    """Show the alerts that the link acknowledges."""
    try:
        async with notify.engine.connect() as connection:
            return _answer(await _linked(connection, token, notify.runtime.clock), notify.reference)
    except Problem as problem:
        return _sorry(problem)


@router.post("/a/{token}", response_class=HTMLResponse, include_in_schema=False)
async def follow_link(token: Token, notify: Serving, request: Request) -> HTMLResponse:
    """Acknowledge the alerts of the link's notice, or end the digests or the news, as the recipient of the notice."""
    form = parse_qs((await read_body(request, _FORM_LIMIT)).decode(errors="replace"))
    note = storable(form.get("note", [""])[0].strip())[:NOTE_LENGTH]
    try:
        async with notify.engine.begin() as connection:
            linked = await _linked(connection, token, notify.runtime.clock)
            notice, now, by = linked.notice, utc_now(), as_recorded(linked.notice)
            if form.get("do") == ["no-news"] and linked.has_news:
                await end_news(connection, notice.recipient, notice.channel, notice.address, by, now)
            elif form.get("do") not in (["no-digest"], ["no-news"]):
                taken = recipient_takes(notice, note or None, notify.runtime.clock, notify.reference)
                await acknowledge(connection, [row.id for row in linked.alerts], taken)
            elif form.get("do") == ["no-digest"] and linked.has_digest:
                await end_digest(connection, notice.recipient, notice.channel, notice.address, by, now)
            linked = await _linked(connection, token, notify.runtime.clock)
    except Problem as problem:
        return _sorry(problem)
    notify.forget_world()
    notify.wake()
    return _answer(linked, notify.reference)


@dataclass(frozen=True, slots=True)
class _Linked:
    """The notice of a link and its alerts; `has_digest`, `has_news`: the notice was a digest, or told what asks for
    nothing, and its recipient still gets such notices.
    """

    notice: StoredNotice
    alerts: Sequence[StoredAlert]
    has_digest: bool
    has_news: bool
    names: Mapping[str, str]


async def _linked(connection: AsyncConnection, token: str, clock: Clock) -> _Linked:
    notice = await ledger.notice_of_link(connection, hash_of(token))
    if notice is None:
        raise Problem(Problems.NOT_FOUND)
    if notice.created_at + VALID_FOR < clock.now():
        raise Problem(Problems.LINK_EXPIRED)
    rows = await alerts_of_notice(connection, notice.id)
    own = (notice.recipient, notice.channel, notice.address)
    alerts = [row.alert for row in rows if row.left_out is None and row.alert.opens]
    is_digest = notice.waited in DIGESTS and await has_digest(connection, *own)
    is_news = notice.waited == NEWS and await has_news(connection, *own)
    return _Linked(notice, alerts, is_digest, is_news, await names_in(connection, alerts))


def _sorry(problem: Problem) -> HTMLResponse:
    """Return the page that tells people why a link cannot be followed."""
    page = _page.get_template("no_link.html").render(
        title=problem.kind.title, has_expired=problem.kind is Problems.LINK_EXPIRED
    )
    return HTMLResponse(page, status_code=problem.kind.http_status, headers=_HEADERS)


def _answer(linked: _Linked, reference: Reference) -> HTMLResponse:
    notice = linked.notice
    items = [
        {
            "place": item.unit.name,
            "code": item.unit.code,
            "what": item.what,
            "reason": item.brief,
            "acknowledged_by": item.acknowledged_name,
            "acknowledged_at": moment(item.acknowledged_at) if item.acknowledged_at else "",
            "note": item.acknowledged_note,
            "is_over": item.ended_at is not None,
        }
        for item in (alert_item(row, linked.names, reference) for row in linked.alerts)
    ]
    newest = max((row.on for row in linked.alerts), default=notice.created_at.astimezone(VIETNAM).date())
    page = _page.get_template("acknowledge.html").render(
        items=items,
        is_open=any(not item["acknowledged_by"] and not item["is_over"] for item in items),
        is_over=not any(item["acknowledged_by"] for item in items),
        was_digest=notice.waited in DIGESTS,
        has_digest=linked.has_digest,
        was_news=notice.waited == NEWS,
        has_news=linked.has_news,
        recipient=notice.name or notice.recipient,
        sample=notice.sample,
        day=text.day(newest, "vi"),
        note_length=NOTE_LENGTH,
    )
    return HTMLResponse(page, headers=_HEADERS)
