"""What the stages know beside the drafts: the plan, contacts, silences, the time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from services.notify.alerts.alert import Alert
from services.notify.alerts.draft import Draft, Recipient
from services.notify.alerts.links import Links
from services.notify.routing.tree import Tree
from services.notify.sms_text import Style
from shared.contracts.alert import ChannelName
from shared.reference.load import Reference
from shared.reference.models import Contact, Match, Role

type Contacts = Mapping[tuple[Role, str], Sequence[Contact]]


@dataclass(frozen=True, slots=True)
class Silence:
    """Alerts that match are not told now, to nobody or not to this recipient."""

    id: UUID
    match: Match
    recipient: str | None = None


@dataclass(frozen=True, slots=True)
class Cause:
    """An open alert that may hide others, and who was told of it."""

    alert: Alert
    told: frozenset[str]


@dataclass(frozen=True, slots=True)
class Subscription:
    """A system that is told by webhook of what matches, in its unit and below. `secrets` sign what it is told, the
    newest first.
    """

    id: UUID
    unit: int
    url: str
    match: Match
    is_disabled: bool = False
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tariff:
    """What one part of an SMS costs, and what a unit's SMS may cost in a day; no limit where that is None. In dong."""

    part_dong: int = 0
    daily_dong: int | None = None


@dataclass(frozen=True)
class World:
    """What the stages know beside the drafts: the plan, who can be reached how, what is silent, what time it is.

    `wait_share`: how much of the time for which notices are held is waited; less than 1 in demonstrations, whose days
    pass faster.
    """

    reference: Reference
    tree: Tree
    contacts: Contacts
    channels: frozenset[ChannelName]
    retry_for: timedelta
    board_url: str | None = None
    wait_share: float = 1.0
    links: Links | None = None
    tariff: Tariff = Tariff()
    sms: Style = field(default_factory=Style)
    now: datetime = field(default=datetime.min.replace(tzinfo=UTC))
    subscriptions: Sequence[Subscription] = ()
    silences: Sequence[Silence] = ()
    causes: Sequence[Cause] = ()

    def contacts_of(self, recipient: Recipient) -> Sequence[Contact]:
        """Who answers for a role in a unit."""
        return self.contacts.get((recipient.role.role, recipient.unit.code), ()) if recipient.role else ()


type Stage = Callable[[Sequence[Draft], World], Sequence[Draft]]


def by_role(contacts: Sequence[Contact]) -> Contacts:
    """Contacts by role and unit: several may answer for the same."""
    found: dict[tuple[Role, str], list[Contact]] = {}
    for contact in contacts:
        found.setdefault((contact.role, contact.unit), []).append(contact)
    return found
