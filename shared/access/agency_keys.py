"""Queries about agencies and their keys: made, rotated, revoked, listed, found."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple, TypedDict

from sqlalchemy import Select, insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_find
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.access.caller import DEFAULT_RATE
from shared.access.tables import AccessKey, Agency
from shared.postgres.statements import table_of
from shared.time import utc_now

type KeyState = Literal["active", "replaced", "expired", "revoked"]


class KeyRow(NamedTuple):
    """A key as its row has it, with the name of its agency."""

    id: str
    agency: str
    secret_hash: str
    units: list[str]
    criteria: list[str]
    created_at: datetime
    revoked_at: datetime | None
    expires_at: datetime | None
    replaced_by: str | None
    rate_per_minute: int
    last_used_at: datetime | None
    name: str


class NewKey(TypedDict):
    """A key as it is inserted."""

    id: str
    agency: str
    secret_hash: str
    units: list[str]
    criteria: list[str]
    created_at: datetime
    expires_at: datetime | None
    rate_per_minute: int


class UnknownKeyError(LookupError):
    """The agency, or a key of it, does not exist."""


class NotRotatableError(ValueError):
    """None of an agency's keys can be rotated, or several can and none is named."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The end of a key and the requests that it may make."""

    expires_at: datetime | None = None
    rate_per_minute: int = DEFAULT_RATE


@dataclass(frozen=True, slots=True)
class ListedKey:
    """A key as operators see it: everything but its secret."""

    id: str
    agency: str
    name: str
    units: tuple[str, ...]
    criteria: tuple[str, ...]
    rate_per_minute: int
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    state: KeyState


def new_key() -> tuple[str, str, str]:
    """Return a new key: its id, the text that the agency is shown, and the hash to store."""
    key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    return key_id, f"ntm_{key_id}_{secret}", hash_of(secret)


def hash_of(secret: str) -> str:
    """Return the hash of a key's secret part, which is stored instead of it."""
    return hashlib.sha256(secret.encode()).hexdigest()


async def add_key(
    engine: AsyncEngine, agency: str, name: str, units: list[str], criteria: list[str], terms: Terms | None = None
) -> str:
    """Make a key for an agency, which is created if it is new. Return the key: nobody can read it again later."""
    async with engine.begin() as connection:
        await ensure_agency(connection, agency, name)
        _, key = await _insert_key(connection, agency, units, criteria, terms or Terms())
    return key


async def ensure_agency(connection: AsyncConnection, agency: str, name: str) -> None:
    """Create the agency, unless there is one of this id."""
    new = insert_or_find(Agency).values(id=agency, name=name, created_at=utc_now())
    await connection.execute(new.on_conflict_do_nothing())


async def agency_names(connection: AsyncConnection, ids: Collection[str]) -> Mapping[str, str]:
    """Return the names of agencies by their ids; one that nobody has made here has none."""
    agencies = table_of(Agency)
    rows = await connection.execute(select(agencies.c.id, agencies.c.name).where(agencies.c.id.in_(set(ids))))
    return {row.id: row.name for row in rows}


async def _insert_key(
    connection: AsyncConnection, agency: str, units: Sequence[str], criteria: Sequence[str], terms: Terms
) -> tuple[str, str]:
    key_id, key, secret_hash = new_key()
    row: NewKey = {
        "id": key_id,
        "agency": agency,
        "secret_hash": secret_hash,
        "units": list(units),
        "criteria": list(criteria),
        "created_at": utc_now(),
        "expires_at": terms.expires_at,
        "rate_per_minute": terms.rate_per_minute,
    }
    await connection.execute(insert(AccessKey), row)
    return key_id, key


async def rotate_key(
    engine: AsyncEngine, agency: str, key_id: str | None, overlap: timedelta, expires_at: datetime | None = None
) -> str:
    """Return a new key with the scope and rate of the agency's present key, which stays valid for `overlap`.

    Without `expires_at` the new key is valid for as long as the old one was meant to be. Raises UnknownKeyError, and
    NotRotatableError when no key can be rotated, or several can and `key_id` names none.
    """
    keys, now = table_of(AccessKey), utc_now()
    async with engine.begin() as connection:
        await _lock_agency(connection, agency)
        query = _key_rows().where(keys.c.agency == agency)
        if key_id is not None:
            query = query.where(keys.c.id == key_id)
        rows = await _fetch(connection, query)
        if key_id is not None and not rows:
            raise UnknownKeyError(f"{agency} has no key {key_id}")
        old = _only_rotatable(agency, rows, now)
        if expires_at is None and old.expires_at is not None:
            expires_at = now + (old.expires_at - old.created_at)
        new_id, key = await _insert_key(
            connection, agency, old.units, old.criteria, Terms(expires_at, old.rate_per_minute)
        )
        end = min(old.expires_at or now + overlap, now + overlap)
        await connection.execute(update(keys).where(keys.c.id == old.id).values(expires_at=end, replaced_by=new_id))
    return key


