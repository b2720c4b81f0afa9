"""Checks of the routing tree: names exist, every branch can be reached, no escalation runs in a circle."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, get_args

from shared.contracts.alert import DifficultyEvent, OperationEvent
from shared.contracts.status import Event
from shared.reference.consistency.checks import COHORT, COMMITMENT, CRITERION, ROLE, UNIT, Checks, term
from shared.reference.located import Place
from shared.reference.models import (
    COMMITMENT_OWNER,
    CRITERION_OWNER,
    Branch,
    Inhibition,
    Match,
    UnitKind,
)
from shared.reference.reference import Reference
from shared.texts import filled, phrase

_EVENTS: Mapping[str, frozenset[str]] = {
    "status": frozenset(Event),
    "target": frozenset(Event),
    "problem": frozenset(DifficultyEvent),
    "operation": frozenset(OperationEvent),
}
_LISTS = ("events", "severities", "sets", "criteria", "cohorts", "commitments", "kinds", "reports", "levels")
_CRITERIA_SET = phrase("consistency_routing.criteria_set")
_REPORT = phrase("consistency_routing.report")

type _Allowed = Mapping[str, frozenset[str]]
"""The values that an alert can still have, by field; a missing field can have any value."""


def of_routing(checks: Checks, reference: Reference) -> None:
    """Check the plan's routing tree and its inhibitions."""
    plan = reference.plan
    seen: set[str] = set()
    trees = {
        "routing": plan.routing,
        "dossier_routing": plan.dossier_routing,
        "reminder_routing": plan.reminder_routing,
    }
    for place, branch in (pair for name, root in trees.items() for pair in _placed((name,), root)):
        if branch.id in seen:
            checks.fault(
                (*place, "id"),
                phrase("consistency_routing.stands_above_already"),
                phrase("consistency_routing.name_otherwise"),
                branch.id,
            )
        seen.add(branch.id)
        term(checks, place, branch)
        _names(checks, place, branch, reference)
        _circle(checks, place, branch)
    for name, root in trees.items():
        if root.valid_from or root.valid_to:
            checks.fault(
                (name, "valid_to" if root.valid_to else "valid_from"),
                phrase("consistency_routing.root_has_days"),
                phrase("consistency_routing.give_days_to_branches"),
                root.id,
            )
        if not root.channels:
            checks.fault(
                (name, "channels"),
                phrase("consistency_routing.root_has_no_channels"),
                phrase("consistency_routing.name_at_least_one"),
            )
    _reachable(checks, ("routing",), plan.routing, {"on": frozenset(_EVENTS)})
    for at, rule in enumerate(plan.inhibitions):
        _inhibition(checks, ("inhibitions", at), rule, reference)


def _placed(place: Place, branch: Branch) -> list[tuple[Place, Branch]]:
    below = (pair for at, one in enumerate(branch.branches) for pair in _placed((*place, "branches", at), one))
    return [(place, branch), *below]


def _names(checks: Checks, place: Place, branch: Branch, reference: Reference) -> None:
    roles = {holder.role for holder in reference.plan.roles}
    checks.all_known((*place, "to"), branch.to, roles | {CRITERION_OWNER, COMMITMENT_OWNER}, ROLE)
    for at, step in enumerate(branch.escalate):
        checks.all_known((*place, "escalate", at, "to"), step.to, roles, ROLE)
    _match(checks, (*place, "match"), branch.match, reference)


def _match(checks: Checks, place: Place, match: Match, reference: Reference) -> None:
    plan = reference.plan
    checks.all_known((*place, "sets"), match.sets or (), plan.criteria_sets, _CRITERIA_SET)
    checks.all_known((*place, "criteria"), match.criteria or (), reference.criterion_keys, CRITERION)
    checks.all_known((*place, "cohorts"), match.cohorts or (), {cohort.id for cohort in plan.cohorts}, COHORT)
    commitments = {commitment.id for commitment in plan.commitments}
    checks.all_known((*place, "commitments"), match.commitments or (), commitments, COMMITMENT)
    checks.all_known((*place, "reports"), match.reports or (), {report.id for report in reference.calendar}, _REPORT)
    checks.all_known((*place, "under"), match.under or (), {unit.code for unit in reference.units}, UNIT)


