"""The number of criteria that communes meet as time passes: old and overdue figures, silence, mergers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from services.scoring.judging.aggregates import summed
from services.scoring.judging.assessments import assess_target
from services.scoring.judging.figures import Figures
from services.scoring.judging.inheritance import with_inherited
from services.scoring.judging.judge import Judge
from services.scoring.judging.readings import Reading
from shared.contracts.assessment import Part
from shared.contracts.status import Status
from shared.reference.load import PACKAGED, InvalidReferenceError, Reference, load, load_text
from shared.reference.models import Commitment, CommunesBelow, CommunesMeeting, CriteriaAverage, CriteriaMet, Unit
from tests.builders import a_reading, poverty, readings
from tests.plan_2025 import PLAN, reference_with_2025

MIDYEAR = date(2023, 6, 30)
RECOGNISED = tuple(f"recognised_{number:02}" for number in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 15, 16, 17, 19))
AVERAGE = CriteriaAverage(criteria_set="ntm", cohort="border-2023")


@pytest.fixture(scope="module")
def reference() -> Reference:
    return load()


@pytest.fixture(scope="module")
def in_2025(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return load(PLAN, reference_with_2025(Path(tmp_path_factory.mktemp("reference"))))


def a_commitment(reference: Reference, measure: CriteriaMet | CommunesMeeting, **changes: Any) -> Commitment:
    border = next(one for one in reference.plan.commitments if one.id == "border-communes")
    return border.model_copy(update={"measure": measure, "baseline": None, **changes})


def none_below(number: int, reference: Reference, cohort: str | None = None, **changes: Any) -> Commitment:
    measure = CommunesBelow(criteria_set="ntm", criteria=number, cohort=cohort)
    return a_commitment(reference, measure, direction="at_most", goal=0, measured_in="communes", **changes)


def meeting(number: int, period: str = "2022") -> list[Reading]:
    return [a_reading(element, period, int(at < number)) for at, element in enumerate(RECOGNISED)]


def members(reference: Reference) -> list[Unit]:
    keys = reference.members_of("border-2023")
    return [unit for unit in reference.units.communes(MIDYEAR, "20") if unit.key in keys]


def judged(
    promise: Commitment, figures: Mapping[int, Figures], reference: Reference, on: date, target: str = "20"
) -> tuple[Part, str]:
    unit = reference.units.find(target, on)
    assert unit
    increments = summed([(promise, unit)], figures, reference).get((promise.id, unit.key), {})
    assessment = assess_target(Judge(reference, on), promise, unit, increments)
    return assessment.parts[0], assessment.reason.vi


def test_the_average_is_what_the_communes_meeting_each_criterion_add_up_to(reference: Reference) -> None:
    communes = reference.units.communes(MIDYEAR, "20")
    figures = {
        unit.key: readings(*meeting(at % 13), *poverty("2022", 100 if at % 3 else 300))
        for at, unit in enumerate(communes)
        if at % 5
    }
    average, _ = judged(
        a_commitment(reference, CriteriaAverage(criteria_set="ntm")), figures, reference, date(2023, 1, 20)
    )
    counts = [
        judged(a_commitment(reference, CommunesMeeting(criterion=key)), figures, reference, date(2023, 1, 20))[0].value
        for key in reference.criteria_of_set("ntm")
    ]
    assert average.numerator == sum(count or 0 for count in counts)
    assert average.value == pytest.approx(sum(count or 0 for count in counts) / 181)


def test_time_alone_makes_a_criterion_stale_and_it_no_longer_counts_as_met(reference: Reference) -> None:
    figures = {unit.key: readings(*meeting(9, "2023-05"), *poverty("2022", 100)) for unit in members(reference)}
    promise = a_commitment(reference, AVERAGE)
    before, words_before = judged(promise, figures, reference, date(2023, 12, 31))
    after, words = judged(promise, figures, reference, date(2024, 1, 1))
    assert (before.value, before.criteria_stale, before.stale) == (10, 0, False)
    assert (after.value, after.criteria_stale, after.stale) == (9, 20, True)
    assert "20 lượt tiêu chí không được tính là đạt vì số liệu cũ quá 12 tháng" in words
    assert "không được tính là đạt" not in words_before
    assert judged(promise, figures, reference, date(2024, 2, 1))[0].value == 9


def test_of_overdue_reports_a_few_are_told_and_many_leave_the_verdict_open(reference: Reference) -> None:
    """The monthly report on poverty is overdue: one of a commune's criteria, whatever the other fifteen say."""
    promise = a_commitment(reference, AVERAGE, baseline=10)
    figures = {unit.key: readings(*meeting(11), *poverty("2022", 100)) for unit in members(reference)}
    part, words = judged(promise, figures, reference, MIDYEAR)
    assert (part.value, part.criteria_waiting, part.status) == (12, 20, Status.MET)
    assert "20 lượt tiêu chí chờ báo cáo đã quá hạn" in words
    few = {
        unit.key: readings(a_reading(RECOGNISED[0], "2022", 1), *poverty("2022", 100)) for unit in members(reference)
    }
    part, _ = judged(a_commitment(reference, AVERAGE, baseline=0, goal=2), few, reference, MIDYEAR)
    assert (part.value, part.status) == (2, Status.NO_DATA), "half of what is known may have changed"


