"""What a rebuild finds is told to nobody, and opens and ends what the state asks for."""

from __future__ import annotations

from typing import Any

import pytest

from services.notify.alerts.alert import AlertedEvent
from services.notify.alerts.draft import Draft
from services.notify.alerts.figures import FiguresEvent
from services.notify.stages.route import route
from shared.contracts.status import Event, Status
from tests.changes import a_status_change, a_target_change, an_alert, the_world


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


def test_nobody_is_told() -> None:
    world = the_world()
    told = [Draft((an_alert(change),)) for change in (a_status_change(), a_target_change())]
    assert route(told, world)
    silent = [found(before=Status.MET, after=Status.BEHIND), a_target_change(cause="rebuild")]
    assert route([Draft((an_alert(change),)) for change in silent], world) == []
