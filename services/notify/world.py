"""The world of the stages: the plan, contacts, subscriptions, silences, causes and the time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from uuid import UUID

from services.notify.alerts.alert import Alert
from services.notify.alerts.draft import Draft, Recipient
from services.notify.alerts.links import Links
from services.notify.contacts.leave import on_duty, replaced
from services.notify.routing.key_scope import KeyScope
from services.notify.routing.tree import Tree
from services.notify.sms_text import Style
from shared.contracts.alert import ChannelName
from shared.contracts.verdict_change import StatusChanged, TargetChanged
from shared.reference.load import Reference
from shared.reference.models import Branch, Contact, Match, Role
from shared.time import VIETNAM

type Contacts = Mapping[tuple[Role, str], Sequence[Contact]]


@dataclass(frozen=True, slots=True)
class Silence:
    """A silence: alerts that match are not told for now, either to anybody or to `recipient`.

    `own`: the key that made it for its own offices. None: a coordinator made it, for others as well.
    """

    id: UUID
    match: Match
    recipient: str | None = None
    own: KeyScope | None = None
    given_on: date | None = None
    """The day whose units it means by their codes; None: those of any day."""


@dataclass(frozen=True, slots=True)
class Cause:
    """An open alert that may hide others, and the recipients who were told of it."""

    alert: Alert
    told: frozenset[str]


@dataclass(frozen=True, slots=True)
class Subscription:
    """A system that hears by webhook of matching alerts in its unit and the units below.

    `secrets` sign the webhooks, the newest first.
    """

    id: UUID
    unit: int
    url: str
    match: Match
    is_disabled: bool = False
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tariff:
    """The price of one part of an SMS, and the most that a unit's SMS may cost in a day (None: no limit), in dong."""

    part_dong: int = 0
    daily_dong: int | None = None


@dataclass(frozen=True)
class World:
    """Everything that the stages know beside the drafts.

    `wait_share`: the share of the waiting times that notify really waits; less than 1 in demonstrations, whose days
    pass faster.
    """

    reference: Reference
    """With the plan in force."""

    tree: Tree
    contacts: Contacts
    channels: frozenset[ChannelName]
    retry_for: timedelta
    board_url: str | None = None
    figures_url: str | None = None
    """The page on which reports are made."""

    wait_share: float = 1.0
    links: Links | None = None
    tariff: Tariff = Tariff()
    sms: Style = field(default_factory=Style)
    takes_answers: bool = False
    """Whether answers to mails are read."""

    has_zalo: bool = False
    """Whether Zalo is tried before SMS."""

    now: datetime = field(default=datetime.min.replace(tzinfo=UTC))
    shown_now: datetime | None = None
    """The moment by the clock that people read, which may be simulated; None: `now`, by which notices wait."""

    is_simulated: bool = False
    """Whether that clock is simulated: digests then wait for its days."""

    subscriptions: Sequence[Subscription] = ()
    silences: Sequence[Silence] = ()
    causes: Sequence[Cause] = ()
    no_services: frozenset[str] = frozenset()
    """URLs of contacts that lead to no messaging service: contacts of former versions were not checked as today's."""

    plans: Mapping[str, Reference] = field(default_factory=dict)
    """The reference data with each plan, by its id: the plan in force, and those before and after it."""

    @property
    def moment(self) -> datetime:
        """The moment that a notice may tell people."""
        return self.shown_now or self.now

    def by_plan(self, reference: Reference) -> World:
        """Return the world with the plan of the reference data, and its routing, in place of the plan in force."""
        return self if reference is self.reference else replace(self, reference=reference, tree=Tree.of(reference.plan))

    def of(self, alert: Alert) -> World:
        """Return the world with the plan by which the alert's verdict was judged, which may be closing."""
        change = alert.occasion
        judged_by = change.plan if isinstance(change, StatusChanged | TargetChanged) else None
        return self.by_plan(self.plans.get(judged_by, self.reference)) if judged_by else self

    def branch_of(self, draft: Draft) -> Branch | None:
        """Return the branch that tells the draft; None for subscriptions and branches that are no more."""
        return self.of(draft.alert).tree.branches.get(draft.branch)

    @property
    def today(self) -> date:
        """The day by the clock that people read."""
        return self.moment.astimezone(VIETNAM).date()

    def contacts_of(self, recipient: Recipient) -> Sequence[Contact]:
        """Return the contacts who are told as the recipient: who hold its role in its unit, or stand in for these."""
        holders = self.contacts.get((recipient.role.role, recipient.unit.code), ()) if recipient.role else ()
        if not any(holder.away_from for holder in holders):
            return holders
        return [told for holder in holders for told in on_duty(holder, self.people, self.today)]

    def taken_over(self, recipient: Recipient, address: str) -> Sequence[Contact]:
        """Return who is told now in place of a contact with this address, who went on leave, or stood in before."""
        holders = self.contacts.get((recipient.role.role, recipient.unit.code), ()) if recipient.role else ()
        for holder in holders:
            both = [holder, replaced(holder, self.people)] if holder.away_from else []
            if any(one and address in (*one.emails, *one.phones, *one.services) for one in both):
                return on_duty(holder, self.people, self.today)
        return ()

    @property
    def people(self) -> Iterator[Contact]:
        """Every contact."""
        return chain.from_iterable(self.contacts.values())


type Stage = Callable[[Sequence[Draft], World], Sequence[Draft]]


def by_role(contacts: Sequence[Contact]) -> Contacts:
    """Return the contacts by role and unit. Several contacts may hold the same role."""
    contacts_of: dict[tuple[Role, str], list[Contact]] = {}
    for contact in contacts:
        contacts_of.setdefault((contact.role, contact.unit), []).append(contact)
    return contacts_of
