"""`/v1/silences`: spans of time in which matching alerts are not told. Each keeps its author, reason and end.

A key silences the offices that it stands for (`KeyScope`). A key for the province and all criteria is the
coordinator's: it silences others as well, who are told so.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, Field

from services.notify.alerts.events import alert_of
from services.notify.alerts.silence_given import SilenceGiven
from services.notify.api.dependencies import Serving, check_criteria, covered, is_coordinator
from services.notify.contacts.checks import place_faults
from services.notify.contacts.names import unseen_marks
from services.notify.routing.key_scope import KeyScope
from services.notify.routing.match_checks import has_condition, match_faults
from services.notify.routing.silenced_units import ended_on
from services.notify.service import Notify
from services.notify.storage import silences
from services.notify.telling.tell import tell
from services.notify.wording.silenced import conditions_of, places_of
from shared.access.agency_keys import agency_names
from shared.access.caller import Caller
from shared.contracts.bilingual import Bilingual, Language
from shared.http.dependencies import SignedIn
from shared.problems import Fault, Faults, Problem, Problems, faulty_fields
from shared.readable import read_row, read_rows
from shared.reference.load import Reference
from shared.reference.models import Match
from shared.reference.refs import unit_ref
from shared.stable_id import stable_id
from shared.time import utc_now

router = APIRouter(prefix="/v1/silences")

_LONGEST = timedelta(days=31)
_LETTERS = 3
"""The fewest letters of a reason: blanks and full stops give none."""


class NewSilence(BaseModel):
    """Alerts that are not to be told, matched as by the plan's branches, or those of them for `recipient` only."""

    match: Match
    recipient: str | None = Field(default=None, max_length=200, description="Such as `district_office@184`.")
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime = Field(description="At most 31 days from now.")
    reason: str = Field(min_length=3, max_length=1000)


class SilenceItem(NewSilence):
    """A stored silence. `for_others`: it also holds for others than the offices of its author's key."""

    id: UUID
    author: str
    created_at: AwareDatetime
    ended_by: str | None
    author_name: str | None = Field(default=None, description="The author as people know it.")
    what: Bilingual | None = Field(default=None, description="What it holds back, in words.")
    for_others: bool = False
    ended_with_units_on: date | None = Field(
        default=None,
        description="The last day of the units or the office that it was given for: it has ended with them.",
    )


class Silences(BaseModel):
    """Silences, the newest first."""

    items: list[SilenceItem]
    unreadable: list[UUID] = Field(default=[], description="Silences that hold nothing back: they are damaged.")


@router.post("", status_code=201)
async def add_silence(new: NewSilence, notify: Serving, caller: SignedIn) -> SilenceItem:
    """Silence matching alerts: for the key's own offices, or as the coordinator for others, who are told so.

    A key for a district silences what its offices hear about its units, never what the province hears, and what nobody
    took care of climbs on. A key for some criteria names these criteria. When the silence ends, notify tells what is
    still news.
    """
    reference, now, today = notify.reference, utc_now(), notify.runtime.clock.today()
    for_others = is_coordinator(caller, reference)
    if not new.match.under and reference.plan.unit not in caller.units:
        raise Problem(Problems.OUT_OF_SCOPE, Fault("/match/under", Faults.OWN_UNITS_NEEDED))
    starts_at = max(new.starts_at or now, now)
    if faults := [*_faults(new, reference), *_faults_of_times(new, now)]:
        raise faulty_fields(faults)
    if not for_others:
        _check_scope(new, caller, reference)
    row = silences.StoredSilence(
        id=uuid4(),
        match=new.match.model_dump(mode="json", exclude_none=True),
        recipient=new.recipient,
        starts_at=starts_at,
        ends_at=new.ends_at,
        reason=new.reason.strip(),
        author=caller.agency,
        created_at=now,
        ended_by=None,
        own_units=None if for_others else list(caller.units),
        own_criteria=None if for_others else list(caller.criteria),
        given_on=today,
    )
    async with notify.engine.begin() as connection:
        await silences.add_silence(connection, row)
        if for_others:
            given = alert_of(_given(row, caller, reference), reference)
            await tell(connection, [given], notify.pipeline, now)
    notify.wake()
    return _item(row, notify)


@router.get("")
async def list_silences(notify: Serving, _: SignedIn, *, ended: bool = False) -> Silences:
    """List the silences that hold or will hold, with `ended` also the silences that ended in the last 90 days.

    A silence ends with the units that it was given for, such as communes that merge: it does not hold for those that
    come after them.

    Every key sees all silences, since they name no addresses.
    """
    since = utc_now() - timedelta(days=90 * ended)
    async with notify.engine.connect() as connection:
        rows = await silences.silences_since(connection, since=since)
        names = await agency_names(connection, [row.author for row in rows])
    items, damaged = read_rows(rows, lambda row: _item(row, notify))
    for item in items:
        item.author_name = names.get(item.author)
    items = [item for item in items if ended or item.ended_with_units_on is None]
    return Silences(items=items, unreadable=[row.id for row in damaged])


