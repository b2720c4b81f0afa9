"""Alerts: events on their way to the people who have to know of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Literal
from uuid import UUID

from services.notify.alerts.dossier_turn import DossierEvent, TurnOfDossier
from services.notify.alerts.figures import FiguresEvent, figures_event
from services.notify.alerts.found_by_rebuild import is_found_by_rebuild, state_event
from services.notify.alerts.rules_changed import RulesEvent
from services.notify.alerts.silence_given import SilenceEvent, SilenceGiven
from shared.contracts.alert import DifficultyEvent, OccasionKind, OperationNoted
from shared.contracts.difficulty import DifficultyLogged
from shared.contracts.reference_version import RulesChanged
from shared.contracts.report_due import ReportEvent, ReportSoonDue
from shared.contracts.verdict_change import StatusChanged, TargetChanged
from shared.reference.models import AnyEvent, Unit
from shared.stable_id import stable_id
from shared.time import VIETNAM

type Occasion = (
    StatusChanged
    | TargetChanged
    | DifficultyLogged
    | TurnOfDossier
    | ReportSoonDue
    | OperationNoted
    | RulesChanged
    | SilenceGiven
)
"""The event behind an alert: a change of a verdict, an entry about a difficulty, a turn in a dossier, a report that is
soon due, a note about the system itself, other rules, or a silence for others.
"""

type AlertKind = OccasionKind | Literal["dossier", "report"]
"""The kind of an alert. The released kinds are a closed list, so readers of the API get these two as `status`."""

type AlertedEvent = AnyEvent | DossierEvent | ReportEvent | FiguresEvent | RulesEvent | SilenceEvent


@dataclass(frozen=True)
class Alert:
    """An event on its way to the people who have to know of it, with its unit and district on the event's day.

    `closing_plan`: the plan that the alert is about, where another was in force already.
    `is_over`: a newer alert has ended this one or, while a silence or a digest held it back, overtaken it.
    """

    occasion: Occasion
    unit: Unit
    district: Unit | None
    trace: str | None = None
    sample: bool = False
    is_over: bool = False
    closing_plan: str | None = None

    @property
    def id(self) -> UUID:
        """The event's id, so that an event which comes again makes the same alert."""
        return self.occasion.id

    @cached_property
    def kind(self) -> AlertKind:
        """The kind of the event."""
        match self.occasion:
            case DifficultyLogged():
                return "problem"
            case OperationNoted() | RulesChanged() | SilenceGiven():
                return "operation"
            case TurnOfDossier():
                return "dossier"
            case ReportSoonDue():
                return "report"
            case change:
                return change.kind

    @cached_property
    def event(self) -> AlertedEvent:
        """The name of the event."""
        match self.occasion:
            case DifficultyLogged() as logged:
                return DifficultyEvent.CLOSED if logged.closes else DifficultyEvent(logged.event)
            case RulesChanged(cause=cause):
                return RulesEvent.REBUILT if cause == "rebuild" else RulesEvent.CHANGED
            case SilenceGiven():
                return SilenceEvent.GIVEN
            case StatusChanged() | TargetChanged() as change if self.is_found_by_rebuild:
                return state_event(change)
            case StatusChanged() as change:
                return figures_event(change) or change.event
            case other:
                return other.event

    @cached_property
    def document(self) -> str:
        """The event as JSON, as webhooks and the alert's row hold it."""
        return self.occasion.model_dump_json()

    @property
    def is_found_by_rebuild(self) -> bool:
        """True for a change that no person is told of, since a rebuild has found it in the figures of before."""
        return is_found_by_rebuild(self.occasion)

    @property
    def on(self) -> date:
        """The day of the event in Vietnam."""
        return day_of(self.occasion)

    @property
    def topic(self) -> str:
        """The key of the alert's topic in the unit: criterion, commitment, difficulty, turn, or part of the system."""
        match self.occasion:
            case StatusChanged() as change:
                return self._of_its_plan(change.criterion.key)
            case TargetChanged() as change:
                return self._of_its_plan(change.commitment.id)
            case DifficultyLogged() as logged:
                return str(logged.problem)
            case TurnOfDossier(dossier=criteria_set, turn=turn):
                return "/".join(filter(None, (criteria_set, turn.step, turn.sector)))
            case ReportSoonDue(report=report, period=period):
                return f"{report}/{period}"
            case OperationNoted() as noted:
                return noted.about
            case RulesChanged(cause="rebuild"):
                return "rebuild"
            case RulesChanged(version=version):
                return f"reference/{version}"
            case SilenceGiven(silence=silence):
                return f"silence/{silence}"

    def _of_its_plan(self, topic: str) -> str:
        """Name a closing plan with the topic: the next plan has a topic of the same name."""
        return f"{self.closing_plan}/{topic}" if self.closing_plan else topic

    @property
    def thread(self) -> UUID:
        """The id of the thread of mails that all alerts of a unit about the same topic share."""
        return stable_id(self.unit.key, self.topic)


def day_of(occasion: Occasion) -> date:
    """Return the day that was judged, or the day in Vietnam on which a difficulty, a step or a note was written."""
    if not isinstance(occasion, StatusChanged | TargetChanged):
        return occasion.at.astimezone(VIETNAM).date()
    return occasion.on
