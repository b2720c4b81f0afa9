"""Agencies and their keys: who calls, and what they may read and report.

Intake's schema holds the tables and intake migrates them; every service looks keys up here. A key is shown once
as `ntm_<id>_<secret>`; what is stored is the SHA-256 of its 256 random bits, which needs no salt or stretching.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from fastapi import Request
from sqlalchemy import TIMESTAMP, insert, select, update
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import Field, SQLModel

from shared.clock import utc_now
from shared.database import table_of
from shared.problems import Problem, Problems
from shared.reference.units import Unit, Units

EVERYTHING = "*"
_CACHE_SECONDS = 1.0
_KEY_LENGTH = 200


class Agency(SQLModel, table=True):
    """An office or system that posts."""

    __tablename__ = "agency"
    __table_args__ = {"schema": "intake"}

    id: str = Field(primary_key=True, description="Letters, digits and dashes: it stands in subjects.")
    name: str
    created_at: datetime = Field(sa_type=TIMESTAMP(timezone=True))


class AccessKey(SQLModel, table=True):
    """A key of an agency, scoped to subtrees of units and to criteria."""

    __tablename__ = "access_key"
    __table_args__ = {"schema": "intake"}

    id: str = Field(primary_key=True)
    agency: str = Field(foreign_key="intake.agency.id", index=True)
    secret_hash: str
    units: list[str] = Field(sa_type=ARRAY(TEXT))
    criteria: list[str] = Field(sa_type=ARRAY(TEXT))
    created_at: datetime = Field(sa_type=TIMESTAMP(timezone=True))
    revoked_at: datetime | None = Field(default=None, sa_type=TIMESTAMP(timezone=True))


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose key came with a request, and its scope."""

    agency: str
    units: tuple[str, ...]
    criteria: tuple[str, ...]

    def covers_unit(self, unit: Unit, units: Units) -> bool:
        """Whether the unit lies in a subtree of the key's."""
        return any(units.is_under(unit, code) for code in self.units)

    def covers_criteria(self, criteria: tuple[str, ...]) -> bool:
        """Whether the key has one of these criteria. What belongs to no criterion needs a key for all of them."""
        return EVERYTHING in self.criteria or any(key in self.criteria for key in criteria)


def new_key() -> tuple[str, str, str]:
    """A new key: its id, what the agency is shown, and the hash to keep."""
    key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    return key_id, f"ntm_{key_id}_{secret}", _hash(secret)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


async def add_key(engine: AsyncEngine, agency: str, name: str, units: list[str], criteria: list[str]) -> str:
    """Make a key for an agency, which is created if it is new; returns the key, for the only time."""
    key_id, key, secret_hash = new_key()
    now = utc_now()
    async with engine.begin() as connection:
        if not await connection.scalar(select(table_of(Agency).c.id).where(table_of(Agency).c.id == agency)):
            await connection.execute(insert(Agency), {"id": agency, "name": name, "created_at": now})
        row = {
            "id": key_id,
            "agency": agency,
            "secret_hash": secret_hash,
            "units": units,
            "criteria": criteria,
            "created_at": now,
        }
        await connection.execute(insert(AccessKey), row)
    return key


async def revoke_keys(engine: AsyncEngine, agency: str) -> int:
    """Revoke all keys of an agency; how many there were. It takes effect within a second everywhere."""
    keys = table_of(AccessKey)
    async with engine.begin() as connection:
        result = await connection.execute(
            update(keys).where(keys.c.agency == agency, keys.c.revoked_at.is_(None)).values(revoked_at=utc_now())
        )
        return result.rowcount


class Keys:
    """Looks keys up, and remembers each answer for a second."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._cache: dict[str, tuple[float, Caller | None]] = {}

    async def caller(self, authorization: str | None) -> Caller:
        """Who the `Authorization` header names; a problem (401) when nobody."""
        scheme, _, key = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not key:
            raise _unauthorized(Problems.NO_KEY)
        if len(key) > _KEY_LENGTH:
            raise _unauthorized(Problems.WRONG_KEY)
        known = self._cache.get(key)
        if known is None or known[0] < time.monotonic():
            known = (time.monotonic() + _CACHE_SECONDS, await self._look_up(key.strip()))
            if len(self._cache) > 10_000:
                self._cache.clear()
            self._cache[key] = known
        if known[1] is None:
            raise _unauthorized(Problems.WRONG_KEY)
        return known[1]

    async def _look_up(self, key: str) -> Caller | None:
        prefix, _, rest = key.partition("_")
        key_id, _, secret = rest.partition("_")
        if prefix != "ntm" or not key_id.isalnum() or not key_id.isascii():
            return None
        keys = table_of(AccessKey)
        async with self._engine.connect() as connection:
            row = (await connection.execute(select(keys).where(keys.c.id == key_id))).one_or_none()
        if row is None or row.revoked_at is not None or not hmac.compare_digest(row.secret_hash, _hash(secret)):
            return None
        return Caller(row.agency, tuple(row.units), tuple(row.criteria))


def _unauthorized(kind: Literal[Problems.NO_KEY, Problems.WRONG_KEY]) -> Problem:
    return Problem(kind, headers={"WWW-Authenticate": "Bearer"})


async def authenticate(request: Request) -> Caller:
    """The caller of a request: a FastAPI dependency. Expects `app.state.keys`."""
    keys: Keys = request.app.state.keys
    return await keys.caller(request.headers.get("authorization"))
