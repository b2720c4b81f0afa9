"""`GET /v1/changes`: what has changed between two days; `GET /v1/changes/live`: each change as it happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from services.scoring.asking.parameters import check_one_of
from services.scoring.following.change_feed import FollowedChange
from services.scoring.following.published_change import PublishedChange, published
from services.scoring.service import Scoring
from services.scoring.storage.changes import ChangesAsked, changes_between
from services.scoring.texts import phrase
from shared.access.caller import Caller
from shared.contracts.bilingual import Bilingual
from shared.contracts.status import Event
from shared.http.dependencies import Running, SignedIn, recognise, runtime_of, service_of
from shared.http.event_stream import DOCUMENTED, PING, PING_SECONDS, EventStream
from shared.http.paging import Limit, NumberCursor
from shared.problems import Fault, Faults, Problem, Problems, bad_parameter, unknown_unit
from shared.reference.load import Reference

router = APIRouter(prefix="/v1")

_WEEK = timedelta(days=7)

_PAUSE_SECONDS = 0.5
"""The time between two frames of a page."""

_AT_ONCE = 64
"""Changes, some 100 kB, that are given to a connection at once: of a page that does not read no more is held."""

_SAID_AFTER = 1000
"""Changes that were not asked for, after which their number is said all the same: who comes again is not far behind."""


class ChangePage(BaseModel):
    """Changes, the newest first; `next` is the cursor of the following page."""

    since: date
    until: date
    items: list[PublishedChange]
    unreadable: list[int] = Field(default=[], description="The numbers of changes whose stored content is damaged.")
    next: int | None
    live_after: int = Field(
        description="The `Last-Event-ID` behind which `GET /v1/changes/live` goes on: no change lies between."
    )
    sample: bool


class ChangeFrame(BaseModel):
    """The data of an event `changes`: the changes since the frame before, in order."""

    items: list[PublishedChange]
    unreadable: list[int] = Field(default=[], description="The numbers of changes whose stored content is damaged.")


class ChangesLost(BaseModel):
    """The data of an event `reset`: too much has changed since; read the lists again, and go on from here."""

    reason: Bilingual


def changes_asked(
    request: Request,
    caller: SignedIn,
    district: Annotated[str | None, Query(description="Only this unit and those below it.")] = None,
    criterion: Annotated[str | None, Query(description="Such as `ntm-11`.")] = None,
    commitment: Annotated[str | None, Query(description="The id of a commitment of a plan.")] = None,
    cohort: Annotated[str | None, Query(description="Only communes of this cohort of a plan.")] = None,
    event: Annotated[list[Event] | None, Query(description="Only these events; repeat it for several.")] = None,
) -> ChangesAsked:
    """Return what is asked for, within the units that the key covers."""
    references = runtime_of(request).plans.references
    check_one_of("criterion", criterion, (key for each in references for key in each.criterion_keys))
    check_one_of("commitment", commitment, (one.id for each in references for one in each.plan.commitments))
    check_one_of("cohort", cohort, (one.id for each in references for one in each.plan.cohorts))
    if criterion is not None and commitment is not None:
        raise bad_parameter("commitment", commitment, phrase("changes.no_criterion"))
    return ChangesAsked(_units(references[-1], caller, district), criterion or commitment, cohort, event)


Asked = Annotated[ChangesAsked, Depends(changes_asked)]


@router.get("/changes")
async def list_changes(
    runtime: Running,
    request: Request,
    asked: Asked,
    since: Annotated[date | None, Query(description="By default a week before `until`.")] = None,
    until: Annotated[date | None, Query(description="By default today.")] = None,
    cursor: NumberCursor = None,
    limit: Limit = 200,
) -> ChangePage:
    """List the changes between two days, both included, the newest first."""
    last = until or runtime.clock.today()
    first = since or last - _WEEK
    if first > last:
        raise bad_parameter("since", first, f"… {last}")
    live_after = await scoring_of(request).changes.newest()
    async with runtime.engine.connect() as connection:
        rows = await changes_between(connection, first, last, asked, cursor, limit + 1)
    read = {row.number: published(row) for row in rows[:limit]}
    return ChangePage(
        since=first,
        until=last,
        items=[change for change in read.values() if change is not None],
        unreadable=[number for number, change in read.items() if change is None],
        next=rows[limit - 1].number if len(rows) > limit else None,
        live_after=live_after,
        sample=runtime.reference.plan.sample,
    )


async def begins_behind(
    request: Request,
    _caller: SignedIn,
    last_event_id: Annotated[
        int | None,
        Header(ge=0, le=2**62, description="The number behind which to go on: an event's id, or `live_after`."),
    ] = None,
    after: Annotated[
        int | None, Query(ge=0, le=2**62, description="The same for browsers, which send the header from a break on.")
    ] = None,
) -> int:
    """Return the number behind which to go on: where none is asked for, of the newest change.

    It is known before the answer begins, so that whoever has seen the beginning misses no change from there on.
    """
    asked_for = after if last_event_id is None else last_event_id
    return await scoring_of(request).changes.newest() if asked_for is None else asked_for


@router.get("/changes/live", response_class=StreamingResponse, responses=DOCUMENTED)
async def follow_changes(request: Request, asked: Asked, number: Annotated[int, Depends(begins_behind)]) -> EventStream:
    """Send the changes as they happen, as server-sent events: at most two frames a second, each with all since.

    An event `changes` has a `ChangeFrame`, an event `reset` a `ChangesLost`. The stream ends with its key or session.
    """
    return EventStream(_followed(request, asked, number))


async def _followed(request: Request, asked: ChangesAsked, number: int) -> AsyncIterator[bytes]:
    """Yield the parts of the events behind a number, until their listener has lost the right to hear them."""
    feed, said, silent_seconds = scoring_of(request).changes, number, 0.0
    while True:
        event: Iterable[bytes] = ()
        found = await feed.behind(number)
        if found is None:
            number = said = await feed.newest()
            event = [_reset(number)]
        elif found:
            number = found[-1].number
            if told := [change for change in found if change.is_asked(asked)]:
                said, event = number, _frame(number, told)
            elif number >= said + _SAID_AFTER:
                said, event = number, [b"id: %d\n\n" % number]
        silent_seconds += _PAUSE_SECONDS
        for part in event:
            silent_seconds = 0.0
            yield part
        if silent_seconds >= PING_SECONDS:
            silent_seconds = 0.0
            yield PING
        await asyncio.sleep(_PAUSE_SECONDS)
        try:
            await recognise(request)
        except Problem:
            return


def _reset(number: int) -> bytes:
    lost = ChangesLost(reason=phrase("changes.reset"))
    return b"event: reset\nid: %d\ndata: %s\n\n" % (number, lost.model_dump_json().encode())


def _frame(number: int, changes: Sequence[FollowedChange]) -> Iterator[bytes]:
    """Yield the parts of an event with a `ChangeFrame`."""
    texts = [change.text for change in changes if change.text is not None]
    unreadable = ",".join(str(change.number) for change in changes if change.text is None)
    begin, end = b'event: changes\nid: %d\ndata: {"items":[' % number, f'],"unreadable":[{unreadable}]}}\n\n'.encode()
    for first in range(0, max(len(texts), 1), _AT_ONCE):
        is_last = first + _AT_ONCE >= len(texts)
        items = b",".join(texts[first : first + _AT_ONCE])
        yield b"".join((b"," if first else begin, items, end if is_last else b""))


def _units(reference: Reference, caller: Caller, district: str | None) -> frozenset[int] | None:
    """Return the keys of the units of any time that are asked for and that the key covers; None: all."""
    units, province = reference.units, reference.plan.unit
    if district is None and province in caller.units:
        return None
    if district is not None and not units.known(district):
        raise unknown_unit("/district", district)
    asked = [unit for unit in units if units.is_under(unit, district or province)]
    covered = frozenset(unit.key for unit in asked if caller.covers_unit(unit, units))
    if district is not None and not covered:
        raise Problem(Problems.OUT_OF_SCOPE, Fault("/district", Faults.OUTSIDE_UNITS, {"value": district}))
    return covered


def scoring_of(request: Request) -> Scoring:
    """Return the service that answers."""
    return cast(Scoring, service_of(request))
