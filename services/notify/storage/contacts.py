"""Contacts in the database: read for the pipeline, changed as a whole."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Row, and_, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.storage.tables import AddressRow, BroughtRow, ContactRow
from shared.contracts.alert import ChannelName
from shared.postgres.statements import columns_of, insert_rows, table_of
from shared.reference.models import Contact

contact, address, brought = table_of(ContactRow), table_of(AddressRow), table_of(BroughtRow)

_FIELDS = ("role", "unit", "name", "language", "digest", "quiet_from", "quiet_until", "sample")
_LISTS: Mapping[ChannelName, str] = {"email": "emails", "sms": "phones", "apprise": "services"}


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import changes."""

    added: int
    changed: int
    unchanged: int
    removed: int


async def known_contacts(connection: AsyncConnection) -> list[Contact]:
    """Every contact."""
    return [one for _, one in await contacts_with_rows(connection)]


async def contacts_with_rows(
    connection: AsyncConnection, contact_id: UUID | None = None
) -> list[tuple[Row[Any], Contact]]:
    """Every contact, or this one, with its row."""
    query = select(contact).order_by(contact.c.unit, contact.c.role, contact.c.name, contact.c.id)
    if contact_id:
        query = query.where(contact.c.id == contact_id)
    rows = (await connection.execute(query)).all()
    found: dict[UUID, list[Row[Any]]] = {row.id: [] for row in rows}
    addresses = select(address).order_by(address.c.contact, address.c.channel, address.c.place)
    if contact_id:
        addresses = addresses.where(address.c.contact == contact_id)
    for one in await connection.execute(addresses):
        if one.contact in found:
            found[one.contact].append(one)
    return [(row, _contact(row, found[row.id])) for row in rows]


async def save(connection: AsyncConnection, contact_id: UUID, one: Contact, author: str, now: datetime) -> None:
    """Keep a contact as it is now. An address that had ended and is given again is tried again."""
    values = {name: getattr(one, name) for name in _FIELDS} | {"updated_at": now, "updated_by": author}
    changed = await connection.execute(update(contact).where(contact.c.id == contact_id).values(values))
    if not changed.rowcount:
        await connection.execute(insert(contact).values(values | {"id": contact_id, "created_at": now}))
    await connection.execute(delete(address).where(address.c.contact == contact_id))
    rows = [
        {"contact": contact_id, "channel": channel, "place": place, "address": text}
        for channel, name in _LISTS.items()
        for place, text in enumerate(getattr(one, name))
    ]
    if rows:
        await connection.execute(insert(address), rows)


async def remove(connection: AsyncConnection, contacts: Collection[UUID]) -> int:
    """Forget contacts; how many there were."""
    await connection.execute(delete(address).where(address.c.contact == func.any(list(contacts))))
    return (await connection.execute(delete(contact).where(contact.c.id == func.any(list(contacts))))).rowcount


async def import_contacts(
    connection: AsyncConnection, contacts: Sequence[Contact], author: str, now: datetime, *, replaces: bool = False
) -> Imported:
    """Add and change contacts, told apart by role, unit and name; `replaces`: the others are removed."""
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtext("ntm-contacts"))))
    known = {(one.role, one.unit, one.name): (row.id, one) for row, one in await contacts_with_rows(connection)}
    given = {(one.role, one.unit, one.name): one for one in contacts}
    added = changed = 0
    for key, one in given.items():
        contact_id, before = known.get(key, (uuid4(), None))
        if before and before.model_copy(update={"ended": []}) == one:
            continue
        await save(connection, contact_id, one, author, now)
        added, changed = added + (before is None), changed + (before is not None)
    gone = [contact_id for key, (contact_id, _) in known.items() if key not in given] if replaces else []
    removed = await remove(connection, gone) if gone else 0
    return Imported(added, changed, len(given) - added - changed, removed)


async def bring_contacts(connection: AsyncConnection, contacts: Sequence[Contact], now: datetime) -> None:
    """Add the contacts of the file that the service is started with, each once: what people make of them stays."""
    if not contacts:
        return
    rows = [{"role": one.role, "unit": one.unit, "name": one.name} for one in contacts]
    statement = insert_rows(brought, tuple(rows[0])).on_conflict_do_nothing().returning(*brought.c)
    new = {tuple(row) for row in await connection.execute(statement, columns_of(rows))}
    known = {(one.role, one.unit, one.name) for one in await known_contacts(connection)}
    added = [one for one in contacts if (one.role, one.unit, one.name) in new - known]
    await import_contacts(connection, added, "file", now)


async def end_address(connection: AsyncConnection, channel: str, text: str, reason: str, now: datetime) -> bool:
    """Send nothing more to an address; False when it had ended before, or is nobody's."""
    statement = (
        update(address)
        .where(address.c.channel == channel, address.c.address == text, address.c.ended_at.is_(None))
        .values(ended_at=now, ended_reason=reason)
    )
    return bool((await connection.execute(statement)).rowcount)


async def has_digest(connection: AsyncConnection, recipient: str, channel: str, text: str) -> bool:
    """Whether those who are reached there as this recipient (`district_office@184`) are told by digests."""
    query = select(contact.c.id).where(_reached_at(recipient, channel, text), contact.c.digest != "none")
    return bool((await connection.execute(query)).first())


async def end_digest(
    connection: AsyncConnection, recipient: str, channel: str, text: str, author: str, now: datetime
) -> None:
    """Tell them each thing at once from now on."""
    values = {"digest": "none", "updated_at": now, "updated_by": author}
    await connection.execute(update(contact).where(_reached_at(recipient, channel, text)).values(values))


def _reached_at(recipient: str, channel: str, text: str) -> ColumnElement[bool]:
    role, _, unit = recipient.partition("@")
    own = select(address.c.contact).where(address.c.channel == channel, address.c.address == text)
    return and_(contact.c.role == role, contact.c.unit == unit, contact.c.id.in_(own))


def _contact(row: Row[Any], addresses: Sequence[Row[Any]]) -> Contact:
    lists = {name: [one.address for one in addresses if one.channel == channel] for channel, name in _LISTS.items()}
    ended = [one.address for one in addresses if one.ended_at]
    # checked when it was written, and read for every batch
    fields: dict[str, Any] = {name: getattr(row, name) for name in _FIELDS} | lists | {"ended": ended}
    return Contact.model_construct(**fields)
