"""Requests of contacts about their own data (Law 91/2025/QH15, Decree 356/2025): to hand it over, or to erase it."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.api.dependencies import Serving, is_coordinator
from services.notify.service import Notify
from services.notify.storage.contacts import StoredContact, lock_contacts, stored_contacts
from services.notify.storage.personal_data import end_waiting, erase, kept_answers, kept_notices, record, recorded
from services.notify.storage.tables import PersonalDataRow
from services.notify.texts import phrase
from shared.access.caller import Caller
from shared.contracts.bilingual import Bilingual
from shared.http.dependencies import SignedIn
from shared.problems import Fault, Faults, Problem, Problems
from shared.readable import read_rows
from shared.reference.models import Contact
from shared.texts import filled
from shared.time import VIETNAM, utc_now
from shared.working_days import after_working_days

router = APIRouter(prefix="/v1")

_ANSWERED_WORKING_DAYS, _CARRIED_OUT_DAYS = 2, 15
"""By Decree 356/2025. Whether its 15 are working days was not verified: the shorter time is taken."""

type Kind = Literal["export", "erasure"]
type AskedBy = Literal["person", "representative", "authority"]


class PersonalDataRequest(BaseModel):
    """A request as it is filed; it names nobody."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    asked_by: AskedBy = "person"
    asked_on: date = Field(description="The day on which it came.")
    reference: Annotated[str, Field(pattern=r"^[\w./-]{1,40}$")] | None = Field(
        default=None, description="The number under which it is filed, such as `12/DN-2026`; no name."
    )


class PersonalDataEntry(BaseModel):
    """A line of the log of such requests. Of one that waits nothing is known yet from `done_at` on."""

    id: UUID
    kind: Kind
    contact: UUID
    role: str
    unit: str
    asked_by: AskedBy
    reference: str | None
    asked_on: date
    answer_by: date = Field(description="Two working days after it came.")
    carry_out_by: date = Field(description="15 days after it came.")
    done_at: AwareDatetime | None = Field(default=None, description="None: it waits.")
    done_by: str | None = None
    key: str | None = None
    notices: int | None = Field(default=None, description="The notices that were handed over or erased.")
    answers: int | None = None


class PersonalDataLog(BaseModel):
    """The requests that wait, then those that were carried out, newest first."""

    items: list[PersonalDataEntry]
    unreadable: list[UUID] = Field(default=[], description="Lines whose stored content is damaged.")


class NoticeToPerson(BaseModel):
    """A notice to the person."""

    at: AwareDatetime
    channel: str
    name: str
    address: str
    subject: str | None
    text: str | None
    status: str


class AnswerOfPerson(BaseModel):
    """A mail by which the person answered."""

    at: AwareDatetime
    sender: str
    words: str


class PersonalData(BaseModel):
    """All that is kept of a person, and why."""

    purpose: Bilingual
    basis: Bilingual
    contact: Contact
    notices: list[NoticeToPerson]
    answers: list[AnswerOfPerson]


class CarriedOut(BaseModel):
    """The answer to a request: its line of the log, what was handed over, and what remains elsewhere."""

    entry: PersonalDataEntry
    data: PersonalData | None = Field(default=None, description="Of an export.")
    remains: list[Bilingual] = Field(description="Where data of the person may still be, and until when.")


@router.post("/contacts/{contact_id}/personal-data")
async def carry_out(contact_id: UUID, request: PersonalDataRequest, notify: Serving, caller: SignedIn) -> CarriedOut:
    """Hand over, or erase, all that is kept of a contact, as it asked. Needs the province and all criteria."""
    _check(caller, notify)
    now = _now_not_before(request)
    async with notify.engine.begin() as connection:
        person = await _locked(connection, contact_id)
        waited = await end_waiting(connection, contact_id, request.kind)
        request = request.model_copy(update={"asked_on": min(request.asked_on, waited or request.asked_on)})
        data = None
        if request.kind == "export":
            notices, answers = await kept_notices(connection, person), await kept_answers(connection, person)
            data = PersonalData(
                purpose=phrase("personal_data.purpose"),
                basis=phrase("personal_data.basis"),
                contact=person.contact,
                notices=[NoticeToPerson(**one._asdict()) for one in notices],
                answers=[AnswerOfPerson(**one._asdict()) for one in answers],
            )
            numbers = len(notices), len(answers)
        else:
            numbers = await erase(connection, person)
        row = _row(
            request,
            person,
            done_at=now,
            done_by=caller.agency,
            key=caller.key,
            notices=numbers[0],
            answers=numbers[1],
        )
        await record(connection, row)
    notify.forget_world()
    return CarriedOut(entry=PersonalDataEntry.model_validate(row.model_dump()), data=data, remains=_remains(notify))


@router.post("/contacts/{contact_id}/personal-data-requests", status_code=201)
async def file_request(
    contact_id: UUID, request: PersonalDataRequest, notify: Serving, caller: SignedIn
) -> PersonalDataEntry:
    """File a request that came and is to be carried out later: operators are reminded once an answer is due."""
    _check(caller, notify)
    _now_not_before(request)
    async with notify.engine.begin() as connection:
        row = _row(request, await _locked(connection, contact_id))
        await record(connection, row)
    return PersonalDataEntry.model_validate(row.model_dump())


@router.get("/personal-data-requests")
async def list_requests(notify: Serving, caller: SignedIn) -> PersonalDataLog:
    """List the requests: who asked, when, by whom they were carried out, or that they wait; nobody is named."""
    _check(caller, notify)
    async with notify.engine.connect() as connection:
        rows = await recorded(connection)
    items, damaged = read_rows(rows, lambda row: PersonalDataEntry.model_validate(row._asdict()))
    return PersonalDataLog(items=items, unreadable=[row.id for row in damaged])


def _check(caller: Caller, notify: Notify) -> None:
    if not is_coordinator(caller, notify.reference):
        raise Problem(Problems.OUT_OF_SCOPE)


def _now_not_before(request: PersonalDataRequest) -> datetime:
    """Return the time; a problem where the request came on a day that is still to come."""
    now = utc_now()
    if request.asked_on > now.astimezone(VIETNAM).date():
        details = {"value": str(request.asked_on), "expected": phrase("personal_data.not_yet")}
        raise Problem(Problems.INVALID_QUERY, Fault("/asked_on", Faults.BAD_PARAMETER, details))
    return now


async def _locked(connection: AsyncConnection, contact_id: UUID) -> StoredContact:
    """Lock the contacts and return this one."""
    await lock_contacts(connection)
    if not (found := await stored_contacts(connection, contact_id)):
        raise Problem(Problems.NOT_FOUND)
    return found[0]


def _row(request: PersonalDataRequest, person: StoredContact, **done: Any) -> PersonalDataRow:
    return PersonalDataRow(
        id=uuid4(),
        contact=person.id,
        role=person.contact.role,
        unit=person.contact.unit,
        **request.model_dump(),
        answer_by=_after(request.asked_on, _ANSWERED_WORKING_DAYS),
        carry_out_by=request.asked_on + timedelta(days=_CARRIED_OUT_DAYS),
        **done,
    )


def _after(day: date, working_days: int) -> date:
    return after_working_days(datetime.combine(day, time(12), VIETNAM), working_days).date()


def _remains(notify: Notify) -> list[Bilingual]:
    """Say where data of a person may be that no request reaches."""
    words = [phrase("personal_data.in_backups"), phrase("personal_data.in_log"), phrase("personal_data.in_figures")]
    file = notify.runtime.settings.contacts
    return [*words, filled(phrase("personal_data.in_file"), file=file.name)] if file else words
