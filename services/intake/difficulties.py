"""Difficulties that a unit cannot solve by itself: it reports them, who owns the criterion answers."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from fastapi import APIRouter, Depends, Header, Query, Request
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy import ColumnElement, Row, and_, or_, true

from services.intake import queries
from services.intake.accept import Intake
from services.intake.receipts import Limit
from shared.access import Caller, authenticate
from shared.contracts import ProblemAnswer, ProblemLogged, ProblemReport, UnitCode, UnitRef, subjects
from shared.contracts.problem_report import ProblemKind
from shared.messaging import BrokerUnavailableError, cloud_event, new_trace, publish
from shared.problems import Fault, Faults, Problem, Problems
from shared.reference.load import Reference
from shared.reference.models import Unit
from shared.runtime import Runtime

router = APIRouter(prefix="/v1/problems")

Called = Annotated[Caller, Depends(authenticate)]
State = Literal["open", "answered", "closed"]


class Said(BaseModel):
    """One thing that was said about a difficulty."""

    at: AwareDatetime
    agency: str
    words: str
    closes: bool = False


class Difficulty(BaseModel):
    """A difficulty with everything that was said about it, beginning with its report. Words are plain text."""

    id: UUID
    state: State
    unit: UnitRef
    district: UnitRef | None
    criterion: str | None
    kind: ProblemKind
    contact: str | None
    reported_at: AwareDatetime
    age_days: int = Field(description="Days since the report, or until it was closed.")
    said: list[Said]


class DifficultyPage(BaseModel):
    """Difficulties, the newest first."""

    items: list[Difficulty]
    next: UUID | None


@router.post("", status_code=202)
async def report_difficulty(
    request: Request,
    caller: Called,
    report: ProblemReport,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=200)] = None,
) -> Difficulty:
    """Report what a unit cannot solve by itself; the division that owns the criterion and the office hear of it."""
    intake: Intake = request.app.state.intake
    reference, clock = intake.runtime.reference, intake.runtime.clock
    unit = reference.units.find(report.unit, clock.today())
    if unit is None:
        raise Problem(Problems.REFUSED, Fault("/unit", Faults.UNKNOWN_UNIT, {"value": report.unit}))
    if not caller.covers_unit(unit, reference.units):
        raise Problem(Problems.OUT_OF_SCOPE, Fault("/unit", Faults.OUTSIDE_UNITS, {"value": report.unit}))
    if report.criterion is not None and report.criterion not in reference.criterion_keys:
        raise Problem(Problems.REFUSED, Fault("/criterion", Faults.UNKNOWN_CRITERION, {"value": report.criterion}))
    problem = _identity("problem", caller, idempotency_key)
    district = reference.units.district(unit)
    logged = ProblemLogged(
        id=problem,
        problem=problem,
        event="problem_reported",
        at=clock.now(),
        unit=_ref(unit),
        district=_ref(district) if district else None,
        criterion=report.criterion,
        kind=report.kind,
        agency=caller.agency,
        words=report.words,
        contact=report.contact,
        reported_by=caller.agency,
    )
    await _publish(intake, logged, request)
    return _difficulty([logged], logged.at)


@router.post("/{problem_id}/answers", status_code=202)
async def answer_difficulty(
    request: Request,
    caller: Called,
    problem_id: UUID,
    answer: ProblemAnswer,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=200)] = None,
) -> Difficulty:
    """Answer a difficulty, and close it where it is solved.

    The province's offices answer, each for its criteria; who reported it may add words, and may close it.
    """
    intake: Intake = request.app.state.intake
    said = await _said(intake.runtime, caller, problem_id)
    reported = said[0]
    if not _may_answer(reported, caller, intake.runtime.reference):
        raise Problem(Problems.OUT_OF_SCOPE)
    if any(one.closes for one in said):
        raise Problem(Problems.CLOSED)
    event_id = _identity(f"answer/{problem_id}", caller, idempotency_key)
    logged = reported.model_copy(
        update={
            "id": event_id,
            "event": "problem_answered",
            "at": intake.runtime.clock.now(),
            "agency": caller.agency,
            "words": answer.words,
            "contact": None,
            "closes": answer.closes,
        }
    )
    await _publish(intake, logged, request)
    known = [one for one in said if one.id != event_id]
    return _difficulty([*known, logged], intake.runtime.clock.now())


@router.get("/{problem_id}")
async def get_difficulty(request: Request, caller: Called, problem_id: UUID) -> Difficulty:
    """One difficulty, with everything that was said about it."""
    runtime: Runtime = request.app.state.runtime
    return _difficulty(await _said(runtime, caller, problem_id), runtime.clock.now())


@router.get("")
async def list_difficulties(
    request: Request,
    caller: Called,
    unit: UnitCode | None = None,
    criterion: Annotated[str | None, Query(max_length=40)] = None,
    state: State | None = None,
    cursor: Annotated[UUID | None, Query(description="`next` of the page before.")] = None,
    limit: Limit = 50,
) -> DifficultyPage:
    """The difficulties of the caller's units, the newest first."""
    runtime: Runtime = request.app.state.runtime
    units, table = runtime.reference.units, queries.problem
    wanted = [
        one.key for one in units if caller.covers_unit(one, units) and (unit is None or units.is_under(one, unit))
    ]
    conditions: list[ColumnElement[bool]] = [table.c.unit.in_(wanted), _in_state(state)]
    if criterion is not None:
        conditions.append(table.c.criterion == criterion)
    async with runtime.engine.connect() as connection:
        if cursor is not None and (before := await queries.problem_of(connection, cursor)):
            conditions.append(
                or_(
                    table.c.reported_at < before.reported_at,
                    and_(table.c.reported_at == before.reported_at, table.c.id < cursor),
                )
            )
        rows = await queries.problems_page(connection, conditions, limit)
        said = await queries.problem_events(connection, [row.id for row in rows])
    now = runtime.clock.now()
    items = [_difficulty([ProblemLogged.model_validate(one) for one in said[row.id]], now) for row in rows]
    return DifficultyPage(items=items, next=rows[-1].id if len(rows) == limit else None)


