"""`/v1/silences`: spans of time in which matching alerts are not told. Each keeps its author, reason and end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, Field

from services.notify.api.dependencies import Serving, covered, is_of_province
from services.notify.contacts.checks import place_faults
from services.notify.routing.match_checks import has_condition, match_faults
from services.notify.storage import silences
from shared.access.caller import Caller
from shared.contracts.bilingual import Bilingual
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
    """Silence matching alerts. A key that does not cover the province can silence its own units only.

    When the silence ends, notify tells what is still news.
    """
    reference, now = notify.reference, utc_now()
    if not new.match.under and not is_of_province(caller, reference):
        raise Problem(Problems.OUT_OF_SCOPE, Fault("/match/under", Faults.OWN_UNITS_NEEDED))
    starts_at = max(new.starts_at or now, now)
    if faults := [*_faults(new, reference), *_faults_of_times(new, now)]:
        raise Problem(Problems.INVALID_QUERY, *faults)
    _covered(new, caller, reference)
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
    """End a silence now. Notify tells what it held back and what is still news."""
    async with notify.engine.begin() as connection:
        known = await silences.silence_of(connection, silence_id)
        if known is None:
            raise Problem(Problems.NOT_FOUND)
        if not _item(known).match.under and not is_of_province(caller, notify.reference):
            raise Problem(Problems.OUT_OF_SCOPE, Fault("", Faults.PROVINCE_ONLY))
        _covered(_item(known), caller, notify.reference)
        row = await silences.end_silence(connection, silence_id, caller.agency, utc_now())
        if row is None:
            raise Problem(Problems.SILENCE_ENDED)
    notify.wake()
    return _item(row)


def _faults(new: NewSilence, reference: Reference) -> Sequence[Fault]:
    """Return the faults of what is to be silenced, and for whom."""
    faults = [*match_faults(new.match, reference)]
    if new.recipient is not None:
        role, at, unit = new.recipient.partition("@")
        if at and role and unit:
            faults += place_faults(role, unit, reference, "/recipient", "/recipient")
        else:
            faults.append(Fault("/recipient", Faults.BAD_RECIPIENT, {"value": new.recipient}))
    elif not has_condition(new.match):
        names = ", ".join((*(f"match.{name}" for name in Match.model_fields), "recipient"))
        faults.append(Fault("/match", Faults.NO_CONDITION, {"expected": Bilingual(vi=names, en=names)}))
    return faults


def _faults_of_times(new: NewSilence, now: datetime) -> Sequence[Fault]:
    begins, latest = new.starts_at, now + _LONGEST
    ends = {"value": new.ends_at.isoformat()}
    if begins is not None and new.ends_at <= begins:
        return [Fault("/ends_at", Faults.BAD_TIMES, ends | {"expected": begins.isoformat()})]
    if new.ends_at <= now:
        return [Fault("/ends_at", Faults.END_HAS_PASSED, ends | {"expected": now.isoformat(timespec="seconds")})]
    if new.ends_at > latest:
        return [Fault("/ends_at", Faults.END_TOO_LATE, ends | {"expected": latest.isoformat(timespec="seconds")})]
    return []


def _covered(new: NewSilence, caller: Caller, reference: Reference) -> None:
    """Raise a problem (403) where the caller covers neither the province nor the units that are silenced."""
    if not is_of_province(caller, reference):
        for place, code in enumerate(new.match.under or ()):
            covered(caller, code, reference, f"/match/under/{place}")


def _item(row: silences.StoredSilence) -> SilenceItem:
    return SilenceItem.model_validate(row._asdict())
