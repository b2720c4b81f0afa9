"""The stages between routing and wording: which alerts they join, hold and leave out."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr

from services.notify.alerts.alert import Alert
from services.notify.alerts.draft import Draft, LeftOut, Recipient
from services.notify.alerts.events import note_of
from services.notify.alerts.links import MARK, Links, hash_of
from services.notify.alerts.notice import Wording
from services.notify.routing.key_scope import KeyScope
from services.notify.routing.silenced_units import is_meant
from services.notify.stages.group import group
from services.notify.stages.hold import hold, postponed
from services.notify.stages.inhibit import inhibit
from services.notify.stages.route import climb, route
from services.notify.stages.settle import settle, still_news
from services.notify.stages.silence import silence
from services.notify.world import Cause, Silence, Stage, World
from shared.contracts.alert import OperationEvent
from shared.contracts.difficulty import DifficultyKind
from shared.contracts.status import Event
from shared.contracts.verdict_change import StatusChanged, TargetChanged
from shared.reference.models import Contact, Match
from shared.reference.units import Units
from shared.time import VIETNAM
from shared.working_days import after_working_days, is_working_day
from tests.changes import (
    DISTRICT_OFFICE,
    LABOUR,
    NOW,
    REASON,
    REFERENCE,
    VAN_QUAN,
    a_contact,
    a_draft,
    a_problem,
    a_status_change,
    a_target_change,
    an_alert,
    changes_of_communes,
    the_world,
)

WORLD = the_world(DISTRICT_OFFICE)


def gathered(*changes: StatusChanged, is_over: bool = False) -> Draft:
    alerts = tuple(replace(an_alert(change), is_over=is_over) for change in changes)
    return replace(a_draft(changes[0]), alerts=alerts, gathering=UUID(int=5))


def later(event: Event, minutes: int, **fields: object) -> StatusChanged:
    return a_status_change(event, at=NOW + timedelta(minutes=minutes), **fields)


def left_out(draft: Draft) -> dict[UUID, LeftOut]:
    return {omission.alert.id: omission.why for omission in draft.omissions}


def passed(stage: Stage, draft: Draft, world: World = WORLD) -> Draft:
    [found] = stage([draft], world)
    return found


# --- group --------------------------------------------------------------------------------------------------


def test_a_storm_of_changes_makes_one_draft_for_each_recipient_branch_channel_and_address() -> None:
    drafts = group(route([Draft((an_alert(change),)) for change in changes_of_communes(30)], WORLD), WORLD)
    ends = [(draft.branch, str(draft.recipient), draft.channel) for draft in drafts]
    assert len(ends) == len(set(ends))
    [office] = [draft for draft in drafts if str(draft.recipient) == "district_office@184" and draft.channel == "email"]
    assert len(office.alerts) == 30


def test_an_urgent_branch_and_a_webhook_tell_each_alert_for_itself() -> None:
    disasters = [a_problem(criterion=None, kind="disaster") for _ in range(3)]
    drafts = group(route([Draft((an_alert(one),)) for one in disasters], WORLD), WORLD)
    assert len([draft for draft in drafts if draft.branch == "problem-disaster"]) == 3


# --- hold ---------------------------------------------------------------------------------------------------


def held(contact: Contact, now: datetime, channel: str = "email", wait_share: float = 1) -> Draft:
    draft = replace(gathered(a_status_change()), contact=contact, channel=channel)
    return passed(hold, draft, replace(WORLD, now=now, wait_share=wait_share))


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=VIETNAM)


@pytest.mark.parametrize(
    ("fields", "channel", "now", "due", "waits"),
    [
        ({}, "email", "2023-06-30T10:00", "2023-06-30T10:01", "group"),
        ({}, "email", "2023-06-30T23:00", "2023-06-30T23:01", "group"),
        ({}, "sms", "2023-06-30T23:00", "2023-07-01T07:00", "quiet_hours"),
        ({}, "sms", "2023-07-01T06:59", "2023-07-01T07:00", "group"),
        ({"quiet_from": time(18), "quiet_until": time(6)}, "email", "2023-07-01T02", "2023-07-01T06", "quiet_hours"),
        ({"quiet_from": time(9), "quiet_until": time(13)}, "email", "2023-06-30T12:30", "2023-06-30T13", "quiet_hours"),
        ({"digest": "daily"}, "email", "2023-06-30T07:00", "2023-06-30T07:30", "daily"),
        ({"digest": "daily"}, "email", "2023-06-30T07:30", "2023-07-01T07:30", "daily"),
        ({"digest": "weekly"}, "email", "2023-06-30T10:00", "2023-07-03T07:30", "weekly"),
        ({"digest": "weekly"}, "email", "2023-07-03T07:00", "2023-07-03T07:30", "weekly"),
        ({"digest": "weekly"}, "sms", "2023-06-30T10:00", "2023-06-30T10:01", "group"),
    ],
)  # fmt: skip
def test_when_it_is_told(fields: dict[str, object], channel: str, now: str, due: str, waits: str) -> None:
    draft = held(DISTRICT_OFFICE.model_copy(update=fields), local(now), channel)
    assert (draft.due_at, draft.waits) == (local(due), waits)


@pytest.mark.parametrize(
    ("news", "due", "waits"),
    [
        ("weekly", "2023-07-03T07:30", "news"),
        ("at_once", "2023-06-30T10:01", "group"),
    ],
)
def test_good_news_waits_for_the_digest_of_the_week_unless_the_contact_wants_it_at_once(
    news: str, due: str, waits: str
) -> None:
    contact = DISTRICT_OFFICE.model_copy(update={"news": news})
    [draft] = [
        one
        for one in group(route([Draft((an_alert(a_status_change(Event.MET)),))], the_world(contact)), WORLD)
        if one.address == contact.emails[0]
    ]
    draft = passed(hold, draft, replace(WORLD, now=local("2023-06-30T10:00")))
    assert (draft.due_at, draft.waits) == (local(due), waits)


def test_by_a_simulated_clock_a_digest_waits_for_a_day_of_that_clock() -> None:
    [draft] = group([replace(a_draft(a_status_change(Event.MET)), branch="news-district")], WORLD)
    world = replace(WORLD, now=local("2026-11-30T10:00"), shown_now=local("2023-06-30T10:00"))
    world = replace(world, is_simulated=True, wait_share=0.001)
    assert passed(hold, draft, world).due_at == local("2023-07-03T07:30")


def test_a_demonstration_waits_a_share_of_the_time_and_postpones_nothing() -> None:
    weekly = DISTRICT_OFFICE.model_copy(update={"digest": "weekly"})
    assert held(weekly, NOW, wait_share=0).due_at == NOW
    at_night = local("2023-06-30T23:00")
    draft = replace(gathered(a_status_change()), channel="sms")
    assert postponed(draft, replace(WORLD, now=at_night)) == local("2023-07-01T07:00")
    assert postponed(draft, replace(WORLD, now=at_night, wait_share=0)) is None


# --- settle -------------------------------------------------------------------------------------------------


def test_what_recovered_within_the_wait_is_not_told() -> None:
    fell, recovered = later(Event.FELL_BEHIND, 0), later(Event.RECOVERED, 1)
    draft = passed(settle, gathered(fell, recovered))
    assert draft.told == ()
    assert set(left_out(draft).values()) == {LeftOut.AS_BEFORE}


def test_of_several_alerts_about_the_same_the_newest_is_told() -> None:
    fell, missed = later(Event.FELL_BEHIND, 0), later(Event.MISSED, 1)
    draft = passed(settle, gathered(fell, missed))
    assert [alert.id for alert in draft.told] == [missed.id]
    assert left_out(draft) == {fell.id: LeftOut.OVERTAKEN}
    assert draft.omissions[0].because == missed.id


def test_a_late_report_that_came_meanwhile_is_not_told_and_its_verdict_is() -> None:
    overdue, arrived, met = later(Event.OVERDUE, 0), later(Event.REPORT_ARRIVED, 1), later(Event.MET, 1)
    assert [alert.id for alert in passed(settle, gathered(overdue, arrived, met)).told] == [met.id]


def test_what_is_about_different_criteria_or_communes_stays_apart() -> None:
    changes = [later(Event.FELL_BEHIND, 0), later(Event.RECOVERED, 1, criterion=LABOUR)]
    assert len(passed(settle, gathered(*changes)).told) == 2


def test_what_was_ended_by_something_that_this_recipient_does_not_hear_of_is_not_told() -> None:
    assert passed(settle, gathered(later(Event.MISSED, 0), is_over=True)).told == ()


def test_a_fault_of_the_system_that_was_mended_within_the_wait_is_not_told() -> None:
    down, back = (
        an_alert(note_of(event, uuid4(), "SMS", REASON, NOW + timedelta(minutes=minutes), REFERENCE))
        for minutes, event in enumerate((OperationEvent.GATEWAY_DOWN, OperationEvent.GATEWAY_BACK))
    )
    draft = replace(a_draft(a_status_change()), alerts=(replace(down, is_over=True), back), gathering=UUID(int=5))
    assert passed(settle, draft).told == ()
    assert [alert.id for alert in passed(settle, replace(draft, alerts=(back,))).told] == [back.id]


def test_what_a_silence_held_back_is_news_unless_it_was_overtaken_or_cancels_out() -> None:
    fell, recovered, missed = (
        an_alert(later(event, minutes))
        for minutes, event in enumerate((Event.FELL_BEHIND, Event.RECOVERED, Event.MISSED))
    )
    assert still_news([fell]) == [fell]
    assert still_news([recovered]) == [recovered]  # of what was told before the silence
    assert still_news([fell, recovered]) == []
    assert still_news([fell, missed]) == [missed]
    assert still_news([replace(recovered, is_over=True)]) == []


def test_what_is_told_again_after_a_silence_is_another_notice() -> None:
    draft = a_draft(a_status_change())
    after = [replace(draft, after=silence_id) for silence_id in (uuid4(), uuid4())]
    assert len({draft.id, *(one.id for one in after)}) == 3


def test_what_did_not_wait_is_told_as_it_came() -> None:
    draft = replace(gathered(later(Event.FELL_BEHIND, 0), later(Event.RECOVERED, 1)), gathering=None)
    assert len(passed(settle, draft).told) == 2


# --- inhibit ------------------------------------------------------------------------------------------------


def a_cause(alert: Alert, *told: str) -> World:
    return replace(WORLD, causes=[Cause(alert, frozenset(told))])


def the_district_s_target() -> Alert:
    return an_alert(a_target_change(unit=VAN_QUAN))


def test_a_district_that_is_behind_hides_its_communes_from_who_was_told_of_it() -> None:
    cause, draft = the_district_s_target(), gathered(a_status_change())
    hidden = passed(inhibit, draft, a_cause(cause, "district_office@184"))
    assert left_out(hidden) == {draft.alerts[0].id: LeftOut.INHIBITED}
    assert hidden.omissions[0].because == cause.id
    assert passed(inhibit, draft, a_cause(cause, "poverty_division@20")).told


def test_another_criterion_or_district_hides_nothing() -> None:
    world = a_cause(the_district_s_target(), "district_office@184")
    assert passed(inhibit, gathered(a_status_change(criterion=LABOUR)), world).told


def test_a_missed_deadline_hides_the_pace_of_the_same_in_the_same_notice() -> None:
    missed, behind = a_status_change(Event.MISSED), a_status_change(Event.FELL_BEHIND)
    assert [alert.id for alert in passed(inhibit, gathered(missed, behind)).told] == [missed.id]


@pytest.mark.parametrize("event", [Event.FELL_BEHIND, Event.MISSED, Event.OVERDUE])
def test_more_cases_than_before_hide_that_they_are_not_fewer(event: Event) -> None:
    def of(commitment: str) -> TargetChanged:
        change = a_target_change(event)
        return change.model_copy(update={"commitment": change.commitment.model_copy(update={"id": commitment})})

    more, not_fewer, jobs = of("gender-violence-no-increase"), of("gender-violence"), of("new-jobs")
    told = passed(inhibit, gathered(not_fewer, more, jobs)).told
    assert {alert.id for alert in told} == {more.id, jobs.id}
    assert [alert.id for alert in passed(inhibit, gathered(not_fewer)).told] == [not_fewer.id]


@pytest.mark.parametrize(
    ("days", "criterion", "is_hidden"),
    [(0, None, True), (0, "ntm-11", True), (0, "ntm-12", False), (30, None, True), (31, None, False)],
)
def test_a_disaster_excuses_the_reports_that_it_concerns_for_a_month(
    days: int, criterion: str | None, is_hidden: bool
) -> None:
    overdue = a_status_change(Event.OVERDUE)
    disaster = a_problem(
        unit=VAN_QUAN,
        district=None,
        kind=DifficultyKind.DISASTER,
        criterion=criterion,
        at=overdue.at - timedelta(days=days),
    )
    draft = replace(gathered(overdue), alerts=(an_alert(disaster), an_alert(overdue)))
    told = [alert.id for alert in passed(inhibit, draft).told]
    assert told == [disaster.id] if is_hidden else [disaster.id, overdue.id]


@pytest.mark.parametrize(
    ("units", "criteria", "step", "is_silent"),
    [
        (["184"], ["*"], 0, True),
        (["184"], ["ntm-11"], 0, True),
        (["184"], ["ntm-12"], 0, False),
        (["20"], ["*"], 0, False),
        (["06280"], ["*"], 0, False),
        (["181"], ["*"], 0, False),
        (["184"], ["*"], 1, False),
    ],
)
def test_a_silence_for_oneself_holds_for_the_offices_of_its_key(
    units: list[str], criteria: list[str], step: int, is_silent: bool
) -> None:
    own = Silence(uuid4(), Match(under=["184"]), own=KeyScope(units, criteria))
    draft = replace(a_draft(a_status_change()), step=step)
    assert (passed(silence, draft, replace(WORLD, silences=[own])).told == ()) is is_silent


# --- silence ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("match", "recipient", "is_silent"),
    [
        ({"under": ["184"]}, None, True),
        ({"under": ["181"]}, None, False),
        ({"criteria": ["ntm-11"], "events": ["fell_behind"]}, None, True),
        ({"severities": ["urgent"]}, None, False),
        ({}, "district_office@184", True),
        ({}, "district_office@181", False),
    ],
)
def test_a_silence_covers_what_matches_for_whom_it_says(
    match: dict[str, object], recipient: str | None, is_silent: bool
) -> None:
    world = replace(WORLD, silences=[Silence(uuid4(), Match.model_validate(match), recipient)])
    draft = passed(silence, a_draft(a_status_change()), world)
    assert (draft.told == ()) is is_silent
    assert passed(silence, replace(a_draft(a_status_change()), channel="webhook"), world).told


BEFORE, AFTER = date(2025, 6, 20), date(2025, 7, 5)
"""Days around the one on which xã Điềm He became a part of a larger commune, which has its name and code."""


def of_diem_he(on: date) -> Draft:
    """Return a draft for the commune that has the code on a day."""
    commune = REFERENCE.units.find("06280", on)
    assert commune
    alert = replace(an_alert(a_status_change(on=on)), unit=commune)
    return replace(a_draft(a_status_change()), alerts=(alert,))


@pytest.mark.parametrize("under", ["06280", "184", "20"])
@pytest.mark.parametrize(
    ("given_on", "on", "is_silent"),
    [
        (BEFORE, BEFORE, {"06280", "184", "20"}),
        (BEFORE, AFTER, {"20"}),
        (AFTER, AFTER, {"06280", "20"}),
        (AFTER, BEFORE, {"06280", "184", "20"}),
        (None, BEFORE, {"06280", "184", "20"}),
        (None, AFTER, {"06280", "20"}),
    ],
)
def test_a_silence_ends_with_its_commune_and_holds_not_for_the_one_that_has_its_code_then(
    under: str, given_on: date | None, on: date, is_silent: set[str]
) -> None:
    world = replace(WORLD, silences=[Silence(uuid4(), Match(under=[under]), given_on=given_on)])
    assert (passed(silence, of_diem_he(on), world).told == ()) is (under in is_silent)


def test_what_comes_late_about_a_commune_that_has_ended_is_not_silenced_by_what_was_given_before() -> None:
    late = of_diem_he(BEFORE)
    late = replace(late, alerts=(replace(late.alert, occasion=a_status_change(on=AFTER)),))
    world = replace(WORLD, silences=[Silence(uuid4(), Match(under=["06280"]), given_on=BEFORE)])
    assert passed(silence, late, world).told


@pytest.mark.parametrize("is_own", [True, False])
@pytest.mark.parametrize(("given_on", "is_silent"), [(BEFORE, False), (AFTER, True), (None, True)])
def test_an_office_hears_although_one_that_had_its_code_before_was_silenced(
    given_on: date | None, *, is_own: bool, is_silent: bool
) -> None:
    draft = of_diem_he(AFTER)
    assert draft.recipient
    office = Recipient(draft.recipient.role, draft.alert.unit)
    draft = replace(draft, recipient=office)
    meant = {"own": KeyScope(["06280"], ["*"])} if is_own else {"recipient": str(office)}
    world = replace(WORLD, silences=[Silence(uuid4(), Match(), given_on=given_on, **meant)])
    assert (passed(silence, draft, world).told == ()) is is_silent


def test_a_silence_over_a_commune_that_is_still_to_come_means_that_one() -> None:
    old, new = REFERENCE.units.known("06280")
    province = REFERENCE.units.find("20", AFTER)
    assert province
    assert is_meant(new, BEFORE, AFTER, Units([province, new]))
    assert not is_meant(new, BEFORE, AFTER, REFERENCE.units)
    assert is_meant(old, BEFORE, BEFORE, REFERENCE.units)


# --- climbing, working days, links --------------------------------------------------------------------------


def test_an_alert_climbs_to_the_roles_that_its_branch_names() -> None:
    branch = WORLD.tree.branches["status-district"]
    alert = an_alert(a_status_change())
    contact = a_contact("district_committee", "184")
    first, second = (climb(alert, branch, step, the_world(contact)) for step in (0, 1))
    assert {(str(draft.recipient), draft.step) for draft in first} == {("district_committee@184", 1)}
    assert {(str(draft.recipient), draft.step) for draft in second} == {("coordination_office@20", 2)}


@pytest.mark.parametrize(
    ("moment", "days", "due"),
    [
        ("2023-06-30T10:00", 1, "2023-07-03T10:00"),  # over a weekend
        ("2023-06-28T10:00", 2, "2023-06-30T10:00"),
        ("2023-04-28T16:00", 1, "2023-05-04T16:00"),  # the holidays of April and May, with the days moved after them
        ("2023-01-19T09:00", 1, "2023-01-27T09:00"),  # Tết
        ("2023-09-01T09:00", 1, "2023-09-05T09:00"),  # the National Day
    ],
)
def test_working_days_leave_out_weekends_and_public_holidays(moment: str, days: int, due: str) -> None:
    assert after_working_days(local(moment), days) == local(due)
    assert is_working_day(local(due).date())


def test_a_link_is_kept_as_a_hash_and_a_mark_and_made_again_when_it_is_sent() -> None:
    links, notice = Links(SecretStr("x" * 32), "https://bao.example.vn/"), uuid4()
    url = links.url(notice)
    assert url.startswith("https://bao.example.vn/a/")
    assert links.hash_of(notice) == hash_of(url.rpartition("/")[2])
    kept = links.without(Wording(f"see {url}", "s", f'<a href="{url}">'), notice)
    assert kept == Wording(f"see {MARK}", "s", f'<a href="{MARK}">')
    assert links.within(kept, notice) == Wording(f"see {url}", "s", f'<a href="{url}">')
    assert len({links.url(uuid4()) for _ in range(100)}) == 100
