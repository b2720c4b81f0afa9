"""Evidence (minh chứng): a file or a link is attached to figures or to a criterion, shown, and taken back.

The bytes go to the object store first, then the message to the log: what is in the log is in the store.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote, urlsplit
from uuid import UUID

import structlog
from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import AnyUrl, BaseModel, ConfigDict, TypeAdapter, ValidationError

from services.intake import rules
from services.intake.admission.accept import content_digest
from services.intake.admission.candidate import Posted, Refused
from services.intake.admission.kept_message import first_published
from services.intake.admission.messages import evidence_message
from services.intake.doors.receipts import covered_units, submission_seen_by
from services.intake.doors.uploads import covered_place, parsed_period
from services.intake.evidence.content import name_of, type_of
from services.intake.evidence.scanner import ScannerAwayError
from services.intake.projection.read_after_write import find_after_projection
from services.intake.service import Intake, Serving
from services.intake.storage import evidence as stored_evidence
from services.intake.storage import receipts
from services.intake.storage.evidence import EvidenceFilter, StoredEvidence
from services.intake.texts import phrase
from shared.access.caller import Caller
from shared.contracts import subjects
from shared.contracts.difficulty import Words
from shared.contracts.evidence import Evidence, EvidenceFile, FileType
from shared.contracts.period import Period
from shared.contracts.refs import SentUnitCode
from shared.http.app import language_of
from shared.http.body import JsonRoute, read_body
from shared.http.dependencies import SignedIn
from shared.http.paging import IdCursor, Limit, unknown_cursor
from shared.http.work_slots import WorkSlots
from shared.nats.cloud_events import trace_at_hand
from shared.nats.publishing import BrokerUnavailableError, publish
from shared.object_store import ObjectStore
from shared.problems import Fault, Faults, Problem, Problems
from shared.readable import read_row
from shared.reference.models import Unit
from shared.reference.naming import criteria_named
from shared.service.unavailable import unavailable
from shared.stable_id import stable_id

EVIDENCE_LIMIT = 10 * 1024 * 1024
"""The most bytes of a file."""

LINK_LIMIT = 2000

_SCANNER_SECONDS = 30
"""The time after which to try again while the scanner is away."""

log = structlog.get_logger()

router = APIRouter(prefix="/v1/evidence", route_class=JsonRoute, strict_content_type=False)

_slots = WorkSlots(at_once=2, limit=8)
"""Slots for files in hand, each of which is held in memory whole."""

_FILES: dict[str, Any] = {kind.value: {"schema": {"type": "string", "format": "binary"}} for kind in FileType}


class EvidencePage(BaseModel):
    """Evidence, the newest first."""

    items: list[Evidence]
    unreadable: list[UUID]
    next: UUID | None


class TakingBack(BaseModel):
    """The body of `POST /v1/evidence/{id}/withdraw`."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [{"reason": "Gắn nhầm biên bản của xã khác."}]}
    )

    reason: Words


@dataclass(frozen=True, slots=True)
class _Subject:
    """The figures or the criterion that evidence proves."""

    unit: Unit
    period: Period
    criteria: Sequence[str]
    submission: UUID | None = None
    element: str | None = None


