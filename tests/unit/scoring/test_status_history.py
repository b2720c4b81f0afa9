"""The history of published statuses counts, day by day, what a plain list of the changes says."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.scoring.following.counts import Cell
from services.scoring.following.status_history import StatusHistory
from services.scoring.storage.changes import ChangeOfStatus
from shared.contracts.status import Status
from shared.reference.models import Unit
from shared.reference.plans import Plans
from tests.binding_plan import binding_reference

REFERENCE = binding_reference()
PLANS = Plans([REFERENCE])
FIRST = date(2023, 1, 1)
COMMUNES = REFERENCE.units.communes(FIRST, "180")[:3] + REFERENCE.units.communes(FIRST, "184")[:2]
CRITERIA = ("ntm-11", "ntm-12")

CHANGES = st.lists(
    st.tuples(
        st.integers(0, 40), st.sampled_from(COMMUNES), st.sampled_from(CRITERIA), st.sampled_from(list(Status)),
        st.sampled_from([REFERENCE.plan.id, None, "another"]),
    ),
    max_size=30,
)  # fmt: skip


@given(CHANGES, st.lists(st.integers(-1, 45), min_size=1, max_size=4))
def test_counts_are_what_the_changes_by_a_day_leave(
    made: list[tuple[int, Unit, str, Status, str | None]], asked: list[int]
) -> None:
    changes = [
        ChangeOfStatus(number, unit.key, criterion, FIRST + timedelta(days=days), after, plan)
        for number, (days, unit, criterion, after, plan) in enumerate(made, 1)
    ]
    history, taken = StatusHistory(), list[ChangeOfStatus]()
    for cut in range(0, len(changes) + 1, 7):  # counts that were asked for before follow what comes later
        history.take(changes[len(taken) : cut], PLANS)
        taken = changes[:cut]
        for days in asked:
            assert counted(history, FIRST + timedelta(days=days)) == expected(taken, FIRST + timedelta(days=days))


def counted(history: StatusHistory, on: date) -> dict[tuple[str, Cell], Counter[Status]]:
    units = REFERENCE.units
    return {
        (units.by_key(district).code, cell): +counts
        for district, cells in history.counts(REFERENCE, on)
        for cell, counts in cells.items()
    }


def expected(changes: list[ChangeOfStatus], on: date) -> dict[tuple[str, Cell], Counter[Status]]:
    counts: dict[tuple[str, Cell], Counter[Status]] = {}
    of_plan = sorted((one for one in changes if one.plan != "another"), key=lambda one: (one.on, one.number))
    for unit in REFERENCE.units.communes(on, "20"):
        district = REFERENCE.units.district(unit).code
        for criterion in REFERENCE.criteria_of(unit, on):
            held = [one.after for one in of_plan if (one.unit, one.criterion) == (unit.key, criterion) and one.on <= on]
            for cohort in (None, *(cohort.id for cohort in REFERENCE.cohorts_of(unit))):
                cell = district, Cell(criterion, cohort)
                counts.setdefault(cell, Counter())[held[-1] if held else Status.NO_DATA] += 1
    return counts
