"""Reports of the sample year, each on the day on which it arrives.

Baselines arrive on 1 January, reports by the reference calendar's days, recognitions when they happen. Some reports are
late, some never come. None comes after 28 December. The sample ends on the day after the plan is closed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from random import Random

from deploy.local.sample.cast import GENDER, Cast
from deploy.local.sample.figures import CommuneFigures, Readings
from deploy.local.sample.posts import PROVINCE_AGENCY, Entry, agency_of
from deploy.local.sample.stories import MONTHS, dice
from shared.contracts.refs import UnitCode
from shared.contracts.status import Stage
from shared.reference.load import Reference
from shared.reference.models import Due, Report

type Communes = Mapping[UnitCode, CommuneFigures]

_YEAR = 2023
OPENING, _CLOSING = date(2023, 1, 1), date(2023, 12, 28)
_LATE_SHARE, _NEVER_SHARE, _OFTEN_LATE_SHARE = 0.03, 0.005, 0.4
_OFTEN_LATE_COMMUNES = 3
_MOST_DAYS_LATE = 19

_JOBS = (1040, 1120)
JOBS_BY_MONTH = (5, 7, 10, 10, 10, 11, 9, 8, 8, 8, 7, 7)
_CASES, _FEWER_CASES = (105, 130), (9, 16)


def baselines(cast: Cast, communes: Communes) -> Iterator[Entry]:
    """Yield the figures of each commune at the end of 2022, which are verified."""
    for code, commune in communes.items():
        readings: Readings = {
            **commune.poverty_readings(0),
            **commune.labour_readings(0),
            **commune.entitlement_readings(0),
            **commune.education[0],
            **commune.recognition_readings(),
        }
        agency = agency_of(cast.districts[code])
        yield Entry(OPENING, agency, code, str(_YEAR - 1), readings, Stage.VERIFIED)


def calendar_reports(reference: Reference, cast: Cast, communes: Communes, seed: int) -> Iterator[Entry]:
    """Yield the reports that the calendar asks for: most come in time, some late, and a few never."""
    often_late = frozenset(dice(seed, "often late").sample(sorted(communes), _OFTEN_LATE_COMMUNES))
    for report in (report for report in reference.calendar if report.criteria):
        for due in report.due_in(_YEAR):
            chance = dice(seed, f"delays/{due.period}")
            for code, commune in communes.items():
                agency = agency_of(cast.districts[code])
                day = _arrives(due, usual_day(agency, due.by, seed), code in often_late, chance)
                if day is not None:
                    stage = Stage.VERIFIED if due.period.granularity == "year" else Stage.REPORTED
                    yield Entry(day, agency, code, due.period.text, _readings(report, due, commune), stage)


def watched_months(cast: Cast, communes: Communes, seed: int) -> Iterator[Entry]:
    """Yield reports of the communes of the plan's cohorts for the months for which the calendar asks for nothing."""
    for month in range(1, MONTHS):
        by = _following(month, 5)
        for code in sorted(cast.watched):
            commune, agency = communes[code], agency_of(cast.districts[code])
            readings = ({} if month % 3 == 0 else commune.labour_readings(month)) | (
                commune.poverty_readings(month) if month in (9, 11) else {}
            )
            if readings:
                yield Entry(usual_day(agency, by, seed), agency, code, f"{_YEAR}-{month:02}", readings)


def recognitions(cast: Cast, communes: Communes, seed: int) -> Iterator[Entry]:
    """Yield the elements that a sector comes to recognise in the course of the year."""
    chance = dice(seed, "recognitions")
    for code, commune in communes.items():
        for element, month in commune.lacking.items():
            if month is not None:
                day = date(_YEAR, month, chance.randint(6, 27))
                agency = agency_of(cast.districts[code])
                yield Entry(day, agency, code, f"{_YEAR}-{month:02}", {element: True}, Stage.VERIFIED)


