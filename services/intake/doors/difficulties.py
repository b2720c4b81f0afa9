"""Routes for difficulties: a unit reports one that it cannot solve by itself, the criterion's office answers."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter, Header, Query
from pydantic import AwareDatetime, BaseModel, Field

from services.intake.admission.candidate import REQUEST_KEY
from services.intake.admission.kept_message import first_published
from services.intake.admission.messages import difficulty_message
from services.intake.projection.read_after_write import find_after_projection, newest_projected
from services.intake.service import Intake, Serving
from services.intake.storage import difficulties
from services.intake.storage.difficulties import DifficultyFilter, StoredDifficulty
from services.intake.texts import phrase
from shared.access.caller import Caller
from shared.contracts import subjects
from shared.contracts.difficulty import DifficultyAnswer, DifficultyKind, DifficultyLogged, DifficultyReport
from shared.contracts.refs import SentUnitCode, UnitRef
from shared.http.body import JsonRoute
from shared.http.dependencies import SignedIn
from shared.http.paging import IdCursor, Limit, unknown_cursor
from shared.nats.cloud_events import trace_at_hand
from shared.nats.publishing import BrokerUnavailableError, SubjectMovedError, publish, publish_next
from shared.problems import Fault, Faults, Problem, Problems, unknown_unit
from shared.readable import read_row
from shared.reference.load import Reference
from shared.reference.models import Unit
from shared.reference.naming import criteria_named
from shared.reference.refs import unit_ref
from shared.service.runtime import Runtime
from shared.service.unavailable import unavailable
from shared.stable_id import stable_id

router = APIRouter(prefix="/v1/problems", route_class=JsonRoute, strict_content_type=False)

State = Literal["open", "answered", "closed"]

_ATTEMPTS = 5
"""Attempts when others answer difficulties of the same unit at the same moment."""

_UNKNOWN_CURSOR = phrase("difficulties.unknown_cursor.expected")


class Said(BaseModel):
    """An entry of a difficulty: its report, or an answer to it."""

    at: AwareDatetime
    agency: str
    agency_name: str | None = None
    words: str
    closes: bool = False


class Difficulty(BaseModel):
    """A difficulty with its entries, the report first. Words are plain text."""

    id: UUID
    state: State
    unit: UnitRef
    district: UnitRef | None
    criterion: str | None
    kind: DifficultyKind
    contact: str | None
    reported_at: AwareDatetime
    age_days: int = Field(description="Days from the report until today, or until the difficulty was closed.")
    said: list[Said]


class DifficultyPage(BaseModel):
    """Difficulties, the newest first."""

    items: list[Difficulty]
    next: UUID | None


@router.post("", status_code=202)
async def report_difficulty(
    intake: Serving,
    caller: SignedIn,
    report: DifficultyReport,
    idempotency_key: Annotated[str | None, Header(pattern=REQUEST_KEY)] = None,
) -> Difficulty:
    """Report a difficulty that a unit cannot solve by itself.

    Notify tells the division that owns the criterion, and the coordination office.
    """
    reference, clock = intake.runtime.reference, intake.runtime.clock
    unit = reference.units.find(report.unit, clock.today())
    if unit is None:
        raise unknown_unit("/unit", report.unit)
    if not caller.covers_unit(unit, reference.units):
        raise Problem(Problems.OUT_OF_SCOPE, Fault("/unit", Faults.OUTSIDE_UNITS, {"value": report.unit}))
    if report.criterion is not None and report.criterion not in reference.criterion_keys:
        raise Problem(Problems.REFUSED, Fault("/criterion", Faults.UNKNOWN_CRITERION, {"value": report.criterion}))
    _check_criterion(report, caller)
    problem = _identity("problem", caller, idempotency_key)
    district = reference.units.district(unit)
    logged = DifficultyLogged(
        id=problem,
        problem=problem,
        event="problem_reported",
        at=clock.now(),
        unit=unit_ref(unit),
        district=unit_ref(district) if district else None,
        criterion=report.criterion,
        kind=report.kind,
        agency=caller.agency,
        agency_name=caller.name or None,
        words=report.words,
        contact=report.contact,
        reported_by=caller.agency,
    )
    known = await _events(intake.runtime, problem) if idempotency_key is not None else []
    events = await _add(intake, logged, known)
    return _difficulty(events, clock.now())


@router.post("/{problem_id}/answers", status_code=202)
async def answer_difficulty(
    intake: Serving,
    caller: SignedIn,
    problem_id: UUID,
    answer: DifficultyAnswer,
    idempotency_key: Annotated[str | None, Header(pattern=REQUEST_KEY)] = None,
) -> Difficulty:
    """Answer a difficulty, and close it where it is solved.

    The province's offices answer, each for its criteria; the agency that reported the difficulty may add words and
    close it.
    """
    reported = (await _visible_events(intake.runtime, caller, problem_id))[0]
    if not _may_answer(reported, caller, intake.runtime.reference):
        raise Problem(Problems.OUT_OF_SCOPE)
    event_id = _identity(f"answer/{problem_id}", caller, idempotency_key)
    logged = reported.model_copy(
        update={
            "id": event_id,
            "event": "problem_answered",
            "at": intake.runtime.clock.now(),
            "agency": caller.agency,
            "agency_name": caller.name or None,
            "words": answer.words,
            "contact": None,
            "closes": answer.closes,
        }
    )
    return _difficulty(await _add_answer(intake, logged), intake.runtime.clock.now())


@router.get("/{problem_id}")
async def get_difficulty(intake: Serving, caller: SignedIn, problem_id: UUID) -> Difficulty:
    """Show a difficulty with its entries, the report first."""
    runtime = intake.runtime
    return _difficulty(await _visible_events(runtime, caller, problem_id), runtime.clock.now())


@router.get("")
async def list_difficulties(
    intake: Serving,
    caller: SignedIn,
    unit: SentUnitCode | None = None,
    criterion: Annotated[str | None, Query(max_length=40)] = None,
    state: State | None = None,
    cursor: IdCursor = None,
    limit: Limit = 50,
) -> DifficultyPage:
    """List the difficulties of the caller's units, the newest first."""
    runtime = intake.runtime
    units = runtime.reference.units
    if unit is not None and not units.known(unit):
        raise unknown_unit("/unit", unit)
    covered = [
        other.key
        for other in units
        if caller.covers_unit(other, units) and (unit is None or units.is_under(other, unit))
    ]
    async with runtime.engine.connect() as connection:
        before = None if cursor is None else await difficulties.find(connection, cursor)
        if cursor is not None and before is None:
            raise unknown_cursor("cursor", _UNKNOWN_CURSOR)
        filters = DifficultyFilter(covered, state, criterion, before)
        rows = await difficulties.newest(connection, filters, limit)
        events = await difficulties.events_of(connection, [row.id for row in rows])
    now = runtime.clock.now()
    items = [
        _difficulty(events[row.id], now) if _is_whole(events[row.id]) else _damaged(row, units.by_key(row.unit), now)
        for row in rows
    ]
    return DifficultyPage(items=items, next=rows[-1].id if len(rows) == limit else None)