def _circle(checks: Checks, place: Place, branch: Branch) -> None:
    """Check that each step of an escalation tells other roles, later than the step before."""
    told = set(branch.to)
    for at, step in enumerate(branch.escalate):
        for position, role in enumerate(step.to):
            if role in told:
                checks.fault(
                    (*place, "escalate", at, "to", position),
                    phrase("consistency_routing.escalation_comes_back_who"),
                    phrase("consistency_routing.name_higher_role_or"),
                    role,
                )
        told.update(step.to)
        earlier = [former.after_working_days for former in branch.escalate[:at]]
        if earlier and step.after_working_days <= earlier[-1]:
            checks.fault(
                (*place, "escalate", at, "after_working_days"),
                phrase("consistency_routing.not_later_than_step"),
                filled(phrase("consistency_routing.write_more_than"), days=earlier[-1]),
                step.after_working_days,
            )


def _reachable(checks: Checks, place: Place, branch: Branch, allowed: _Allowed) -> None:
    """Check that some alert can reach each branch: a branch that none can reach is a mistake."""
    narrowed = _narrow(allowed, branch.match)
    if empty := sorted(name for name, values in narrowed.items() if not values):
        checks.fault(
            (*place, "match"),
            filled(phrase("consistency_routing.branch_matches_nothing"), fields=", ".join(empty)),
            phrase("consistency_routing.compare_with_its_parent"),
            branch.id,
        )
        return
    for at, child in enumerate(branch.branches):
        takers = [
            before
            for before in branch.branches[:at]
            if not before.continues and _covers(before.match, child.match) and _lasts_as_long(before, child)
        ]
        if takers:
            checks.fault(
                (*place, "branches", at, "match"),
                filled(phrase("consistency_routing.branch_above_takes_all"), branch=takers[0].id),
                phrase("consistency_routing.put_this_one_before"),
                child.id,
            )
        _reachable(checks, (*place, "branches", at), child, narrowed)


def _narrow(allowed: _Allowed, match: Match) -> dict[str, frozenset[str]]:
    narrowed = dict(allowed)
    if match.on:
        narrowed["on"] = narrowed["on"] & {match.on}
    for name in _LISTS:
        values: list[str] | None = getattr(match, name)
        if values is not None:
            narrowed[name] = narrowed.get(name, frozenset(values)) & frozenset(values)
    possible: frozenset[str] = frozenset().union(*(_EVENTS[kind] for kind in narrowed["on"]))
    narrowed["events"] = narrowed.get("events", possible) & possible
    return narrowed


def _covers(wide: Match, narrow: Match) -> bool:
    """Say whether the wide match takes every alert that the narrow match takes."""

    def covers(first: Any, second: Any) -> bool:
        return first is None or (second is not None and set(first) >= set(second))

    fields = [name for name in Match.model_fields if name != "on"]
    return (wide.on is None or wide.on == narrow.on) and all(
        covers(getattr(wide, name), getattr(narrow, name)) for name in fields
    )


def _lasts_as_long(first: Branch, second: Branch) -> bool:
    return (first.valid_from or date.min) <= (second.valid_from or date.min) and (first.valid_to or date.max) >= (
        second.valid_to or date.max
    )


def _inhibition(checks: Checks, place: Place, rule: Inhibition, reference: Reference) -> None:
    for name, match in (("cause", rule.cause), ("hides", rule.hides)):
        _match(checks, (*place, name), match, reference)
        if not all(
            _narrow({"on": frozenset(_EVENTS), "levels": frozenset(get_args(UnitKind.__value__))}, match).values()
        ):
            checks.fault(
                (*place, name),
                phrase("consistency_routing.no_alert_can_ever"),
                phrase("consistency_routing.check_on_and_events"),
                rule.id,
            )
    if rule.cause == rule.hides:
        checks.fault(
            place,
            phrase("consistency_routing.hides_itself"),
            phrase("consistency_routing.cause_has_differ_from"),
            rule.id,
        )
