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
