"""Contradictory figures are alerts of their own: told to who has to send a report, and ended by figures that agree."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.notify.alerts.draft import Draft, LeftOut
from services.notify.alerts.figures import FiguresEvent
from services.notify.alerts.significance import ENDS, OPENING
from services.notify.api.released_words import released_event
from services.notify.routing.matching import matches
from services.notify.stages.route import route
from services.notify.stages.settle import settle
from shared.contracts.status import Event
from shared.contracts.verdict_change import Cause, StatusChanged
from shared.reference.models import Match
from tests.changes import DISTRICT_OFFICE, NOW, REFERENCE, a_draft, a_status_change, an_alert, the_world

WORLD = the_world(DISTRICT_OFFICE)


def contradiction(change: str = "begins", minutes: int = 0, **fields: Any) -> StatusChanged:
    at = NOW + timedelta(minutes=minutes)
    return a_status_change(Event.CHANGED, contradiction=change, at=at, **fields)


def gathered(*changes: StatusChanged) -> Draft:
    return replace(a_draft(changes[0]), alerts=tuple(an_alert(change) for change in changes), gathering=UUID(int=5))


@pytest.mark.parametrize("cause", [None, "figure", "withdrawal", "time"])
def test_a_contradiction_is_an_event_of_its_own(cause: Cause | None) -> None:
    assert an_alert(contradiction(cause=cause)).event is FiguresEvent.CONTRADICT
    assert an_alert(contradiction("ends", cause=cause)).event is FiguresEvent.AGREE


@pytest.mark.parametrize("cause", ["plan", "rules"])
def test_what_other_rules_find_in_old_figures_is_no_news_but_what_they_clear_is_over(cause: Cause) -> None:
    assert an_alert(contradiction(cause=cause)).event is Event.CHANGED
    assert an_alert(contradiction("ends", cause=cause)).event is FiguresEvent.AGREE


def test_only_figures_that_agree_end_it_and_it_ends_nothing_else() -> None:
    assert FiguresEvent.CONTRADICT in OPENING
    assert [event for event, ended in ENDS.items() if FiguresEvent.CONTRADICT in ended] == [FiguresEvent.AGREE]
    assert FiguresEvent.CONTRADICT not in ENDS


def test_it_reaches_who_would_have_to_send_an_overdue_report() -> None:
    def told(change: StatusChanged) -> set[tuple[str, str]]:
        drafts = route([Draft((an_alert(change),))], WORLD)
        return {(draft.branch, draft.recipient.title.vi) for draft in drafts if draft.recipient}

    assert told(contradiction()) == told(a_status_change(Event.OVERDUE)) != set()
    assert told(contradiction("ends")) == told(a_status_change(Event.REPORT_ARRIVED)) != set()


def test_readers_and_their_conditions_know_it_as_changed() -> None:
    alert = an_alert(contradiction())
    assert released_event(alert.event) is Event.CHANGED
    assert matches(Match(events=[Event.CHANGED]), alert, REFERENCE)
    assert not matches(Match(events=[Event.OVERDUE]), alert, REFERENCE)


def test_figures_that_were_mended_within_the_wait_are_not_told() -> None:
    (draft,) = settle([gathered(contradiction(), contradiction("ends", 1))], WORLD)
    assert draft.told == ()
    assert {omission.why for omission in draft.omissions} == {LeftOut.AS_BEFORE}


def test_it_neither_overtakes_the_verdict_nor_is_overtaken_by_it() -> None:
    missed, wrong = a_status_change(Event.MISSED, at=NOW), contradiction(minutes=1)
    (draft,) = settle([gathered(missed, wrong)], WORLD)
    assert [alert.id for alert in draft.told] == [missed.id, wrong.id]
    met = a_status_change(Event.MET, at=NOW + timedelta(minutes=2))
    (draft,) = settle([gathered(wrong, met)], WORLD)
    assert [alert.id for alert in draft.told] == [wrong.id, met.id]