async def _visible_events(runtime: Runtime, caller: Caller, problem_id: UUID) -> list[DifficultyLogged]:
    """Return the report of a difficulty and the answers to it; problem 404 where the caller may not see it."""
    units = runtime.reference.units

    async def look() -> StoredDifficulty | None:
        async with runtime.engine.connect() as connection:
            return await difficulties.find(connection, problem_id)

    row = await find_after_projection(runtime.nats, subjects.ALL_PROBLEMS, look)
    if row is None or not caller.covers_unit(read_row(row.unit, units.by_key), units):
        raise Problem(Problems.NOT_FOUND)
    events = await _events(runtime, problem_id)
    if not _is_whole(events):
        raise Problem(Problems.NOT_FOUND, detail=phrase("difficulties.unreadable"))
    return events


async def _events(runtime: Runtime, problem_id: UUID) -> list[DifficultyLogged]:
    async with runtime.engine.connect() as connection:
        return (await difficulties.events_of(connection, [problem_id]))[problem_id]


def _check_criterion(report: DifficultyReport, caller: Caller) -> None:
    """Raise problem 403 where the key does not cover the criterion that the report names.

    A disaster excuses missing reports, so a key for some criteria has to name the criterion that it excuses.
    """
    if report.criterion is not None and not caller.covers_criteria((report.criterion,)):
        value = criteria_named([report.criterion or ""])
        raise Problem(Problems.OUT_OF_SCOPE, Fault("/criterion", Faults.OUTSIDE_CRITERION, {"value": value}))
    if report.kind is DifficultyKind.DISASTER and report.criterion is None and not caller.covers_all_criteria:
        own = ", ".join(caller.criteria)
        raise Problem(Problems.OUT_OF_SCOPE, Fault("/criterion", Faults.DISASTER_NEEDS_CRITERION, {"value": own}))


