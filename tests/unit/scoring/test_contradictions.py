"""Figures that contradict each other: nothing is judged by them, and their beginning and their end are told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from services.scoring.judging.assessments import explain_criterion
from services.scoring.judging.changes import ChangesAt, Moment, PreviousVerdict
from services.scoring.judging.contributor import Contributor
from services.scoring.judging.figures import Figures, merge
from services.scoring.judging.judge import Judge
from services.scoring.judging.readings import Reading
from shared.contracts.assessment import Assessment
from shared.contracts.status import Stage, Status
from shared.reference.load import Reference, load
from shared.reference.models import Rate
from tests.builders import a_reading, poverty, readings

TODAY = date(2023, 8, 1)
ALL_WORKERS = "Lao động nam trong độ tuổi + Lao động nữ trong độ tuổi = 200, Lao động trong độ tuổi, cả nam và nữ"


@pytest.fixture(scope="module")
def reference() -> Reference:
    return load()


def assessed(reference: Reference, criterion: str, *found: Reading) -> Assessment:
    unit = reference.units.find("06280", TODAY)
    assert unit
    return explain_criterion(Judge(reference, TODAY).criterion(criterion, unit, readings(*found)))


def labour(**others: int) -> list[Reading]:
    """Build the labour counts of a commune that meets the criterion, with other ones in their place or beside them."""
    counts = {
        "workers_men": 100, "workers_women": 100, "trained_men": 90, "trained_women": 90,
        "certified_men": 60, "certified_women": 60, **others,
    }  # fmt: skip
    return [a_reading(code, "2023-Q2", count) for code, count in counts.items()]


def test_a_part_greater_than_the_whole_is_a_contradiction_by_which_nothing_is_judged(reference: Reference) -> None:
    judged = assessed(reference, "ntm-11", *poverty("2023-05", 131), *poverty("2023-06", 900, households=300))
    (part,) = judged.parts
    assert (judged.status, part.status, part.value) == (Status.NO_DATA, Status.NO_DATA, None)
    assert (part.numerator, part.denominator) == (900, 300)
    assert "(tháng 6/2023): số liệu mâu thuẫn (Hộ nghèo + Hộ cận nghèo = 900, Tổng số hộ = 300)" in judged.reason.vi
    assert "contradict" in judged.reason.en
    assert "%" not in judged.reason.vi


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"trained_men": 130}, "Lao động nam qua đào tạo = 130, Lao động nam trong độ tuổi = 100"),
        ({"certified_women": 95}, "Lao động nữ qua đào tạo có bằng cấp, chứng chỉ = 95, Lao động nữ qua đào tạo = 90"),
        ({"workers": 190}, f"{ALL_WORKERS} = 190"),
        ({"workers": 210}, f"{ALL_WORKERS} = 210"),
    ],
)
def test_each_sum_rule_between_a_criterions_figures_is_checked_again(
    reference: Reference, wrong: dict[str, int], words: str
) -> None:
    assert assessed(reference, "ntm-12", *labour(workers=200)).status == Status.MET
    judged = assessed(reference, "ntm-12", *labour(**wrong))
    assert (judged.status, judged.contradictory) == (Status.NO_DATA, True)
    assert f"số liệu mâu thuẫn ({words})" in judged.reason.vi
    in_doubt = [part for part in judged.parts if part.contradiction]
    assert in_doubt
    assert all(part.value is None for part in in_doubt)


def test_of_men_and_women_those_alone_are_in_doubt_whose_figures_contradict(reference: Reference) -> None:
    judged = assessed(reference, "ntm-12", *labour(certified_women=95))
    assert {part.group for part in judged.parts if part.contradiction} == {"women"}


def test_a_figure_of_another_sector_puts_no_criterion_in_doubt(reference: Reference) -> None:
    found = [*poverty("2023-06", 100), a_reading("poor_households_entitled_health", "2023-06", 150)]
    assert not assessed(reference, "ntm-11", *found).contradictory


def test_a_figure_that_does_not_count_yet_contradicts_none_that_counts(reference: Reference) -> None:
    verified = [reading._replace(stage=Stage.VERIFIED) for reading in labour()]
    figures = readings(*verified, a_reading("workers", "2023-Q2", 190))
    measure = reference.criterion("ntm-12").measures[0]
    for counts_from, is_in_doubt in ((Stage.VERIFIED, False), (Stage.REPORTED, True)):
        (seen,) = figures.observed(replace(reference.terms_of(measure), counts_from=counts_from))
        assert seen.is_contradictory == is_in_doubt


def test_a_figure_that_arrives_alone_makes_and_ends_a_contradiction(reference: Reference) -> None:
    measure = reference.criterion("ntm-12").measures[0]

    def is_in_doubt(figures: Figures) -> bool:
        (seen,) = figures.observed(reference.terms_of(measure))
        return seen.is_contradictory

    right = readings(*labour())
    assert not is_in_doubt(right)
    wrong = merge(right, [a_reading("workers", "2023-Q2", 190)])
    assert is_in_doubt(wrong)
    assert not is_in_doubt(merge(wrong, [a_reading("workers", "2023-Q2", 200, revision=2)]))


def test_what_checks_a_criterion_touches_it_and_is_read_with_it(reference: Reference) -> None:
    checks = reference.sum_checks
    assert "ntm-12" in checks.criteria_judged_by("workers")
    assert "workers" in checks.elements_behind("ntm-12")
    assert any({"workers", "trained_men"} <= group for group in reference.elements_together((1,)))


def test_a_rate_is_checked_by_the_rules_between_its_own_figures(reference: Reference) -> None:
    unit = reference.units.find("06280", TODAY)
    assert unit
    rate = next(own for own in reference.plan.commitments if own.id == "trade-training")
    assert isinstance(rate.measure, Rate)
    trained: dict[str, Any] = {"trade_trained_men": 40, "trade_trained_women": 40}
    good, bad = readings(*labour(**trained)), readings(*labour(**trained, workers=190))
    assert Contributor(reference, unit, good).increments(rate)
    assert not any(one.numerator for one in Contributor(reference, unit, bad).increments(rate).values())


def test_a_contradiction_moves_no_sum_of_the_province(reference: Reference) -> None:
    unit = reference.units.find("06280", TODAY)
    assert unit
    rate = next(one for one in reference.plan.commitments if one.id == "poverty-rate")
    good, bad = readings(*poverty("2023-05", 131)), readings(*poverty("2023-05", 900, households=300))
    assert Contributor(reference, unit, good).increments(rate)
    assert not any(one.numerator for one in Contributor(reference, unit, bad).increments(rate).values())


def told(reference: Reference, before: PreviousVerdict, *found: Reading) -> list[tuple[str, str | None]]:
    unit = reference.units.find("06280", TODAY)
    assert unit
    changes = ChangesAt(reference, Moment(TODAY, datetime(2023, 8, 1, tzinfo=UTC)), "figure")
    after = assessed(reference, "ntm-11", *found)
    before = replace(before, overdue=frozenset(after.overdue))
    return [(one.event, one.contradiction) for one in changes.of_criterion(unit, "ntm-11", before, after, None)]


def test_a_contradiction_is_told_when_it_begins_and_when_it_ends_also_where_the_status_stays(
    reference: Reference,
) -> None:
    wrong, nothing = poverty("2023-05", 900, households=300), poverty("2023-05", 0, households=0)
    silent, contradictory = PreviousVerdict(), PreviousVerdict(contradictory=True)
    assert told(reference, silent, *wrong) == [("changed", "begins")]
    assert told(reference, contradictory, *wrong) == []
    assert told(reference, contradictory, *nothing) == [("changed", "ends")]
    assert told(reference, silent, *nothing) == []


def test_a_contradiction_that_costs_the_status_is_told_beside_it(reference: Reference) -> None:
    wrong, right = poverty("2023-05", 900, households=300), poverty("2023-05", 131)
    assert told(reference, PreviousVerdict(Status.MET), *wrong) == [("lost", None), ("changed", "begins")]
    again = told(reference, PreviousVerdict(contradictory=True), *right)
    assert again == [("first_data", None), ("changed", "ends")]
