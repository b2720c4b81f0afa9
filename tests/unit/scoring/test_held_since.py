"""Since when a status has held, where the stored verdict tells."""

from __future__ import annotations

from datetime import date

from services.scoring.storage.statuses import StoredStatus
from services.scoring.update.held_since import known_since
from shared.contracts.status import Status


def held(holds_until: date | None) -> StoredStatus:
    """On track since 1 May, as was judged on 3 May."""
    since, judged_on = date(2023, 5, 1), date(2023, 5, 3)
    return StoredStatus(Status.ON_TRACK, since, judged_on, holds_until, [], None, False, None, None)


def test_a_status_that_goes_on_has_held_since_it_began() -> None:
    for holds_until in (None, date(2023, 5, 3), date(2023, 5, 9)):
        assert known_since(held(holds_until), Status.ON_TRACK, date(2023, 5, 4)) == date(2023, 5, 1)


def test_another_status_begins_on_the_day_on_which_it_is_found() -> None:
    assert known_since(held(date(2023, 5, 9)), Status.BEHIND, date(2023, 5, 4)) == date(2023, 5, 4)
    assert known_since(held(date(2023, 5, 9)), Status.BEHIND, date(2023, 5, 10)) == date(2023, 5, 10)


def test_of_days_that_nobody_judged_after_it_ran_out_the_stored_verdict_tells_nothing() -> None:
    for status in (Status.ON_TRACK, Status.BEHIND):
        assert known_since(held(date(2023, 5, 9)), status, date(2023, 5, 11)) is None


def test_a_status_that_began_today_and_is_another_now_may_have_been_there_before() -> None:
    assert known_since(held(None), Status.ON_TRACK, date(2023, 5, 1)) == date(2023, 5, 1)
    assert known_since(held(None), Status.BEHIND, date(2023, 5, 1)) is None
