"""The reports that are due: who owes which, who is in, who is missing."""

from __future__ import annotations

from datetime import date

import pytest

from services.intake.rules.reports_due import DueReport, Reported, reports_due, subjects_of
from shared.contracts.period import Period
from shared.reference.awaited_reports import Arrivals, asked_on_criterion, asked_on_elements
from shared.reference.load import Reference, load
from shared.reference.models import Unit
from tests.binding_plan import binding_reference

AFTER_MAY = date(2023, 6, 6)
BOUND, FREE, OTHER = "06004", "06286", "06292"


@pytest.fixture(scope="module")
def reference() -> Reference:
    return binding_reference()


def unit(reference: Reference, code: str) -> Unit:
    found = reference.units.find(code, AFTER_MAY)
    assert found
    return found


def reported(*periods: str, first: date = date(2023, 1, 20), returned: str | None = None) -> Reported:
    gone_back = frozenset({Period.parse(returned)}) if returned else frozenset[Period]()
    return Reported(Arrivals(first, frozenset(map(Period.parse, periods))), gone_back)


def monthly(
    reference: Reference, on: date, codes: tuple[str, ...], **of_units: Reported
) -> dict[tuple[str, str], DueReport]:
    """Return the entries of the monthly review by period and district; `of_units`: by code, as `u06286`."""
    state = {(unit(reference, code[1:]).key, "ntm-11"): one for code, one in of_units.items()}
    found = reports_due(reference, [unit(reference, code) for code in codes], state, on)
    return {
        (entry.due.period.text, entry.district.code if entry.district else ""): entry
        for entry in found
        if entry.report.id == "poverty-monthly"
    }


def codes(units: list[Unit]) -> list[str]:
    return [one.code for one in units]


def test_whom_the_plan_binds_owes_from_its_beginning_and_others_once_they_have_begun(reference: Reference) -> None:
    found = monthly(reference, AFTER_MAY, (BOUND, FREE, OTHER), u06286=reported("2023-04"))
    bound = found["2023-01", "180"]
    assert (bound.expected, codes(bound.missing), bound.overdue) == (1, [BOUND], True)
    may = found["2023-05", "184"]
    assert (may.expected, may.arrived, codes(may.missing), may.never_reported) == (1, 0, [FREE], 1)
    assert ("2023-04", "184") not in found, "it is past and whole"


def test_a_later_report_makes_up_for_a_missing_one(reference: Reference) -> None:
    found = monthly(reference, AFTER_MAY, (FREE,), u06286=reported("2023-01", "2023-05"))
    assert ("2023-03", "184") not in found


def test_a_report_is_overdue_from_the_day_after_the_last_one_in_time(reference: Reference) -> None:
    sent = reported("2023-04")
    last = monthly(reference, date(2023, 6, 5), (FREE,), u06286=sent)["2023-05", "184"]
    after = monthly(reference, AFTER_MAY, (FREE,), u06286=sent)["2023-05", "184"]
    assert (last.overdue, after.overdue) == (False, True)
    assert codes(last.missing) == codes(after.missing) == [FREE]


def test_nothing_is_due_before_its_period_opens(reference: Reference) -> None:
    found = monthly(reference, date(2023, 5, 31), (BOUND,))
    assert ("2023-05", "180") in found
    assert ("2023-06", "180") not in found


def test_a_returned_report_stays_though_it_has_come(reference: Reference) -> None:
    found = monthly(
        reference, AFTER_MAY, (FREE, OTHER), u06286=reported("2023-05", returned="2023-05"), u06292=reported("2023-05")
    )
    may = found["2023-05", "184"]
    assert (may.arrived, codes(may.returned), may.overdue) == (2, [FREE], False)


def test_of_a_sum_over_the_year_each_month_is_needed_and_of_a_state_the_newest() -> None:
    reference = load()
    of = {report.id: report for report in reference.calendar}
    district = unit(reference, "184")
    jobs = asked_on_elements(reference, of["jobs-monthly"], district)
    sent = Arrivals(date(2023, 3, 1), frozenset({Period.parse("2023-02")}))
    assert [due.period.text for due in jobs.awaited(sent)][:3] == ["2023-01", "2023-03", "2023-04"]
    commune = unit(reference, FREE)
    assert asked_on_elements(reference, of["jobs-monthly"], commune).dues == []
    quarters = asked_on_elements(reference, of["entitlements-quarterly"], commune)
    second = Arrivals(date(2023, 7, 1), frozenset({Period.parse("2023-Q2")}))
    assert [due.period.text for due in quarters.awaited(second)] == ["2023-Q3", "2023-Q4"]


def test_a_first_report_brings_no_debt_of_the_time_before_it(reference: Reference) -> None:
    asked = asked_on_criterion(reference, "ntm-11", unit(reference, FREE))
    begun = Arrivals(date(2023, 6, 20), frozenset({Period.parse("2022")}))
    assert asked.expected(begun)[0].by > date(2023, 6, 20)


def test_each_report_of_the_calendar_has_its_subjects(reference: Reference) -> None:
    subjects = subjects_of(reference)
    for report in reference.calendar:
        assert all(key in subjects for key in report.criteria)
        assert bool(report.elements) == (report.id in subjects)
