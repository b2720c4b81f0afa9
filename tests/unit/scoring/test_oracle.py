"""The judge finds what an evaluator of the written rules finds, which shares no code with it."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random
from uuid import UUID

import pytest

from services.scoring.judging.figures import Figures, merge
from services.scoring.judging.judge import CriterionVerdict, Judge
from services.scoring.judging.observations import EarlierFiguresNeededError
from shared.contracts.period import Period
from shared.contracts.status import Stage
from shared.reference.load import Reference
from shared.reference.models import Amount, Measure, Ratio, Unit, YesNo
from tests.binding_plan import CRITERIA, binding_reference
from tests.builders import a_reading, as_read
from tests.oracle import Asked, Counted, Share, status

SEEDS = range(120)
MONTHS = [f"2023-{month:02}" for month in range(1, 13)]
PERIODS = ["2022", "2022-11", "2022-12", *MONTHS, "2023-Q1", "2023-Q2", "2023-H1", "2023", "2024-01"]
STAGES = [Stage.REPORTED, Stage.REPORTED, Stage.VERIFIED, Stage.CONFIRMED]


def share(measure: Measure) -> Share:
    match measure:
        case Ratio() as ratio:
            less = ratio.numerator_less, ratio.denominator_less
            return Share(ratio.numerator, ratio.denominator, *less, may_be_nobody=ratio.may_be_empty)
        case Amount() as amount:
            return Share(amount.elements)
        case YesNo(element=element):
            return Share([element])
    raise AssertionError(measure)


def asked(reference: Reference, criterion: str, unit: Unit) -> list[Asked]:
    plan, dues = reference.plan, reference.due_on(criterion)
    return [
        Asked(
            measure=share(group.measure),
            at_least=indicator.direction == "at_least",
            goal=Fraction(reference.goal(criterion, indicator, unit, plan.year).goal),
            has_path=indicator.measured_in != "yes_no",
            baseline_day=plan.baseline_date,
            deadline=plan.deadline if reference.binds(unit, criterion) else None,
            tolerance=Fraction(plan.tolerance),
            reports=[(due.period.end, due.by) for due in dues],
            closes=None if dues else plan.closes,
        )
        for indicator in reference.criterion(criterion).indicators
        for group in indicator.groups
    ]


def counted(reference: Reference, criterion: str, random: Random) -> list[tuple[Counted, Stage, str]]:
    """A hostile year: reports for overlapping periods, late, corrected, with parts missing, of nobody."""
    found: list[tuple[Counted, Stage, str]] = []
    codes = reference.criterion(criterion).element_codes
    wholes = {"households", "workers_men", "workers_women", "children_six", "leavers"}
    for period in random.sample(PERIODS, random.randint(0, 12)):
        parsed = Period.parse(period)
        nobody, level = random.random() < 0.1, random.choice([20, 60, 75, 110, 135, 300, 700, 995])
        for revision in range(1, random.choice([1, 1, 1, 2, 3]) + 1):
            known = parsed.end + timedelta(days=random.choice([-20, 0, 3, 5, 40, 120]))
            stage = random.choice(STAGES)
            for code in codes:
                if random.random() < 0.06:
                    continue
                if reference.elements[code].type == "yes_no":
                    value = random.randint(0, 1)
                elif code in wholes:
                    value = 0 if nobody else 1000
                else:  # the nested ones of labour: certified are among those trained
                    value = 0 if nobody else level - level // 3 * code.startswith(("certified", "near"))
                place = len(found)
                one = Counted(code, parsed.start, parsed.end, value, (stage.rank, revision, place), known)
                found.append((one, stage, period))
    return found


def figures(found: list[tuple[Counted, Stage, str]], random: Random) -> Figures:
    """The same as readings, merged in any order, some of them one by one."""
    readings = [
        a_reading(
            one.element,
            period,
            one.value,
            stage=stage,
            revision=one.rank[1],
            known_from=one.known,
            submission=UUID(int=one.rank[2]),
        )._replace(value=Decimal(one.value))
        for one, stage, period in found
    ]
    random.shuffle(readings)
    cut = random.randint(0, len(readings))
    merged = merge(Figures(), readings[:cut])
    for reading in readings[cut:]:
        merged = merge(merged, [reading])
    return merged


def of_newest(criterion: str, unit: Unit, figures: Figures, judge: Judge, random: Random) -> CriterionVerdict | None:
    """The verdict by the newest figures alone; None where it depends on earlier ones, or none are left out."""
    day = date(2023, 1, 1) + timedelta(days=random.randint(0, 365))
    elements = judge.reference.sum_checks.elements_behind(criterion)
    newest = as_read(figures, dict.fromkeys(elements, day))
    arrived = judge.criterion(criterion, unit, figures).arrived
    try:
        return judge.criterion(criterion, unit, newest, arrived) if newest.earlier else None
    except EarlierFiguresNeededError:
        return None


@pytest.mark.parametrize("criterion", [*CRITERIA, "ntm-13", "ntm-15"])
def test_the_judge_agrees_with_the_written_rules(criterion: str) -> None:
    reference = binding_reference()
    communes = reference.units.communes(reference.plan.first_day, reference.plan.unit)
    bound = next(unit for unit in communes if reference.binds(unit, criterion) or criterion not in CRITERIA)
    free = next(unit for unit in communes if not reference.binds(unit, criterion))
    seen: Counter[str] = Counter()
    for seed in SEEDS:
        random = Random(f"{criterion}-{seed}")  # noqa: S311 - figures, not secrets
        found = counted(reference, criterion, random)
        judged_by = figures(found, random)
        for unit in (bound, free):
            parts = asked(reference, criterion, unit)
            for _ in range(4):
                on = date(2022, 12, 1) + timedelta(days=random.randint(0, 520))
                if not reference.time_of(criterion)[0] <= on <= reference.time_of(criterion)[1]:
                    continue
                verdict = Judge(reference, on).criterion(criterion, unit, judged_by)
                expected = status(parts, [one for one, _, _ in found], on)
                assert verdict.status == expected, (seed, unit.code, on, parts, found)
                seen[expected] += 1
                if by_newest := of_newest(criterion, unit, judged_by, Judge(reference, on), random):
                    assert by_newest._replace(parts=()) == verdict._replace(parts=()), (seed, unit.code, on, found)
                    seen["by newest"] += 1
    bound_only = {"missed", "on_track"} if criterion in CRITERIA else set()
    assert {"met", "no_data", "not_met", "by newest"} | bound_only <= seen.keys(), seen