@router.post("", status_code=202, openapi_extra={"requestBody": {"required": False, "content": _FILES}})
async def attach_evidence(
    request: Request,
    intake: Serving,
    caller: SignedIn,
    name: Annotated[str, Query(min_length=1, max_length=200, description="The file's name, or words for the link.")],
    submission: Annotated[UUID | None, Query(description="The submission whose figures it proves.")] = None,
    element: Annotated[str | None, Query(max_length=64, description="The one figure of the submission.")] = None,
    unit: Annotated[SentUnitCode | None, Query(description="Without a submission: the unit.")] = None,
    period: Annotated[str | None, Query(max_length=60, description="Without a submission: the period.")] = None,
    criterion: Annotated[str | None, Query(max_length=40, description="Without a submission: the criterion.")] = None,
    link: Annotated[
        str | None, Query(max_length=LINK_LIMIT, description="An https address, in place of a file.")
    ] = None,
) -> Evidence:
    """Attach a file, which is the body, or a link, to figures of a submission or to a unit's criterion in a period.

    A PDF, a picture (PNG, JPEG) or an Excel workbook of at most 10 MB, told by its content. The same again by the same
    agency gets the first record. Links are kept as they are and never opened.
    """
    posted = Posted(caller, language_of(request), trace_at_hand())
    if submission is not None:
        about = await _of_submission(intake, caller, submission, element)
    else:
        about = _of_criterion(intake, caller, unit, period, criterion)
    intake.admission.group_commit.check_open()
    async with _slots.in_hand():
        body = await read_body(request, EVIDENCE_LIMIT)
        if link is not None:
            if body:
                raise Problem(Problems.REFUSED, Fault("/link", Faults.FILE_AND_LINK))
            return await _publish(intake, posted, about, name_of(name, None), None, link)
        file = await _stored(intake, posted, body, name)
        return await _publish(intake, posted, about, name_of(name, file.type), file, None)


@router.get("")
async def list_evidence(
    intake: Serving,
    caller: SignedIn,
    unit: SentUnitCode,
    period: Annotated[str | None, Query(max_length=60)] = None,
    criterion: Annotated[str | None, Query(max_length=40)] = None,
    cursor: IdCursor = None,
    limit: Limit = 50,
) -> EvidencePage:
    """List the evidence of a unit and those below it, the newest first; what was taken back is left out."""
    runtime = intake.runtime
    keys = covered_units(caller, unit, runtime)
    parsed = parsed_period(period) if period else None
    async with runtime.engine.connect() as connection:
        before = None if cursor is None else await stored_evidence.find(connection, cursor)
        if cursor is not None and before is None:
            raise unknown_cursor("cursor", phrase("evidence.unknown_cursor.expected"))
        filters = EvidenceFilter(keys, parsed, criterion, before)
        items, damaged = await stored_evidence.newest(connection, filters, limit)
    last = min([*((one.at, one.id) for one in items), *((row.at, row.id) for row in damaged)], default=None)
    is_full = len(items) + len(damaged) == limit
    return EvidencePage(items=items, unreadable=[row.id for row in damaged], next=last[1] if last and is_full else None)


@router.get(
    "/{evidence_id}/file",
    response_class=StreamingResponse,
    responses={200: {"content": _FILES, "description": "The file, to be saved."}},
)
async def get_evidence_file(intake: Serving, caller: SignedIn, evidence_id: UUID) -> StreamingResponse:
    """Send a file, whose content was proved to be what was attached."""
    evidence = await _seen_by(intake, caller, evidence_id)
    if evidence.file is None:
        raise Problem(Problems.NOT_FOUND)
    store, digest = _store(intake), evidence.file.sha256
    if await store.fault(digest):
        raise Problem(Problems.EVIDENCE_LOST)
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(evidence.name, safe='')}",
        "Content-Length": str(evidence.file.bytes),
        # a file of somebody else is never shown as a part of this site
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "private, no-store",
    }
    return StreamingResponse(store.chunks(digest), headers=headers, media_type=evidence.file.type)


@router.post("/{evidence_id}/withdraw", status_code=202)
async def withdraw_evidence(intake: Serving, caller: SignedIn, evidence_id: UUID, wish: TakingBack) -> Evidence:
    """Take evidence back, by its agency or an office of the province: it is shown no more, and its record stays."""
    evidence = await _seen_by(intake, caller, evidence_id)
    is_own = evidence.agency == caller.agency
    if not (is_own or intake.runtime.reference.plan.unit in caller.units):
        raise Problem(Problems.OUT_OF_SCOPE)
    _check_criteria(evidence.criteria, caller, "/criteria")
    intake.admission.group_commit.check_open()
    gone = evidence.model_copy(
        update={
            "id": stable_id(evidence.id, "withdrawn"),
            "agency": caller.agency,
            "agency_name": caller.name or None,
            "key": caller.key,
            "at": intake.runtime.clock.now(),
            "withdraws": evidence.id,
            "reason": wish.reason,
        }
    )
    return await _log(intake, gone, trace_at_hand())


