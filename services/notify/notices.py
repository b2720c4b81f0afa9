"""The values that notify works on: alerts, drafts of notices, notices that are to be delivered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum, StrEnum
from typing import Literal
from uuid import NAMESPACE_URL, UUID, uuid5

from shared.clock import VIETNAM
from shared.contracts import Bilingual, Event, Language, ProblemEvent, ProblemLogged, StatusChanged, TargetChanged
from shared.reference.models import RoleHolder, Unit

type ChannelName = Literal["email", "sms"]
type Occasion = StatusChanged | TargetChanged | ProblemLogged
"""What somebody may have to know: a change, or what was said about a difficulty."""
type OccasionKind = Literal["status", "target", "problem"]


class NoticeStatus(StrEnum):
    """Where a notice stands; the words are GOV.UK Notify's, with `sent` between sending and delivered."""

    CREATED = "created"
    SENDING = "sending"
    SENT = "sent"
    """The mail server or the gateway took it. Whether it arrived is not known."""
    DELIVERED = "delivered"
    """A delivery report says that it arrived."""
    TEMPORARY_FAILURE = "temporary_failure"
    """Tried in vain; will be tried again."""
    PERMANENT_FAILURE = "permanent_failure"
    """Not tried again."""
    TECHNICAL_FAILURE = "technical_failure"
    """Refused for how this service is set up (keys, sender, account): will be tried again, somebody has to look."""


class NotSent(Enum):
    """Why a notice could not even be tried."""

    NO_CONTACT = Bilingual(vi="chưa có đầu mối liên hệ", en="no contact is known")
    NO_EMAIL = Bilingual(vi="đầu mối chưa có địa chỉ e-mail", en="the contact has no e-mail address")
    NO_PHONE = Bilingual(vi="đầu mối chưa có số điện thoại", en="the contact has no phone number")
    NO_MOBILE = Bilingual(
        vi="đầu mối chỉ có số cố định, không nhận được SMS", en="the contact has only landlines, which get no SMS"
    )
    NOT_SET_UP = Bilingual(vi="kênh gửi chưa được thiết lập", en="the channel is not set up")

    @property
    def code(self) -> str:
        """The stable word for programs and the database."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Alert:
    """An occasion on its way to those who have to know. `unit` and `district` as of its day."""

    occasion: Occasion
    unit: Unit
    district: Unit | None
    trace: str | None = None
    sample: bool = False

    @property
    def id(self) -> UUID:
        """The event's id, so that the same event makes the same alert."""
        return self.occasion.id

    @property
    def kind(self) -> OccasionKind:
        """What it is about."""
        return "problem" if isinstance(self.occasion, ProblemLogged) else self.occasion.kind

    @property
    def event(self) -> Event | ProblemEvent:
        """What happened."""
        if isinstance(self.occasion, ProblemLogged):
            return ProblemEvent.CLOSED if self.occasion.closes else ProblemEvent(self.occasion.event)
        return self.occasion.event

    @property
    def on(self) -> date:
        """Its day."""
        return day_of(self.occasion)

    @property
    def topic(self) -> str:
        """What its mails are threaded by: the criterion's key, the commitment's id or the difficulty's."""
        match self.occasion:
            case StatusChanged() as change:
                return change.criterion.key
            case TargetChanged() as change:
                return change.commitment.id
            case ProblemLogged() as logged:
                return str(logged.problem)


def day_of(occasion: Occasion) -> date:
    """The day judged, or the day in Vietnam on which something was said."""
    return occasion.at.astimezone(VIETNAM).date() if isinstance(occasion, ProblemLogged) else occasion.on


@dataclass(frozen=True, slots=True)
class Recipient:
    """A role in a unit, and the name of whoever holds it where that is known."""

    role: RoleHolder
    unit: Unit
    name: str | None = None

    def __str__(self) -> str:
        return f"{self.role.role}@{self.unit.code}"


@dataclass(frozen=True, slots=True)
class Wording:
    """What a notice says. An SMS has only the text."""

    text: str
    subject: str | None = None
    html: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """An alert on its way through the stages: first for nobody, then one for each recipient, channel and address."""

    alert: Alert
    recipient: Recipient | None = None
    channel: ChannelName = "email"
    address: str = ""
    language: Language = "vi"
    not_sent: NotSent | None = None
    wording: Wording | None = None

    @property
    def id(self) -> UUID:
        """The same alert for the same recipient, channel and address is the same notice."""
        words = (self.alert.id, self.recipient, self.channel, self.address)
        return uuid5(NAMESPACE_URL, "/".join(str(word) for word in words))


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice that is due, with what its delivery needs.

    `request_id` is what the provider knows it by: the same in every retry, so that the provider can drop a
    repetition, and new when somebody asks for it to be sent again. `leased_until`: until then nobody else tries it.
    """

    id: UUID
    request_id: UUID
    alert: UUID
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
