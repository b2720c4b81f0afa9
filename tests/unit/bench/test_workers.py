"""The arithmetic of the benchmark of several workers."""

from __future__ import annotations

from tests.bench.workers import ROUNDS, WORKERS, orders, waiting_share


def test_the_waiting_is_the_part_of_each_workers_time() -> None:
    assert waiting_share([0, 1, 0, 3], workers=2) == 0.5
    assert waiting_share([0, 0], workers=1) == 0
    assert waiting_share([], workers=4) == 0


def test_each_round_has_every_number_of_workers_and_each_begins_a_round() -> None:
    rounds = orders()
    assert [sorted(one) for one in rounds] == [sorted(WORKERS)] * ROUNDS
    assert sorted(one[0] for one in rounds) == sorted(WORKERS)
