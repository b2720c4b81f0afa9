"""The SQL of contacts: it reads them for the pipeline, and replaces each contact as a whole."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, RowMapping, and_, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.contacts.names import person_key
from services.notify.storage.tables import AddressRow, BroughtRow, ContactRow
from shared.contracts.alert import ChannelName
from shared.postgres.statements import columns_of, insert_rows, table_of
from shared.reference.models import Contact

contact, address, brought = table_of(ContactRow), table_of(AddressRow), table_of(BroughtRow)

_FIELDS = (
    "role", "unit", "name", "language", "digest", "news", "quiet_from", "quiet_until", "away_from", "away_until",
    "substitute", "sample",
)  # fmt: skip
_LISTS: Mapping[ChannelName, str] = {"email": "emails", "sms": "phones", "apprise": "services"}


@dataclass(frozen=True, slots=True)
class Imported:
    """The numbers of contacts that an import changes."""

    added: int
    changed: int
    unchanged: int
    removed: int


class StoredContact(NamedTuple):
    """A contact with its id, and when and by whom it was last changed."""

    id: UUID
    updated_at: datetime
    updated_by: str
    contact: Contact


async def lock_contacts(connection: AsyncConnection) -> None:
    """Let nobody else change contacts until the transaction ends: whoever adds one first looks for its like."""
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtext("ntm-contacts"))))


async def known_contacts(connection: AsyncConnection) -> list[Contact]:
    """Return every contact."""
    return [stored.contact for stored in await stored_contacts(connection)]


async def stored_contacts(connection: AsyncConnection, contact_id: UUID | None = None) -> list[StoredContact]:
    """Return every contact, or only the contact of this id, by unit, role and name."""
    query = select(contact).order_by(contact.c.unit, contact.c.role, contact.c.name, contact.c.id)
    if contact_id:
        query = query.where(contact.c.id == contact_id)
    rows = (await connection.execute(query)).all()
    by_contact: dict[UUID, list[_StoredAddress]] = {row.id: [] for row in rows}
    addresses = select(address.c.contact, address.c.channel, address.c.address, address.c.ended_at).order_by(
        address.c.contact, address.c.channel, address.c.place
    )
    if contact_id:
        addresses = addresses.where(address.c.contact == contact_id)
    for row in await connection.execute(addresses):
        if row.contact in by_contact:
            by_contact[row.contact].append(_StoredAddress(row.channel, row.address, row.ended_at is not None))
    return [
        StoredContact(row.id, row.updated_at, row.updated_by, _contact(row._mapping, by_contact[row.id]))
        for row in rows
    ]


async def save(connection: AsyncConnection, contact_id: UUID, new: Contact, author: str, now: datetime) -> None:
    """Store a contact in place of its earlier state. An ended address that the contact still has is tried again."""
    values = {name: getattr(new, name) for name in _FIELDS} | {"updated_at": now, "updated_by": author}
    changed = await connection.execute(update(contact).where(contact.c.id == contact_id).values(values))
    if not changed.rowcount:
        await connection.execute(insert(contact).values(values | {"id": contact_id, "created_at": now}))
    await connection.execute(delete(address).where(address.c.contact == contact_id))
    rows = [
        {"contact": contact_id, "channel": channel, "place": place, "address": text}
        for channel, name in _LISTS.items()
        for place, text in enumerate(getattr(new, name))
    ]
    if rows:
        await connection.execute(insert(address), rows)


async def remove(connection: AsyncConnection, contacts: Collection[UUID]) -> int:
    """Remove contacts; return the number removed."""
    await connection.execute(delete(address).where(address.c.contact == func.any(list(contacts))))
    return (await connection.execute(delete(contact).where(contact.c.id == func.any(list(contacts))))).rowcount


async def import_contacts(
    connection: AsyncConnection, contacts: Sequence[Contact], author: str, now: datetime, *, replaces: bool = False
) -> Imported:
    """Add and change contacts, which are the same by role, unit and name, in whatever spelling (`person_key`); with
    `replaces`, remove all others. The contacts must be locked.
    """
    stored = await stored_contacts(connection)
    known = {_key(each.contact): (each.id, each.contact) for each in reversed(stored)}
    given = {_key(listed): listed for listed in contacts}
    added = changed = 0
    for key, listed in given.items():
        contact_id, before = known.get(key, (uuid4(), None))
        if before and before.model_copy(update={"ended": []}) == listed:
            continue
        await save(connection, contact_id, listed, author, now)
        added, changed = added + (before is None), changed + (before is not None)
    kept = {known[key][0] for key in given.keys() & known.keys()}
    gone = [each.id for each in stored if each.id not in kept] if replaces else []
    removed = await remove(connection, gone) if gone else 0
    return Imported(added, changed, len(given) - added - changed, removed)


async def bring_contacts(connection: AsyncConnection, contacts: Sequence[Contact], now: datetime) -> None:
    """Add the contacts of the file that the service starts with, each only once: people's later changes stay."""
    await lock_contacts(connection)
    names = set((await connection.execute(select(brought.c.name))).scalars())
    if not (contacts := [listed for listed in contacts if erased_name(listed) not in names]):
        return
    rows = [{"role": listed.role, "unit": listed.unit, "name": listed.name} for listed in contacts]
    statement = insert_rows(brought, tuple(rows[0])).on_conflict_do_nothing().returning(*brought.c)
    new = {tuple(row) for row in await connection.execute(statement, columns_of(rows))}
    existing = {_key(known) for known in await known_contacts(connection)}
    added = [
        listed for listed in contacts if (listed.role, listed.unit, listed.name) in new and _key(listed) not in existing
    ]
    await import_contacts(connection, added, "file", now)


