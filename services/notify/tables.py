"""The tables of schema `notify`: what somebody should know, what was said to whom, and every attempt at it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import TIMESTAMP, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from shared.outbox import OutboxColumns
from shared.parking import ParkedColumns

SCHEMA = "notify"

_moment: Any = TIMESTAMP(timezone=True)
_json: Any = JSONB(none_as_null=True)


class _Table(SQLModel):
    __table_args__: ClassVar[Any] = {"schema": SCHEMA}


class AlertRow(_Table, table=True):
    """What somebody may have to know. Its id is the event's: an event that comes again is known."""

    __tablename__ = "alert"
    __table_args__: ClassVar[Any] = (
        Index("alert_newest", "raised_at", "id"),
        Index("alert_unit", "unit", "raised_at"),
        {"schema": SCHEMA},
    )

    id: UUID = Field(primary_key=True)
    unit: int = Field(description="The unit's surrogate key.")
    district: int | None
    topic: str = Field(description="The criterion's key, the commitment's id or the difficulty's.")
    event: str
    on: date
    at: datetime = Field(sa_type=_moment, description="When it was found or said, by the services' clock.")
    raised_at: datetime = Field(sa_type=_moment, description="Real time.")
    sample: bool
    trace: str | None
    body: dict[str, Any] = Field(sa_type=_json, description="The event as published.")


class NoticeRow(_Table, table=True):
    """An alert for one recipient by one channel at one address. All times are real."""

    __tablename__ = "notice"
    __table_args__: ClassVar[Any] = (
        Index("notice_due", "channel", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index("notice_newest", "created_at", "id"),
        Index("notice_of_alert", "alert", "recipient", "channel", "address", unique=True),
        {"schema": SCHEMA},
    )

    id: UUID = Field(primary_key=True)
    alert: UUID = Field(foreign_key="notify.alert.id")
    recipient: str = Field(description="A role in a unit, such as `district_office@184`.")
    name: str
    channel: str
    address: str = Field(description="Empty where none is known.")
    language: str
    status: str
    reason: str | None = Field(description="Why it could not be tried.")
    subject: str | None
    text: str | None
    html: str | None
    request_id: UUID
    attempts: int
    created_at: datetime = Field(sa_type=_moment)
    due_at: datetime | None = Field(
        sa_type=_moment, description="When to try next; while somebody tries it: when their lease ends; none: finished."
    )
    retry_until: datetime = Field(sa_type=_moment)
    resent_by: str | None = Field(default=None, description="The agency whose key last asked to send it again.")


class AttemptRow(_Table, table=True):
    """A delivery: one attempt at a notice."""

    __tablename__ = "attempt"

    notice: UUID = Field(primary_key=True, foreign_key="notify.notice.id")
    number: int = Field(primary_key=True)
    started_at: datetime = Field(sa_type=_moment)
    finished_at: datetime = Field(sa_type=_moment)
    outcome: str
    detail: str
    provider_id: str | None


class ParkedRow(ParkedColumns, table=True):
    """Messages that could not be processed."""

    __tablename__ = "parked"
    __table_args__: ClassVar[Any] = {"schema": SCHEMA}


class OutboxRow(OutboxColumns, table=True):
    """What is to be published about alerts."""

    __tablename__ = "outbox"
    __table_args__: ClassVar[Any] = {"schema": SCHEMA}
