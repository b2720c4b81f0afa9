"""Drafts of notices: the values that the stages take and return."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from functools import cached_property
from uuid import UUID

from services.notify.alerts.alert import Alert
from services.notify.alerts.notice import NoticeStatus, Wording
from services.notify.contacts.leave import OnDuty
from services.notify.texts import phrase
from shared.contracts.alert import ChannelName
from shared.contracts.bilingual import Bilingual, Language
from shared.reference.models import Contact, RoleHolder, Unit
from shared.stable_id import stable_id


class NotSent(Enum):
    """The reasons why a notice cannot be tried at all."""

    NO_CONTACT = phrase("notices.no_contact")
    NO_EMAIL = phrase("notices.no_email")
    NO_PHONE = phrase("notices.no_phone")
    NO_MOBILE = phrase("notices.no_mobile")
    NO_SERVICE = phrase("notices.no_service")
    BAD_ADDRESS = phrase("notices.bad_address")
    ADDRESS_ENDED = phrase("notices.address_ended")
    NOT_SET_UP = phrase("notices.not_set_up")
    BUDGET_SPENT = phrase("notices.budget_spent")
    DISABLED = phrase("notices.disabled")
    NOTHING_LEFT = phrase("notices.nothing_left")

    @property
    def code(self) -> str:
        """The stable code for programs and the database."""
        return self.name.lower()


REPEAT = "repeat"
"""The reason for which a gathering without new alerts waits: to tell the alerts again that are still open."""


DIGESTS = frozenset({"daily", "weekly"})
"""The reasons for which a gathering for a recipient of digests waits."""


NEWS = "news"
"""The reason for which a gathering of what asks for nothing waits, for the digest of its branch."""


AT_A_TIME_OF_DAY = DIGESTS | {NEWS}
"""The reasons for which a gathering waits until a day and time of the services' clock, which may be simulated."""


class LeftOut(Enum):
    """The reasons why a notice leaves out an alert that was meant for it."""

    OVERTAKEN = phrase("notices.overtaken")
    AS_BEFORE = phrase("notices.as_before")
    INHIBITED = phrase("notices.inhibited")
    SILENCED = phrase("notices.silenced")

    @property
    def code(self) -> str:
        """The stable code for programs and the database."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Recipient:
    """A role in a unit. A recipient without a role is a system that subscribed by webhook."""

    role: RoleHolder | None
    unit: Unit
    subscription: UUID | None = None

    @property
    def title(self) -> Bilingual:
        """The role's name in its unit; empty without a role."""
        return self.role.name_in(self.unit.kind) if self.role else Bilingual(vi="", en="")

    def __str__(self) -> str:
        return f"{self.role.role if self.role else 'webhook'}@{self.unit.code}"


@dataclass(frozen=True, slots=True)
class Omission:
    """An alert that a notice leaves out, the reason, and the alert or silence that causes it, where there is one."""

    alert: Alert
    why: LeftOut
    because: UUID | None = None


@dataclass(frozen=True)
class Draft:
    """Alerts to tell one recipient by one channel at one address.

    The first draft of an alert has no recipient yet; routing makes a draft for each recipient, channel and address;
    gathering joins later alerts to that draft. `step`: how often the alert has climbed to reach this recipient.
    `due_at`: the time to tell the draft, for the reason `waits`; None: at once. `parts`: the number of an SMS' parts.
    `after`: the silence that held the alerts back and has ended.
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
    after: UUID | None = None

    @property
    def told(self) -> tuple[Alert, ...]:
        """The alerts that no stage has left out."""
        if not self.omissions:
            return self.alerts
        left_out = {omission.alert.id for omission in self.omissions}
        return tuple(alert for alert in self.alerts if alert.id not in left_out)

    @property
    def reason(self) -> NotSent | None:
        """The reason why the notice is not tried: no alert is left to tell, or it cannot be sent; None: it is tried."""
        return self.not_sent if self.told else NotSent.NOTHING_LEFT

    @property
    def status(self) -> NoticeStatus:
        """The status with which the notice is made."""
        if not self.told:
            return NoticeStatus.WITHHELD
        return NoticeStatus.PERMANENT_FAILURE if self.not_sent else NoticeStatus.CREATED

    @property
    def alert(self) -> Alert:
        """The newest alert that the draft tells; when it tells none, the newest of all its alerts."""
        return (self.told or self.alerts)[-1]

    def without(self, omissions: Sequence[Omission]) -> Draft:
        """Return the draft with these omissions added."""
        return replace(self, omissions=(*self.omissions, *omissions)) if omissions else self

    @property
    def language(self) -> Language:
        """The language of the recipient."""
        return self.contact.language if self.contact else "vi"

    @property
    def name(self) -> str:
        """The name of the contact who is told, with the reason where it does not hold the role or is on leave; empty
        where none is known.
        """
        if isinstance(self.contact, OnDuty):
            return self.contact.title(self.language)
        return self.contact.name if self.contact else ""

    @cached_property
    def id(self) -> UUID:
        """The notice's id, which is the same for the same alerts, recipient, channel, address and time."""
        told_at = self.due_at if self.gathering else None
        words = (*(alert.id for alert in self.alerts), self.recipient, self.channel, self.address, self.step, told_at)
        return stable_id(*words, self.after) if self.after else stable_id(*words)
