"""The sample year of the plan for Lạng Sơn 2023, and the months after it, day by day. Everything is invented."""

from __future__ import annotations

from datetime import date

from deploy.local.sample import FIRST_DAY, LAST_DAY, next_reference, reports
from deploy.local.sample.cast import cast
from deploy.local.sample.figures import figures
from deploy.local.sample.next_year import next_year
from deploy.local.sample.posts import Day, by_day
from deploy.local.sample.slips import with_slips
from deploy.local.sample.towns import town_reports
from shared.reference.load import Reference


def plan_year(reference: Reference, seed: int, until: date = LAST_DAY) -> list[Day]:
    """Return every day of the year with its posts; the same seed gives the same year.

    The reference's cohorts must have their sample members. `until`: a day after the year lets the sample run on into
    2024, and the year is the same.
    """
    storylines = cast(reference, seed)
    communes = figures(storylines, seed)
    entries = [
        *reports.baselines(storylines, communes),
        *with_slips(reports.calendar_reports(reference, storylines, communes, seed), storylines, seed),
        *reports.watched_months(storylines, communes, seed),
        *reports.recognitions(storylines, communes, seed),
        *reports.yearly_statements(storylines, communes),
        *reports.flows(storylines, seed),
        *reports.province(reference.plan.unit),
        *town_reports(reference, seed),
    ]
    if until > LAST_DAY:
        entries += next_year(reference, next_reference(), storylines, communes, seed)
    return by_day(entries, FIRST_DAY, max(until, LAST_DAY))
