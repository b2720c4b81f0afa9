"""The worker that publishes which reports are soon due and have not come, and when that is over.

Nothing is stored: the id of a message follows from its report, period, district and event, so what is published again
after a restart is known to whoever hears it. Who has reported after a reminder was published is told no more of it;
where there are no districts, nobody is reminded.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from uuid import UUID

from services.intake.reminders.reports_owed import reports_owed
from services.intake.rules.reminder import any_stands, standing
from services.intake.rules.reports_due import DueReport
from shared.contracts import subjects
from shared.contracts.report_due import ReportEvent, ReportSoonDue
from shared.nats.cloud_events import Message, cloud_event
from shared.nats.publishing import publish
from shared.reference.load import Reference
from shared.reference.refs import unit_ref
from shared.service.each_day import follow_days
from shared.service.runtime import Runtime
from shared.stable_id import stable_id

_LOOK_SECONDS, _RETRY_SECONDS = 300, 5


class Reminders:
    """Looks every few minutes, and at once when a day begins, which reports are soon due."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._published: set[UUID] = set()

    async def run(self) -> None:
        """Work until cancelled."""
        await follow_days(self._runtime.clock, "reminding", self.look, _LOOK_SECONDS, _RETRY_SECONDS)

    async def look(self) -> None:
        """Publish what is new about the reports that are soon due, or were until a while ago."""
        today = self._runtime.clock.today()
        reference = self._runtime.plans.in_force(today)
        working_days = reference.plan.remind_working_days
        if working_days is None or not any_stands(reference, today, working_days):
            return
        units = [unit for unit in reference.units if unit.is_valid(today)]
        owed, _ = await reports_owed(self._runtime, reference, units, today)
        events = [
            event for event in self._events(owed, reference, today, working_days) if event.id not in self._published
        ]
        if events:
            await publish(self._runtime.nats, [_message(event) for event in events])
            self._published.update(event.id for event in events)

    def _events(
        self, owed: Iterable[DueReport], reference: Reference, on: date, working_days: int
    ) -> Iterable[ReportSoonDue]:
        for one in owed:
            stands = standing(one.due, on, working_days)
            if stands is None or one.district is None or not one.expected:
                continue
            event = ReportEvent.SOON_DUE if stands == "soon" and one.missing else ReportEvent.SETTLED
            yield ReportSoonDue(
                id=stable_id("report", one.district.key, one.report.id, one.due.period, event, stands),
                event=event,
                at=self._runtime.clock.now(),
                unit=unit_ref(one.district),
                report=one.report.id,
                name=one.report.name,
                period=one.due.period,
                due=one.due.by,
                missing=[unit_ref(unit) for unit in one.missing],
                sample=reference.plan.sample,
            )


def _message(event: ReportSoonDue) -> Message:
    subject = subjects.report(event.unit.code)
    kind = event.event.replace("_", ".")
    return cloud_event(
        subject, event.model_dump_json().encode(), event_id=event.id, kind=kind, source="intake", at=event.at
    )
