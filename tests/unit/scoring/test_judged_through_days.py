"""A criterion judged through many days: the same statuses as when each day is judged by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from random import Random

import pytest

from services.scoring.judging.figures import Figures, in_hindsight
from services.scoring.judging.judge import Judge, Newest
from services.scoring.judging.observations import EarlierFiguresNeededError
from services.scoring.judging.readings import Reading
from shared.contracts.status import Status
from shared.reference.load import Reference, load
from shared.reference.models import Break, Unit
from tests.binding_plan import binding_reference
from tests.builders import a_reading, as_read, readings
from tests.set_2026 import PLAN, reference_with_2026
from tests.unit.scoring.test_two_sets import with_both

SEEDS = range(60)


@cache
def with_a_break() -> Reference:
    """Return the plan that binds, with a new poverty line from July on."""
    broken = Break(
        elements=["poor_households", "near_poor_households"],
        valid_from=date(2023, 7, 1),
        reason={"vi": "chuẩn nghèo mới", "en": "the new poverty line"},
        verified=True,
        source="Invented for a test",
    )
    return replace(binding_reference(), breaks=[broken])


@pytest.fixture(scope="module")
def with_two_sets(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    directory: Path = reference_with_2026(tmp_path_factory.mktemp("both"))
    return load(PLAN, with_both(directory))


def any_figures(reference: Reference, criterion: str, random: Random) -> Figures:
    """Return figures of some months of the plan's year and the year before, some late, some that cannot stand."""
    return readings(*_readings(reference, criterion, random))


def _readings(reference: Reference, criterion: str, random: Random) -> Iterator[Reading]:
    year = reference.plan.year
    periods = [f"{year - 1}-12", f"{year - 1}", *(f"{year}-{month:02}" for month in range(1, 13)), f"{year}"]
    for period in sorted(random.sample(periods, random.randint(0, len(periods)))):
        late = timedelta(days=random.choice([-10, 0, 4, 40, 200]))
        for code in reference.sum_checks.elements_behind(criterion):
            if random.random() < 0.93:
                reading = a_reading(code, period, _value(reference, code, random))
                yield reading._replace(known_from=reading.period.end + late)


def _value(reference: Reference, code: str, random: Random) -> int:
    if reference.elements[code].type == "yes_no":
        return random.randint(0, 1)
    is_whole = code in ("households", "workers_men", "workers_women", "children_six", "leavers")
    return random.choice([0, 1000, 1000, 1000]) if is_whole else random.choice([0, 60, 150, 300, 800, 1100])


def _units(reference: Reference, on: date) -> list[Unit]:
    communes = reference.units.communes(on, reference.plan.unit)
    bound = [unit for unit in communes if reference.bound_to(unit)]
    return [*bound[:3], *(unit for unit in communes if not reference.bound_to(unit))][:5]


def compared(reference: Reference, seed: int) -> set[Status]:
    """Compare both ways over days in and around the plan's year; return the statuses that were found."""
    random, plan = Random(seed), reference.plan  # noqa: S311 - figures, not secrets
    found: set[Status] = set()
    first, last = plan.baseline_date - timedelta(days=20), plan.deadline + timedelta(days=60)
    for unit in _units(reference, plan.deadline):
        for key in random.sample(reference.criteria_of(unit), 4):
            figures = any_figures(reference, key, random)
            judged_by = random.choice([figures, in_hindsight(figures)])
            days = sorted(random.sample([first + timedelta(n) for n in range((last - first).days)], 25))
            one_by_one = [Judge(reference, day).criterion(key, unit, judged_by).status for day in days]
            judge = Judge(reference, last)
            assert judge.criterion_through(key, unit, judged_by, days) == one_by_one, (unit.code, key)
            assert list(judge.newest_through(key, unit, judged_by, days)) == [
                newest_on(day, reference, key, unit, judged_by) for day in days
            ]
            found.update(one_by_one)
    return found


def newest_on(day: date, reference: Reference, key: str, unit: Unit, figures: Figures) -> tuple[Newest, ...]:
    """Return the newest values as the judge finds them on the day itself; how it tells their age is compared too."""
    parts = Judge(reference, day).criterion_now(key, unit, figures).parts
    for part in parts:
        if value := part.verdict.observation:
            on = min(day, reference.time_of(key)[1])
            told = part.measure.is_provisional(value), part.measure.is_stale(value, on)
            assert told == (part.is_provisional, part.is_stale)
    return tuple(Newest(part.measure, part.verdict.observation, part.verdict.status) for part in parts)


@pytest.mark.parametrize("reference_of", [binding_reference, with_a_break], ids=["one set", "a break"])
def test_carried_through_days_the_statuses_are_those_of_each_day(reference_of: Callable[[], Reference]) -> None:
    found = set[Status]().union(*(compared(reference_of(), seed) for seed in SEEDS))
    assert found == set(Status)


def test_a_set_that_ends_within_the_days_hands_its_last_verdict_on(with_two_sets: Reference) -> None:
    found = set[Status]().union(*(compared(with_two_sets, seed) for seed in SEEDS))
    assert found == {Status.MET, Status.NOT_MET, Status.NO_DATA}  # its plan binds nobody


@pytest.mark.parametrize("reference_of", [binding_reference, with_a_break], ids=["one set", "a break"])
def test_as_time_passes_the_newest_figures_tell_what_all_do(reference_of: Callable[[], Reference]) -> None:
    reference, seen = reference_of(), Counter[str]()
    for seed in SEEDS:
        random = Random(seed)  # noqa: S311 - figures, not secrets
        for unit in _units(reference, reference.plan.deadline):
            for key in random.sample(reference.criteria_of(unit), 4):
                judged_on = reference.plan.first_day + timedelta(random.randint(0, 300))
                figures = any_figures(reference, key, random).known_by(judged_on)
                arrived = Judge(reference, judged_on).criterion(key, unit, figures).arrived
                day = judged_on + timedelta(random.randint(1, 120))
                elements = reference.sum_checks.elements_behind(key)
                newest, judge = as_read(figures, dict.fromkeys(elements, day)), Judge(reference, day)
                try:
                    told = judge.criterion(key, unit, newest, arrived)
                except EarlierFiguresNeededError:
                    seen["all asked for"] += 1
                    continue
                seen["the newest" if newest.earlier else "all read"] += 1
                whole = judge.criterion(key, unit, figures)
                assert (told.status, told.overdue, told.holds_until) == (whole.status, whole.overdue, whole.holds_until)
                assert (told.arrived, told.series_from) == (whole.arrived, whole.series_from)
                assert told.is_contradictory == whole.is_contradictory
    assert seen["the newest"] > 10 * seen["all asked for"] > 0, seen
