"""`/v1/contacts`: the holders of roles in units, and their addresses."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date
from uuid import UUID, uuid4

from fastapi import APIRouter, Request
from pydantic import AwareDatetime, BaseModel, Field, ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.alerts.offices import office_of
from services.notify.api.dependencies import Serving, UnitParameter, is_coordinator, visible
from services.notify.contacts.book import Book, checked_book, read_book
from services.notify.contacts.checks import Remark, check, namesake_fault, substitute_fault
from services.notify.contacts.leave import LeaveState, leave_of
from services.notify.contacts.masking import mask_address
from services.notify.inspect.ended_roles import ended_role
from services.notify.inspect.who_is_unreachable import gaps
from services.notify.routing.key_scope import KeyScope
from services.notify.service import Notify
from services.notify.storage.contacts import (
    StoredContact,
    import_contacts,
    known_contacts,
    lock_contacts,
    remove,
    save,
    stored_contacts,
)
from shared.access.caller import EVERYTHING, Caller
from shared.contracts.alert import ChannelName
from shared.contracts.bilingual import Bilingual
from shared.contracts.refs import UnitRef
from shared.http.body import read_body
from shared.http.dependencies import SignedIn
from shared.http.work_slots import WorkSlots
from shared.problems import Fault, Faults, Problem, Problems, faulty_fields
from shared.problems.pydantic_errors import faults_of
from shared.reference.load import Reference
from shared.reference.models import Contact, ContactsFile
from shared.reference.naming import criteria_named
from shared.spreadsheet import read_apart
from shared.time import utc_now

router = APIRouter(prefix="/v1/contacts")

_files = WorkSlots(at_once=1, limit=4)
"""Files in hand, of which one is read at a time."""

FILE_LIMIT = 2 * 1024 * 1024


class ContactRemark(BaseModel):
    """A remark about what was written otherwise than it is stored, or was not read; a file's remark names the cell."""

    pointer: str
    code: str = Field(description="The stable word for programs, such as `phone_renumbered`.")
    detail: Bilingual
    sheet: str | None = None
    cell: str | None = None


class LeaveItem(BaseModel):
    """The leave of a contact. `not_reached`: it is away, and its substitute cannot be told, or not by all channels."""

    state: LeaveState
    words: Bilingual


class ContactItem(Contact):
    """A stored contact; its addresses are masked for keys that do not cover its unit."""

    id: UUID
    updated_at: AwareDatetime
    updated_by: str
    office: str | None = Field(default=None, description="The role in its unit, as people name it.")
    leave: LeaveItem | None = Field(default=None, description="None: no leave that is or will be.")
    remarks: list[ContactRemark] = Field(default=[], description="Of the contact as it was just sent.")


class Contacts(BaseModel):
    """Contacts, by unit and role."""

    items: list[ContactItem]


class GapItem(BaseModel):
    """A recipient that the plan's routing tells by a channel, and the reason why that channel cannot reach it."""

    recipient: str
    unit: UnitRef
    name: Bilingual
    channel: ChannelName
    reason: Bilingual
    branches: list[str]


class EndedRoleItem(BaseModel):
    """A contact whose role has ended, so that the contact hears of nothing new."""

    contact: UUID
    role: str
    unit: str
    ended_on: date
    passes_to: str | None = Field(description="The role that has its work now; none: it passed to nobody.")
    may_move: bool = Field(description="Whether the contact may hold that role: its unit has the role too.")
    words: Bilingual


class NotHandedOverItem(BaseModel):
    """A contact on leave whose substitute cannot be told, so that notices still go to the contact."""

    contact: UUID
    role: str
    unit: str
    words: Bilingual


class Gaps(BaseModel):
    """The recipients that the plan's routing tells and that a channel cannot reach."""

    items: list[GapItem]
    not_handed_over: list[NotHandedOverItem] = Field(default=[], description="Contacts on leave without a substitute.")
    ended: list[EndedRoleItem] = Field(default=[], description="The contacts whose role has ended.")


class ImportAnswer(BaseModel):
    """The numbers of contacts that an import changed or, with `dry_run`, would change."""

    dry_run: bool
    added: int
    changed: int
    unchanged: int
    removed: int
    remarks: list[ContactRemark] = []


@router.get("")
async def list_contacts(
    notify: Serving, caller: SignedIn, unit: UnitParameter = None, role: str | None = None
) -> Contacts:
    """List the contacts of the key's units and, without `unit`, of the province."""
    reference = notify.reference
    codes = {reference.units.by_key(key).code for key in visible(caller, unit, reference)}
    async with notify.engine.connect() as connection:
        contacts = await stored_contacts(connection)
    people, today = [stored.contact for stored in contacts], notify.runtime.clock.today()
    seen = [
        _item(stored, caller, reference, people, today)
        for stored in contacts
        if (stored.contact.unit in codes or (unit is None and stored.contact.unit == reference.plan.unit))
        and (role is None or stored.contact.role == role)
    ]
    return Contacts(items=seen)


