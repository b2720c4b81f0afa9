"""`/v1/alerts`: the alerts that the caller may see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, Field, ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notify.alerts.offices import named
from services.notify.api.dependencies import (
    CriterionParameter,
    Serving,
    Since,
    UnitParameter,
    known_criterion,
    moment_and_id,
    visible,
)
from services.notify.api.released_words import released_event, released_kind
from services.notify.storage import ledger
from services.notify.storage.alert_rows import StoredAlert
from services.notify.storage.answers import AlertNote, notes_about
from services.notify.storage.ledger import Filter
from services.notify.texts import phrase
from services.notify.wording.happened import happened, in_brief
from shared.access.agency_keys import agency_names
from shared.contracts.alert import OccasionKind, Severity
from shared.contracts.bilingual import Bilingual
from shared.contracts.dossier import DossierTurn
from shared.contracts.refs import CriterionRef, UnitRef
from shared.contracts.report_due import ReportSoonDue
from shared.contracts.status import Event
from shared.http.dependencies import SignedIn
from shared.http.paging import Cursor, Limit, decode_cursor, encode_cursor
from shared.reference.load import Reference
from shared.reference.models import AnyEvent
from shared.reference.refs import criterion_ref, unit_ref
from shared.text import day

_SEVERITIES = frozenset(Severity)

router = APIRouter(prefix="/v1")


class NoteItem(BaseModel):
    """What a recipient answered to a mail about the alert, without acknowledging it; `at` is by the services' clock."""

    at: AwareDatetime
    by: str = Field(description="The recipient, as people know it.")
    words: str


class AlertItem(BaseModel):
    """An alert. `on`: the day that was judged, or on which a difficulty or note was written; `acknowledged_at` is by
    the same clock, other times are real. `what`: the topic and the event, in a few words; `topic`: the criterion's key,
    or the id of the commitment or difficulty; `reason`: the verdict's reason, or a difficulty's words as they were
    written; `is_open`: the alert asks for action, and no newer alert has ended it; `turn`: of a dossier of recognition
    the step that is expected, where `kind` is `status`, `event` is `changed`, and `topic` is the set and the step.
    """

    id: UUID
    kind: OccasionKind
    unit: UnitRef
    district: UnitRef | None = Field(default=None, description="In which the unit lies; None for the province.")
    topic: str
    event: AnyEvent
    severity: Severity
    what: Bilingual
    on: date
    raised_at: AwareDatetime
    reason: Bilingual
    brief: Bilingual = Field(description="Of a verdict what is missing and its worst measure; else the reason.")
    turn: DossierTurn | None = None
    is_open: bool
    ended_at: AwareDatetime | None
    acknowledged_at: AwareDatetime | None
    acknowledged_by: str | None
    acknowledged_name: str | None = Field(default=None, description="Who acknowledged it, as people know them.")
    acknowledged_note: str | None
    notes: list[NoteItem] = Field(default=[], description="Answers that acknowledge nothing, oldest first.")
    sample: bool


class AlertPage(BaseModel):
    """Alerts, newest first; `next` is the cursor of the following page."""

    items: list[AlertItem]
    next: str | None


