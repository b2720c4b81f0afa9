"""The list of awaited reports in a notice: by report and period, in it by district, with who is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from services.notify.alerts.alert import Alert
from services.notify.alerts.awaited_reports import AwaitedReport, awaited
from services.notify.world import World
from shared import text
from shared.contracts.bilingual import Language
from shared.contracts.report_due import ReportSoonDue
from shared.reference.models import Unit
from shared.time import VIETNAM


@dataclass(frozen=True, slots=True)
class Missing:
    """A district that owes a report, with the communes that are missing; none where the district owes it itself."""

    district: str
    places: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Listed:
    """A report for a period, its last day in time, and who is missing, in the words of a language.

    `days_late`: the days since the last day in time.
    """

    name: str
    period: str
    due: str | None
    days_late: int
    districts: Sequence[Missing]

    @property
    def places(self) -> list[str]:
        """The communes that are missing in all districts."""
        return [place for one in self.districts for place in one.places]


def report_list(alerts: Sequence[Alert], language: Language, world: World) -> Sequence[Listed]:
    """Return the awaited reports of these alerts, the oldest first."""
    found: dict[AwaitedReport, dict[str, Missing]] = {}
    for alert in sorted(alerts, key=lambda one: (one.district.code if one.district else "", one.unit.code)):
        for report in awaited(alert, world.of(alert).reference):
            district = alert.district or alert.unit
            missing = found.setdefault(report, {}).setdefault(district.code, Missing(district.title_in(language)))
            own = [alert.unit] if alert.unit != district else _missing_by(alert, world)
            missing.places.extend(unit.name for unit in own if unit.name not in missing.places)
    today = world.moment.astimezone(VIETNAM).date()
    ordered = sorted(found.items(), key=lambda one: (one[0].period.end, one[0].id))
    return [_listed(report, list(districts.values()), language, today) for report, districts in ordered]


def _missing_by(alert: Alert, world: World) -> Sequence[Unit]:
    """Return the communes that a reminder to their district names."""
    soon = alert.occasion
    if not isinstance(soon, ReportSoonDue):
        return []
    units = (world.reference.units.find(one.code, alert.on) for one in soon.missing if one.code != soon.unit.code)
    return [unit for unit in units if unit]


def _listed(awaited_report: AwaitedReport, districts: Sequence[Missing], language: Language, today: date) -> Listed:
    due = awaited_report.due
    return Listed(
        name=awaited_report.name.in_(language),
        period=text.period_name(awaited_report.period, language),
        due=text.day(due, language) if due else None,
        days_late=(today - due).days if due else 0,
        districts=districts,
    )
