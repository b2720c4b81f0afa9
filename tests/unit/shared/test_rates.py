"""Rates: at most so many requests in a minute, by the minutes of the clock."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.access.rates import Rates

NOON = 1_700_006_400.0
"""The beginning of a minute."""

AGENCY, OTHER = ("van-quan", "a"), ("van-quan", "b")


def test_a_caller_may_make_as_many_requests_as_its_rate() -> None:
    rates = Rates()
    assert [rates.take(AGENCY, 3, NOON + second) for second in range(4)] == [None, None, None, 57.0]
    assert rates.take(OTHER, 3, NOON + 4) is None


def test_requests_of_the_minute_before_count_less_and_less() -> None:
    rates = Rates()
    for _ in range(6):
        assert rates.take(AGENCY, 6, NOON) is None
    assert [rates.take(AGENCY, 6, NOON + 61) for _ in range(2)] == [None, 9.0]
    assert [rates.take(AGENCY, 6, NOON + 71) for _ in range(2)] == [None, 9.0]
    assert rates.take(AGENCY, 6, NOON + 180) is None


@given(st.integers(1, 20), st.lists(st.floats(0, 30), max_size=200))
def test_no_minute_has_twice_the_rate(rate: int, pauses: list[float]) -> None:
    rates, now, taken = Rates(), NOON, list[float]()
    for pause in pauses:
        now += pause
        seconds = rates.take(AGENCY, rate, now)
        if seconds is None:
            taken.append(now)
        else:
            assert 0 <= seconds <= 60
    assert all(sum(now - 60 < other <= now for other in taken) <= 2 * rate for now in taken)


def test_a_clock_that_is_put_back_begins_anew() -> None:
    rates = Rates()
    assert rates.take(AGENCY, 1, NOON) is None
    assert rates.take(AGENCY, 1, NOON + 1) is not None
    assert rates.take(AGENCY, 1, NOON - 60) is None
