"""Routing: the plan's routes, its pseudo-roles, the tree, and the reasons why a recipient cannot be reached."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from services.notify.alerts.draft import Draft, NotSent
from services.notify.alerts.silence_given import SilenceGiven
from services.notify.routing.key_scope import KeyScope
from services.notify.routing.tree import asked
from services.notify.stages.group import group
from services.notify.stages.route import route
from services.notify.telling.notice_rows import escalation_rows
from services.notify.world import Subscription, World
from shared.contracts.reference_version import RulesChanged
from shared.contracts.refs import UnitRef
from shared.contracts.report_due import ReportSoonDue
from shared.contracts.status import Event
from shared.contracts.verdict_change import StatusChanged, TargetChanged
from shared.reference.models import Branch, CommunesMeeting, Contact, Match
from shared.reference.refs import unit_ref
from tests.changes import (
    DISTRICT_OFFICE,
    LABOUR,
    PROVINCE,
    REFERENCE,
    VAN_QUAN,
    a_branch,
    a_contact,
    a_report_soon_due,
    a_status_change,
    a_target_change,
    an_alert,
    the_world,
)


def told(
    change: StatusChanged | TargetChanged | RulesChanged | SilenceGiven | ReportSoonDue, world: World
) -> list[Draft]:
    return list(route([Draft((an_alert(change),))], world))


def recipients(drafts: list[Draft], channel: str = "email") -> list[str]:
    return [str(draft.recipient) for draft in drafts if draft.channel == channel]


def test_a_commune_that_falls_behind_is_told_to_its_district_office_and_the_division_that_owns_the_criterion() -> None:
    drafts = told(a_status_change(), the_world(DISTRICT_OFFICE))
    assert recipients(drafts) == ["district_office@184", "poverty_division@20"]
    assert recipients(drafts, "sms") == ["district_office@184"]


def test_every_owner_of_a_criterion_hears_of_it() -> None:
    drafts = told(a_status_change(criterion=LABOUR), the_world())
    assert {"labour_division@20", "vocational_division@20"} <= set(recipients(drafts))


def test_what_nobody_owns_goes_to_the_coordination_office() -> None:
    plan = REFERENCE.plan
    roles = [role.model_copy(update={"owns": []}) for role in plan.roles]
    world = the_world()
    world = replace(world, reference=replace(REFERENCE, plan=plan.model_copy(update={"roles": roles})))
    assert "coordination_office@20" in recipients(told(a_status_change(), world))


def test_a_commitment_is_told_to_those_responsible_for_it() -> None:
    drafts = told(a_target_change(), the_world())
    assert recipients(drafts) == ["poverty_division@20", "coordination_office@20", "department_leadership@20"]


def test_a_commitment_that_the_plan_does_not_know_goes_to_the_coordination_office() -> None:
    change = a_target_change()
    change = change.model_copy(update={"commitment": change.commitment.model_copy(update={"id": "gone"})})
    routes = [a_branch(on="target", to=["commitment_owner"])]
    assert recipients(told(change, the_world(routes=routes))) == ["coordination_office@20"]


def test_a_districts_role_of_a_district_s_commitment_sits_in_that_district() -> None:
    change = a_target_change(unit=VAN_QUAN)
    change = change.model_copy(
        update={"commitment": change.commitment.model_copy(update={"id": "poverty-rate-poor-districts"})}
    )
    routes = [a_branch(on="target", to=["commitment_owner"])]
    assert recipients(told(change, the_world(routes=routes))) == ["poverty_division@20", "district_committee@184"]


def a_coverage_change(unit: UnitRef, commitment: str = "coverage-credit") -> TargetChanged:
    change = a_target_change(unit=unit)
    return change.model_copy(update={"commitment": change.commitment.model_copy(update={"id": commitment})})


def test_what_is_asked_of_the_districts_committees_reaches_that_of_the_district_first() -> None:
    office = ["coordination_office@20", "department_leadership@20"]
    drafts = told(a_coverage_change(VAN_QUAN), the_world())
    assert recipients(drafts) == ["district_committee@184", "poverty_division@20", *office]
    of_province = told(a_coverage_change(PROVINCE), the_world())
    assert recipients(of_province) == ["poverty_division@20", *office], "a district answers for its own part"


def test_a_quarter_in_which_every_district_falls_behind_in_every_entitlement_gives_each_office_one_mail() -> None:
    units = REFERENCE.units
    lagging = [
        Draft((an_alert(a_coverage_change(unit_ref(target), commitment.id)),))
        for commitment, target in REFERENCE.targets
        if commitment.id.startswith("coverage-")
    ]
    assert len(lagging) == 6 * 12
    districts = [unit for unit in units if unit.kind in ("district", "city")]
    contacts = [
        a_contact(role.role, unit.code)
        for role in REFERENCE.plan.roles
        for unit in (districts if role.level == "district" else [units.by_key(1)])
    ]
    world = the_world(*contacts)
    mails = [draft for draft in group(route(lagging, world), world) if draft.channel == "email"]
    alerts = {f"{draft.branch} {draft.recipient}": len(draft.alerts) for draft in mails}
    committees = {f"target-owner district_committee@{unit.code}": 6 for unit in districts}
    assert alerts == {
        **committees,
        "target-owner poverty_division@20": 72,
        "target-owner coordination_office@20": 72,
        "target-leadership department_leadership@20": 72,
    }


@pytest.mark.parametrize(
    ("event", "overdue", "by_sms"),
    [
        (Event.FELL_BEHIND, [], True),
        (Event.MISSED, [], True),
        (Event.LOST, [], True),
        (Event.OVERDUE, ["2023"], True),
        (Event.OVERDUE, ["2023-06"], False),
        (Event.MET, [], False),
        (Event.RECOVERED, [], False),
        (Event.REPORT_ARRIVED, [], False),
    ],
)
def test_an_sms_is_for_what_cannot_wait(event: Event, overdue: list[str], *, by_sms: bool) -> None:
    change = a_status_change(event)
    change = change.model_copy(update={"assessment": change.assessment.model_copy(update={"overdue": overdue})})
    assert ("sms" in {draft.channel for draft in told(change, the_world(DISTRICT_OFFICE))}) is by_sms


@pytest.mark.parametrize(("news", "channels"), [("none", set()), ("weekly", {"email"}), ("at_once", {"email", "sms"})])
def test_each_contact_chooses_whether_and_how_it_hears_what_asks_for_nothing(news: str, channels: set[str]) -> None:
    office = DISTRICT_OFFICE.model_copy(update={"news": news})
    for event, expected in ((Event.MET, channels), (Event.LOST, {"email", "sms"})):
        drafts = told(a_status_change(event), the_world(office))
        assert {one.channel for one in drafts if str(one.recipient) == office.recipient} == expected


def test_that_a_report_has_arrived_is_not_told_to_the_office_that_has_sent_it() -> None:
    drafts = told(a_status_change(Event.REPORT_ARRIVED), the_world(DISTRICT_OFFICE))
    assert recipients(drafts) == ["poverty_division@20"]


def test_what_branches_gather_together_climbs_by_the_branch_that_tells_it() -> None:
    committee = a_contact("district_committee", "184")
    world = the_world(DISTRICT_OFFICE, committee)
    late = [Draft((an_alert(one),)) for one in (a_status_change(Event.OVERDUE), a_coverage_change(VAN_QUAN))]
    late[1] = Draft((replace(late[1].alert, occasion=late[1].alert.occasion.model_copy(update={"event": "overdue"})),))
    drafts = [one for one in group(route(late, world), world) if one.channel == "email"]
    office = next(one for one in drafts if str(one.recipient) == "district_office@184")
    assert len(office.alerts) == 2, "one mail of what is missing"
    assert [row["branch"] for row in escalation_rows(office, world)] == ["reports-district"] * 2
    above = next(one for one in drafts if str(one.recipient) == "district_committee@184")
    assert list(escalation_rows(above, world)) == []


def test_two_routes_to_the_same_recipient_make_one_notice() -> None:
    routes = [a_branch(id="a"), a_branch(id="b", to=["district_office", "coordination_office"])]
    drafts = told(a_status_change(), the_world(DISTRICT_OFFICE, routes=routes))
    assert recipients(drafts) == ["district_office@184", "coordination_office@20"]


@pytest.mark.parametrize(
    "rule",
    [
        a_branch(events=["met"]),
        a_branch(on="target"),
        a_branch(criteria=["ntm-12"]),
        a_branch(cohorts=["border-2023"]),
    ],
    ids=["another event", "targets only", "another criterion", "another cohort"],
)
def test_what_no_branch_takes_is_told_by_the_root(rule: Branch) -> None:
    drafts = told(a_status_change(cohorts=["advanced-2023"]), the_world(routes=[rule]))
    assert [(draft.branch, str(draft.recipient)) for draft in drafts] == [("root", "coordination_office@20")]


def test_a_route_for_a_criterion_and_a_cohort_matches_a_change_of_both() -> None:
    rule = a_branch(criteria=["ntm-11"], cohorts=["border-2023", "advanced-2023"])
    assert told(a_status_change(cohorts=["advanced-2023"]), the_world(routes=[rule]))


def test_first_data_is_told_to_nobody_by_the_plan() -> None:
    assert told(a_status_change(Event.FIRST_DATA), the_world()) == []


def test_each_address_of_a_contact_gets_a_notice_of_its_own() -> None:
    contact = a_contact("poverty_division", "20", emails=["a@example.vn", "b@example.vn"])
    drafts = told(a_target_change(), the_world(contact))
    assert [draft.address for draft in drafts if str(draft.recipient) == "poverty_division@20"] == [
        "a@example.vn",
        "b@example.vn",
    ]


@pytest.mark.parametrize(
    ("contacts", "why"),
    [
        ([], {"email": NotSent.NO_CONTACT, "sms": NotSent.NO_CONTACT}),
        ([a_contact("district_office", "184")], {"email": None, "sms": NotSent.NO_PHONE}),
        (
            [a_contact("district_office", "184", emails=[], phones=["+842053812345"])],
            {"email": NotSent.NO_EMAIL, "sms": NotSent.NO_MOBILE},
        ),
    ],
    ids=["no contact", "no phone", "a landline and no e-mail"],
)
def test_who_cannot_be_reached_stands_in_a_notice_that_says_why(
    contacts: list[Contact], why: dict[str, NotSent | None]
) -> None:
    routes = [a_branch(channels=["email", "sms"])]
    drafts = told(a_status_change(), the_world(*contacts, routes=routes))
    assert {draft.channel: draft.not_sent for draft in drafts} == why


def test_a_channel_that_is_not_set_up_stands_in_a_notice_that_says_so() -> None:
    world = replace(the_world(DISTRICT_OFFICE), channels=frozenset({"email"}))
    [sms] = [draft for draft in told(a_status_change(), world) if draft.channel == "sms"]
    assert sms.not_sent is NotSent.NOT_SET_UP


def test_without_districts_the_unit_itself_stands_for_its_district() -> None:
    alert = replace(an_alert(a_status_change(district=None)), district=None)
    drafts = route([Draft((alert,))], the_world(routes=[a_branch()]))
    assert [str(draft.recipient) for draft in drafts] == ["district_office@06280"]


def test_the_same_change_makes_the_same_notices_again() -> None:
    change = a_status_change()
    world = the_world(DISTRICT_OFFICE)
    assert [draft.id for draft in told(change, world)] == [draft.id for draft in told(change, world)]


def test_a_district_role_of_the_province_s_commitment_is_visible_though_there_is_no_such_place() -> None:
    routes = [a_branch(on="target", to=["district_office"])]
    [draft] = told(a_target_change(unit=PROVINCE), the_world(routes=routes))
    assert (str(draft.recipient), draft.not_sent) == ("district_office@20", NotSent.NO_CONTACT)


def subscribed(world: World, unit: str, match: Match | None = None, *, is_disabled: bool = False) -> World:
    """Return the world in which one system more has subscribed."""
    key = REFERENCE.units.known(unit)[-1].key
    system = Subscription(UUID(int=5), key, "https://example.vn/", match or Match(), is_disabled)
    return replace(world, subscriptions=[system])


def webhooks(change: StatusChanged | TargetChanged, world: World) -> list[Draft]:
    return [draft for draft in told(change, world) if draft.channel == "webhook"]


def test_a_system_hears_of_its_unit_and_those_below_of_what_it_has_subscribed_to() -> None:
    [draft] = webhooks(a_status_change(), subscribed(the_world(), "184"))
    assert (draft.recipient.subscription, draft.recipient.unit.code) == (UUID(int=5), "184")
    assert (draft.address, draft.branch, draft.not_sent) == ("https://example.vn/", "", None)
    assert not webhooks(a_status_change(), subscribed(the_world(), "178")), "another district's"
    assert not webhooks(a_status_change(), subscribed(the_world(), "184", Match(events=[Event.MET])))


def test_a_subscription_may_name_a_unit_by_which_its_alerts_are_found() -> None:
    assert webhooks(a_status_change(), subscribed(the_world(), "20", Match(under=["184"])))
    assert not webhooks(a_status_change(), subscribed(the_world(), "20", Match(under=["178"])))


def test_a_subscription_that_was_ended_since_its_calls_failed_stands_in_a_notice_that_says_so() -> None:
    [draft] = webhooks(a_status_change(), subscribed(the_world(), "184", is_disabled=True))
    assert draft.not_sent is NotSent.DISABLED


@pytest.mark.parametrize(
    ("match", "change", "is_taken"),
    [
        (Match(sets=["ntm"]), a_status_change(), True),
        (Match(sets=["advanced"]), a_status_change(), False),
        (Match(sets=["ntm"]), a_target_change(), True),
        (Match(sets=["advanced"]), a_target_change(), False),
        (Match(criteria=["ntm-11"]), a_target_change(), True),
        (Match(criteria=["ntm-12"]), a_target_change(), False),
        (Match(cohorts=["border-2023"]), a_status_change(cohorts=["border-2023"]), True),
        (Match(cohorts=["border-2023"]), a_status_change(cohorts=[]), False),
        (Match(cohorts=["border-2023"]), a_target_change(), False),
        (Match(commitments=["poverty-rate"]), a_status_change(), False),
    ],
)
def test_a_subscription_takes_what_its_conditions_say(
    match: Match, change: StatusChanged | TargetChanged, *, is_taken: bool
) -> None:
    assert bool(webhooks(change, subscribed(the_world(), "20", match))) is is_taken


def of_commitment(id_: str) -> TargetChanged:
    change = a_target_change(unit=PROVINCE)
    return change.model_copy(update={"commitment": change.commitment.model_copy(update={"id": id_})})


def test_a_commitment_is_of_the_criterion_and_the_cohort_that_the_plan_gives_it() -> None:
    counted = [one for one in REFERENCE.plan.commitments if isinstance(one.measure, CommunesMeeting)]
    assert counted
    for one in counted:
        criterion = one.measure.criterion
        assert webhooks(of_commitment(one.id), subscribed(the_world(), "20", Match(criteria=[criterion])))
        own = Match(sets=[criterion.rpartition("-")[0]])
        assert webhooks(of_commitment(one.id), subscribed(the_world(), "20", own))
    of_cohorts = {one.id: cohort for one in REFERENCE.plan.commitments if (cohort := REFERENCE.cohort_of(one))}
    assert of_cohorts
    for id_, cohort in of_cohorts.items():
        assert webhooks(of_commitment(id_), subscribed(the_world(), "20", Match(cohorts=[cohort])))


def test_that_the_rules_have_changed_is_told_to_the_coordination_office_whatever_the_plan_s_routes_are() -> None:
    moved = RulesChanged(
        id=UUID(int=6),
        at=datetime(2023, 6, 30, tzinfo=UTC),
        unit=PROVINCE,
        version=2,
        digest="sha256:0",
        plan=REFERENCE.plan.id,
        author="an office",
        reason="",
        communes=[],
        targets=[],
    )
    drafts = told(moved, the_world(routes=[a_branch(to=["district_office"])]))
    assert [(draft.branch, str(draft.recipient), draft.channel) for draft in drafts] == [
        ("rules", "coordination_office@20", "email")
    ]


def test_whom_a_coordinator_s_silence_concerns_is_told_by_the_first_channel_that_reaches_them() -> None:
    given = SilenceGiven(
        id=UUID(int=7),
        at=datetime(2023, 6, 30, tzinfo=UTC),
        unit=VAN_QUAN,
        silence=UUID(int=8),
        match=Match(under=["184"], criteria=["ntm-11"]),
        starts_at=datetime(2023, 6, 30, tzinfo=UTC),
        ends_at=datetime(2023, 7, 30, tzinfo=UTC),
        reason="a flood",
        author="a coordinator",
    )
    world = the_world(
        DISTRICT_OFFICE,
        a_contact("district_committee", "184", emails=[], phones=["+84912345678"]),
        a_contact("district_office", "178", emails=["other@example.vn"]),
        a_contact("poverty_division", "20", emails=["poverty@example.vn"]),
        a_contact("labour_division", "20", emails=["labour@example.vn"]),
        a_contact("coordination_office", "20", emails=["office@example.vn"]),
    )
    assert {(draft.branch, str(draft.recipient), draft.channel) for draft in told(given, world)} == {
        ("silence", "district_office@184", "email"),
        ("silence", "district_committee@184", "sms"),
        ("silence", "poverty_division@20", "email"),
    }


def test_routing_tells_how_deep_in_the_tree_each_branch_stands_that_it_asked_and_what_it_answered() -> None:
    below = a_branch(id="below", events=[Event.MET])
    world = the_world(routes=[a_branch(id="above").model_copy(update={"branches": [below]})])
    steps = asked(world.tree, an_alert(a_status_change()), world.reference)
    assert [(step.branch.id, step.depth, step.takes, step.tells) for step in steps] == [
        ("root", 0, True, False),
        ("above", 1, True, True),
        ("below", 2, False, False),
    ]


@pytest.mark.parametrize(
    ("criteria", "role", "is_own"),
    [
        (["*"], "poverty_division", True),
        (["ntm-11"], "poverty_division", True),
        (["ntm-12"], "poverty_division", False),
        (["ntm-11"], "coordination_office", False),
        (["ntm-11"], "district_office", True),
    ],
)
def test_a_key_stands_for_the_offices_of_its_unit_that_have_its_criteria(
    criteria: list[str], role: str, *, is_own: bool
) -> None:
    holder = next(one for one in REFERENCE.plan.roles if one.role == role)
    code = "20" if holder.level == "province" else "184"
    unit = REFERENCE.units.known(code)[-1]
    assert KeyScope([code], criteria).is_own(holder, unit) is is_own
    assert not KeyScope(["178"], ["*"]).is_own(holder, unit), "another unit's key"


def test_a_reminder_goes_by_the_routes_of_reminders() -> None:
    soon = a_report_soon_due()
    world = the_world(DISTRICT_OFFICE)
    reminders = {branch.id for branch in world.tree.reminders.walk()}
    drafts = told(soon, world)
    assert "district_office@184" in recipients(drafts)
    assert {draft.branch for draft in drafts} <= reminders