@router.get("/gaps")
async def list_gaps(notify: Serving, caller: SignedIn) -> Gaps:
    """List the recipients that a channel cannot reach, in the units that the key covers."""
    reference = notify.reference
    seen, today = set(visible(caller, None, reference)), notify.runtime.clock.today()
    world = await notify.world()
    async with notify.engine.connect() as connection:
        contacts = await stored_contacts(connection)
    people = [stored.contact for stored in contacts]
    own = [
        stored
        for stored in contacts
        if any(caller.covers_unit(unit, reference.units) for unit in reference.units.known(stored.contact.unit))
    ]
    return Gaps(
        not_handed_over=[
            NotHandedOverItem(contact=stored.id, role=stored.contact.role, unit=stored.contact.unit, words=leave.words)
            for stored in own
            if (leave := leave_of(stored.contact, people, today)) and leave.state == "not_reached"
        ],
        ended=[
            EndedRoleItem(
                contact=stored.id,
                role=ended.role.role,
                unit=stored.contact.unit,
                ended_on=ended.ended_on,
                passes_to=ended.follows.role if ended.follows else None,
                may_move=ended.may_move,
                words=ended.words,
            )
            for stored in own
            if (ended := ended_role(stored.contact, reference, today))
        ],
        items=[
            GapItem(
                recipient=str(gap.recipient),
                unit=UnitRef(code=unit.code, name=unit.name, kind=unit.kind, key=unit.key),
                name=gap.recipient.title,
                channel=gap.channel,
                reason=gap.reason.value,
                branches=list(gap.branches),
            )
            for gap in gaps(world, today)
            if (unit := gap.recipient.unit).key in seen and gap.recipient.role
        ],
    )


@router.post("", status_code=201)
async def add_contact(contact: Contact, notify: Serving, caller: SignedIn) -> ContactItem:
    """Add a contact to a unit that the key covers, for a role of whose criteria the key has each."""
    return await _keep(uuid4(), contact, notify, caller, is_new=True)


@router.put("/{contact_id}")
async def change_contact(contact_id: UUID, contact: Contact, notify: Serving, caller: SignedIn) -> ContactItem:
    """Replace a contact. Notify tries an address again that a provider refused for good."""
    return await _keep(contact_id, contact, notify, caller, is_new=False)


@router.delete("/{contact_id}", status_code=204)
async def remove_contact(contact_id: UUID, notify: Serving, caller: SignedIn) -> None:
    """Remove a contact. Notify tells the contact nothing more."""
    async with notify.engine.begin() as connection:
        await lock_contacts(connection)
        await _own(connection, contact_id, notify, caller)
        await remove(connection, [contact_id])
    notify.forget_world()


@router.post(
    "/import",
    response_model_exclude_defaults=True,
    openapi_extra={"requestBody": {"content": {"application/octet-stream": {"schema": {}}}, "required": True}},
)
async def import_file(
    request: Request,
    notify: Serving,
    caller: SignedIn,
    *,
    dry_run: bool = False,
    replace: bool = False,
) -> ImportAnswer:
    """Import the contacts of an Excel or CSV file, or of JSON: all of them, or none where any is faulty.

    `replace` removes the contacts that the file lacks, and needs a key for the province and all criteria. `dry_run`
    changes nothing and only returns the numbers of changes. `remarks` name phone numbers whose prefix of before 2018
    was translated, and sheets that were not read.
    """
    reference = notify.reference
    async with _files.in_hand():
        body = await read_body(request, FILE_LIMIT)
        async with _files.at_work():
            book = await _book(body, request.headers.get("content-type", ""), reference)
    if book.faults:
        raise Problem(Problems.FILE_REFUSED, *book.faults)
    for contact in book.contacts:
        _check_office(contact, caller, notify)
    if replace and not is_coordinator(caller, reference):
        raise Problem(Problems.OUT_OF_SCOPE)
    async with notify.engine.connect() as connection, connection.begin() as transaction:
        await lock_contacts(connection)
        known = [] if replace else await known_contacts(connection)
        if faults := [*book.compared_with(known), *book.without_substitute(known)]:
            raise Problem(Problems.FILE_REFUSED, *faults)
        done = await import_contacts(connection, book.contacts, caller.agency, utc_now(), replaces=replace)
        if dry_run:
            await transaction.rollback()
    notify.forget_world()
    return ImportAnswer(
        dry_run=dry_run,
        added=done.added,
        changed=done.changed,
        unchanged=done.unchanged,
        removed=done.removed,
        remarks=[_remark(remark) for remark in book.remarks],
    )