def test_silent_communes_leave_the_average_open_where_they_could_turn_it(reference: Reference) -> None:
    promise = a_commitment(reference, AVERAGE, baseline=10, goal=12)

    def status(number: int, reporting: int) -> Status:
        figures = {unit.key: readings(*meeting(number)) for unit in members(reference)[:reporting]}
        return judged(promise, figures, reference, MIDYEAR)[0].status

    assert status(15, 17) == Status.MET, "15 x 17 / 20 is 12.75, and the others can only add"
    assert status(12, 17) == Status.NO_DATA
    assert status(5, 17) == Status.BEHIND, "three communes with all 19 criteria do not help"
    assert status(5, 18) == Status.BEHIND


def test_communes_below_a_number_are_certain_where_no_missing_figure_could_lift_them(reference: Reference) -> None:
    def counted(low: int, reporting: int) -> Part:
        figures = {
            unit.key: readings(*meeting(9 if at < low else 12))
            for at, unit in enumerate(members(reference)[:reporting])
        }
        promise = none_below(10, reference, "border-2023", baseline=10)
        return judged(promise, figures, reference, date(2024, 2, 1))[0]

    assert (counted(0, 20).value, counted(0, 20).status) == (0, Status.MET)
    assert (counted(0, 19).value, counted(0, 19).status) == (1, Status.MISSED), "of a silent one nobody knows any"
    assert (counted(0, 15).value, counted(0, 15).status) == (5, Status.NO_DATA)
    assert (counted(8, 15).value, counted(8, 15).status) == (13, Status.MISSED)


def test_no_commune_below_a_number_over_a_district(reference: Reference) -> None:
    communes = reference.units.communes(MIDYEAR, "184")
    promise = none_below(5, reference, units=["184"])
    assert communes
    figures = {unit.key: readings(*meeting(4 if at < 2 else 6)) for at, unit in enumerate(communes)}
    part, _ = judged(promise, figures, reference, MIDYEAR, "184")
    assert (part.value, part.units_expected, part.missing) == (2, len(communes), 2)
    elsewhere = next(unit for unit in reference.units.communes(MIDYEAR, "181"))
    district = reference.units.find("184", MIDYEAR)
    assert district
    assert not reference.contributes(elsewhere, promise, district)


