"""The tables of schema `notify`: alerts, the notices that tell them, and every attempt at a notice."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import TIMESTAMP, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from shared.service.outbox import OutboxColumns
from shared.service.parking import ParkedColumns

SCHEMA = "notify"

_moment: Any = TIMESTAMP(timezone=True)
_json: Any = JSONB(none_as_null=True)


class _Table(SQLModel):
    __table_args__: ClassVar[Any] = {"schema": SCHEMA}


class AlertRow(_Table, table=True):
    """An alert. Its id is the id of its event, so that an event that comes twice makes one alert.

    `opens`: the alert asks for action, and stays open until a newer alert about the same unit and topic ends it.
    """

    __tablename__ = "alert"
    __table_args__: ClassVar[Any] = (
        Index("alert_newest", "raised_at", "id"),
        Index("alert_unit", "unit", "raised_at"),
        Index("alert_topic", "unit", "topic"),
        Index("alert_open_causes", "district", "event", postgresql_where=text("opens AND ended_at IS NULL")),
        {"schema": SCHEMA},
    )

    id: UUID = Field(primary_key=True)
    unit: int = Field(description="The unit's surrogate key.")
    district: int | None
    kind: str
    topic: str = Field(
        description="The criterion's key, the id of the commitment or difficulty, or an operation's subject."
    )
    event: str
    severity: str
    on: date
    at: datetime = Field(sa_type=_moment, description="The time of the event, by the services' clock.")
    raised_at: datetime = Field(sa_type=_moment, description="Real time.")
    opens: bool
    ended_at: datetime | None = Field(default=None, sa_type=_moment)
    ended_by: UUID | None = Field(default=None, description="The newer alert that ended it.")
    acknowledged_at: datetime | None = Field(default=None, sa_type=_moment)
    acknowledged_by: str | None = Field(
        default=None, description="An agency, or a recipient who followed the notice's link."
    )
    acknowledged_note: str | None = None
    sample: bool
    trace: str | None
    body: dict[str, Any] = Field(sa_type=_json, description="The event as published.")


class GatheringRow(_Table, table=True):
    """The alerts that a branch of the routing tree gathers to tell one recipient by one channel at one address.

    `due_at`: the time at which the gathered alerts are told, or those that are still open are told again; NULL when no
    alert waits. All times are real.
    """

    __tablename__ = "gathering"
    __table_args__: ClassVar[Any] = (
        Index("gathering_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        {"schema": SCHEMA},
    )

    id: UUID = Field(primary_key=True)
    branch: str
    recipient: str
    channel: str
    address: str
    due_at: datetime | None = Field(default=None, sa_type=_moment)
    waits: str | None = Field(
        default=None, description="The reason for waiting: the group, quiet hours, a digest's time."
    )
    told_at: datetime | None = Field(default=None, sa_type=_moment)


class GatheredRow(_Table, table=True):
    """An alert that waits in a gathering. `step`: the number of escalations that led to this recipient."""

    __tablename__ = "gathered"

    gathering: UUID = Field(primary_key=True, foreign_key="notify.gathering.id")
    alert: UUID = Field(primary_key=True, foreign_key="notify.alert.id")
    step: int = 0


class NoticeRow(_Table, table=True):
    """One or more alerts for one recipient by one channel at one address. Times are real, but for `created_at`."""

    __tablename__ = "notice"
    __table_args__: ClassVar[Any] = (
        Index("notice_due", "channel", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index("notice_newest", "created_at", "id"),
        Index("notice_gathering", "gathering", postgresql_where=text("gathering IS NOT NULL")),
        Index("notice_request", "request_id"),
        Index("notice_link", "link_hash", unique=True, postgresql_where=text("link_hash IS NOT NULL")),
        {"schema": SCHEMA},
    )

    id: UUID = Field(primary_key=True)
    branch: str = Field(description="The branch of the routing tree, or empty for a subscription.")
    gathering: UUID | None = Field(default=None, foreign_key="notify.gathering.id")
    subscription: UUID | None = None
    recipient: str = Field(description="A role in a unit, such as `district_office@184`.")
    unit: int = Field(description="The recipient's unit.")
    unit_code: str = Field(description="The unit that the newest alert concerns.")
    name: str
    channel: str
    address: str = Field(description="Empty where none is known.")
    language: str
    status: str
    reason: str | None = Field(description="The reason why the notice was not attempted, or was withheld.")
    waited: str | None = Field(
        default=None, description="The reason for waiting: the group, quiet hours, a digest's time."
    )
    step: int = Field(default=0, description="The number of escalations that led to this recipient.")
    subject: str | None
    text: str | None
    html: str | None
    thread: UUID
    trace: str | None
    sample: bool
    request_id: UUID
    attempts: int
    created_at: datetime = Field(sa_type=_moment, description="By the services' clock, as people read it.")
    made_at: datetime | None = Field(
        default=None, sa_type=_moment, description="The real time of `created_at`; NULL: the same."
    )
    due_at: datetime | None = Field(
        sa_type=_moment, description="The next attempt, or the end of the lease during an attempt; NULL: finished."
    )
    retry_until: datetime = Field(sa_type=_moment)
    resent_by: str | None = Field(default=None, description="The agency whose key last asked to send it again.")
    reported_at: datetime | None = Field(
        default=None, sa_type=_moment, description="When the gateway reported the delivery."
    )
    resent_at: datetime | None = Field(default=None, sa_type=_moment)
    parts: int | None = Field(default=None, description="The number of SMS that the notice takes.")
    cost_dong: int | None = Field(default=None, description="The estimated cost.")
    link_hash: bytes | None = Field(default=None, description="SHA-256 of the token in its link.")
    is_after_zalo: bool = Field(default=False, description="Zalo took or refused it: the next attempt is an SMS.")


class ZaloTokenRow(_Table, table=True):
    """The newest tokens of our app at Zalo. A refresh token is good for one renewal."""

    __tablename__ = "zalo_token"

    app_id: str = Field(primary_key=True)
    begun_with: bytes = Field(description="SHA-256 of the settings' refresh token from which these come.")
    access_token: str
    refresh_token: str
    ends_at: datetime = Field(sa_type=_moment, description="When the access token ends.")


class MentionRow(_Table, table=True):
    """An alert that a notice tells, or leaves out for a reason."""

    __tablename__ = "mention"
    __table_args__: ClassVar[Any] = (
        Index("mention_alert", "alert"),
        Index("mention_silenced", "alert", postgresql_where=text("left_out = 'silenced'")),
        Index("mention_held_back", "because", postgresql_where=text("left_out = 'silenced' AND released_at IS NULL")),
        {"schema": SCHEMA},
    )

    notice: UUID = Field(primary_key=True, foreign_key="notify.notice.id")
    alert: UUID = Field(primary_key=True, foreign_key="notify.alert.id")
    left_out: str | None = None
    because: UUID | None = Field(default=None, description="The alert or the silence that is the reason.")
    released_at: datetime | None = Field(
        default=None,
        sa_type=_moment,
        description="When notify decided, after the end of the silence, whether a silenced alert is still to be told.",
    )


class EscalationRow(_Table, table=True):
    """An open alert that climbs to the next role of its branch unless it is acknowledged in time."""

    __tablename__ = "escalation"
    __table_args__: ClassVar[Any] = (Index("escalation_due", "due_at"), {"schema": SCHEMA})

    alert: UUID = Field(primary_key=True, foreign_key="notify.alert.id")
    branch: str = Field(primary_key=True)
    step: int = Field(description="The next step of the branch, from 0.")
    since: datetime = Field(sa_type=_moment, description="When the alert was told first.")
    due_at: datetime = Field(sa_type=_moment)


class SilenceRow(_Table, table=True):
    """A span of time in which alerts that match are not told."""

    __tablename__ = "silence"

    id: UUID = Field(primary_key=True)
    match: dict[str, Any] = Field(sa_type=_json, description="Conditions, as in the plan's branches.")
    recipient: str | None = Field(default=None, description="Only for this recipient.")
    starts_at: datetime = Field(sa_type=_moment)
    ends_at: datetime = Field(sa_type=_moment)
    reason: str
    author: str = Field(description="The agency whose key made the silence.")
    created_at: datetime = Field(sa_type=_moment)
    ended_by: str | None = Field(default=None, description="The agency that ended the silence early, at `ends_at`.")
    own_units: list[str] | None = Field(
        default=None, sa_type=_json, description="The units of the key that silenced its own offices. None: for others."
    )
    own_criteria: list[str] | None = Field(default=None, sa_type=_json, description="The criteria of that key.")
    given_on: date | None = Field(default=None, description="The day, by the services' clock, whose units it means.")


class SubscriptionRow(_Table, table=True):
    """A system that hears of alerts by webhook."""

    __tablename__ = "subscription"

    id: UUID = Field(primary_key=True)
    agency: str
    unit: int = Field(description="The subscription hears of alerts about this unit and the units below it.")
    url: str
    match: dict[str, Any] = Field(sa_type=_json)
    secret: str
    previous_secret: str | None = None
    previous_until: datetime | None = Field(default=None, sa_type=_moment, description="Both secrets sign until then.")
    created_at: datetime = Field(sa_type=_moment)
    failing_since: datetime | None = Field(default=None, sa_type=_moment)
    disabled_at: datetime | None = Field(default=None, sa_type=_moment)
    disabled_reason: str | None = None


class SpendingRow(_Table, table=True):
    """The estimated cost of the SMS to a unit's recipients on a day in Vietnam."""

    __tablename__ = "spending"

    unit: int = Field(primary_key=True)
    day: date = Field(primary_key=True)
    parts: int
    cost_dong: int


