"""The words by which notify's API names alerts. They are released as closed lists, which lack some events and kinds."""

from __future__ import annotations

from typing import cast

from services.notify.alerts.alert import AlertedEvent, AlertKind
from services.notify.alerts.dossier_turn import DossierEvent
from services.notify.alerts.figures import FiguresEvent
from services.notify.alerts.rules_changed import RulesEvent
from services.notify.alerts.silence_given import SilenceEvent
from shared.contracts.alert import OccasionKind
from shared.contracts.report_due import ReportEvent
from shared.contracts.status import Event
from shared.reference.models import AnyEvent


def released_kind(kind: AlertKind) -> OccasionKind:
    """Return the released kind: a turn in a dossier is about a commune, as a `status` is; a report about a district."""
    return "status" if kind == "dossier" or kind == "report" else kind


def released_event(event: AlertedEvent) -> AnyEvent:
    """Return the released event: `changed` for those that came after the release."""
    is_released = event not in {*DossierEvent, *ReportEvent, *FiguresEvent, *RulesEvent, *SilenceEvent}
    return cast(AnyEvent, event) if is_released else Event.CHANGED
