"""Pure: the sample year of the plan for Lạng Sơn 2023, day by day. Everything in it is invented."""

from __future__ import annotations

from deploy.local.sample import FIRST_DAY, LAST_DAY, reports
from deploy.local.sample.cast import cast
from deploy.local.sample.figures import figures
from deploy.local.sample.posts import Day, by_day
from deploy.local.sample.slips import with_slips
from shared.reference.load import Reference


def plan_year(reference: Reference, seed: int) -> list[Day]:
    """Every day of the year and what is posted on it; the same for the same seed.

    The reference's cohorts must have their sample members.
    """
    parts = cast(reference, seed)
    communes = figures(parts, seed)
    entries = [
        *reports.baselines(parts, communes),
        *with_slips(reports.calendar_reports(reference, parts, communes, seed), parts, seed),
        *reports.watched_months(parts, communes, seed),
        *reports.recognitions(parts, communes, seed),
        *reports.flows(parts, seed),
        *reports.province(reference.plan.unit),
    ]
    return by_day(entries, FIRST_DAY, LAST_DAY)