@router.get("/alerts")
async def list_alerts(
    notify: Serving,
    caller: SignedIn,
    unit: UnitParameter = None,
    is_open: Annotated[bool | None, Query(alias="open", description="Open alerts, or with `false` all others.")] = None,
    acknowledged: bool | None = None,
    severity: Severity | None = None,
    criterion: CriterionParameter = None,
    since: Since = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> AlertPage:
    """List alerts, newest first."""
    conditions = Filter(
        units=visible(caller, unit, notify.reference),
        is_open=is_open,
        is_acknowledged=acknowledged,
        severity=severity.value if severity else None,
        criterion=known_criterion(criterion, notify.reference),
        since=since,
        after=decode_cursor(cursor, moment_and_id),
        limit=limit + 1,
    )
    async with notify.engine.connect() as connection:
        rows = await ledger.newest_alerts(connection, conditions)
        page = rows[:limit]
        names = await names_in(connection, page)
        notes = await notes_about(connection, [row.id for row in page])
    following = encode_cursor(page[-1].raised_at, page[-1].id) if len(rows) > limit else None
    items = [alert_item(row, names, notify.reference, notes.get(row.id, ())) for row in page]
    return AlertPage(items=items, next=following)


class AlertCountItem(BaseModel):
    """How many alerts there are of a district (None: of the province) about a criterion (None: about none) and of a
    severity.
    """

    district: UnitRef | None
    criterion: CriterionRef | None
    severity: Severity
    alerts: int


class AlertCounts(BaseModel):
    """The counts that are not 0; their sum is the number of alerts."""

    items: list[AlertCountItem]


@router.get("/alerts/counts")
async def count_alerts(
    notify: Serving,
    caller: SignedIn,
    unit: UnitParameter = None,
    is_open: Annotated[bool | None, Query(alias="open", description="Open alerts, or with `false` all others.")] = None,
    acknowledged: bool | None = None,
) -> AlertCounts:
    """Count alerts by district, criterion and severity."""
    reference = notify.reference
    seen = visible(caller, unit, reference)
    async with notify.engine.connect() as connection:
        rows = await ledger.alert_counts(connection, Filter(seen, is_open=is_open, is_acknowledged=acknowledged))
    known = reference.criterion_keys
    items = [
        AlertCountItem(
            district=_district(row.district, reference),
            criterion=criterion_ref(row.criterion, reference) if row.criterion in known else None,
            severity=_severity(row.severity),
            alerts=row.alerts,
        )
        for row in rows
    ]
    return AlertCounts(items=items)


async def names_in(connection: AsyncConnection, rows: Sequence[StoredAlert]) -> Mapping[str, str]:
    """Return the names of the agencies that acknowledged alerts, by their ids."""
    return await agency_names(connection, [row.acknowledged_by for row in rows if row.acknowledged_by])


def alert_item(
    row: StoredAlert, names: Mapping[str, str], reference: Reference, notes: Sequence[AlertNote] = ()
) -> AlertItem:
    """Return the item that answers for an alert; of a damaged one by what stands beside its content.

    `names`: those of agencies, by their ids. `notes`: what was answered about it.
    """
    item = _readable(row, reference)
    item.notes = [
        NoteItem(at=note.at, by=named(f"{note.recipient} ({note.name})", names, row.on, reference), words=note.words)
        for note in notes
    ]
    if row.acknowledged_by:
        item.acknowledged_name = named(row.acknowledged_by, names, row.on, reference)
    return item


def _readable(row: StoredAlert, reference: Reference) -> AlertItem:
    try:
        return _item(row, reference)
    except (ValidationError, LookupError, TypeError):
        sound: dict[str, Any] = {"unit": unit_ref(reference.units.by_key(row.unit)).model_dump()}
        words = phrase("alerts.unreadable")
        kept = row._replace(kind="operation", event=Event.CHANGED, body=sound)
        return _item(kept._replace(severity=_severity(row.severity)), reference, words)


def _severity(stored: str) -> Severity:
    """Return a stored severity; a damaged one counts as the lowest."""
    return Severity(stored) if stored in _SEVERITIES else Severity.INFORMATION


def _district(key: int | None, reference: Reference) -> UnitRef | None:
    return None if key is None else unit_ref(reference.units.by_key(key))


def _item(row: StoredAlert, reference: Reference, words: Bilingual | None = None) -> AlertItem:
    return AlertItem(
        id=row.id,
        kind=released_kind(row.kind),
        unit=UnitRef.model_validate(row.body["unit"]),
        district=_district(row.district, reference),
        topic=row.topic,
        event=released_event(row.event),
        severity=row.severity,
        what=words or what_of(row),
        on=row.on,
        raised_at=row.raised_at,
        reason=words or reason_of(row.body),
        brief=words or brief_of(row),
        turn=row.body.get("turn"),
        is_open=row.opens and row.ended_at is None,
        ended_at=row.ended_at,
        acknowledged_at=row.acknowledged_at,
        acknowledged_by=row.acknowledged_by,
        acknowledged_note=row.acknowledged_note,
        sample=row.sample,
    )


def what_of(row: StoredAlert) -> Bilingual:
    """Return the event and its topic in a few words."""
    return Bilingual(vi=happened(row.kind, row.event, row.body, "vi"), en=happened(row.kind, row.event, row.body, "en"))


def brief_of(row: StoredAlert) -> Bilingual:
    """Return of a verdict what is missing and the worst measure in a sentence; of others the reason as it is."""
    if "assessment" not in row.body:
        return reason_of(row.body)
    return Bilingual(vi=in_brief(row.event, row.body, "vi"), en=in_brief(row.event, row.body, "en"))


def reason_of(body: dict[str, Any]) -> Bilingual:
    """Return the verdict's reason, what a report lacks, or the words of a difficulty or note as they were written."""
    if "assessment" in body:
        return Bilingual.model_validate(body["assessment"]["reason"])
    if "missing" in body:
        report = ReportSoonDue.model_validate(body)
        lacks = phrase("alerts.report_missing") if report.missing else phrase("alerts.report_due")
        names = ", ".join(unit.name for unit in report.missing)
        return Bilingual(
            vi=lacks.vi.format(due=day(report.due, "vi"), names=names),
            en=lacks.en.format(due=day(report.due, "en"), names=names),
        )
    words = (body["reason"] or "") if "turn" in body else body["words"]
    return Bilingual.model_validate(words) if isinstance(words, dict) else Bilingual(vi=words, en=words)