async def _book(body: bytes, content_type: str, reference: Reference) -> Book:
    if content_type.partition(";")[0].strip() == "application/json":
        try:
            return checked_book(ContactsFile.model_validate_json(body).contacts, reference)
        except ValidationError as error:
            errors = ({**fault, "loc": ("body", *fault["loc"])} for fault in error.errors(include_url=False))
            raise Problem(Problems.FILE_REFUSED, *faults_of(errors)) from None
    return await asyncio.to_thread(read_book, await read_apart(body), reference)


async def _own(connection: AsyncConnection, contact_id: UUID, notify: Serving, caller: Caller) -> None:
    """Raise a problem where there is no such contact, or the key does not cover its unit."""
    contacts = await stored_contacts(connection, contact_id)
    if not contacts:
        raise Problem(Problems.NOT_FOUND)
    _check_office(contacts[0].contact, caller, notify)


def _check_office(contact: Contact, caller: Caller, notify: Notify) -> None:
    """Raise a problem (403) where the key may not keep the contacts of the role in the unit.

    It has to cover the unit that has the code today, and each criterion of the role; a role without criteria of its own
    hears of all. Else a key for one criterion could lead an office's notices elsewhere.
    """
    reference = notify.reference
    unit = reference.units.find(contact.unit, notify.runtime.clock.today()) or reference.units.known(contact.unit)[-1]
    if not caller.covers_unit(unit, reference.units):
        raise Problem(Problems.OUT_OF_SCOPE, Fault("/unit", Faults.OUTSIDE_UNITS, {"value": contact.unit}))
    owned = next((role.owns for role in reference.plan.roles if role.role == contact.role), [])
    if not KeyScope.of(caller).covers(owned):
        details = {"value": contact.role, "expected": criteria_named(owned or [EVERYTHING])}
        raise Problem(Problems.OUT_OF_SCOPE, Fault("/role", Faults.OUTSIDE_ROLE, details))


async def _keep(contact_id: UUID, contact: Contact, notify: Serving, caller: Caller, *, is_new: bool) -> ContactItem:
    checked = check(contact, notify.reference)
    kept = checked.contact
    if checked.faults:
        raise faulty_fields(checked.faults)
    _check_office(kept, caller, notify)
    async with notify.engine.begin() as connection:
        await lock_contacts(connection)
        if not is_new:
            await _own(connection, contact_id, notify, caller)
        others = [each.contact for each in await stored_contacts(connection) if each.id != contact_id]
        if fault := namesake_fault(kept, others, Faults.KNOWN_CONTACT):
            raise Problem(Problems.INVALID_QUERY, fault)
        if fault := substitute_fault(kept, others):
            raise Problem(Problems.INVALID_QUERY, fault)
        await save(connection, contact_id, kept, caller.agency, utc_now())
        [stored] = await stored_contacts(connection, contact_id)
    notify.forget_world()
    remarks = [_remark(remark) for remark in checked.remarks]
    item = _item(stored, caller, notify.reference, [kept, *others], notify.runtime.clock.today())
    return item.model_copy(update={"remarks": remarks})


def _remark(remark: Remark) -> ContactRemark:
    return ContactRemark(
        pointer=remark.pointer,
        code=remark.kind.code,
        detail=remark.kind.text(**remark.details),
        sheet=remark.sheet,
        cell=remark.cell,
    )


def _item(
    stored: StoredContact, caller: Caller, reference: Reference, people: Sequence[Contact], today: date
) -> ContactItem:
    contact = stored.contact
    leave = leave_of(contact, people, today)
    in_full = any(caller.covers_unit(unit, reference.units) for unit in reference.units.known(contact.unit))

    def shown(addresses: Sequence[str]) -> list[str]:
        return list(addresses) if in_full else [mask_address(address) for address in addresses]

    lists = {name: shown(getattr(contact, name)) for name in ("emails", "phones", "services", "ended")}
    fields = (
        dict(contact)
        | lists
        | {
            "id": stored.id,
            "updated_at": stored.updated_at,
            "updated_by": stored.updated_by,
            "office": office_of(contact.recipient, today, reference),
            "leave": LeaveItem(state=leave.state, words=leave.words) if leave else None,
            "remarks": [],
        }
    )
    return ContactItem.model_construct(**fields)