def test_a_rise_of_the_average_is_counted_from_the_figures_at_the_baseline_date(reference: Reference) -> None:
    promise = a_commitment(reference, AVERAGE, goal=None, change=2)
    figures = {unit.key: readings(*meeting(9), *meeting(10, "2023-05")) for unit in members(reference)}
    part, words = judged(promise, figures, reference, MIDYEAR)
    assert (part.baseline, part.goal, part.value) == (9, 11, 10)
    assert part.missing == 20
    assert "còn thiếu 20 lượt tiêu chí" in words


def test_a_merger_alone_moves_nothing_and_a_successors_report_moves_one_criterion(in_2025: Reference) -> None:
    """June's communes stay as they were reported; in July one new commune reports poverty alone."""
    communes = in_2025.units.communes(date(2025, 6, 30), "20")
    staying = [unit for unit in communes if in_2025.lineage.left(unit) is None]
    promise = a_commitment(in_2025, CriteriaAverage(criteria_set="ntm"), deadline=in_2025.plan.deadline)
    figures = {unit.key: readings(*meeting(8, "2025-05"), *poverty("2025-05", 100)) for unit in communes}
    eve, _ = judged(promise, figures, in_2025, date(2025, 6, 30))
    day, _ = judged(promise, with_inherited(figures, in_2025), in_2025, date(2025, 7, 1))
    assert (eve.value, eve.units_expected) == (9, len(communes))
    assert (day.value, day.units_expected) == (9, len(staying))
    split = next(
        heir
        for unit in staying
        for _, heir in in_2025.lineage.heirs(unit)
        if any(succession.relation != "whole" for succession, _ in in_2025.lineage.origins(heir))
    )
    counted = sum(heir == split for unit in staying for _, heir in in_2025.lineage.heirs(unit))
    later = figures | {split.key: readings(*poverty("2025-07", 400))}
    part, _ = judged(promise, with_inherited(later, in_2025), in_2025, date(2025, 8, 10))
    assert part.numerator == 9 * len(staying) - counted, "the other criteria stand as the former communes had them"


BREAKS: Sequence[tuple[str, str, str]] = (
    ("goal: 12\n", "goal: 20\n", "goal"),
    ("measured_in: criteria", "measured_in: communes", "measured_in"),
    ("criteria_set: ntm, cohort: border-2023", "criteria_set: ntmm, cohort: border-2023", "measure.criteria_set"),
    ("criteria_set: ntm, cohort: border-2023", "criteria_set: ntm, cohort: border", "measure.cohort"),
    (
        "kind: criteria_average, criteria_set: ntm",
        "kind: communes_below, criteria: 20, criteria_set: ntm",
        "measure.criteria",
    ),
    ("kind: criteria_average, criteria_set: ntm", "kind: communes_below, criteria: 0, criteria_set: ntm", "measure"),
    ("kind: criteria_average, criteria_set: ntm", "kind: communes_below, criteria: 5, criteria_set: ntm", "direction"),
)


@pytest.mark.parametrize(("old", "new", "field"), BREAKS)
def test_a_number_that_no_commune_can_meet_is_refused_with_its_field(
    reference: Reference, old: str, new: str, field: str
) -> None:
    file = PACKAGED / "plans" / "lang-son-2023.yaml"
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1
    with pytest.raises(InvalidReferenceError) as refused:
        load_text(text.replace(old, new), reference)
    assert any(f".{field}" in fault.field for fault in refused.value.faults), refused.value.faults


def test_the_average_compares_exactly_and_its_words_never_contradict_the_verdict(reference: Reference) -> None:
    promise = a_commitment(reference, AVERAGE, goal=12, baseline=10)
    figures = {unit.key: readings(*meeting(11 if at == 0 else 12)) for at, unit in enumerate(members(reference))}
    part, words = judged(promise, figures, reference, date(2024, 2, 1))
    assert (part.value, part.status) == (float(Fraction(239, 20)), Status.MISSED)
    assert "11,95 tiêu chí/xã (239 lượt tiêu chí/20 xã); mục tiêu ≥ 12 tiêu chí/xã" in words
