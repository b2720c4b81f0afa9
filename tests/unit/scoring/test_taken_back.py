"""Submissions that were taken back, in pure judging."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from services.scoring.judging.changes import told_as
from services.scoring.judging.figures import Figures, merge
from services.scoring.judging.taken_back import NOTHING, TakenBack, Taking
from shared.contracts.status import Event, Stage
from shared.contracts.submission import AcceptedSubmission
from shared.contracts.verdict_change import Cause
from shared.reference.terms import Terms
from tests.builders import BASELINE_DATE, an_accepted_submission
from tests.unit.scoring.test_figures import RATE

_AT = datetime(2023, 7, 1, tzinfo=UTC)


def a_taking(submission: UUID, *, withdrawn: bool, reason: str = "Nhầm xã.", hours: int = 0) -> Taking:
    return Taking(uuid4(), submission, _AT + timedelta(hours=hours), withdrawn, "district", reason)


def observed(submission: AcceptedSubmission, taken_back: TakenBack, counts_from: Stage) -> list[float]:
    figures = merge(Figures(), taken_back.readings_left(submission))
    return [float(seen.value) for seen in figures.observed(Terms(RATE, BASELINE_DATE, counts_from))]


def test_a_withdrawn_submission_leaves_no_reading_and_takes_those_along_that_verify_it() -> None:
    reported = an_accepted_submission()
    verified = an_accepted_submission(stage="verified", reviews=reported.id)
    taken_back = TakenBack.by([a_taking(reported.id, withdrawn=True)])
    assert taken_back.readings_left(reported) == taken_back.readings_left(verified) == []
    assert len(NOTHING.readings_left(verified)) == 3


@pytest.mark.parametrize(("counts_from", "counted"), [(Stage.REPORTED, 1), (Stage.VERIFIED, 0), (Stage.CONFIRMED, 0)])
def test_a_returned_submission_counts_only_where_figures_need_no_verification(counts_from: Stage, counted: int) -> None:
    confirmed = an_accepted_submission(stage="confirmed")
    taken_back = TakenBack.by([a_taking(confirmed.id, withdrawn=False)])
    assert len(observed(confirmed, NOTHING, counts_from)) == 1
    assert len(observed(confirmed, taken_back, counts_from)) == counted


def test_of_several_returns_the_first_one_is_told_whatever_their_order() -> None:
    submission = an_accepted_submission()
    takings = [a_taking(submission.id, withdrawn=False, reason=f"lần {hour}", hours=hour) for hour in (2, 0, 1)]
    for order in (takings, takings[::-1]):
        reading = TakenBack.by(order).readings_left(submission)[0]
        assert reading.is_returned
        assert reading.warnings[-1].detail.vi.endswith("lần 0")


@pytest.mark.parametrize("cause", ["withdrawal", "plan", "rules", "rebuild"])
def test_only_figures_and_time_make_a_loss_an_alarm(cause: Cause) -> None:
    for event in (Event.LOST, Event.FELL_BEHIND):
        assert told_as(event, cause) is Event.CHANGED
        assert told_as(event, "figure") is told_as(event, "time") is event


def test_what_a_plan_or_a_rebuild_makes_of_the_same_figures_is_no_news() -> None:
    for event in Event:
        assert told_as(event, "withdrawal") is (Event.CHANGED if event in (Event.LOST, Event.FELL_BEHIND) else event)
        assert {told_as(event, cause) for cause in ("plan", "rules", "rebuild")} == {Event.CHANGED}
