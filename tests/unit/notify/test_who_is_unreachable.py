"""Roles that the plan tells and that no contact can be reached for."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from services.notify.alerts.draft import NotSent
from services.notify.inspect.who_is_unreachable import Gap, gaps
from services.notify.world import World
from shared.reference.models import CRITERION_OWNER, Escalation, Role
from tests.changes import DISTRICT_OFFICE, a_branch, a_contact, the_world

JUNE = date(2023, 6, 30)


def found(world: World, on: date = JUNE) -> dict[tuple[str, str], Gap]:
    return {(str(gap.recipient), gap.channel): gap for gap in gaps(world, on)}


def test_a_role_of_each_district_is_wanted_by_each_channel_of_its_branch() -> None:
    world = the_world(DISTRICT_OFFICE, routes=[a_branch(id="offices", to=["district_office"], channels=["sms"])])
    missing = found(world)
    assert ("district_office@184", "sms") not in missing
    offices = [gap for (recipient, _), gap in missing.items() if recipient.startswith("district_office@")]
    assert len([gap for gap in offices if gap.channel == "sms"]) == 10  # of eleven districts, one has a contact
    assert {gap.reason for gap in offices} == {NotSent.NO_CONTACT}
    assert all("offices" in gap.branches for gap in offices if gap.channel == "sms")


def test_who_stands_for_an_owner_and_who_hears_later_is_wanted_too() -> None:
    step = Escalation(after_working_days=2, to=["district_committee"])
    world = the_world(routes=[a_branch(id="owners", to=[CRITERION_OWNER], channels=["email"], escalate=[step])])
    missing = found(world)
    assert "owners" in missing["poverty_division@20", "email"].branches
    assert "owners" in missing["district_committee@184", "email"].branches


def test_a_contact_without_a_mobile_is_a_gap_for_sms_alone() -> None:
    role: Role = "poverty_division"
    contact = a_contact(role, "20", emails=["btxh@example.vn"], phones=["+842053812345"])
    world = the_world(contact, routes=[a_branch(id="both", to=[role], channels=["email", "sms"])])
    missing = found(world)
    assert missing["poverty_division@20", "sms"].reason is NotSent.NO_MOBILE
    assert ("poverty_division@20", "email") not in missing


def test_an_address_that_was_refused_for_good_leaves_a_gap() -> None:
    contact = a_contact("poverty_division", "20", emails=["gone@example.vn"], ended=["gone@example.vn"])
    world = the_world(contact, routes=[a_branch(id="one", to=["poverty_division"], channels=["email"])])
    assert found(world)["poverty_division@20", "email"].reason is NotSent.ADDRESS_ENDED


def test_after_the_districts_the_roles_to_which_theirs_passed_are_wanted_in_the_communes() -> None:
    world = the_world(routes=[a_branch(id="offices", to=["district_office"], channels=["email"])])
    offices = [
        one for one, _ in found(world, date(2025, 7, 1)) if one.startswith(("district_office@", "commune_office@"))
    ]
    assert len(offices) == 65  # of the communes and the four wards
    assert {one.partition("@")[0] for one in offices} == {"commune_office"}
    before = {one.partition("@")[0] for one, _ in found(world, date(2025, 6, 30)) if "_office@1" in one}
    assert before == {"district_office"}


@pytest.mark.parametrize("email", ["mailto:btxh@example.vn", "btxh@example..vn", "btxh@example.vn\u200b"])
def test_a_stored_address_that_no_mail_reaches_is_a_gap(email: str) -> None:
    contact = a_contact("poverty_division", "20", emails=[email], phones=["+841651234567"])
    world = the_world(contact, routes=[a_branch(id="both", to=["poverty_division"], channels=["email", "sms"])])
    assert found(world)["poverty_division@20", "email"].reason is NotSent.BAD_ADDRESS
    assert ("poverty_division@20", "sms") in found(world)


def test_a_url_that_leads_to_no_service_leaves_a_gap() -> None:
    contact = a_contact("poverty_division", "20", services=["zalo://nobody"])
    routes = [a_branch(id="one", to=["poverty_division"], channels=["apprise"])]
    world = the_world(contact, routes=routes, channels=frozenset({"apprise"}))
    assert ("poverty_division@20", "apprise") not in found(world)
    world = replace(world, no_services=frozenset({"zalo://nobody"}))
    assert found(world)["poverty_division@20", "apprise"].reason is NotSent.BAD_ADDRESS
