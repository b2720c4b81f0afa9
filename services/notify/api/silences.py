"""`/v1/silences`: spans of time in which matching alerts are not told. Each keeps its author, reason and end."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, Field

from services.notify.api.dependencies import Serving, covered, is_of_province
from services.notify.storage import silences
from shared.access.caller import Caller
from shared.http.dependencies import SignedIn
from shared.problems import Fault, Faults, Problem, Problems
from shared.reference.load import Reference
from shared.reference.models import Match
from shared.time import utc_now

router = APIRouter(prefix="/v1/silences")

_LONGEST = timedelta(days=366)


class NewSilence(BaseModel):
    """Alerts that are not to be told, matched as by the plan's branches, to everybody or to `recipient` only."""

    match: Match
    recipient: str | None = Field(default=None, max_length=200, description="Such as `district_office@184`.")
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime
    reason: str = Field(min_length=3, max_length=1000)


class SilenceItem(NewSilence):
    """A stored silence."""

    id: UUID
    author: str
    created_at: AwareDatetime
    ended_by: str | None


class Silences(BaseModel):
    """Silences, the newest first."""

    items: list[SilenceItem]


@router.post("", status_code=201)
async def add_silence(new: NewSilence, notify: Serving, caller: SignedIn) -> SilenceItem:
    """Silence matching alerts. A key that does not cover the province can silence its own units only."""
    _allowed(new, caller, notify.reference)
    now = utc_now()
    starts_at = max(new.starts_at or now, now)
    if not starts_at < new.ends_at <= now + _LONGEST:
        raise Problem(Problems.INVALID_QUERY, Fault("/ends_at", Faults.BAD_TIMES, {"value": new.ends_at.isoformat()}))
    row = silences.StoredSilence(
        id=uuid4(),
        match=new.match.model_dump(mode="json", exclude_none=True),
        recipient=new.recipient,
        starts_at=starts_at,
        ends_at=new.ends_at,
        reason=new.reason,
        author=caller.agency,
        created_at=now,
        ended_by=None,
    )
    async with notify.engine.begin() as connection:
        await silences.add_silence(connection, row)
    notify.forget_world()
    return _item(row)


@router.get("")
async def list_silences(notify: Serving, _: SignedIn, *, ended: bool = False) -> Silences:
    """List the silences that hold or will hold, with `ended` also the silences that ended in the last 90 days.

    Every key sees all silences, since they name no addresses.
    """
    since = utc_now() - timedelta(days=90 * ended)
    async with notify.engine.connect() as connection:
        rows = await silences.silences_since(connection, since=since)
    return Silences(items=[_item(row) for row in rows])


@router.delete("/{silence_id}")
async def end_silence(silence_id: UUID, notify: Serving, caller: SignedIn) -> SilenceItem:
    """End a silence now."""
    async with notify.engine.begin() as connection:
        row = await silences.end_silence(connection, silence_id, caller.agency, utc_now())
        if row is None:
            raise Problem(Problems.NOT_FOUND)
        item = _item(row)
        _allowed(item, caller, notify.reference)
    notify.forget_world()
    return item


def _allowed(new: NewSilence, caller: Caller, reference: Reference) -> None:
    if is_of_province(caller, reference):
        return
    if not new.match.under:
        raise Problem(Problems.OUT_OF_SCOPE, Fault("/match/under", Faults.MISSING))
    for place, code in enumerate(new.match.under):
        covered(caller, code, reference, f"/match/under/{place}")


def _item(row: silences.StoredSilence) -> SilenceItem:
    return SilenceItem.model_validate(row._asdict())