async def _of_submission(intake: Intake, caller: Caller, submission_id: UUID, element: str | None) -> _Subject:
    """Return a submission, or a figure of it, as what evidence is about.

    Problem 404 where the caller may not see it, 403 where it lacks the figures' criteria, 409 where it was withdrawn.
    """
    runtime = intake.runtime
    stored, submission = await submission_seen_by(runtime, caller, submission_id)
    if element is not None and element not in submission.readings:
        details = {"value": element, "expected": tuple(submission.readings)}
        raise Problem(Problems.REFUSED, Fault("/element", Faults.NOT_A_FIGURE_OF_IT, details))
    async with runtime.engine.connect() as connection:
        ids = [one for one in (submission.id, submission.reviews) if one]
        if withdrawal := next(iter((await receipts.withdrawals_of(connection, ids)).values()), None):
            raise Problem(Problems.WITHDRAWN, rules.withdrawn(withdrawal, submission.revision + 1))
    codes = [element] if element else list(submission.readings)
    known = [found for code in codes if (found := runtime.reference.elements.get(code))]
    for one in known:
        _check_criteria(tuple(one.criteria), caller, "/submission")
    criteria = dict.fromkeys(key for one in known for key in one.criteria)
    unit = read_row(stored.unit, runtime.reference.units.by_key)
    return _Subject(unit, submission.period, list(criteria), submission.id, element)


def _of_criterion(
    intake: Intake, caller: Caller, unit: str | None, period: str | None, criterion: str | None
) -> _Subject:
    """Return a unit's criterion in a period as what evidence is about; a problem where the caller may not attach."""
    given = {"/unit": unit, "/period": period, "/criterion": criterion}
    if missing := [Fault(pointer, Faults.MISSING) for pointer, value in given.items() if value is None]:
        raise Problem(Problems.REFUSED, *missing)
    reference, today = intake.runtime.reference, intake.runtime.clock.today()
    parsed = parsed_period(period or "")
    place = covered_place(unit or "", parsed, caller, reference)
    if (opens := rules.opening_day(parsed, reference)) > today:
        details = {"value": parsed, "today": today, "opens": opens}
        raise Problem(Problems.REFUSED, Fault("/period", Faults.FUTURE_PERIOD, details))
    if criterion not in reference.criterion_keys:
        raise Problem(Problems.REFUSED, Fault("/criterion", Faults.UNKNOWN_CRITERION, {"value": criterion}))
    _check_criteria((criterion,), caller, "/criterion")
    return _Subject(place, parsed, [criterion])


def _check_criteria(criteria: Sequence[str], caller: Caller, pointer: str) -> None:
    if not caller.covers_criteria(tuple(criteria)):
        details = {"value": criteria_named([*criteria])}
        raise Problem(Problems.OUT_OF_SCOPE, Fault(pointer, Faults.OUTSIDE_CRITERION, details))


async def _stored(intake: Intake, posted: Posted, body: bytes, name: str) -> EvidenceFile:
    """Check a file and store it; a file that is refused is recorded with its digest."""
    store = _store(intake)
    try:
        kind = type_of(body)
        await _scan(intake, body)
    except Problem as problem:
        if problem.kind is Problems.UNAVAILABLE:
            raise
        about = {"evidence": {"name": name, "bytes": len(body), "sha256": content_digest(body)}}
        await intake.admission.group_commit.submit([Refused(about, posted, problem)])
        raise
    async with _slots.at_work():
        digest = await store.put(body)
    return EvidenceFile(type=kind, bytes=len(body), sha256=digest)


async def _scan(intake: Intake, body: bytes) -> None:
    """Have the scanner look at a file, where there is one; a problem where it is not clean, or nobody knows."""
    if intake.scanner is None:
        return
    try:
        async with _slots.at_work():
            finding = await intake.scanner.finding(body)
    except ScannerAwayError as error:
        log.warning("the scanner is away", error=type(error.__cause__ or error).__name__)
        retry = {"Retry-After": str(_SCANNER_SECONDS)}
        raise Problem(Problems.UNAVAILABLE, detail=phrase("evidence.scanner_away"), headers=retry) from error
    if finding:
        raise Problem(Problems.FILE_UNSAFE, Fault("", Faults.UNSAFE_FILE, {"value": finding}))


