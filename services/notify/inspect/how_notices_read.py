"""Invented alerts of each event, and the notices of them, marked as sample data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import cast
from uuid import UUID

from pydantic import SecretStr

from services.notify.alerts.alert import Alert, AlertedEvent, Occasion
from services.notify.alerts.dossier_turn import DossierEvent
from services.notify.alerts.draft import Draft, Recipient
from services.notify.alerts.events import alert_of
from services.notify.alerts.figures import FiguresEvent
from services.notify.alerts.links import Links
from services.notify.alerts.notice import Wording
from services.notify.alerts.rules_changed import RulesEvent
from services.notify.alerts.silence_given import SilenceEvent, SilenceGiven
from services.notify.inspect.who_would_hear import hypothetical_alert, hypothetical_turn
from services.notify.routing.tree import Tree
from services.notify.stages.render import render
from services.notify.texts import phrase
from services.notify.world import World, by_role
from shared.contracts.alert import ChannelName, DifficultyEvent, OccasionKind, OperationEvent
from shared.contracts.assessment import Assessment, Part
from shared.contracts.bilingual import Language
from shared.contracts.difficulty import DifficultyKind, DifficultyLogged
from shared.contracts.dossier import DossierStep
from shared.contracts.period import Period
from shared.contracts.reference_version import RulesChanged, VerdictsMoved
from shared.contracts.report_due import ReportEvent, ReportSoonDue
from shared.contracts.status import Event, Stage, Status
from shared.contracts.verdict_change import StatusChanged, TargetChanged
from shared.reference.load import Reference
from shared.reference.models import AnyEvent, Contact, Match
from shared.reference.refs import unit_ref
from shared.texts import filled
from shared.time import VIETNAM

_COMMUNE, _DISTRICT, _CRITERION, _COMMITMENT = "06280", "184", "ntm-11", "poverty-communes"
VERDICTS = {
    Event.FIRST_DATA: (Status.NO_DATA, Status.ON_TRACK),
    Event.MET: (Status.ON_TRACK, Status.MET),
    Event.LOST: (Status.MET, Status.BEHIND),
    Event.FELL_BEHIND: (Status.ON_TRACK, Status.BEHIND),
    Event.RECOVERED: (Status.BEHIND, Status.ON_TRACK),
    Event.MISSED: (Status.BEHIND, Status.MISSED),
    Event.CHANGED: (Status.NOT_MET, Status.ON_TRACK),
    Event.OVERDUE: (Status.BEHIND, Status.BEHIND),
    Event.REPORT_ARRIVED: (Status.BEHIND, Status.BEHIND),
}
"""The statuses before and after, for each event."""


def example(event: AlertedEvent, reference: Reference, *, of_commitment: bool = False) -> Alert:
    """Return an invented alert of the event about a commune, or with `of_commitment` about a commitment."""
    if isinstance(event, DossierEvent):
        turn = hypothetical_turn(reference, _COMMUNE, DossierStep.VERIFIED)
        words = {"event": event, "agency": "ubnd-xa", "sample": True}
        return replace(turn, occasion=turn.occasion.model_copy(update=words), sample=True)
    if isinstance(event, RulesEvent):
        return alert_of(_rules(reference, event), reference)
    if isinstance(event, SilenceEvent):
        return alert_of(_silence(reference), reference)
    if isinstance(event, FiguresEvent):
        return _figures(event, reference)
    if isinstance(event, ReportEvent):
        return alert_of(_soon_due(reference, event), reference)
    kind: OccasionKind = "problem" if isinstance(event, DifficultyEvent) else "status"
    if isinstance(event, OperationEvent):
        kind = "operation"
    elif isinstance(event, Event) and of_commitment:
        kind = "target"
    place = _COMMUNE if kind in {"status", "problem"} else reference.plan.unit
    alert = hypothetical_alert(reference, place, kind, event, _CRITERION, _COMMITMENT, DifficultyKind.FUNDING)
    return replace(alert, occasion=_filled(alert.occasion, event), sample=True)


def _figures(event: FiguresEvent, reference: Reference) -> Alert:
    alert = example(Event.CHANGED, reference)
    contradicts, change = event is FiguresEvent.CONTRADICT, cast(StatusChanged, alert.occasion)
    figures = phrase("examples.contradiction")
    reason = filled(phrase("examples.contradictory"), figures=figures) if contradicts else _REASON
    after = Status.NO_DATA if contradicts else Status.BEHIND
    wrong = {"value": None, "numerator": 1219, "missing": None, "contradiction": figures}
    part = _part(after).model_copy(update=wrong if contradicts else {})
    assessment = change.assessment.model_copy(update={"status": after, "parts": [part], "reason": reason})
    words = {
        "before": after,
        "after": after,
        "contradiction": "begins" if contradicts else "ends",
        "assessment": assessment,
    }
    return replace(alert, occasion=change.model_copy(update=words))


def _rules(reference: Reference, event: RulesEvent = RulesEvent.CHANGED) -> RulesChanged:
    unit = hypothetical_turn(reference, reference.plan.unit, DossierStep.VERIFIED).occasion.unit
    return RulesChanged(
        id=UUID(int=1),
        at=datetime.now(UTC),
        unit=unit,
        version=3,
        digest="sha256:" + "0" * 64,
        plan=reference.plan.id,
        author="Văn phòng Điều phối",
        reason="Sửa theo thông báo 123",
        communes=[VerdictsMoved(before=Status.MET, after=Status.ON_TRACK, count=7)],
        targets=[],
        sample=True,
        cause="rebuild" if event is RulesEvent.REBUILT else "rules",
    )


def _soon_due(reference: Reference, event: ReportEvent) -> ReportSoonDue:
    report, period = reference.calendar[0], Period.parse("2023-06")
    due = report.due_day_of(period)
    units = [reference.units.known(code)[0] for code in (_DISTRICT, _COMMUNE)]
    return ReportSoonDue(
        id=UUID(int=4),
        event=event,
        at=datetime.combine(due - timedelta(days=3), datetime.min.time(), VIETNAM),
        unit=unit_ref(units[0]),
        report=report.id,
        name=report.name,
        period=period,
        due=due,
        missing=[unit_ref(units[1])],
        sample=True,
    )


def _silence(reference: Reference) -> SilenceGiven:
    now = datetime.now(UTC)
    return SilenceGiven(
        id=UUID(int=2),
        at=now,
        unit=_rules(reference).unit,
        silence=UUID(int=3),
        match=Match(under=[_DISTRICT]),
        starts_at=now,
        ends_at=now + timedelta(days=3),
        reason="Lũ lớn, đang khắc phục",
        author="Văn phòng Điều phối",
        sample=True,
    )


def _filled(occasion: Occasion, event: AnyEvent) -> Occasion:
    if isinstance(occasion, StatusChanged | TargetChanged) and isinstance(event, Event):
        before, after = VERDICTS[event]
        overdue = ["2023-06"] if event is Event.OVERDUE else []
        assessment = Assessment(status=after, on=occasion.on, parts=[_part(after)], overdue=overdue, reason=_REASON)
        changes = {"before": before, "after": after, "assessment": assessment, "sample": True}
        return occasion.model_copy(update=changes)
    if isinstance(occasion, DifficultyLogged):
        words = "Chưa được bố trí kinh phí mở lớp đào tạo nghề quý III."
        details = {"agency": "ubnd-xa", "reported_by": "ubnd-xa", "words": words, "contact": "Công chức xã"}
        return occasion.model_copy(update=details)
    return occasion.model_copy(update={"about": "email", "words": phrase("examples.server_unreachable")})


_DIVISION = Contact(role="poverty_division", unit="20", name="Hoàng Thị Bích", phones=["+84912345678"], sample=True)

_REASON = phrase("examples.reason")


def _part(status: Status) -> Part:
    return Part(
        indicator="11",
        name=phrase("examples.multidimensional_poverty_rate"),
        status=status,
        direction="at_most",
        measured_in="percent",
        value=18.19,
        numerator=219,
        denominator=1204,
        goal=13,
        required=15.6,
        gap=2.59,
        missing=63,
        missing_unit=phrase("examples.households"),
        period=Period.parse("2023-06"),
        stage=Stage.REPORTED,
        verified=False,
    )


def preview(
    alerts: Sequence[Alert], channel: ChannelName, language: Language, reference: Reference, step: int = 0
) -> Wording:
    """Return the wording of a notice of these alerts to a district's office."""
    role = next(holder for holder in reference.plan.roles if holder.role == "district_office")
    unit = reference.units.find(_DISTRICT, reference.plan.deadline) or alerts[0].unit
    contact = Contact(role=role.role, unit=unit.code, name=role.name.in_(language), language=language, sample=True)
    world = World(
        reference=reference,
        tree=Tree.of(reference.plan),
        contacts=by_role([_DIVISION]),
        channels=frozenset({channel}),
        retry_for=timedelta(days=1),
        board_url="https://ntm.example.vn",
        figures_url="https://solieu.example.vn",
        links=Links(SecretStr("of the preview"), "https://bao.example.vn"),
        now=datetime.now(UTC),
    )
    draft = Draft(tuple(alerts), "preview", Recipient(role, unit), channel, "-", contact, step, gathering=UUID(int=0))
    [worded] = render([draft], world)
    if worded.wording is None:
        raise ValueError("nothing to tell")
    return worded.wording