def _only_rotatable(agency: str, rows: Sequence[KeyRow], now: datetime) -> KeyRow:
    active = [row for row in rows if _state(row, now) == "active"]
    if not active:
        raise NotRotatableError(f"{agency} has no active key to rotate; `ntm agency add` makes one")
    if len(active) > 1:
        raise NotRotatableError(f"{agency} has several: name one with --key: {', '.join(row.id for row in active)}")
    return active[0]


async def revoke_keys(engine: AsyncEngine, agency: str, key_id: str | None = None) -> int:
    """Revoke one or all keys of an agency, within a second everywhere. Return the number of keys that were valid.

    Raises UnknownKeyError: whoever revokes has to know when no key of that name exists.
    """
    keys = table_of(AccessKey)
    chosen = keys.c.agency == agency
    if key_id is not None:
        chosen &= keys.c.id == key_id
    async with engine.begin() as connection:
        await _lock_agency(connection, agency)  # a key that is rotated meanwhile would live on in its successor
        if key_id is not None and not await connection.scalar(select(keys.c.id).where(chosen)):
            raise UnknownKeyError(f"{agency} has no key {key_id}")
        result = await connection.execute(
            update(keys).where(chosen, keys.c.revoked_at.is_(None)).values(revoked_at=utc_now())
        )
        return result.rowcount


async def _lock_agency(connection: AsyncConnection, agency: str) -> None:
    """Let nobody else rotate or revoke keys of the agency until the transaction ends; UnknownKeyError without it."""
    found = select(table_of(Agency).c.id).where(table_of(Agency).c.id == agency)
    if not await connection.scalar(found.with_for_update()):
        raise UnknownKeyError(f"there is no agency {agency}")


async def list_keys(engine: AsyncEngine) -> list[ListedKey]:
    """Return all keys there ever were, by agency, oldest first."""
    keys, now = table_of(AccessKey), utc_now()
    async with engine.connect() as connection:
        rows = await _fetch(connection, _key_rows().order_by(keys.c.agency, keys.c.created_at))
    return [
        ListedKey(
            row.id,
            row.agency,
            row.name,
            tuple(row.units),
            tuple(row.criteria),
            row.rate_per_minute,
            row.created_at,
            row.last_used_at,
            row.expires_at,
            _state(row, now),
        )
        for row in rows
    ]


def _state(row: KeyRow, now: datetime) -> KeyState:
    """Return the key's state. A `replaced` key was rotated to another, and is valid until it expires."""
    if row.revoked_at is not None:
        return "revoked"
    if row.expires_at is not None and row.expires_at <= now:
        return "expired"
    return "replaced" if row.replaced_by else "active"


async def valid_keys_of(engine: AsyncEngine, agencies: Collection[str], at: datetime) -> list[KeyRow]:
    """Return the keys of these agencies that are valid at a moment, newest first."""
    keys = table_of(AccessKey)
    valid = keys.c.revoked_at.is_(None) & (keys.c.expires_at.is_(None) | (keys.c.expires_at > at))
    query = _key_rows().where(keys.c.agency.in_(agencies), valid).order_by(keys.c.created_at.desc(), keys.c.id)
    async with engine.connect() as connection:
        return await _fetch(connection, query)


async def keys_by_id(engine: AsyncEngine, key_ids: Collection[str]) -> list[KeyRow]:
    """Return the keys of these ids, as far as they exist."""
    async with engine.connect() as connection:
        return await _fetch(connection, _key_rows().where(table_of(AccessKey).c.id.in_(key_ids)))


def _key_rows() -> Select[Any]:
    keys, agencies = table_of(AccessKey), table_of(Agency)
    columns = (*(keys.c[name] for name in KeyRow._fields[:-1]), agencies.c.name)
    return select(*columns).select_from(keys).join(agencies)


async def _fetch(connection: AsyncConnection, query: Select[Any]) -> list[KeyRow]:
    return [KeyRow(*row) for row in await connection.execute(query)]


async def note_uses(engine: AsyncEngine, key_ids: Sequence[str], at: datetime) -> None:
    """Record the time at which keys were last used, but for keys that somebody changes right now: nobody waits."""
    keys = table_of(AccessKey)
    free = select(keys.c.id).where(keys.c.id.in_(key_ids)).with_for_update(skip_locked=True)
    async with engine.begin() as connection:
        await connection.execute(update(keys).where(keys.c.id.in_(free)).values(last_used_at=at))