async def _publish(
    intake: Intake, posted: Posted, about: _Subject, name: str, file: EvidenceFile | None, link: str | None
) -> Evidence:
    """Publish evidence, unless the agency has attached the same to the same already; return what stands."""
    units, caller = intake.runtime.reference.units, posted.caller
    if not name:
        raise Problem(Problems.REFUSED, Fault("/name", Faults.EMPTY))
    host = _host(link) if link is not None else None
    target = [str(about.submission or about.unit.key), about.element or "", str(about.period), *about.criteria]
    same = ["evidence", caller.agency, *target, file.sha256 if file else link or ""]
    district = units.district(about.unit)
    evidence_id, known = await _same_before(intake, same)
    if known:
        return read_row(known, lambda row: Evidence.model_validate(row.body))
    evidence = Evidence(
        id=evidence_id,
        unit=about.unit.code,
        unit_key=about.unit.key,
        district=district.code if district else None,
        period=about.period,
        submission=about.submission,
        element=about.element,
        criteria=list(about.criteria),
        name=name,
        file=file,
        link=link,
        host=host,
        agency=caller.agency,
        agency_name=caller.name or None,
        key=caller.key,
        at=intake.runtime.clock.now(),
    )
    return await _log(intake, evidence, posted.trace)


async def _same_before(intake: Intake, same: Sequence[str]) -> tuple[UUID, StoredEvidence | None]:
    """Return the id of the same evidence attached by the same agency, and what is stored under it.

    Another id each time that it was taken back.
    """
    times = 0
    async with intake.runtime.engine.connect() as connection:
        while True:
            evidence_id = stable_id(*same, str(times))
            found = await stored_evidence.find(connection, evidence_id)
            if found is None or not found.is_hidden:
                return evidence_id, found
            times += 1


async def _log(intake: Intake, evidence: Evidence, trace: str | None) -> Evidence:
    """Publish the message; return what the log holds under its id."""
    message = evidence_message(evidence, trace)
    try:
        (stored,) = await publish(intake.runtime.nats, [message])
    except BrokerUnavailableError as error:
        raise unavailable(error) from error
    if not stored.duplicate:
        return evidence
    first = await first_published(intake.runtime, subjects.SUBMISSIONS_STREAM, stored, message)
    return Evidence.model_validate_json(first.data or b"")


async def _seen_by(intake: Intake, caller: Caller, evidence_id: UUID) -> Evidence:
    """Return evidence; problem 404 where the caller may not see it, 409 where it was taken back."""
    runtime, units = intake.runtime, intake.runtime.reference.units

    async def look() -> StoredEvidence | None:
        async with runtime.engine.connect() as connection:
            return await stored_evidence.find(connection, evidence_id)

    row = await find_after_projection(runtime.nats, subjects.ALL_EVIDENCE, look)
    if row is None:
        raise Problem(Problems.NOT_FOUND)
    evidence = read_row(row, lambda stored: Evidence.model_validate(stored.body))
    is_covered = caller.covers_unit(read_row(row.unit, units.by_key), units)
    if not (is_covered or evidence.agency == caller.agency) or evidence.withdraws:
        raise Problem(Problems.NOT_FOUND)
    if row.is_hidden:
        raise Problem(Problems.EVIDENCE_WITHDRAWN)
    return evidence


def _store(intake: Intake) -> ObjectStore:
    if intake.evidence is None:
        raise Problem(Problems.NO_EVIDENCE_STORE)
    return intake.evidence


_LINK = TypeAdapter(AnyUrl)


def _host(link: str) -> str:
    """Return the host of a link; a problem where it is no address with https, or hides where it leads."""
    try:
        url = _LINK.validate_python(link)
        host = url.host if url.scheme == "https" and not url.username and not url.password else None
        if host and urlsplit(link).hostname and link == "".join(link.split()):
            return host
    except (ValidationError, ValueError):
        pass
    raise Problem(Problems.REFUSED, Fault("/link", Faults.BAD_LINK, {"value": link}))
