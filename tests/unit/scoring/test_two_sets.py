"""Two criteria sets in one plan: each judges in its own time, by the day."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from services.scoring.judging.figures import Figures, merge
from services.scoring.judging.judge import Judge
from services.scoring.judging.readings import readings_in
from shared.contracts.status import Status
from shared.reference.faults import InvalidReferenceError
from shared.reference.load import Reference, load
from shared.reference.models import Unit
from tests.builders import an_accepted_submission
from tests.set_2026 import PLAN, reference_with_2026

OLD, NEW = "ntm-11", "ntm_2026-1"
LAST, FIRST, MARCH = date(2026, 2, 14), date(2026, 2, 15), date(2026, 3, 20)


def with_both(directory: Path, old: str = "", new: str = "") -> Path:
    """Return the data in whose plan both sets stand, with more words of the plan replaced."""
    plan = directory / "plans" / f"{PLAN}.yaml"
    text = plan.read_text(encoding="utf-8").replace("criteria_sets: [ntm_2026]", "criteria_sets: [ntm_2026, ntm]")
    assert old in text
    plan.write_text(text.replace(old, new) if old else text, encoding="utf-8")
    return directory


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return load(PLAN, with_both(reference_with_2026(tmp_path_factory.mktemp("both"))))


@pytest.fixture(scope="module")
def commune(reference: Reference) -> Unit:
    unit = reference.units.find("06004", MARCH)
    assert unit is not None
    return unit


def figures(*reports: tuple[str, int, date]) -> Figures:
    known = Figures()
    for revision, (period, poor, on) in enumerate(reports, 1):
        counts = {"households": 1000, "poor_households": poor, "near_poor_households": 0}
        report = an_accepted_submission(
            datetime(on.year, on.month, on.day, 3, tzinfo=UTC), period=period, readings=counts, revision=revision
        )
        known = merge(known, readings_in(report, report.id, report.received_at))
    return known


JANUARY = ("2026-01", 110, date(2026, 2, 10))


@pytest.mark.parametrize(
    ("day", "old", "new"),
    [(LAST, "met", "no_data"), (FIRST, "met", "not_met"), (MARCH, "met", "not_met")],
)
def test_each_set_judges_from_its_first_day_to_its_last(
    reference: Reference, commune: Unit, day: date, old: str, new: str
) -> None:
    judge, known = Judge(reference, day), figures(JANUARY)
    assert [judge.criterion(key, commune, known).status for key in (OLD, NEW)] == [old, new]


def test_time_moves_nothing_after_a_sets_last_day_and_wakes_the_next_one_on_its_first(
    reference: Reference, commune: Unit
) -> None:
    known = figures(JANUARY)
    assert Judge(reference, MARCH).criterion(OLD, commune, known) == Judge(reference, LAST).criterion(
        OLD, commune, known
    )
    assert Judge(reference, LAST).criterion(OLD, commune, known).holds_until is None
    before = Judge(reference, LAST).criterion(NEW, commune, known)
    assert (before.holds_until, before.overdue, before.is_blank) == (LAST, (), False)
    assert Judge(reference, MARCH).criterion_since(NEW, commune, known) == FIRST


def test_late_figures_correct_an_ended_set_only_about_its_time(reference: Reference, commune: Unit) -> None:
    judge = Judge(reference, MARCH)
    after_it, about_it = ("2026-02", 300, MARCH), ("2026-01", 300, MARCH)
    assert judge.criterion(OLD, commune, figures(JANUARY, after_it)).status == Status.MET
    assert judge.criterion(OLD, commune, figures(JANUARY, about_it)).status == Status.NOT_MET


def test_communes_are_judged_by_both_sets_whichever_the_plan_names_first(reference: Reference, commune: Unit) -> None:
    keys = reference.criteria_of(commune)
    assert {reference.set_of(key) for key in keys} == {"ntm", "ntm_2026"}
    assert {reference.set_of(key) for key in reference.criteria_of(commune, LAST)} == {"ntm"}


def test_no_report_is_asked_for_about_the_time_after_a_set(reference: Reference) -> None:
    assert all(due.period.end <= LAST for due in reference.due_on(OLD))
    assert all(due.period.end >= FIRST for due in reference.due_on(NEW))


def test_a_deadline_after_the_end_of_its_set_is_a_fault(tmp_path: Path) -> None:
    directory = with_both(reference_with_2026(tmp_path), "criterion: ntm_2026-1}", "criterion: ntm-11}")
    with pytest.raises(InvalidReferenceError) as raised:
        load(PLAN, directory)
    (fault,) = raised.value.faults
    assert "commitments[0].deadline" in fault.text("en")
    assert "set ntm is not in force" in fault.text("en")
    assert "ntm không có hiệu lực" in fault.text("vi")
    assert all("2026-02-14" in fault.text(language) for language in ("vi", "en"))


def test_a_set_that_nothing_follows_is_not_for_the_year_of_its_end(tmp_path: Path) -> None:
    directory = reference_with_2026(tmp_path)
    criteria = directory / "criteria" / "ntm_2026.yaml"
    criteria.write_text(criteria.read_text(encoding="utf-8").replace("replaces: ntm\n", ""), encoding="utf-8")
    with pytest.raises(InvalidReferenceError, match="2026"):
        load(PLAN, with_both(directory))