def _in_state(state: State | None) -> ColumnElement[bool]:
    table = queries.problem
    match state:
        case "open":
            return and_(table.c.answered_at.is_(None), table.c.closed_at.is_(None))
        case "answered":
            return and_(table.c.answered_at.is_not(None), table.c.closed_at.is_(None))
        case "closed":
            return table.c.closed_at.is_not(None)
        case None:
            return true()


async def _said(runtime: Runtime, caller: Caller, problem_id: UUID) -> list[ProblemLogged]:
    """Everything that was said about a difficulty; problem 404 where there is none that the caller may see."""
    units = runtime.reference.units
    async with runtime.engine.connect() as connection:
        row: Row[tuple[object, ...]] | None = await queries.problem_of(connection, problem_id)
        if row is None or not caller.covers_unit(units.by_key(row.unit), units):
            raise Problem(Problems.NOT_FOUND)
        events = (await queries.problem_events(connection, [problem_id]))[problem_id]
    return [ProblemLogged.model_validate(one) for one in events]


def _may_answer(reported: ProblemLogged, caller: Caller, reference: Reference) -> bool:
    if caller.agency == reported.reported_by:
        return True
    criteria = (reported.criterion,) if reported.criterion else ()
    return reference.plan.unit in caller.units and (not criteria or caller.covers_criteria(criteria))


def _difficulty(said: list[ProblemLogged], now: datetime) -> Difficulty:
    reported = said[0]
    closed = next((one.at for one in said if one.closes), None)
    answered = any(one.event == "problem_answered" for one in said)
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
        said=[Said(at=one.at, agency=one.agency, words=one.words, closes=one.closes) for one in said],
    )


def _identity(what: str, caller: Caller, key: str | None) -> UUID:
    return uuid4() if key is None else uuid5(NAMESPACE_URL, f"{what}/{caller.agency}/{key}")


def _ref(unit: Unit) -> UnitRef:
    return UnitRef(code=unit.code, name=unit.title, kind=unit.kind, key=unit.key)


async def _publish(intake: Intake, logged: ProblemLogged, request: Request) -> None:
    intake.desk.check_open()
    message = cloud_event(
        subjects.problem(logged.unit.code),
        logged.model_dump_json().encode(),
        event_id=logged.id,
        kind=logged.event.replace("_", "."),
        source="intake",
        at=logged.at,
        trace=new_trace(request.headers.get("traceparent")),
    )
    try:
        await publish(intake.runtime.nats, [message])
    except BrokerUnavailableError as error:
        raise Problem(Problems.UNAVAILABLE, headers={"Retry-After": "2"}) from error
