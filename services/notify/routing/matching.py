"""Matching: comparing an alert with the conditions of a branch, an inhibition or a silence."""

from __future__ import annotations

from collections.abc import Sequence

from services.notify.alerts.alert import Alert
from services.notify.alerts.awaited_reports import awaited
from services.notify.alerts.dossier_turn import TurnOfDossier
from services.notify.alerts.figures import FiguresEvent
from services.notify.alerts.significance import difficulty_kind, severity
from shared.contracts.difficulty import DifficultyLogged
from shared.contracts.status import Event
from shared.contracts.verdict_change import StatusChanged, TargetChanged
from shared.reference.load import Reference
from shared.reference.models import Commitment, CommunesMeeting, CriterionKey, Match, Plan


def commitment(alert: Alert, plan: Plan) -> Commitment | None:
    """Return the plan's commitment that the alert is about; None for other alerts."""
    about = _commitment_id(alert)
    return next((promised for promised in plan.commitments if promised.id == about), None)


def _commitment_id(alert: Alert) -> str | None:
    return alert.occasion.commitment.id if isinstance(alert.occasion, TargetChanged) else None


def criterion(alert: Alert, plan: Plan) -> CriterionKey | None:
    """Return the criterion that the alert is about; None where a commitment or a difficulty has no criterion."""
    if isinstance(alert.occasion, StatusChanged):
        return alert.occasion.criterion.key
    if isinstance(alert.occasion, DifficultyLogged):
        return alert.occasion.criterion
    if (promised := commitment(alert, plan)) is None:
        return None
    return promised.measure.criterion if isinstance(promised.measure, CommunesMeeting) else promised.criterion


def criteria(alert: Alert, plan: Plan) -> frozenset[CriterionKey]:
    """Return the criteria that the alert is about: several of a turn in a dossier, at most one of other alerts."""
    if isinstance(alert.occasion, TurnOfDossier):
        return frozenset(alert.occasion.turn.criteria)
    about = criterion(alert, plan)
    return frozenset() if about is None else frozenset({about})


def sets(alert: Alert, plan: Plan) -> frozenset[str]:
    """Return the criteria sets that the alert is about."""
    if isinstance(alert.occasion, TurnOfDossier):
        return frozenset({alert.occasion.dossier})
    return frozenset(key.rpartition("-")[0] for key in criteria(alert, plan))


def cohorts(alert: Alert, reference: Reference) -> Sequence[str]:
    """Return the plan's cohorts that the alert concerns."""
    if isinstance(alert.occasion, StatusChanged):
        return alert.occasion.cohorts
    if isinstance(alert.occasion, DifficultyLogged | TurnOfDossier):
        return [cohort.id for cohort in reference.cohorts_of(alert.unit)]
    promised = commitment(alert, reference.plan)
    cohort = reference.cohort_of(promised) if promised else None
    return [cohort] if cohort else []


def matches(match: Match, alert: Alert, reference: Reference, *, is_routing: bool = False) -> bool:
    """Say whether the alert fulfils all conditions of the match.

    Conditions know contradictory figures as `changed`, those of the plan's tree (`is_routing`) as a report that is
    overdue: no released event is named like them.
    """
    event = alert.event
    if isinstance(event, FiguresEvent):
        event = event.routed_as if is_routing else Event.CHANGED
    turn = alert.occasion.turn if isinstance(alert.occasion, TurnOfDossier) else None
    return (
        (match.on is None or match.on == alert.kind)
        and (match.events is None or event in match.events)
        and (match.severities is None or severity(alert) in match.severities)
        and (match.sets is None or not sets(alert, reference.plan).isdisjoint(match.sets))
        and (match.criteria is None or not criteria(alert, reference.plan).isdisjoint(match.criteria))
        and (match.cohorts is None or not set(match.cohorts).isdisjoint(cohorts(alert, reference)))
        and (match.commitments is None or _commitment_id(alert) in match.commitments)
        and (match.kinds is None or difficulty_kind(alert) in match.kinds)
        and (match.dossiers is None or (turn is not None and turn.step in match.dossiers))
        and (match.reports is None or any(report.id in match.reports for report in awaited(alert, reference)))
        and (match.levels is None or alert.unit.kind in match.levels)
        and (match.under is None or any(reference.units.is_under(alert.unit, code) for code in match.under))
    )
