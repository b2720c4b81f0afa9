"""The schedule of faults is a function of its seed, and strikes everything."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.faults.kinds import KINDS as KINDS_BY_SITE
from tests.faults.kinds import SITES, WAITING, by_default
from tests.faults.schedule import Choice, schedule

KINDS = KINDS_BY_SITE["machine"]
CHOICES = {"killed": Choice(("a", "b", "c"), (0, 2)), "cut off": Choice(("n",), (1, 8))}


def test_a_seed_gives_the_same_schedule_and_another_one_another() -> None:
    assert schedule(7, 100, KINDS) == schedule(7, 100, KINDS)
    assert schedule(7, 100, KINDS) != schedule(8, 100, KINDS)


def test_a_longer_run_begins_as_a_shorter_one() -> None:
    short = [fault for faults in schedule(7, 30, KINDS) for fault in faults]
    assert [fault for faults in schedule(7, 300, KINDS) for fault in faults][:29] == short[:29]


def test_every_part_is_struck_in_every_way_before_one_is_struck_again() -> None:
    faults = [fault for faults in schedule(3, 12, CHOICES) for fault in faults]
    assert [fault.number for fault in faults] == [*range(1, 13)]
    assert {*Counter((fault.kind, fault.part) for fault in faults).values()} == {3}
    assert all(CHOICES[one.kind].seconds[0] <= one.seconds <= CHOICES[one.kind].seconds[1] for one in faults)


def test_faults_overlap_in_rounds_of_at_most_three() -> None:
    rounds = schedule(3, 300, KINDS)
    assert {len(faults) for faults in rounds} == {1, 2, 3}
    assert all(faults[0].after == 0 for faults in rounds)


@pytest.mark.parametrize("site", SITES)
def test_every_kind_of_a_site_strikes_by_default_unless_it_waits_for_the_product(site: str) -> None:
    struck = {fault.kind for faults in schedule(1, 200, {kind: KINDS_BY_SITE[site][kind] for kind in by_default(site)})
              for fault in faults}  # fmt: skip
    assert struck == {kind for kind in KINDS_BY_SITE[site] if kind not in WAITING}
