"""The feed of changes gives out every committed change once and in order, however transactions end."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from services.scoring.following.change_feed import FollowedChange, Place, advance
from services.scoring.storage.changes import ChangesAsked, Looked, NumberedChange

STEPS = st.lists(
    st.tuples(st.sampled_from(["begin", "draw", "commit", "roll back", "look"]), st.integers(0, 3)), max_size=120
)


@dataclass
class Table:
    """A table whose numbers are drawn by transactions that end in any order, as PostgreSQL's are."""

    next_transaction: int = 100
    next_number: int = 1
    running: dict[int, list[int]] = field(default_factory=dict)
    committed: set[int] = field(default_factory=set)

    def do(self, step: str, which: int) -> None:
        if step == "begin":
            self.running[self.next_transaction] = []
            self.next_transaction += 1
        elif self.running:
            transaction = list(self.running)[which % len(self.running)]
            if step == "draw":
                self.running[transaction].append(self.next_number)
                self.next_number += 1
            elif step == "commit":
                self.committed |= set(self.running.pop(transaction))
            else:
                del self.running[transaction]

    def looked_behind(self, number: int, limit: int = 1000) -> Looked | None:
        rows = [NumberedChange(each, 1, "ntm-11", {}, {}) for each in sorted(self.committed) if each > number][:limit]
        oldest = min(self.running, default=self.next_transaction)
        return Looked(rows, oldest, self.next_transaction) if rows else None


@given(STEPS, st.integers(1, 5))
def test_every_committed_change_is_given_out_once_in_order_and_never_too_early(
    steps: list[tuple[str, int]], limit: int
) -> None:
    table, place, given_out = Table(), Place(0), list[int]()

    def look() -> None:
        nonlocal place
        if looked := table.looked_behind(place.number, limit):
            place, changes = advance(place, looked)
            given_out.extend(change.number for change in changes)
            in_flight = {number for numbers in table.running.values() for number in numbers}
            assert all(number > place.number for number in in_flight), "one that may still come was passed by"

    for step, which in steps:
        if step == "look":
            look()
        else:
            table.do(step, which)
    for transaction in list(table.running):
        table.committed |= set(table.running.pop(transaction))
    for _ in range(3 * table.next_number):
        look()
    assert given_out == sorted(table.committed)


def test_a_number_that_was_rolled_back_is_passed_by_once_its_transaction_must_have_ended() -> None:
    table = Table()
    for step in ("begin", "draw", "begin"):
        table.do(step, 0)
    table.do("draw", 1)
    table.do("commit", 1)
    place, changes = advance(Place(0), table.looked_behind(0))
    assert (place.number, changes) == (0, [])
    table.do("roll back", 0)
    place, changes = advance(place, table.looked_behind(0))
    assert [change.number for change in changes] == [2]
    assert place == Place(2)


def test_a_damaged_change_is_told_to_who_asks_for_its_unit() -> None:
    damaged = FollowedChange.of(NumberedChange(7, 1, "ntm-11", ["no", "object"], None))
    assert damaged.text is None
    assert damaged.is_asked(ChangesAsked(units=[1], events=["met"], cohort="border-2023"))
    assert not damaged.is_asked(ChangesAsked(units=[2]))
    assert not damaged.is_asked(ChangesAsked(topic="ntm-12"))
