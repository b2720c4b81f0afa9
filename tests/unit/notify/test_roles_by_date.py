"""Roles and branches by date: who hears of an alert on its day, before and after offices merged."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from services.notify.alerts.alert import Alert
from services.notify.alerts.draft import Draft
from services.notify.contacts.checks import place_faults
from services.notify.inspect.who_would_hear import hypothetical_alert, who_would_hear
from services.notify.routing.tree import Tree
from services.notify.stages.route import climb, route
from services.notify.world import World
from shared.contracts.difficulty import DifficultyKind
from shared.contracts.status import Event
from shared.reference.load import Reference
from shared.reference.models import Branch
from tests.changes import LABOUR, REFERENCE, a_branch, a_problem, a_status_change, an_alert, the_world

WORLD = the_world()
OWNER = the_world(routes=[a_branch(id="owner", events=[Event.MISSED], to=["criterion_owner"])])


def on(day: str, criterion: str = "ntm-11", unit: str = "06280", reference: Reference = REFERENCE) -> Alert:
    """Return an alert of a commune that misses a criterion on a day."""
    return hypothetical_alert(
        reference, unit, "status", Event.MISSED, criterion, None, DifficultyKind.OTHER, date.fromisoformat(day)
    )


def heard(alert: Alert, world: World = OWNER) -> set[str]:
    return {str(draft.recipient) for draft in who_would_hear(alert, world)}


def with_plan(world: World, **changes: Any) -> World:
    plan = REFERENCE.plan.model_copy(update=changes)
    return replace(world, reference=replace(REFERENCE, plan=plan), tree=Tree.of(plan))


@pytest.mark.parametrize(
    ("criterion", "day", "owners"),
    [
        ("ntm-11", "2025-02-28", {"poverty_division@20"}),
        ("ntm-11", "2025-03-01", {"agriculture_environment@20"}),
        ("ntm-18", "2025-02-28", {"gender_division@20"}),
        ("ntm-18", "2025-03-01", {"home_affairs@20"}),
        ("ntm-14", "2025-03-01", {"education_sector@20"}),
        ("ntm-12", "2025-03-01", {"home_affairs@20", "education_sector@20"}),
        ("ntm-5", "2025-03-01", {"coordination_office@20"}),
    ],
)
def test_the_owner_of_a_criterion_is_the_one_of_the_alerts_day(criterion: str, day: str, owners: set[str]) -> None:
    assert heard(on(day, criterion)) == owners


@pytest.mark.parametrize(
    ("day", "office", "committee"),
    [
        ("2025-06-30", "district_office@184", "district_committee@184"),
        ("2025-07-01", "commune_office@06280", "commune_committee@06280"),
    ],
)
def test_what_districts_did_passes_to_the_communes(day: str, office: str, committee: str) -> None:
    told = heard(on(day), WORLD)
    assert {office, committee} <= told
    assert not any(one.startswith("district_") for one in told) or day == "2025-06-30"


def test_a_difficulty_goes_to_those_who_lead_on_its_day() -> None:
    for at, owner in (("2025-02-28T09:00:00Z", "poverty_division@20"), ("2025-03-03T09:00:00Z", "agriculture")):
        alert = an_alert(a_problem(at=at, criterion="ntm-11"))
        told = {str(draft.recipient) for draft in route([Draft((alert,))], WORLD)}
        assert any(one.startswith(owner) for one in told)
        assert "coordination_office@20" in told


def test_an_alert_climbs_to_those_who_are_there_when_it_climbs() -> None:
    branch = next(one for one in REFERENCE.plan.routing.walk() if one.id == "status-district")
    last_week = on("2025-06-27", LABOUR.key)
    assert [str(draft.recipient) for draft in climb(last_week, branch, 0, WORLD)] == ["commune_committee@06280"] * 2
    before = on("2025-06-20", LABOUR.key)
    assert {str(draft.recipient) for draft in climb(before, branch, 0, WORLD)} == {"district_committee@184"}


def test_a_branch_takes_alerts_only_within_its_days() -> None:
    first, second = (
        Branch(id="old", to=["poverty_division"], valid_to=date(2023, 6, 30)),
        Branch(id="new", to=["coordination_office"], valid_from=date(2023, 7, 1)),
    )
    routing = REFERENCE.plan.routing.model_copy(update={"branches": [first, second]})
    world = with_plan(WORLD, routing=routing)
    assert heard(on("2023-06-30"), world) == {"poverty_division@20"}
    assert heard(on("2023-07-01"), world) == {"coordination_office@20"}


def test_a_role_that_ended_and_passed_to_nobody_leaves_its_criteria_to_the_coordination_office() -> None:
    ended = {"valid_to": date(2023, 5, 31), "passes_to": None}
    roles = [
        role.model_copy(update=ended) if role.role == "poverty_division" else role for role in REFERENCE.plan.roles
    ]
    world = with_plan(OWNER, roles=roles, routing=Branch(id="owner", to=["criterion_owner"], channels=["email"]))
    assert heard(on("2023-05-31"), world) == {"poverty_division@20"}
    assert heard(on("2023-06-01"), world) == {"coordination_office@20"}


def test_the_two_kinds_of_district_office_have_names_of_their_own() -> None:
    routes = [a_branch(id="office", events=[Event.MISSED], to=["district_office"])]
    titles = {
        draft.recipient.title.vi
        for unit in ("06280", "05986")
        for draft in who_would_hear(on("2023-06-30", unit=unit), the_world(routes=routes))
        if draft.recipient
    }
    assert titles == {
        "Phòng Lao động, Thương binh, Xã hội - Dân tộc huyện",
        "Phòng Lao động - Thương binh và Xã hội thành phố",
    }


def test_a_communes_role_sits_in_communes_alone() -> None:
    def faults(unit: str) -> int:
        return len(place_faults("commune_office", unit, REFERENCE, "/role", "/unit"))

    assert (faults("06280"), faults("184"), faults("20")) == (0, 1, 1)


def test_a_change_of_a_past_day_is_told_to_the_roles_of_that_day() -> None:
    assert heard(an_alert(a_status_change(Event.MISSED)), OWNER) == {"poverty_division@20"}
