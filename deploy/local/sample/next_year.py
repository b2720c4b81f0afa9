"""Invented reports of the first months of 2024, which go on where the sample year ends. They all arrive in time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from random import Random

from deploy.local.sample import LATEST_DAY
from deploy.local.sample.cast import Cast
from deploy.local.sample.figures import CommuneFigures, Course, drift, rise
from deploy.local.sample.posts import Entry, agency_of
from deploy.local.sample.reports import JOBS_BY_MONTH, days_early, scatter
from deploy.local.sample.stories import MONTHS, dice
from deploy.local.sample.towns import town_figures
from shared.contracts.refs import UnitCode
from shared.reference.load import Reference

_JOBS = (1110, 1190)
_FALL, _FALL_OF_MEMBERS = 0.06, 0.2
"""The share by which the poverty rate falls in the year, and that of the communes to which the plan assigns it."""
_POINTS, _POINTS_OF_MEMBERS = 0.8, 4.0
"""The percentage points by which the shares of trained and certified workers rise in the year."""


def next_year(
    of_year: Reference, of_next: Reference, cast: Cast, communes: Mapping[UnitCode, CommuneFigures], seed: int
) -> Iterator[Entry]:
    """Yield the reports that the calendar asks for by the latest day, those of the new cohort, and the jobs found."""
    members = frozenset().union(*(cohort.members for cohort in of_next.plan.cohorts if cohort.criteria))
    moved = {code: _commune_moved_on(communes[code], code in members, _chance(code, seed)) for code in communes}
    agencies = {code: agency_of(district) for code, district in cast.districts.items()}
    yield from _calendar_reports(of_next, moved, agencies, seed)
    yield from _town_reports(of_year, of_next, seed)
    districts = sorted(set(cast.districts.values()))
    jobs = scatter(districts, JOBS_BY_MONTH, dice(seed, "next jobs").randint(*_JOBS), dice(seed, "next flows"))
    for month, by in _months():
        period = f"{of_next.plan.year}-{month:02}"
        for district in districts:
            agency = agency_of(district)
            day = by - days_early(agency, by, seed)
            yield Entry(day, agency, district, period, {"jobs_found": jobs[district, month]})
        for code in sorted(members):
            if month % 3:  # the quarter's report has the figures of its last month
                day = by - days_early(agencies[code], by, seed)
                yield Entry(day, agencies[code], code, period, moved[code].labour_readings(month))


def _calendar_reports(
    reference: Reference, communes: Mapping[UnitCode, CommuneFigures], agencies: Mapping[UnitCode, str], seed: int
) -> Iterator[Entry]:
    for report in reference.calendar:
        for due in report.due_in(reference.plan.year):
            if due.by <= LATEST_DAY and report.criteria:
                for code, commune in communes.items():
                    month = due.period.end.month
                    is_of_poverty = "ntm-11" in report.criteria
                    readings = commune.poverty_readings(month) if is_of_poverty else commune.labour_readings(month)
                    day = due.by - days_early(agencies[code], due.by, seed)
                    yield Entry(day, agencies[code], code, due.period.text, readings)


def _town_reports(of_year: Reference, of_next: Reference, seed: int) -> Iterator[Entry]:
    for code, agency, figures in town_figures(of_year, seed):
        moved = replace(figures, poverty=_fallen(figures.poverty, _FALL, _chance(code, seed)))
        for report in of_next.calendar:
            for due in report.due_in(of_next.plan.year):
                if due.by <= LATEST_DAY and "ntm-11" in report.criteria:
                    day = due.by - days_early(agency, due.by, seed)
                    yield Entry(day, agency, code, due.period.text, moved.poverty_readings(due.period.end.month))


def _months() -> Iterator[tuple[int, date]]:
    """Yield each month whose report is due by the latest day, with the day on which it is due."""
    return ((month, date(LATEST_DAY.year, month + 1, 5)) for month in range(1, LATEST_DAY.month))


def _commune_moved_on(figures: CommuneFigures, is_member: bool, chance: Random) -> CommuneFigures:
    """Return the commune's figures of the year after: month 0 is the last one of the year before."""
    fall, points = (_FALL_OF_MEMBERS, _POINTS_OF_MEMBERS) if is_member else (_FALL, _POINTS)
    return replace(
        figures,
        poverty=_fallen(figures.poverty, fall, chance),
        labour={element: rise(course[MONTHS], points) for element, course in figures.labour.items()},
    )


def _fallen(course: Course, share: float, chance: Random) -> Course:
    return drift(course[MONTHS], course[MONTHS] * (1 - share), chance)


def _chance(code: UnitCode, seed: int) -> Random:
    return dice(seed, f"next year/{code}")
