"""What a rebuild finds is told to no person, and opens and ends what the state asks for."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from services.notify.alerts.alert import AlertedEvent
from services.notify.alerts.draft import Draft
from services.notify.alerts.figures import FiguresEvent
from services.notify.stages.route import route
from services.notify.world import Subscription
from shared.contracts.status import Event, Status
from shared.reference.models.routing import Match
from tests.changes import REFERENCE, a_status_change, a_target_change, an_alert, the_world


def found(**fields: Any) -> Any:
    change = a_status_change(Event.CHANGED, cause="rebuild")
    assessment = change.assessment.model_copy(update={"overdue": fields.pop("overdue", [])})
    return change.model_copy(update={"assessment": assessment, **fields})


@pytest.mark.parametrize(
    ("fields", "event"),
    [
        ({"before": Status.MET, "after": Status.BEHIND}, Event.FELL_BEHIND),
        ({"before": Status.BEHIND, "after": Status.MISSED}, Event.MISSED),
        ({"before": Status.BEHIND, "after": Status.MET}, Event.CHANGED),
        ({"before": Status.BEHIND, "after": Status.BEHIND, "overdue": ["2023-05"]}, Event.OVERDUE),
        ({"before": Status.BEHIND, "after": Status.BEHIND}, Event.REPORT_ARRIVED),
        ({"before": Status.BEHIND, "after": Status.BEHIND, "contradiction": "begins"}, FiguresEvent.CONTRADICT),
        ({"before": Status.BEHIND, "after": Status.BEHIND, "contradiction": "ends"}, FiguresEvent.AGREE),
    ],
)
def test_the_state_decides_what_is_opened_and_ended(fields: dict[str, Any], event: AlertedEvent) -> None:
    assert an_alert(found(**fields)).event is event


def test_no_person_is_told() -> None:
    world = the_world()
    told = [Draft((an_alert(change),)) for change in (a_status_change(), a_target_change())]
    assert route(told, world)
    silent = [found(before=Status.MET, after=Status.BEHIND), a_target_change(cause="rebuild")]
    assert route([Draft((an_alert(change),)) for change in silent], world) == []


def test_subscribed_systems_follow_each_change_as_on_the_stream() -> None:
    province = REFERENCE.units.known("20")[0]
    world = the_world(subscriptions=[Subscription(UUID(int=5), province.key, "https://example.vn/", Match())])
    for change in (found(before=Status.MET, after=Status.BEHIND), a_target_change(cause="rebuild")):
        [draft] = route([Draft((an_alert(change),))], world)
        assert (draft.channel, draft.alert.occasion) == ("webhook", change)
