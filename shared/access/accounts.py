"""Queries about accounts: the people who sign in to the pages, made, reset, disabled, listed, found."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from sqlalchemy import Select, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.access.agency_keys import ensure_agency
from shared.access.caller import Role
from shared.access.passwords import hash_of_password, one_time_password
from shared.access.tables import Account, Agency, SessionRow
from shared.access.tries import forget_tries
from shared.postgres.statements import table_of
from shared.time import utc_now

type AccountState = Literal["active", "first sign-in", "first password expired", "disabled"]

ONE_TIME_DAYS = 7
"""The days for which the password that `ntm user` prints opens its own change."""

_NAME_LENGTH = 64
_accounts = table_of(Account)
_sessions = table_of(SessionRow)


class AccountRow(NamedTuple):
    """An account as its row has it, with the name of its agency."""

    name: str
    full_name: str
    agency: str
    role: Role
    units: list[str]
    criteria: list[str]
    password_hash: str | None
    one_time_until: datetime | None
    created_at: datetime
    disabled_at: datetime | None
    last_sign_in_at: datetime | None
    agency_name: str

    def state(self, now: datetime) -> AccountState:
        """Return the account's state at a moment."""
        if self.disabled_at is not None:
            return "disabled"
        if self.one_time_until is not None:
            return "first sign-in" if now < self.one_time_until else "first password expired"
        return "active"


@dataclass(frozen=True, slots=True)
class Person:
    """A person who is to have an account."""

    name: str
    full_name: str
    agency: str
    agency_name: str
    role: Role
    units: tuple[str, ...]
    criteria: tuple[str, ...]


class UnknownAccountError(LookupError):
    """No account has the name."""


class AccountExistsError(ValueError):
    """An account of the name exists already."""


def account_name(text: str) -> str:
    """Return a name as accounts are known by it: composed (NFC), in small letters, without spaces around it.

    ValueError for what no account can be called: nothing, more than 64 letters, or other than letters, digits and
    `. _ - @`.
    """
    name = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text.strip()).casefold())
    if not 0 < len(name) <= _NAME_LENGTH or not all(letter.isalnum() or letter in "._-@" for letter in name):
        raise ValueError(f"a sign-in name has 1 to {_NAME_LENGTH} letters, digits and . _ - @")
    return name


async def add_account(engine: AsyncEngine, person: Person, password: str | None = None) -> str:
    """Make an account, and its agency where it is new. Return the password, by default a one-time password.

    Raises AccountExistsError.
    """
    given = password or one_time_password()
    until = None if password else utc_now() + timedelta(days=ONE_TIME_DAYS)
    await _add(engine, person, hash_of_password(given), until)
    return given


async def add_account_at_issuer(engine: AsyncEngine, person: Person) -> None:
    """Make an account without a password, whose person signs in at the issuer. Raises AccountExistsError."""
    await _add(engine, person, None, None)


async def _add(engine: AsyncEngine, person: Person, password_hash: str | None, until: datetime | None) -> None:
    row = {
        "name": person.name,
        "full_name": person.full_name,
        "agency": person.agency,
        "role": person.role,
        "units": list(person.units),
        "criteria": list(person.criteria),
        "password_hash": password_hash,
        "one_time_until": until,
        "created_at": utc_now(),
    }
    try:
        async with engine.begin() as connection:
            await ensure_agency(connection, person.agency, person.agency_name)
            await connection.execute(insert(_accounts), row)
    except IntegrityError:
        raise AccountExistsError(person.name) from None


async def reset_password(engine: AsyncEngine, name: str) -> str:
    """Return a new one-time password of an account, which is open again; its sessions and its lock end.

    Raises UnknownAccountError.
    """
    password, until = one_time_password(), utc_now() + timedelta(days=ONE_TIME_DAYS)
    values = {"password_hash": hash_of_password(password), "one_time_until": until, "disabled_at": None}
    async with engine.begin() as connection:
        await _change(connection, name, values)
        await end_sessions(connection, name)
        await forget_tries(connection, name)
    return password


async def disable_account(engine: AsyncEngine, name: str) -> None:
    """Close an account: its sessions end within a second, and nobody signs in to it. Raises UnknownAccountError."""
    async with engine.begin() as connection:
        await _change(connection, name, {"disabled_at": utc_now()})
        await end_sessions(connection, name)


async def _change(connection: AsyncConnection, name: str, values: dict[str, Any]) -> None:
    changed = await connection.execute(update(_accounts).where(_accounts.c.name == name).values(values))
    if not changed.rowcount:
        raise UnknownAccountError(name)


async def change_password(connection: AsyncConnection, name: str, password_hash: str) -> None:
    """Store the hash of the password that a person has chosen. Raises UnknownAccountError."""
    await _change(connection, name, {"password_hash": password_hash, "one_time_until": None})


async def note_sign_in(connection: AsyncConnection, name: str, at: datetime) -> None:
    """Record when a person last signed in."""
    await _change(connection, name, {"last_sign_in_at": at})


async def end_sessions(connection: AsyncConnection, name: str) -> None:
    """End the sessions of an account."""
    await connection.execute(delete(_sessions).where(_sessions.c.account == name))


async def list_accounts(engine: AsyncEngine) -> Sequence[AccountRow]:
    """Return all accounts by name."""
    async with engine.connect() as connection:
        rows = await connection.execute(account_rows().order_by(_accounts.c.name))
        return [AccountRow(*row) for row in rows]


async def find_account(connection: AsyncConnection, name: str, *, lock: bool = False) -> AccountRow | None:
    """Return the account of this name; None where there is none. `lock`: nobody changes it in this transaction."""
    query = account_rows().where(_accounts.c.name == name)
    row = (await connection.execute(query.with_for_update(of=_accounts) if lock else query)).one_or_none()
    return AccountRow(*row) if row else None


def account_rows() -> Select[Any]:
    """Return the query for accounts, in the order of `AccountRow`."""
    agencies = table_of(Agency)
    columns = (*(_accounts.c[name] for name in AccountRow._fields[:-1]), agencies.c.name)
    return select(*columns).select_from(_accounts).join(agencies, agencies.c.id == _accounts.c.agency)
