"""Checks of conditions that people write: everything that they name exists, and some alert can fulfil them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from services.notify.alerts.alert import AlertedEvent, AlertKind
from services.notify.alerts.dossier_turn import DossierEvent
from services.notify.alerts.significance import possible_severities
from shared.contracts.alert import DifficultyEvent, OperationEvent
from shared.contracts.bilingual import Bilingual
from shared.contracts.report_due import ReportEvent
from shared.contracts.status import Event
from shared.problems import Fault, Faults
from shared.reference.load import Reference
from shared.reference.models import Match

_EVENTS: Mapping[AlertKind, Collection[AlertedEvent]] = {
    "status": frozenset(Event),
    "target": frozenset(Event),
    "problem": frozenset(DifficultyEvent),
    "dossier": frozenset(DossierEvent),
    "report": frozenset(ReportEvent),
    "operation": frozenset(OperationEvent),
}
_OF_A_KIND = ("dossiers", "kinds", "commitments", "reports", "criteria", "sets", "cohorts")
_LISTS = [name for name in Match.model_fields if name != "on"]


def match_faults(match: Match, reference: Reference, pointer: str = "/match") -> Sequence[Fault]:
    """Return the faults of conditions, whose pointers begin with `pointer`."""
    given = {name: values for name in _LISTS if (values := getattr(match, name)) is not None}
    faults = [Fault(f"{pointer}/{name}", Faults.EMPTY) for name, values in given.items() if not values]
    plan = reference.plan
    known: Sequence[tuple[str, Faults, Collection[str]]] = (
        ("sets", Faults.UNKNOWN_CRITERIA_SET, plan.criteria_sets),
        ("criteria", Faults.UNKNOWN_CRITERION, reference.criterion_keys),
        ("cohorts", Faults.UNKNOWN_COHORT, [cohort.id for cohort in plan.cohorts]),
        ("commitments", Faults.UNKNOWN_COMMITMENT, [commitment.id for commitment in plan.commitments]),
        ("reports", Faults.UNKNOWN_REPORT, [report.id for report in reference.calendar]),
        ("under", Faults.UNKNOWN_UNIT, {unit.code for unit in reference.units}),
    )
    faults += [
        Fault(f"{pointer}/{name}/{place}", kind, {"value": value, "expected": _listed(names)})
        for name, kind, names in known
        for place, value in enumerate(given.get(name, ()))
        if value not in names
    ]
    if not faults and (clash := _clash(match, reference)):
        faults.append(Fault(pointer, Faults.MATCHES_NOTHING, {"value": ", ".join(clash)}))
    return faults


def _listed(names: Collection[str]) -> Bilingual:
    """List all names, however many there are."""
    listed = ", ".join(sorted(names))
    return Bilingual(vi=listed, en=listed)


def has_condition(match: Match) -> bool:
    """Say whether the match names any condition."""
    return match != Match()


def _clash(match: Match, reference: Reference) -> Sequence[str]:
    """Return the names of conditions that no alert can fulfil together; none where some alert can."""
    kinds: set[AlertKind] = {match.on} if match.on else set(_EVENTS)
    for names, possible in (
        (("dossiers",), {"dossier"}),
        (("kinds",), {"problem"}),
        (("commitments",), {"target"}),
        (("reports",), {"status", "target", "report"}),
        (("criteria", "sets", "cohorts"), {"status", "target", "problem", "dossier"}),
    ):
        for name in names:
            if getattr(match, name) is not None:
                kinds &= possible
                if not kinds:
                    return ["on", name] if match.on else [other for other in _OF_A_KIND if getattr(match, other)]
    events = {event for kind in kinds for event in _EVENTS[kind]}
    if match.events is not None and events.isdisjoint(match.events):
        return [name for name in ("on", *_OF_A_KIND) if getattr(match, name)] + ["events"]
    events = events.intersection(match.events) if match.events is not None else events
    if match.severities is not None and all(
        possible_severities(event).isdisjoint(match.severities) for event in events
    ):
        return [name for name in ("on", "events") if getattr(match, name)] + ["severities"]
    if match.sets and match.criteria and {key.rpartition("-")[0] for key in match.criteria}.isdisjoint(match.sets):
        return ["sets", "criteria"]
    if match.levels and match.under and not _lies_there(match.levels, match.under, reference):
        return ["levels", "under"]
    return []


def _lies_there(levels: Collection[str], under: Collection[str], reference: Reference) -> bool:
    units = reference.units
    return any(unit.kind in levels and any(units.is_under(unit, code) for code in under) for unit in units)
