"""Notices: alerts for one recipient by one channel, in the form in which they are delivered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from shared.contracts.alert import ChannelName
from shared.contracts.bilingual import Language


class NoticeStatus(StrEnum):
    """The status of a notice. The words are GOV.UK Notify's, with `sent` between sending and delivered."""

    CREATED = "created"
    SENDING = "sending"
    SENT = "sent"
    """The mail server or the gateway accepted the notice; nobody knows yet whether it arrived."""
    DELIVERED = "delivered"
    """A delivery report says that the notice arrived."""
    TEMPORARY_FAILURE = "temporary_failure"
    """An attempt failed; notify will try the notice again."""
    PERMANENT_FAILURE = "permanent_failure"
    """The notice failed; notify will not try it again."""
    TECHNICAL_FAILURE = "technical_failure"
    """The provider refused our keys, sender or account; notify will try the notice again, and somebody has to look."""
    WITHHELD = "withheld"
    """The notice was not sent, since none of its alerts was left to tell when its time came."""


@dataclass(frozen=True, slots=True)
class Wording:
    """The words of a notice. An SMS has only the text, and where Zalo is tried first the subject, which Zalo gets."""

    text: str
    subject: str | None = None
    html: str | None = None


class ToldAlert(NamedTuple):
    """An alert that a notice tells, as far as the alert's log needs it."""

    id: UUID
    trace: str | None
    unit_code: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice that is due, with everything that its delivery needs.

    `request_id`: the notice's id at the provider, the same in every retry, so that the provider can drop a repetition,
    and a new id when somebody has the notice sent again. `leased_until`: no other worker tries the notice before.
    `signing_secrets`: a webhook's secrets, the newest first. `link`: by which its recipient acknowledges.
    `is_after_zalo`: Zalo took or refused it, and it is not known to have arrived: it goes by SMS.
    """

    id: UUID
    request_id: UUID
    thread: UUID
    unit_code: str
    recipient: str
    name: str
    channel: ChannelName
    address: str
    language: Language
    wording: Wording
    created_at: datetime
    attempts: int
    retry_until: datetime
    leased_until: datetime
    trace: str | None = None
    signing_secrets: tuple[str, ...] = ()
    subscription: UUID | None = None
    link: str | None = None
    is_after_zalo: bool = False
    alerts: tuple[ToldAlert, ...] = ()
