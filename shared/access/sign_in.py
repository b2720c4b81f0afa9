"""Signing in by name and password, and the change of a password."""

from __future__ import annotations

import asyncio
import hashlib
import unicodedata
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncEngine

from shared.access.accounts import AccountRow, account_name, change_password, end_sessions, find_account, note_sign_in
from shared.access.passwords import fault_of, hash_of_password, is_password
from shared.access.sessions import begin_session
from shared.access.tries import forget_tries, take_try
from shared.contracts.bilingual import Bilingual
from shared.texts import filled, phrase
from shared.time import VIETNAM, utc_now


class SignedIn(NamedTuple):
    """A session that has begun."""

    token: str
    has_first_password: bool


class RefusedError(Exception):
    """Nobody is signed in, or the password stays as it was; `words` say why, alike for names that nobody has."""

    def __init__(self, words: Bilingual) -> None:
        super().__init__(words.en)
        self.words = words


async def sign_in(engine: AsyncEngine, name: str, password: str) -> SignedIn:
    """Begin a session of the account of this name. Raises RefusedError.

    A name that no account has takes as long, and is locked, like one that an account has.
    """
    known_as, now = _known_as(name), utc_now()
    account = await _checked(engine, known_as, password, now)
    async with engine.begin() as connection:
        locked = await find_account(connection, known_as, lock=True)
        if locked is None or not _is_as_checked(locked, account):
            raise RefusedError(phrase("access.wrong_password"))  # reset or disabled meanwhile
        await forget_tries(connection, known_as)
        await note_sign_in(connection, known_as, now)
        return SignedIn(await begin_session(connection, known_as, now), account.one_time_until is not None)


async def sign_in_proved(engine: AsyncEngine, name: str) -> str:
    """Begin a session of the account of this name, whose person the issuer has proved. Return its token.

    Raises RefusedError, also for an account with a password: names at the issuer are the issuer's to give.
    """
    now = utc_now()
    async with engine.begin() as connection:
        account = await find_account(connection, name, lock=True)
        if account is None or account.disabled_at is not None or account.password_hash is not None:
            raise RefusedError(phrase("access.issuer_no_account"))
        await note_sign_in(connection, name, now)
        return await begin_session(connection, name, now)


async def choose_password(engine: AsyncEngine, name: str, present: str, new: str) -> str:
    """Give the account another password, and end its sessions. Return the token of a new one. Raises RefusedError."""
    now = utc_now()
    account = await _checked(engine, name, present, now)
    if fault := fault_of(new, name):
        await _forget(engine, name)
        raise RefusedError(fault)
    if unicodedata.normalize("NFC", present) == unicodedata.normalize("NFC", new):
        await _forget(engine, name)
        raise RefusedError(phrase("access.password_same"))
    stored = await asyncio.to_thread(hash_of_password, new)
    async with engine.begin() as connection:
        locked = await find_account(connection, name, lock=True)
        if locked is None or not _is_as_checked(locked, account):
            raise RefusedError(phrase("access.wrong_password"))
        await change_password(connection, name, stored)
        await forget_tries(connection, name)
        await end_sessions(connection, name)
        return await begin_session(connection, name, now)


async def _checked(engine: AsyncEngine, name: str, password: str, now: datetime) -> AccountRow:
    """Return the account of this name and password. Raises RefusedError."""
    async with engine.begin() as connection:
        locked_until = await take_try(connection, name, now)
    if locked_until is not None:
        until = f"{locked_until.astimezone(VIETNAM):%H:%M}"
        raise RefusedError(filled(phrase("access.name_locked"), until=until))
    async with engine.connect() as connection:
        account = await find_account(connection, name)
    stored = account.password_hash if account else None
    is_right = await asyncio.to_thread(is_password, password, stored)
    if account is None or not is_right or account.state(now) not in ("active", "first sign-in"):
        raise RefusedError(phrase("access.wrong_password"))
    return account


def _is_as_checked(locked: AccountRow, checked: AccountRow) -> bool:
    return locked.disabled_at is None and locked.password_hash == checked.password_hash


async def _forget(engine: AsyncEngine, name: str) -> None:
    async with engine.begin() as connection:
        await forget_tries(connection, name)


def _known_as(name: str) -> str:
    """Return the name as accounts have it; for what no account can be called, another that none has."""
    try:
        return account_name(name)
    except ValueError:
        return f"? {hashlib.sha256(name.encode(errors='replace')).hexdigest()}"
