"""The values that notify works on: alerts, drafts of notices, notices that are to be delivered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import Enum, StrEnum
from functools import cached_property
from uuid import UUID

from services.notify.texts import phrase
from shared.contracts.alert import ChannelName, DifficultyEvent, OccasionKind, OperationNoted
from shared.contracts.bilingual import Language
from shared.contracts.difficulty import DifficultyLogged
from shared.contracts.verdict_change import StatusChanged, TargetChanged
from shared.reference.models import AnyEvent, Contact, RoleHolder, Unit
from shared.stable_id import stable_id
from shared.time import VIETNAM

type Occasion = StatusChanged | TargetChanged | DifficultyLogged | OperationNoted
"""What somebody may have to know: a change, what was said about a difficulty, or how the system works."""


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
    WITHHELD = "withheld"
    """Not sent on purpose: when its time came, nothing of it was to be told."""


class NotSent(Enum):
    """Why a notice could not even be tried."""

    NO_CONTACT = phrase("notices.no_contact")
    NO_EMAIL = phrase("notices.no_email")
    NO_PHONE = phrase("notices.no_phone")
    NO_MOBILE = phrase("notices.no_mobile")
    NO_SERVICE = phrase("notices.no_service")
    ADDRESS_ENDED = phrase("notices.address_ended")
    NOT_SET_UP = phrase("notices.not_set_up")
    BUDGET_SPENT = phrase("notices.budget_spent")
    DISABLED = phrase("notices.disabled")
    NOTHING_LEFT = phrase("notices.nothing_left")

    @property
    def code(self) -> str:
        """The stable word for programs and the database."""
        return self.name.lower()


REPEAT = "repeat"
"""What a gathering waits for in which nothing new waits: what is still open is told again."""


DIGESTS = frozenset({"daily", "weekly"})
"""What a gathering waits for whose recipient wants to hear of everything together."""


class LeftOut(Enum):
    """Why a notice does not tell of an alert that was meant for it."""

    OVERTAKEN = phrase("notices.overtaken")
    AS_BEFORE = phrase("notices.as_before")
    INHIBITED = phrase("notices.inhibited")
    SILENCED = phrase("notices.silenced")

    @property
    def code(self) -> str:
        """The stable word for programs and the database."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Alert:
    """An occasion on its way to those who have to know. `unit` and `district` as of its day.

    `is_over`: it was open, and something newer has ended it.
    """

    occasion: Occasion
    unit: Unit
    district: Unit | None
    trace: str | None = None
    sample: bool = False
    is_over: bool = False

    @property
    def id(self) -> UUID:
        """The event's id, so that the same event makes the same alert."""
        return self.occasion.id

    @property
    def kind(self) -> OccasionKind:
        """What it is about."""
        match self.occasion:
            case DifficultyLogged():
                return "problem"
            case OperationNoted():
                return "operation"
            case change:
                return change.kind

    @property
    def event(self) -> AnyEvent:
        """What happened."""
        if isinstance(self.occasion, DifficultyLogged):
            return DifficultyEvent.CLOSED if self.occasion.closes else DifficultyEvent(self.occasion.event)
        return self.occasion.event

    @property
    def on(self) -> date:
        """Its day."""
        return day_of(self.occasion)

    @property
    def topic(self) -> str:
        """What it is about within its unit: the criterion's key, the commitment's id, the difficulty's, or what it is
        about the system that somebody has to know.
        """
        match self.occasion:
            case StatusChanged() as change:
                return change.criterion.key
            case TargetChanged() as change:
                return change.commitment.id
            case DifficultyLogged() as logged:
                return str(logged.problem)
            case OperationNoted() as noted:
                return noted.about

    @property
    def thread(self) -> UUID:
        """What its mails are threaded by: the same for all alerts of a unit about the same topic."""
        return stable_id(self.unit.key, self.topic)


def day_of(occasion: Occasion) -> date:
    """The day judged, or the day in Vietnam on which something was said."""
    if isinstance(occasion, DifficultyLogged | OperationNoted):
        return occasion.at.astimezone(VIETNAM).date()
    return occasion.on


@dataclass(frozen=True, slots=True)
class Recipient:
    """A role in a unit; `role` None: a system that subscribed by webhook."""

    role: RoleHolder | None
    unit: Unit
    subscription: UUID | None = None

    def __str__(self) -> str:
        return f"{self.role.role if self.role else 'webhook'}@{self.unit.code}"


@dataclass(frozen=True, slots=True)
class Wording:
    """What a notice says. An SMS has only the text."""

    text: str
    subject: str | None = None
    html: str | None = None


@dataclass(frozen=True, slots=True)
class Omission:
    """An alert that a notice leaves out, why, and the alert or silence that is the reason where there is one."""

    alert: Alert
    why: LeftOut
    because: UUID | None = None


@dataclass(frozen=True)
class Draft:
    """What a recipient is to be told by one channel at one address: first an alert for nobody, then one draft for each
    recipient, channel and address, then what was gathered for it meanwhile.

    `step`: how often the alert has climbed to reach this recipient. `due_at`: when to tell it, for the reason `waits`;
    None: at once.
    """

    alerts: tuple[Alert, ...]
    branch: str = ""
    recipient: Recipient | None = None
    channel: ChannelName = "email"
    address: str = ""
    contact: Contact | None = None
    step: int = 0
    gathering: UUID | None = None
    due_at: datetime | None = None
    waits: str | None = None
    omissions: tuple[Omission, ...] = ()
    not_sent: NotSent | None = None
    wording: Wording | None = None
    parts: int | None = None
    cost_dong: int | None = None

    @property
    def told(self) -> tuple[Alert, ...]:
        """The alerts that it tells: those that no stage has left out."""
        if not self.omissions:
            return self.alerts
        left_out = {omission.alert.id for omission in self.omissions}
        return tuple(alert for alert in self.alerts if alert.id not in left_out)

    @property
    def reason(self) -> NotSent | None:
        """Why it is not even tried: nothing of it is left to tell, or it cannot be sent."""
        return self.not_sent if self.told else NotSent.NOTHING_LEFT

    @property
    def status(self) -> NoticeStatus:
        """Where its notice stands when it is made."""
        if not self.told:
            return NoticeStatus.WITHHELD
        return NoticeStatus.PERMANENT_FAILURE if self.not_sent else NoticeStatus.CREATED

    @property
    def alert(self) -> Alert:
        """The newest alert that it tells, or the newest of all."""
        return (self.told or self.alerts)[-1]

    def without(self, omissions: Sequence[Omission]) -> Draft:
        """The draft that leaves these out as well."""
        return replace(self, omissions=(*self.omissions, *omissions)) if omissions else self

    @property
    def language(self) -> Language:
        """The recipient's."""
        return self.contact.language if self.contact else "vi"

    @property
    def name(self) -> str:
        """Whoever holds the role, where that is known."""
        return self.contact.name if self.contact else ""

    @cached_property
    def id(self) -> UUID:
        """The same alerts for the same recipient, channel and address, told for the same time, are the same notice."""
        told_at = self.due_at if self.gathering else None
        words = (*(alert.id for alert in self.alerts), self.recipient, self.channel, self.address, self.step, told_at)
        return stable_id(*words)


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice that is due, with what its delivery needs.

    `request_id` is what the provider knows it by: the same in every retry, so that the provider can drop a
    repetition, and new when somebody asks for it to be sent again. `leased_until`: until then nobody else tries it.
    `signing_secrets`: of a webhook, the newest first.
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