class AttemptRow(_Table, table=True):
    """A delivery: one attempt at a notice."""

    __tablename__ = "attempt"
    __table_args__: ClassVar[Any] = (
        Index("attempt_provider", "provider_id", postgresql_where=text("provider_id IS NOT NULL")),
        {"schema": SCHEMA},
    )

    notice: UUID = Field(primary_key=True, foreign_key="notify.notice.id")
    number: int = Field(primary_key=True)
    started_at: datetime = Field(sa_type=_moment, description="By the services' clock, as people read it.")
    finished_at: datetime = Field(sa_type=_moment, description="By the services' clock.")
    ended_at: datetime | None = Field(
        default=None, sa_type=_moment, description="The real time of `finished_at`; NULL: the same."
    )
    outcome: str
    detail: str
    provider_id: str | None


class AnswerRow(_Table, table=True):
    """An answer to a mail. That of a mail which names no notice of ours has no words."""

    __tablename__ = "answer"
    __table_args__: ClassVar[Any] = (
        Index("answer_notice", "notice", postgresql_where=text("notice IS NOT NULL")),
        {"schema": SCHEMA},
    )

    digest: bytes = Field(primary_key=True, description="SHA-256 of the mail, so that each is taken once.")
    notice: UUID | None = None
    at: datetime = Field(sa_type=_moment, description="By the services' clock.")
    sender: str
    meaning: str = Field(description="What followed from it.")
    words: str


