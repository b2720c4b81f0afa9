"""Alerts while one plan is closing and the next is in force: each is told by the routes of its own plan."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from services.notify.alerts.draft import Draft
from services.notify.alerts.events import alert_of
from services.notify.alerts.significance import ENDS
from services.notify.routing.tree import Tree
from services.notify.stages.inhibit import inhibit
from services.notify.stages.route import route
from services.notify.world import Cause, World
from services.scoring.judging.changes import told_as
from shared.contracts.refs import UnitRef
from shared.contracts.status import Event
from shared.contracts.verdict_change import Cause as CauseOfChange
from shared.contracts.verdict_change import StatusChanged, TargetChanged
from shared.reference.load import Reference
from shared.reference.models import Branch
from tests.changes import (
    DISTRICT_OFFICE,
    REFERENCE,
    VAN_QUAN,
    a_branch,
    a_draft,
    a_status_change,
    a_target_change,
    an_alert,
    the_world,
)

FIRST, NEXT = "lang-son-2023", "lang-son-2024"
JANUARY = date(2024, 1, 10)


def next_plan(**fields: Any) -> Reference:
    """Return the reference data with a plan of 2024, whose routing tells all targets to the department's office."""
    root = Branch(id="root", to=["department_office"], channels=["email"], branches=[])
    changed = {
        "id": NEXT,
        "year": 2024,
        "baseline_date": date(2023, 12, 31),
        "deadline": date(2024, 12, 31),
        "routing": root,
        **fields,
    }
    return replace(REFERENCE, plan=REFERENCE.plan.model_copy(update=changed))


IN_FORCE = next_plan()
WORLD = the_world(
    DISTRICT_OFFICE, reference=IN_FORCE, tree=Tree.of(IN_FORCE.plan), plans={FIRST: REFERENCE, NEXT: IN_FORCE}
)


def told(change: StatusChanged | TargetChanged, world: World = WORLD) -> list[str]:
    drafts = route([Draft((alert_of(change, world.reference),))], world)
    return [str(draft.recipient) for draft in drafts]


def test_a_closing_plans_commitment_is_told_by_its_own_routes() -> None:
    assert told(a_target_change(Event.MISSED, plan=FIRST, on=JANUARY)) == [
        "poverty_division@20",
        "coordination_office@20",
        "department_leadership@20",
    ]
    assert told(a_target_change(Event.MISSED, plan=NEXT, on=JANUARY)) == ["department_office@20"]


def test_a_change_that_names_no_plan_is_told_by_the_plan_in_force() -> None:
    assert told(a_target_change(Event.MISSED, on=JANUARY)) == ["department_office@20"]


def test_the_two_plans_commitments_of_one_name_are_two_topics() -> None:
    closing = alert_of(a_target_change(Event.MISSED, plan=FIRST, on=JANUARY), IN_FORCE)
    own = alert_of(a_target_change(Event.FELL_BEHIND, plan=NEXT, on=JANUARY), IN_FORCE)
    assert (closing.topic, own.topic) == (f"{FIRST}/poverty-communes", "poverty-communes")
    assert closing.thread != own.thread


def test_what_a_commune_missed_in_the_closing_plan_stands_beside_how_it_does_in_the_next_one() -> None:
    closing = alert_of(a_status_change(Event.MISSED, plan=FIRST, on=JANUARY), IN_FORCE)
    own = alert_of(a_status_change(Event.RECOVERED, plan=NEXT, on=JANUARY), IN_FORCE)
    assert (closing.topic, own.topic) == (f"{FIRST}/ntm-11", "ntm-11")
    assert told(a_status_change(Event.MISSED, plan=FIRST, on=JANUARY))


@pytest.mark.parametrize(
    ("on", "reference"),
    [
        pytest.param(date(2023, 12, 31), IN_FORCE, id="read after New Year"),
        pytest.param(JANUARY, REFERENCE, id="read by a process whose clock is behind"),
    ],
)
def test_the_topic_of_the_plan_that_was_in_force_is_the_commitments_id(on: date, reference: Reference) -> None:
    plan = FIRST if on < JANUARY else NEXT
    assert alert_of(a_target_change(plan=plan, on=on), reference).topic == "poverty-communes"


@pytest.mark.parametrize("cause", ["plan", "rules", "rebuild"])
def test_nobody_is_told_of_what_another_plan_or_a_rebuild_makes_of_the_same_figures(cause: CauseOfChange) -> None:
    for event in Event:
        assert told_as(event, cause) is Event.CHANGED
    change = a_status_change(cause=cause, plan=FIRST).model_copy(update={"event": Event.CHANGED})
    assert told(a_status_change(plan=FIRST))
    assert told(change) == []
    assert told(change, the_world(DISTRICT_OFFICE)) == []


def test_a_status_that_another_plan_has_changed_ends_the_alert_about_the_former_one() -> None:
    assert {Event.FELL_BEHIND, Event.LOST, Event.MISSED} <= set(ENDS[Event.CHANGED])


@pytest.mark.parametrize(("plan", "is_hidden"), [(NEXT, True), (FIRST, False)])
def test_last_years_shortfall_of_a_district_hides_no_commune_of_this_year(plan: str, is_hidden: bool) -> None:
    rule = next(known for known in REFERENCE.plan.inhibitions if known.id == "district-target-hides-its-communes")
    world = the_world(DISTRICT_OFFICE, routes=[a_branch()])
    district = UnitRef(code=VAN_QUAN.code, name=VAN_QUAN.name, kind="district")
    poor = a_target_change(plan=plan).commitment.model_copy(update={"id": "poverty-rate-poor-districts"})
    cause = an_alert(a_target_change(plan=plan, unit=district, commitment=poor))
    draft = replace(a_draft(a_status_change(plan=NEXT)), gathering=UUID(int=5))
    assert rule.same
    seen = replace(world, causes=[Cause(cause, frozenset({str(draft.recipient)}))])
    (left,) = inhibit([draft], seen)
    assert bool(left.omissions) is is_hidden


def test_the_world_follows_the_plan_in_force() -> None:
    first = the_world(DISTRICT_OFFICE)
    assert first.by_plan(first.reference) is first
    later = first.by_plan(IN_FORCE)
    assert (later.reference.plan.id, later.tree.root.to) == (NEXT, ["department_office"])
    assert later.contacts == first.contacts
