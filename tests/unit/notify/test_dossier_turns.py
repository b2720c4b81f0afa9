"""Turns in dossiers: who hears of them, when they are reminded, and how the notices read."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.notify.alerts.alert import Alert
from services.notify.alerts.dossier_turn import DossierEvent
from services.notify.alerts.draft import Draft
from services.notify.alerts.events import read_alerts
from services.notify.alerts.significance import ENDS, opens
from services.notify.routing.match_checks import match_faults
from services.notify.routing.matching import matches
from services.notify.routing.tree import escalations
from services.notify.stages.render import render
from services.notify.stages.route import climb, route
from services.notify.storage.alert_rows import alert_row
from services.notify.telling.notice_rows import escalation_rows
from shared.contracts.bilingual import Language
from shared.contracts.dossier import DossierLogged, DossierStep
from shared.problems import Faults
from shared.reference.models import Escalation, Match
from shared.working_days import after_working_days
from tests.changes import NOW, REFERENCE, STEP_AT, a_contact, a_dossier_step, a_draft, a_turn, the_world

GOLDEN = Path(__file__).parents[2] / "golden" / "notify"
WORLD = replace(the_world(), board_url="https://ntm.example.vn")
S = DossierStep


def alerts_of(logged: DossierLogged) -> list[Alert]:
    return read_alerts(logged.model_dump_json().encode(), None, REFERENCE)


def an_alert_of(step: DossierStep, **fields: Any) -> Alert:
    [alert] = alerts_of(a_dossier_step(turns=[a_turn(step, **fields)]))
    return alert


@pytest.mark.parametrize(
    ("step", "fields", "recipients"),
    [
        (S.SELF_ASSESSED, {}, {"district_office@184"}),
        (S.VERIFIED, {}, {"district_committee@184"}),
        (S.APPRAISED, {"sector": "labour", "criteria": ["ntm-11"]}, {"poverty_division@20"}),
        (S.APPRAISED, {"sector": "health", "criteria": ["ntm-15"]}, {"coordination_office@20"}),
        (S.DECIDED, {}, {"coordination_office@20"}),
        (S.RECOGNISED, {}, {"coordination_office@20"}),
        (S.WITHDRAWN, {}, {"coordination_office@20"}),
    ],
)
def test_whoevers_turn_it_is_hears_of_it(step: DossierStep, fields: dict[str, Any], recipients: set[str]) -> None:
    drafts = route([Draft((an_alert_of(step, **fields),))], WORLD)
    assert {(str(draft.recipient), draft.channel) for draft in drafts} == {(name, "email") for name in recipients}


def test_a_step_ends_turns_and_begins_others_and_says_nothing_about_those_that_stay() -> None:
    before, stays = a_turn(S.VERIFIED), a_turn(S.APPRAISED, sector="health", since=STEP_AT - timedelta(days=1))
    alerts = alerts_of(a_dossier_step(turns=[stays, a_turn(S.APPRAISED, sector="labour")], ended=[before]))
    told = [(alert.event, alert.topic) for alert in alerts]
    assert told == [(DossierEvent.DONE, "ntm/verified"), (DossierEvent.TURN, "ntm/appraised/labour")]
    assert len({alert.id for alert in alerts}) == 2
    assert [opens(alert) for alert in alerts] == [False, True]
    assert ENDS[DossierEvent.DONE] == {DossierEvent.TURN}
    assert route([Draft((alerts[0],))], WORLD) == []


def test_a_step_that_comes_again_makes_the_same_alerts() -> None:
    logged = a_dossier_step()
    assert [alert.id for alert in alerts_of(logged)] == [alert.id for alert in alerts_of(logged)]
    assert alert_row(alerts_of(logged)[0], NOW)["topic"] == "ntm/verified"


def test_the_same_roles_are_reminded_once_when_the_step_is_due() -> None:
    world = the_world(a_contact("district_committee", "184"))
    alert = an_alert_of(S.VERIFIED)
    [draft] = route([Draft((alert,))], world)
    [row] = escalation_rows(draft, world)
    assert row["due_at"] == after_working_days(NOW, 15)
    branch = world.tree.branches[draft.branch]
    [reminder] = climb(alert, branch, 0, world)
    assert (str(reminder.recipient), reminder.step) == ("district_committee@184", 1)
    assert len(escalations(branch, alert)) == 1
    later = branch.model_copy(update={"escalate": [Escalation(after_working_days=20, to=["coordination_office"])]})
    assert [step.to for step in escalations(later, alert)] == [["district_committee"], ["coordination_office"]]
    when_due = branch.model_copy(update={"escalate": [Escalation(after_working_days=15, to=["coordination_office"])]})
    assert [step.to for step in escalations(when_due, alert)] == [["district_committee"]]
    assert list(escalation_rows(replace(draft, alerts=(an_alert_of(S.VERIFIED, working_days=None),)), world)) == []


@pytest.mark.parametrize(
    ("match", "is_matched"),
    [
        (Match(), True),
        (Match(dossiers=[S.VERIFIED, S.APPRAISED]), True),
        (Match(dossiers=[S.DECIDED]), False),
        (Match(sets=["ntm"], criteria=["ntm-12"]), True),
        (Match(sets=["advanced"]), False),
        (Match(criteria=["ntm-5"]), False),
        (Match(on="status"), False),
        (Match(under=["184"]), True),
    ],
)
def test_a_turn_is_matched_by_its_step_its_set_and_its_criteria(match: Match, is_matched: bool) -> None:
    assert matches(match, an_alert_of(S.VERIFIED), REFERENCE) is is_matched


def test_conditions_that_no_turn_can_fulfil_are_refused() -> None:
    assert list(match_faults(Match(dossiers=[S.VERIFIED], sets=["ntm"]), REFERENCE)) == []
    for match in (Match(dossiers=[S.VERIFIED], on="status"), Match(dossiers=[S.VERIFIED], events=["missed"])):
        assert [fault.kind for fault in match_faults(match, REFERENCE)] == [Faults.MATCHES_NOTHING]


NOTICES = {
    "turn": a_dossier_step(),
    "turn_of_a_sector": a_dossier_step(step=S.VERIFIED, turns=[a_turn(S.APPRAISED, sector="labour")]),
    "turn_again": a_dossier_step(
        step=S.RETURNED, agency_name="Sở Y tế", reason="Thiếu biên bản.\nBổ sung phụ lục 2.", turns=[a_turn()]
    ),
    "turn_advanced": a_dossier_step(criteria_set="advanced", turns=[a_turn(S.DECIDED, criteria=[], due=None)]),
}


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("name", NOTICES)
def test_a_turn_reads_well(name: str, language: Language) -> None:
    [alert] = alerts_of(NOTICES[name])
    mail, sms = (
        replace(a_draft(alert.occasion, channel=channel, language=language), alerts=(alert,))
        for channel in ("email", "sms")
    )
    worded = [draft.wording for draft in render([mail, sms], WORLD)]
    assert worded[0]
    assert worded[1]
    assert_golden(f"dossier_{name}.{language}.txt", f"{worded[0].subject}\n\n{worded[0].text}\n\n{worded[1].text}\n")
    if name == "turn_again":
        assert_golden(f"dossier_{name}.{language}.html", worded[0].html or "")


def assert_golden(name: str, text: str) -> None:
    path = GOLDEN / name
    if os.environ.get("NTM_GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
