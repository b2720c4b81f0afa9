"""The end of a plan's year: which figures decide about it, and until when they are waited for."""

from __future__ import annotations

from datetime import date

import pytest

from services.scoring.judging.aggregates import summed
from services.scoring.judging.figures import Figures
from services.scoring.judging.judge import CriterionVerdict, Judge
from services.scoring.judging.readings import Reading
from shared.contracts.status import Status
from shared.reference.load import Reference
from shared.reference.models import Unit
from tests.binding_plan import binding_reference
from tests.builders import a_reading, poverty, readings

NEW_YEAR, CLOSES = date(2024, 1, 1), date(2024, 1, 31)
BORDER = "06004"


@pytest.fixture(scope="module")
def reference() -> Reference:
    return binding_reference()


def border(reference: Reference) -> Unit:
    found = reference.units.find(BORDER, date(2023, 6, 30))
    assert found
    return found


def judged(reference: Reference, criterion: str, on: date, *found: Reading) -> CriterionVerdict:
    return Judge(reference, on).criterion(criterion, border(reference), readings(*found))


def labour(period: str, share: int, known_from: date) -> list[Reading]:
    """Build the labour counts in which one share of the men and of the women is trained and certified."""
    workers, counted = ("workers_men", "workers_women"), ("trained_men", "trained_women", "certified_men")
    return [
        *(a_reading(element, period, 100, known_from=known_from) for element in workers),
        *(a_reading(element, period, share, known_from=known_from) for element in (*counted, "certified_women")),
    ]


def test_figures_of_the_next_year_turn_no_verdict_of_the_plan(reference: Reference) -> None:
    december = poverty("2023-12", 100, known_from=date(2023, 12, 18))
    january = poverty("2024-01", 300, known_from=date(2024, 2, 3))
    assert judged(reference, "ntm-11", date(2024, 2, 5), *december, *january).status == Status.MET
    missed = poverty("2023-12", 300, known_from=date(2023, 12, 18))
    better = poverty("2024-01", 100, known_from=date(2024, 2, 3))
    assert judged(reference, "ntm-11", date(2024, 2, 5), *missed, *better).status == Status.MISSED


def test_what_a_commune_meets_now_goes_on_apart_from_the_plan(reference: Reference) -> None:
    figures = readings(
        *poverty("2023-12", 100, known_from=date(2023, 12, 18)), *poverty("2024-01", 300, known_from=date(2024, 2, 3))
    )
    now = [
        Judge(reference, on).criterion_now("ntm-11", border(reference), figures).status
        for on in (NEW_YEAR, date(2024, 2, 5))
    ]
    assert now == [Status.MET, Status.NOT_MET]


def test_a_figure_about_the_plans_year_counts_although_a_later_period_was_known_before(reference: Reference) -> None:
    january = poverty("2024-01", 300, known_from=date(2024, 1, 20))
    december = poverty("2023-12", 100, known_from=date(2024, 1, 25))
    assert judged(reference, "ntm-11", date(2024, 1, 24), *january).status == Status.MISSED
    assert judged(reference, "ntm-11", date(2024, 1, 25), *january, *december).status == Status.MET


def test_a_report_that_is_not_due_yet_is_waited_for(reference: Reference) -> None:
    """The fourth quarter's labour report is due on 10 January."""
    known = [*labour("2023-Q1", 20, date(2023, 4, 8)), *labour("2023-Q3", 20, date(2023, 10, 8))]
    waiting = judged(reference, "ntm-12", NEW_YEAR, *known)
    assert (waiting.status, waiting.holds_until) == (Status.BEHIND, date(2024, 1, 10))
    assert judged(reference, "ntm-12", date(2024, 1, 11), *known).status == Status.MISSED
    fourth = labour("2023-Q4", 90, date(2024, 1, 8))
    assert judged(reference, "ntm-12", date(2024, 1, 8), *known, *fourth).status == Status.MET


def test_where_every_report_is_there_nothing_is_waited_for(reference: Reference) -> None:
    early = labour("2023-Q4", 20, date(2023, 12, 29))
    assert judged(reference, "ntm-12", NEW_YEAR, *early).status == Status.MISSED


def test_a_silent_commune_has_missed_its_deadline_once_the_last_report_was_due(reference: Reference) -> None:
    assert [judged(reference, "ntm-12", on).status for on in (NEW_YEAR, date(2024, 1, 10), date(2024, 1, 11))] == [
        Status.NO_DATA,
        Status.NO_DATA,
        Status.MISSED,
    ]


def test_the_next_years_reports_do_not_make_up_for_overdue_ones(reference: Reference) -> None:
    silent = judged(reference, "ntm-11", date(2024, 2, 5)).overdue
    january = poverty("2024-01", 100, known_from=date(2024, 2, 3))
    assert "2023-10" in silent
    assert judged(reference, "ntm-11", date(2024, 2, 5), *january).overdue == silent


def test_sums_of_the_plan_are_of_its_year(reference: Reference) -> None:
    chosen = [(one, unit) for one, unit in reference.targets if one.id in ("poverty-rate", "poverty-communes")]
    december = {unit.key: readings(*poverty("2023-12", 200)) for unit in reference.units.communes(NEW_YEAR, "20")}
    january = {
        key: Figures(figures | readings(*poverty("2024-01", 100, known_from=date(2024, 2, 3))))
        for key, figures in december.items()
    }
    assert len(december) == 181
    assert summed(chosen, january, reference) == summed(chosen, december, reference)


def test_a_cohort_is_not_missed_before_the_plan_is_closed(reference: Reference) -> None:
    """Decisions of recognition for a year are signed in the next January."""
    cohort = next(one for one in reference.plan.commitments if one.id == "border-communes")
    assert reference.plan.closes == CLOSES
    statuses = [Judge(reference, on).target(cohort, ()).status for on in (NEW_YEAR, CLOSES, date(2024, 2, 1))]
    assert statuses == [Status.NO_DATA, Status.NO_DATA, Status.MISSED]