def _may_answer(reported: DifficultyLogged, caller: Caller, reference: Reference) -> bool:
    criteria = (reported.criterion,) if reported.criterion else ()
    if caller.agency == reported.reported_by:
        return not criteria or caller.covers_criteria(criteria)
    return reference.plan.unit in caller.units and (not criteria or caller.covers_criteria(criteria))


def _difficulty(events: list[DifficultyLogged], now: datetime) -> Difficulty:
    reported = events[0]
    closed = next((event.at for event in events if event.closes), None)
    answered = any(event.agency != reported.reported_by for event in events)
    age: timedelta = (closed or now) - reported.at
    return Difficulty(
        id=reported.problem,
        state="closed" if closed else "answered" if answered else "open",
        unit=reported.unit,
        district=reported.district,
        criterion=reported.criterion,
        kind=reported.kind,
        contact=reported.contact,
        reported_at=reported.at,
        age_days=max(age.days, 0),
        said=[
            Said(
                at=event.at,
                agency=event.agency,
                agency_name=event.agency_name,
                words=event.words,
                closes=event.closes,
            )
            for event in events
        ],
    )


def _is_whole(events: list[DifficultyLogged]) -> bool:
    """Say whether the report of a difficulty, which comes first, can be read."""
    return bool(events) and events[0].id == events[0].problem


def _damaged(row: StoredDifficulty, unit: Unit, now: datetime) -> Difficulty:
    """Return a difficulty whose report cannot be read, by what stands beside it."""
    return Difficulty(
        id=row.id,
        state="open",
        unit=unit_ref(unit),
        district=None,
        criterion=None,
        kind=DifficultyKind.OTHER,
        contact=None,
        reported_at=row.reported_at,
        age_days=max((now - row.reported_at).days, 0),
        said=[Said(at=row.reported_at, agency="", words=phrase("difficulties.unreadable").vi)],
    )


def _identity(kind: str, caller: Caller, key: str | None) -> UUID:
    return uuid4() if key is None else stable_id(kind, caller.agency, key)


async def _add(
    intake: Intake, logged: DifficultyLogged, events: list[DifficultyLogged], after: int | None = None
) -> list[DifficultyLogged]:
    """Publish an event, unless it was published already under the same `Idempotency-Key`; return all events.

    Problem 409 when the event that was published under that key has other content.
    """
    known = next((event for event in events if event.id == logged.id), None)
    stands = known or await _publish(intake, logged, after)
    if stands.model_dump(include=_CONTENT) != logged.model_dump(include=_CONTENT):
        raise Problem(Problems.KEY_USED)
    return events if known else [*events, stands]


async def _add_answer(intake: Intake, logged: DifficultyLogged) -> list[DifficultyLogged]:
    """Publish an answer, unless somebody has closed the difficulty (problem 409); return all events.

    The broker tells apart two who answer at once: the second looks again.
    """
    for _ in range(_ATTEMPTS):
        newest = await newest_projected(intake.runtime.nats, subjects.problem(logged.unit.code))
        events = await _events(intake.runtime, logged.problem)
        if any(event.closes and event.id != logged.id for event in events):
            raise Problem(Problems.CLOSED)
        try:
            return await _add(intake, logged, events, after=newest)
        except SubjectMovedError:
            continue
    raise Problem(Problems.UNAVAILABLE, headers={"Retry-After": "1"})


_CONTENT = {"unit", "criterion", "kind", "words", "contact", "closes"}


async def _publish(intake: Intake, logged: DifficultyLogged, after: int | None) -> DifficultyLogged:
    """Publish an event, directly after the unit's event number `after` where one is given; return the event that the
    stream holds under its id.
    """
    nats = intake.runtime.nats
    intake.admission.group_commit.check_open()
    message = difficulty_message(logged, trace_at_hand())
    try:
        (stored,) = await publish(nats, [message]) if after is None else [await publish_next(nats, message, after)]
    except BrokerUnavailableError as error:
        raise unavailable(error) from error
    if not stored.duplicate:
        return logged
    first = await first_published(intake.runtime, subjects.STATUS_STREAM, stored, message)
    return DifficultyLogged.model_validate_json(first.data or b"")