def yearly_statements(cast: Cast, communes: Communes) -> Iterator[Entry]:
    """Yield what each commune states once a year for its district to verify: a statement of last year is too old."""
    for code, commune in communes.items():
        holds = commune.lacking.get(GENDER, 1) is not None
        day = date(_YEAR, 12, 20)
        yield Entry(day, agency_of(cast.districts[code]), code, f"{_YEAR}", {GENDER: holds}, Stage.VERIFIED)


def flows(cast: Cast, seed: int) -> Iterator[Entry]:
    """Yield the jobs found and the cases of violence in each district and month; of 2022 the cases alone.

    A sum over the year begins with the year, and the plan compares only the cases with the year before.
    """
    districts = sorted(set(cast.districts.values()))
    chance = dice(seed, "flows")
    jobs = scatter(districts, JOBS_BY_MONTH, chance.randint(*_JOBS), chance)
    total = chance.randint(*_CASES)
    before = scatter(districts, (1,) * MONTHS, total, chance)
    cases = scatter(districts, (1,) * MONTHS, total - chance.randint(*_FEWER_CASES), chance)
    for month in range(1, MONTHS + 1):
        by = _following(month, 5)
        for district in districts:
            agency, cell = agency_of(district), (district, month)
            yield Entry(OPENING, agency, district, f"{_YEAR - 1}-{month:02}", {"gbv_cases": before[cell]})
            readings: Readings = {"jobs_found": jobs[cell], "gbv_cases": cases[cell]}
            yield Entry(usual_day(agency, by, seed), agency, district, f"{_YEAR}-{month:02}", readings)


def province(unit: UnitCode) -> Iterator[Entry]:
    """Yield the figures that are counted in the province itself."""
    kept: Readings = {"trusted_addresses_kept": True}
    for day, period, readings in (
        (OPENING, f"{_YEAR - 1}", kept),
        (date(_YEAR, 6, 28), f"{_YEAR}-06", kept | {"action_month_domestic_violence_held": True}),
        (date(_YEAR, 12, 14), f"{_YEAR}-12", kept | {"action_month_gender_held": True}),
    ):
        yield Entry(day, PROVINCE_AGENCY, unit, period, readings, Stage.CONFIRMED)


def usual_day(agency: str, by: date, seed: int) -> date:
    """Return the day on which a district sends its reports that are due by a day: at most three days earlier."""
    return min(by, _CLOSING) - days_early(agency, by, seed)


def days_early(agency: str, by: date, seed: int) -> timedelta:
    """Return the time by which a district is early with its reports that are due by a day."""
    return timedelta(days=dice(seed, f"usual day/{agency}/{by}").randint(0, 3))


def _arrives(due: Due, usual: date, often_late: bool, chance: Random) -> date | None:
    """Return the day on which a commune's report arrives; None where it never does."""
    drawn, days = chance.random(), chance.randint(2, _MOST_DAYS_LATE)
    if drawn < (_OFTEN_LATE_SHARE if often_late else _LATE_SHARE):
        return usual if due.by > _CLOSING else min(due.by + timedelta(days=days), _CLOSING)
    is_last_word = due.period.end >= date(_YEAR, 12, 31)
    return None if drawn > 1 - _NEVER_SHARE and not is_last_word else usual


def _readings(report: Report, due: Due, commune: CommuneFigures) -> Readings:
    month = due.period.end.month
    if "ntm-11" in report.criteria:
        return commune.poverty_readings(month)
    if "ntm-12" in report.criteria:
        return commune.labour_readings(month) | commune.entitlement_readings(month)
    return commune.education[month // 6]


def _following(month: int, day: int) -> date:
    """Return this day of the following month."""
    return date(_YEAR + month // 12, month % 12 + 1, day)


def scatter(
    districts: Sequence[UnitCode], by_month: Sequence[int], total: int, chance: Random
) -> dict[tuple[UnitCode, int], int]:
    """Spread `total` over the districts and months by chance; return the number of each."""
    cells = [(district, month) for district in districts for month in range(1, MONTHS + 1)]
    drawn = chance.choices(cells, [by_month[month - 1] for _, month in cells], k=total)
    counts = dict.fromkeys(cells, 0)
    for cell in drawn:
        counts[cell] += 1
    return counts
