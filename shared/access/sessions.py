"""Sessions: the browsers in which people are signed in. A cookie holds 256 random bits; the database has their hash.

A session ends `LONGEST` after it began, or when it was not used for `IDLE`.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.access.accounts import AccountRow, account_rows
from shared.access.caller import Caller
from shared.access.tables import Account, SessionRow
from shared.postgres.statements import table_of

SESSION_COOKIE = "ntm_session"
"""The cookie of a session. It has no domain, so it is the host's, for the ports of all services."""

LONGEST = timedelta(hours=12)
"""The time after which a session ends, however much it is used."""

IDLE = timedelta(hours=1)
"""The time after which a session ends when nobody uses it."""

_sessions = table_of(SessionRow)
_accounts = table_of(Account)


@dataclass(frozen=True, slots=True)
class Session:
    """A session that is stored, with the person who is signed in by it."""

    caller: Caller
    account: str
    full_name: str
    has_password: bool
    """Whether the person has a password here, and does not sign in at the issuer."""
    has_first_password: bool
    """Whether it opens nothing but the change of its password."""
    ends: float
    """Its end as Unix time, unless it is used again."""

    def is_open(self, now: float) -> bool:
        """Return whether the session is valid at this Unix time."""
        return now < self.ends


def session_hash(token: str) -> str:
    """Return the hash under which the session of a token is stored."""
    return hashlib.sha256(token.encode()).hexdigest()


def form_token(token: str) -> str:
    """Return the word that a page of a session sends with whatever it writes; no page of others can know it."""
    return hmac.digest(token.encode(), b"form", "sha256").hex()


async def begin_session(connection: AsyncConnection, account: str, now: datetime) -> str:
    """Begin a session of an account, and forget those that are over. Return its token, for the cookie alone."""
    over = (_sessions.c.began_at <= now - LONGEST) | (_sessions.c.used_at <= now - IDLE)
    await connection.execute(delete(_sessions).where(over))
    token = secrets.token_urlsafe(32)
    row = {"token_hash": session_hash(token), "account": account, "began_at": now, "used_at": now}
    await connection.execute(insert(_sessions), row)
    return token


async def end_session(engine: AsyncEngine, token: str) -> None:
    """End the session of a token; within a second everywhere."""
    async with engine.begin() as connection:
        await connection.execute(delete(_sessions).where(_sessions.c.token_hash == session_hash(token)))


async def stored_sessions(engine: AsyncEngine, hashes: Collection[str]) -> Mapping[str, Session]:
    """Return the sessions of these hashes, as far as they exist and their accounts are not disabled."""
    columns = (_sessions.c.token_hash, _sessions.c.began_at, _sessions.c.used_at)
    query = (
        account_rows()
        .join(_sessions, _sessions.c.account == _accounts.c.name)
        .where(_sessions.c.token_hash.in_(hashes), _accounts.c.disabled_at.is_(None))
        .add_columns(*columns)
    )
    async with engine.connect() as connection:
        rows = (await connection.execute(query)).all()
    return {
        token_hash: _session(AccountRow(*account), began_at, used_at)
        for *account, token_hash, began_at, used_at in rows
    }


def _session(account: AccountRow, began_at: datetime, used_at: datetime) -> Session:
    ends = began_at + LONGEST
    caller = Caller(
        agency=account.agency,
        units=tuple(account.units),
        criteria=tuple(account.criteria),
        key=f"@{account.name}",
        name=f"{account.full_name} ({account.agency_name})",
        expires_at=ends,
        role=account.role,
    )
    return Session(
        caller,
        account.name,
        account.full_name,
        has_password=account.password_hash is not None,
        has_first_password=account.one_time_until is not None,
        ends=min(ends, used_at + IDLE).timestamp(),
    )


async def note_session_uses(engine: AsyncEngine, hashes: Sequence[str], at: datetime) -> None:
    """Record that sessions were used; a session that is over stays so."""
    idle = _sessions.c.used_at <= at - IDLE
    named = select(_sessions.c.token_hash).where(_sessions.c.token_hash.in_(hashes), ~idle)
    chosen = named.with_for_update(skip_locked=True)
    async with engine.begin() as connection:
        await connection.execute(update(_sessions).where(_sessions.c.token_hash.in_(chosen)).values(used_at=at))
