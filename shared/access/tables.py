"""The tables of schema `access`: agencies and their keys, and the parts of streams that need no signature."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import TIMESTAMP, BigInteger
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlmodel import Field, SQLModel

from shared.access.caller import DEFAULT_RATE

SCHEMA = "access"

_moment: Any = TIMESTAMP(timezone=True)


class Agency(SQLModel, table=True):
    """An office or system that sends figures."""

    __tablename__ = "agency"
    __table_args__ = {"schema": SCHEMA}

    id: str = Field(primary_key=True, description="Letters, digits and dashes: it stands in subjects.")
    name: str
    created_at: datetime = Field(sa_type=_moment)


class AccessKey(SQLModel, table=True):
    """A key of an agency, valid for units with all units below them, and for criteria."""

    __tablename__ = "access_key"
    __table_args__ = {"schema": SCHEMA}

    id: str = Field(primary_key=True)
    agency: str = Field(foreign_key="access.agency.id", index=True)
    secret_hash: str
    units: list[str] = Field(sa_type=ARRAY(TEXT))
    criteria: list[str] = Field(sa_type=ARRAY(TEXT))
    created_at: datetime = Field(sa_type=_moment)
    revoked_at: datetime | None = Field(default=None, sa_type=_moment)
    expires_at: datetime | None = Field(
        default=None, sa_type=_moment, description="From this moment on it opens nothing."
    )
    replaced_by: str | None = Field(default=None, description="The key that it was rotated to.")
    rate_per_minute: int = Field(
        default=DEFAULT_RATE,
        sa_column_kwargs={"server_default": str(DEFAULT_RATE)},
        description="Requests a minute, in each process.",
    )
    last_used_at: datetime | None = Field(default=None, sa_type=_moment, description="The last use, to the minute.")


class UnsignedPart(SQLModel, table=True):
    """The part of a stream from before signing began, which counts as signed. Only the database can say so."""

    __tablename__ = "unsigned_part"
    __table_args__ = {"schema": SCHEMA}

    stream: str = Field(primary_key=True)
    sequence: int = Field(sa_type=BigInteger, description="The number of its last message.")
    at: datetime = Field(sa_type=_moment, description="The moment at which the broker stored that one.")


class Account(SQLModel, table=True):
    """A person who signs in to the pages, on behalf of an agency."""

    __tablename__ = "account"
    __table_args__ = {"schema": SCHEMA}

    name: str = Field(primary_key=True, description="What the person signs in by, as `account_name` writes it.")
    full_name: str
    agency: str = Field(index=True)
    role: str
    units: list[str] = Field(sa_type=ARRAY(TEXT))
    criteria: list[str] = Field(sa_type=ARRAY(TEXT))
    password_hash: str | None = Field(default=None, description="None: the person signs in at the issuer.")
    one_time_until: datetime | None = Field(
        default=None, sa_type=_moment, description="The password is a first one, which opens its own change until then."
    )
    created_at: datetime = Field(sa_type=_moment)
    disabled_at: datetime | None = Field(default=None, sa_type=_moment)
    last_sign_in_at: datetime | None = Field(default=None, sa_type=_moment)


class SessionRow(SQLModel, table=True):
    """A browser in which a person is signed in."""

    __tablename__ = "session"
    __table_args__ = {"schema": SCHEMA}

    token_hash: str = Field(primary_key=True, description="SHA-256 of the 256 random bits in the browser's cookie.")
    account: str = Field(foreign_key="access.account.name", index=True)
    began_at: datetime = Field(sa_type=_moment)
    used_at: datetime = Field(sa_type=_moment, description="The last request, to the minute.")


class SignInTries(SQLModel, table=True):
    """The passwords that were tried for a name since one was right, whether or not an account has the name."""

    __tablename__ = "sign_in_tries"
    __table_args__ = {"schema": SCHEMA}

    name_hash: str = Field(primary_key=True, description="SHA-256: somebody may have typed a password as the name.")
    tries: int
    since: datetime = Field(sa_type=_moment, description="The first of them; after the last one, the lock's beginning.")
