"""Routing: the tree of branches that tells alerts to roles, escalations, and inhibitions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Literal

from pydantic import Field

from shared.contracts.alert import ChannelName, DifficultyEvent, OccasionKind, OperationEvent, Severity
from shared.contracts.bilingual import Bilingual
from shared.contracts.difficulty import DifficultyKind
from shared.contracts.dossier import DossierStep
from shared.contracts.refs import UnitCode
from shared.contracts.status import Event
from shared.reference.models.record import CriterionKey, Record, Role, Term
from shared.reference.models.units import UnitKind

type AnyEvent = Event | DifficultyEvent | OperationEvent


class Match(Record):
    """The conditions that an alert has to fulfil. A field that is not given sets no condition."""

    on: OccasionKind | None = None
    events: list[AnyEvent] | None = None
    severities: list[Severity] | None = None
    sets: list[str] | None = None
    criteria: list[CriterionKey] | None = None
    cohorts: list[str] | None = None
    commitments: list[str] | None = Field(default=None, description="Ids of the plan's commitments: targets alone.")
    kinds: list[DifficultyKind] | None = Field(default=None, description="The fields that a difficulty concerns.")
    dossiers: list[DossierStep] | None = Field(default=None, description="The steps of dossiers that are expected.")
    reports: list[str] | None = Field(
        default=None, description="Ids of the calendar's reports that are awaited: overdue ones, and those soon due."
    )
    levels: list[UnitKind] | None = Field(default=None, description="The kind of the unit that it concerns.")
    under: list[UnitCode] | None = Field(default=None, description="In one of these units or below it.")


class Grouping(Record):
    """The times for which alerts of one branch, recipient and channel are gathered. Real time, not the plan's days."""

    wait: timedelta = Field(ge=timedelta(0), description="From the first alert to the notice that tells of it.")
    interval: timedelta = Field(ge=timedelta(0), description="From one notice to the next at the earliest.")
    repeat: timedelta | None = Field(
        default=None,
        gt=timedelta(0),
        description="The time after which an open alert that nobody acknowledged is told again.",
    )
    together: str | None = Field(
        default=None,
        description="Branches that name the same word gather together: a recipient gets one notice of all of them.",
    )
    digest: Literal["daily", "weekly"] | None = Field(
        default=None,
        description="News that asks for nothing: told in a digest, unless a contact wants it at once or not at all.",
    )


class Escalation(Record):
    """The roles that hear of an alert which nobody has acknowledged after some working days."""

    after_working_days: int = Field(ge=1, le=250)
    to: list[Role] = Field(min_length=1)


class Branch(Term):
    """A branch of the routing tree, as Prometheus Alertmanager's routes are.

    An alert enters at the root. A branch takes it when its `match` holds; then its own branches are asked in order,
    and the first that takes it ends the search, unless that one says `continue`. If none of its branches takes
    the alert, the branch itself tells it: to the roles `to`, by `channels`. `to`, `channels` and `group` are the
    parent's where not given; the root's `to` is the plan's distribution list (those who receive alerts).

    `to` names roles, or a pseudo-role: `criterion_owner`, the roles that own the criterion spoken of;
    `commitment_owner`, the roles responsible for the commitment spoken of. Outside of its days a branch takes nothing;
    a role that has passed to another by the day of the alert stands for that one.
    """

    id: str
    match: Match = Match()
    continues: bool = Field(default=False, alias="continue")
    to: list[Role] = Field(default=[])
    channels: list[ChannelName] = Field(default=[])
    on_request: list[ChannelName] = Field(
        default=[], description="Further channels, for contacts who want also what asks for nothing at once."
    )
    group: Grouping | None = None
    escalate: list[Escalation] = Field(default=[])
    urgent: bool = Field(default=False, description="Told at once: no group, no quiet hours, no digest.")
    branches: list[Branch] = Field(default=[])
    because: Bilingual | None = Field(default=None, description="Why it is told to them, and in this way.")
    source: str | None = None

    def walk(self) -> Iterator[Branch]:
        """Yield this branch and all branches below it."""
        yield self
        for branch in self.branches:
            yield from branch.walk()


_HARDLY_NEWS = {Event.FIRST_DATA, Event.CHANGED}

DISTRIBUTION = Branch(
    id="plan",
    match=Match(events=[event for event in (*Event, *DifficultyEvent, *OperationEvent) if event not in _HARDLY_NEWS]),
    channels=["email"],
    group=Grouping(wait=timedelta(minutes=1), interval=timedelta(minutes=15), repeat=timedelta(days=7)),
)
"""The routing of a plan without routing of its own: its distribution list hears of everything by mail."""


DOSSIERS = Branch(
    id="dossier", channels=["email"], group=Grouping(wait=timedelta(minutes=1), interval=timedelta(minutes=15))
)
"""The routing of turns in dossiers of a plan without its own: its distribution list hears of them by mail."""


REMINDERS = Branch(
    id="reminder", channels=["email"], group=Grouping(wait=timedelta(minutes=10), interval=timedelta(minutes=15))
)
"""The routing of reminders of a plan without its own: its distribution list hears of them by mail."""


class Inhibition(Record):
    """A rule by which a recipient who was told of an open cause is not told of the alerts that the cause hides."""

    id: str
    cause: Match
    hides: Match
    same: list[Literal["unit", "district", "criterion"]] = Field(min_length=1)
    days: int | None = Field(
        default=None, ge=1, le=366, description="The days for which a cause hides others. None: while it is open."
    )
    source: str | None = None