@router.delete("/{silence_id}")
async def end_silence(silence_id: UUID, notify: Serving, caller: SignedIn) -> SilenceItem:
    """End a silence of the key's agency, or as the coordinator any. Notify tells what still is news of what it held."""
    async with notify.engine.begin() as connection:
        known = await silences.silence_of(connection, silence_id)
        if known is None:
            raise Problem(Problems.NOT_FOUND)
        if caller.agency != known.author and not is_coordinator(caller, notify.reference):
            raise Problem(Problems.OUT_OF_SCOPE, Fault("", Faults.ANOTHERS_SILENCE, {"value": known.author}))
        row = await silences.end_silence(connection, silence_id, caller.agency, utc_now())
        if row is None:
            raise Problem(Problems.SILENCE_ENDED)
    notify.wake()
    return read_row(row, lambda ended: _item(ended, notify))


def _faults(new: NewSilence, reference: Reference) -> Sequence[Fault]:
    """Return the faults of what is to be silenced, why, and for whom."""
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
    if unseen := unseen_marks(new.reason, blanks=" \t\n\r\N{NO-BREAK SPACE}"):
        faults.append(Fault("/reason", Faults.INVISIBLE_MARK, {"value": new.reason, "expected": unseen}))
    elif sum(map(str.isalpha, new.reason)) < _LETTERS:
        faults.append(Fault("/reason", Faults.EMPTY))
    return faults


def _faults_of_times(new: NewSilence, now: datetime) -> Sequence[Fault]:
    begins, latest = new.starts_at, now + _LONGEST
    ends = {"value": new.ends_at}
    if begins is not None and new.ends_at <= begins:
        return [Fault("/ends_at", Faults.BAD_TIMES, ends | {"expected": begins})]
    if new.ends_at <= now:
        return [Fault("/ends_at", Faults.END_HAS_PASSED, ends | {"expected": now})]
    if new.ends_at > latest:
        return [Fault("/ends_at", Faults.END_TOO_LATE, ends | {"expected": latest})]
    return []


def _check_scope(new: NewSilence, caller: Caller, reference: Reference) -> None:
    """Raise a problem (403) where the key does not cover what is silenced, or the recipient is another office."""
    for place, code in enumerate(new.match.under or ()):
        covered(caller, code, reference, f"/match/under/{place}")
    check_criteria(new.match, caller)
    if new.recipient is not None:
        name, _, code = new.recipient.partition("@")
        role = next(holder for holder in reference.plan.roles if holder.role == name)
        if not any(KeyScope.of(caller).is_own(role, unit) for unit in reference.units.known(code)):
            raise Problem(Problems.OUT_OF_SCOPE, Fault("/recipient", Faults.OTHERS_RECIPIENT, {"value": new.recipient}))


def _given(row: silences.StoredSilence, caller: Caller, reference: Reference) -> SilenceGiven:
    """Return the event that tells others of the silence."""
    province = reference.units.find(reference.plan.unit, row.created_at.date())
    return SilenceGiven(
        id=stable_id(row.id, "given"),
        at=row.created_at,
        unit=unit_ref(province or reference.units.known(reference.plan.unit)[-1]),
        silence=row.id,
        match=Match.model_validate(row.match),
        recipient=row.recipient,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        reason=row.reason,
        author=caller.name or caller.agency,
        sample=reference.plan.sample,
    )


def _item(row: silences.StoredSilence, notify: Notify) -> SilenceItem:
    item = SilenceItem.model_validate(row._asdict() | {"for_others": row.own is None})
    today, units = notify.runtime.clock.today(), notify.reference.units
    item.ended_with_units_on = ended_on(item.match.under or [], row.given_on, today, units)
    if item.ended_with_units_on is None and item.recipient is not None:
        item.ended_with_units_on = ended_on([item.recipient.partition("@")[2]], row.given_on, today, units)
    item.what = Bilingual(vi=_what(row, item, "vi", notify), en=_what(row, item, "en", notify))
    return item


def _what(row: silences.StoredSilence, item: SilenceItem, language: Language, notify: Notify) -> str:
    on = row.given_on or notify.runtime.clock.today()
    conditions = conditions_of(item.match, item.recipient, on, language, notify.reference)
    return "; ".join(filter(None, (places_of(item.match, language, notify.reference), conditions)))