class ParkedRow(ParkedColumns, table=True):
    """A message that notify could not process."""

    __tablename__ = "parked"
    __table_args__: ClassVar[Any] = {"schema": SCHEMA}


class OutboxRow(OutboxColumns, table=True):
    """A message about an alert that notify has to publish."""

    __tablename__ = "outbox"
    __table_args__: ClassVar[Any] = {"schema": SCHEMA}


class ContactRow(_Table, table=True):
    """A person or office that holds a role in a unit."""

    __tablename__ = "contact"

    id: UUID = Field(primary_key=True)
    role: str
    unit: str = Field(description="The unit's code.")
    name: str
    language: str
    digest: str
    news: str = "weekly"
    quiet_from: time | None = None
    quiet_until: time | None = None
    away_from: date | None = None
    away_until: date | None = None
    substitute: str | None = None
    sample: bool
    created_at: datetime = Field(sa_type=_moment)
    updated_at: datetime = Field(sa_type=_moment)
    updated_by: str = Field(description="The agency whose key wrote it, or `file`.")


class BroughtRow(_Table, table=True):
    """A contact that the settings' file has added. It is not added again after people change or remove it."""

    __tablename__ = "brought"

    role: str = Field(primary_key=True)
    unit: str = Field(primary_key=True)
    name: str = Field(primary_key=True)


class AddressRow(_Table, table=True):
    """An address at which a contact is reached by a channel."""

    __tablename__ = "address"
    __table_args__: ClassVar[Any] = (Index("address_text", "channel", "address"), {"schema": SCHEMA})

    contact: UUID = Field(primary_key=True, foreign_key="notify.contact.id")
    channel: str = Field(primary_key=True)
    place: int = Field(primary_key=True, description="The position among the contact's addresses of this channel.")
    address: str
    ended_at: datetime | None = Field(
        default=None, sa_type=_moment, description="When the provider refused the address for good."
    )
    ended_reason: str | None = None


class PersonalDataRow(_Table, table=True):
    """A person's request about its own data, which waits or was carried out. It names nobody: the contact may be gone.

    Of one that waits nothing is known yet from `done_at` on.
    """

    __tablename__ = "personal_data"

    id: UUID = Field(primary_key=True)
    kind: str = Field(description="`export` or `erasure`.")
    contact: UUID
    role: str
    unit: str
    asked_by: str = Field(description="The person, a representative or an authority; no name.")
    reference: str | None = Field(default=None, description="The number under which the request is filed.")
    asked_on: date
    answer_by: date
    carry_out_by: date
    done_at: datetime | None = Field(default=None, sa_type=_moment, description="Real time.")
    done_by: str | None = Field(default=None, description="The agency whose key or person carried it out.")
    key: str | None = Field(default=None, description="That key's id, or `@` and the name of the person's account.")
    notices: int | None = None
    answers: int | None = None


class OperationRow(_Table, table=True):
    """A trouble of the system that a service reported, and what the operators were told of it by one way.

    All times are real; `services/notify/alerts/operator_turns.py` explains them.
    """

    __tablename__ = "operation"

    service: str = Field(primary_key=True)
    code: str = Field(primary_key=True)
    way: str = Field(primary_key=True, description="`mail` or `webhook`.")
    words: dict[str, str] = Field(sa_type=_json)
    remedy: dict[str, str] = Field(sa_type=_json)
    details: dict[str, str] | None = Field(default=None, sa_type=_json)
    since: datetime = Field(sa_type=_moment)
    heard_at: datetime = Field(sa_type=_moment)
    cleared_at: datetime | None = Field(default=None, sa_type=_moment)
    told_at: datetime | None = Field(default=None, sa_type=_moment)
    last_told_at: datetime | None = Field(default=None, sa_type=_moment)
