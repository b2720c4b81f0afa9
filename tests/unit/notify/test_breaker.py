"""The breaker: it stops attempts at a gateway that is down, and tries the gateway again later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.notify.delivery.breaker import Breaker, Turn
from services.notify.delivery.channels.channel import Outcome, Result

NOW = datetime(2023, 6, 30, 2, 15, tzinfo=UTC)
AWAY = Outcome(Result.TEMPORARY, "refused", is_gateways=True)
REFUSED = Outcome(Result.PERMANENT, "bad number", ends_address=True)
LONGEST = timedelta(minutes=5) * 1.2


def an_open_breaker() -> Breaker:
    breaker = Breaker()
    assert [breaker.note(AWAY, NOW) for _ in range(5)] == [None] * 4 + [Turn.OPENED]
    return breaker


def test_a_gateway_that_failed_five_times_in_a_row_rests() -> None:
    breaker = an_open_breaker()
    assert breaker.room(100, NOW) == 0
    assert breaker.room(100, NOW + timedelta(seconds=3)) == 0


def test_what_is_wrong_with_one_notice_says_nothing_of_the_gateway() -> None:
    breaker = Breaker()
    for outcome in [AWAY, AWAY, AWAY, AWAY, REFUSED, AWAY, AWAY, AWAY, AWAY]:
        assert breaker.note(outcome, NOW) is None
    assert breaker.room(100, NOW) == 100


def test_after_its_rest_one_is_let_through_and_closes_it() -> None:
    breaker, later = an_open_breaker(), NOW + timedelta(seconds=7)
    assert [breaker.room(100, later), breaker.room(100, later)] == [1, 0]
    assert breaker.note(Outcome(Result.SENT, "taken"), later) is Turn.CLOSED
    assert breaker.room(100, later) == 100


def test_one_that_never_comes_back_is_followed_by_another() -> None:
    breaker, later = an_open_breaker(), NOW + timedelta(seconds=7)
    assert breaker.room(100, later) == 1
    assert breaker.room(100, later + timedelta(seconds=7)) == 1


def test_attempts_that_were_under_way_when_it_opened_make_its_rest_no_longer() -> None:
    breaker = an_open_breaker()
    opens_at = breaker.opens_at
    for _ in range(60):
        assert breaker.note(AWAY, NOW) is None
    assert breaker.opens_at == opens_at


@pytest.mark.parametrize(("trials", "seconds"), [(0, 5), (1, 10), (3, 40), (6, 300), (50, 300)])
def test_its_rest_doubles_up_to_five_minutes(trials: int, seconds: float) -> None:
    breaker, now = an_open_breaker(), NOW
    for _ in range(trials):
        now += LONGEST
        assert breaker.room(1, now) == 1
        assert breaker.note(AWAY, now) is None
    assert breaker.opens_at
    assert 0.8 * seconds <= (breaker.opens_at - now).total_seconds() <= 1.2 * seconds
