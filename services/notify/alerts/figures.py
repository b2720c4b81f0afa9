"""The events of a commune's figures on a criterion that contradict each other."""

from __future__ import annotations

from enum import StrEnum

from shared.contracts.status import Event
from shared.contracts.verdict_change import StatusChanged


class FiguresEvent(StrEnum):
    """An event. Readers of notify's API get it as `changed`, since the released list of events is closed."""

    CONTRADICT = "figures_contradict"
    AGREE = "figures_agree"

    @property
    def routed_as(self) -> Event:
        """The event whose branches tell it: the figures have to be sent again, as an overdue report has to be sent."""
        return Event.OVERDUE if self is FiguresEvent.CONTRADICT else Event.REPORT_ARRIVED


def figures_event(change: StatusChanged) -> FiguresEvent | None:
    """Return the event of a change that is one of contradictory figures; None of any other.

    What other rules or a rebuild find in the figures of before is no news of the commune, but what they clear is over.
    """
    if change.contradiction == "ends":
        return FiguresEvent.AGREE
    is_news = change.contradiction == "begins" and change.cause not in ("plan", "rules", "rebuild")
    return FiguresEvent.CONTRADICT if is_news else None