def erased_name(of: Contact) -> str:
    """Return what stands in the place of an erased contact's name, so that the file does not bring it again."""
    return f"sha256:{sha256(json.dumps(_key(of)).encode()).hexdigest()}"


async def end_address(connection: AsyncConnection, channel: str, text: str, reason: str, now: datetime) -> bool:
    """Send nothing more to an address; return False when it had ended before, or no contact has it."""
    statement = (
        update(address)
        .where(address.c.channel == channel, address.c.address == text, address.c.ended_at.is_(None))
        .values(ended_at=now, ended_reason=reason)
    )
    return bool((await connection.execute(statement)).rowcount)


async def has_digest(connection: AsyncConnection, recipient: str, channel: str, text: str) -> bool:
    """Say whether a contact with this address gets digests as this recipient (`district_office@184`)."""
    query = select(contact.c.id).where(_reached_at(recipient, channel, text), contact.c.digest != "none")
    return bool((await connection.execute(query)).first())


async def end_digest(
    connection: AsyncConnection, recipient: str, channel: str, text: str, author: str, now: datetime
) -> None:
    """End the digests of the recipient's contacts with this address: each alert is told at once from now on."""
    values = {"digest": "none", "updated_at": now, "updated_by": author}
    await connection.execute(update(contact).where(_reached_at(recipient, channel, text)).values(values))


async def end_news(
    connection: AsyncConnection, recipient: str, channel: str, text: str, author: str, now: datetime
) -> None:
    """Tell the recipient's contacts with this address no more of what asks for nothing."""
    values = {"news": "none", "updated_at": now, "updated_by": author}
    await connection.execute(update(contact).where(_reached_at(recipient, channel, text)).values(values))


async def has_news(connection: AsyncConnection, recipient: str, channel: str, text: str) -> bool:
    """Say whether a contact with this address hears, as this recipient, of what asks for nothing."""
    query = select(contact.c.id).where(_reached_at(recipient, channel, text), contact.c.news != "none")
    return bool((await connection.execute(query)).first())


def _reached_at(recipient: str, channel: str, text: str) -> ColumnElement[bool]:
    role, _, unit = recipient.partition("@")
    own = select(address.c.contact).where(address.c.channel == channel, address.c.address == text)
    return and_(contact.c.role == role, contact.c.unit == unit, contact.c.id.in_(own))


def _key(of: Contact) -> tuple[str, str, str]:
    return of.role, of.unit, person_key(of.name)


class _StoredAddress(NamedTuple):
    channel: str
    address: str
    has_ended: bool


def _contact(row: RowMapping, addresses: Sequence[_StoredAddress]) -> Contact:
    lists = {
        name: [stored.address for stored in addresses if stored.channel == channel] for channel, name in _LISTS.items()
    }
    ended = [stored.address for stored in addresses if stored.has_ended]
    # Contacts are not validated again: they are checked when they are written, and read for every batch.
    fields: dict[str, Any] = {name: row[name] for name in _FIELDS} | lists | {"ended": ended}
    return Contact.model_construct(**fields)
