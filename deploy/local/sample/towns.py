"""Invented figures and reports of the wards and towns, which count poor households alone.

Towns are less poor than communes and have more households. Their offices report in time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from deploy.local.sample.figures import PovertyFigures, Readings, drift
from deploy.local.sample.posts import Entry, agency_of
from deploy.local.sample.reports import OPENING, usual_day
from deploy.local.sample.stories import dice
from shared.contracts.refs import UnitCode
from shared.contracts.status import Stage
from shared.reference.load import Reference
from shared.reference.models import Report, Unit

_HOUSEHOLDS = {"ward": (1500, 2600), "town": (600, 1300)}


def town_reports(reference: Reference, seed: int) -> Iterator[Entry]:
    """Yield the figures at the end of 2022, and the reports that the calendar asks for, of each ward and town."""
    year = reference.plan.year
    for code, agency, figures in town_figures(reference, seed):
        baseline = figures.poverty_readings(0) | figures.entitlement_readings(0)
        yield Entry(OPENING, agency, code, str(year - 1), baseline, Stage.VERIFIED)
        for report in reference.calendar:
            for due in report.due_in(year):
                if readings := _readings(report, due.period.end, figures):
                    stage = Stage.VERIFIED if due.period.granularity == "year" else Stage.REPORTED
                    day = usual_day(agency, due.by, seed)
                    yield Entry(day, agency, code, due.period.text, readings, stage)


def town_figures(reference: Reference, seed: int) -> Iterator[tuple[UnitCode, str, PovertyFigures]]:
    """Yield each ward and town with the agency that posts for it and its figures of the year."""
    plan, units = reference.plan, reference.units
    for unit in units.communes(plan.baseline_date, plan.unit, ("ward", "town")):
        if district := units.district(unit):
            yield unit.code, agency_of(district.code), _figures(unit, seed)


def _figures(unit: Unit, seed: int) -> PovertyFigures:
    chance = dice(seed, f"town/{unit.code}")
    base = chance.uniform(5, 9)
    return PovertyFigures(
        households=round(chance.uniform(*_HOUSEHOLDS[unit.kind])),
        poor_share=chance.uniform(0.4, 0.5),
        poverty=drift(base, base - chance.uniform(2, 3.4), chance),
    )


def _readings(report: Report, end: date, figures: PovertyFigures) -> Readings:
    """Return what a ward or town reports: poor households, and with the quarterly reports their entitlements."""
    if "ntm-11" in report.criteria:
        return figures.poverty_readings(end.month)
    return figures.entitlement_readings(end.month) if "ntm-12" in report.criteria else {}
