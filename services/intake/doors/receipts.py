"""What became of what was sent: receipts with the changes they caused, refusals with their reasons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from nats.js.errors import NotFoundError
from pydantic import AwareDatetime, BaseModel, ValidationError
from sqlalchemy import ColumnElement, Row, true
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.projection.read_after_write import REFUSALS, SUBMISSIONS, projected
from services.intake.service import Serving
from services.intake.storage import queries
from services.intake.storage.tables import ChangeRow, ReviewRow
from shared.access.caller import Caller
from shared.contracts import subjects
from shared.contracts.refs import UnitCode
from shared.contracts.status import Stage
from shared.contracts.submission import AcceptedSubmission, CausedChange, Refusal, Review, Tracked
from shared.http.dependencies import SignedIn
from shared.http.paging import NumberCursor, up_to
from shared.problems import Fault, Faults, Problem, Problems
from shared.service.runtime import Runtime

router = APIRouter()

State = Literal["accepted", "scored", "parked", "returned"]
Limit = Annotated[int, up_to(200)]


class RefusedSubmission(BaseModel):
    """What was refused, and why."""

    status: Literal["refused"] = "refused"
    id: UUID
    agency: str
    received_at: AwareDatetime
    problem: dict[str, object]
    submission: object = None


class TrackedPage(BaseModel):
    """Submissions, the newest first."""

    items: list[Tracked]
    next: int | None


class RefusalPage(BaseModel):
    """Refusals, the newest first; each whole under `/v1/submissions/{id}`."""

    items: list[RefusedSubmission]
    next: int | None


@router.get("/v1/submissions/{submission_id}")
async def get_submission(intake: Serving, caller: SignedIn, submission_id: UUID) -> Tracked | RefusedSubmission:
    """What became of a submission: accepted, scored (with the changes it caused), returned, parked, or refused."""
    runtime = intake.runtime
    row = await submission_row(runtime, submission_id)
    if row is None:
        return await _refused(runtime, caller, submission_id)
    if not _may_see(row, caller, runtime):
        raise Problem(Problems.NOT_FOUND)
    body, scored_until = await body_of(runtime, row), await intake.scoring_progress.scored_until()
    async with runtime.engine.connect() as connection:
        found = (await tracked(connection, [row], scored_until))[0]
    return found.model_copy(update={"submission": body})


@router.get("/v1/submissions")
async def list_submissions(
    intake: Serving,
    caller: SignedIn,
    agency: Annotated[str | None, Query(max_length=100)] = None,
    status: State | None = None,
    unit: UnitCode | None = None,
    stage: Stage | None = None,
    cursor: NumberCursor = None,
    limit: Limit = 50,
) -> TrackedPage:
    """Submissions, the newest first: the caller's own, or those of its units when it asks for a unit or an agency."""
    runtime = intake.runtime
    scored_until = await intake.scoring_progress.scored_until()
    table = queries.submission
    conditions: list[ColumnElement[bool]] = [true()]
    if agency is None and unit is None:
        conditions.append(table.c.agency == caller.agency)
    else:
        conditions += _of_units(caller, unit, runtime) if agency != caller.agency or unit else []
        if agency is not None:
            conditions.append(table.c.agency == agency)
    if status is not None:
        conditions.append(queries.state_is(status, scored_until))
    if stage is not None:
        conditions.append(table.c.stage == stage)
    if cursor is not None:
        conditions.append(table.c.sequence < cursor)
    async with runtime.engine.connect() as connection:
        rows = await queries.page(connection, table, conditions, limit)
        items = await tracked(connection, rows, scored_until)
    return TrackedPage(items=items, next=rows[-1].sequence if len(rows) == limit else None)


@router.get("/v1/refusals")
async def list_refusals(
    intake: Serving, caller: SignedIn, cursor: NumberCursor = None, limit: Limit = 50
) -> RefusalPage:
    """What the caller's agency was refused, the newest first."""
    runtime = intake.runtime
    table = queries.refusal
    conditions: list[ColumnElement[bool]] = [table.c.agency == caller.agency]
    if cursor is not None:
        conditions.append(table.c.sequence < cursor)
    async with runtime.engine.connect() as connection:
        rows = await queries.page(connection, table, conditions, limit)
    items = [
        RefusedSubmission(id=row.id, agency=row.agency, received_at=row.received_at, problem=row.problem)
        for row in rows
    ]
    return RefusalPage(items=items, next=rows[-1].sequence if len(rows) == limit else None)


async def submission_row(runtime: Runtime, submission_id: UUID) -> Row[Any] | None:
    """The row of a submission, also of one that was accepted this very moment."""

    async def look() -> Row[Any] | None:
        async with runtime.engine.connect() as connection:
            return await queries.submission_of(connection, submission_id)

    return await projected(runtime.nats, subjects.SUBMISSIONS_STREAM, SUBMISSIONS, look)


async def tracked(connection: AsyncConnection, rows: Sequence[Row[Any]], scored_until: int) -> list[Tracked]:
    """The rows of `submission` with the changes they caused and what was decided about them."""
    ids = [row.id for row in rows]
    changes = await queries.bodies_of(connection, ChangeRow, ids)
    reviews = await queries.bodies_of(connection, ReviewRow, ids)
    parked = await queries.parked_among(connection, [row.sequence for row in rows])
    return [
        Tracked(
            status=_state(row.sequence, reviews[row.id], scored_until, parked),
            receipt=queries.receipt_in(row),
            agency=row.agency,
            stage=row.stage,
            revision=row.revision,
            changes=[CausedChange.model_validate(one) for one in changes[row.id]],
            reviews=[Review.model_validate(one) for one in reviews[row.id]],
        )
        for row in rows
    ]


async def body_of(runtime: Runtime, row: Row[Any]) -> AcceptedSubmission | None:
    """The submission itself, from the log; None where the log has lost or damaged it (`ntm audit verify` says so)."""
    try:
        message = await runtime.nats.jetstream().get_msg(subjects.SUBMISSIONS_STREAM, row.sequence)
        return AcceptedSubmission.model_validate_json(message.data or b"")
    except (NotFoundError, ValidationError):
        return None


async def _refused(runtime: Runtime, caller: Caller, refusal_id: UUID) -> RefusedSubmission:
    async def look() -> Row[Any] | None:
        async with runtime.engine.connect() as connection:
            return await queries.refusal_of(connection, refusal_id)

    row = await projected(runtime.nats, subjects.REFUSALS_STREAM, REFUSALS, look)
    if row is None or row.agency != caller.agency:
        raise Problem(Problems.NOT_FOUND)
    found = RefusedSubmission(id=row.id, agency=row.agency, received_at=row.received_at, problem=row.problem)
    try:
        message = await runtime.nats.jetstream().get_msg(subjects.REFUSALS_STREAM, row.sequence)
    except NotFoundError:
        return found  # older than the stream keeps
    return found.model_copy(update={"submission": Refusal.model_validate_json(message.data or b"").submission})


def _state(sequence: int, reviews: Sequence[dict[str, Any]], scored_until: int, parked: set[int]) -> State:
    if any(review["decision"] == "returned" for review in reviews):
        return "returned"
    if sequence in parked:
        return "parked"
    return "scored" if sequence <= scored_until else "accepted"


def _may_see(row: Row[Any], caller: Caller, runtime: Runtime) -> bool:
    """Who sent it, and whose units it is about."""
    units = runtime.reference.units
    return row.agency == caller.agency or caller.covers_unit(units.by_key(row.unit), units)


def _of_units(caller: Caller, code: str | None, runtime: Runtime) -> list[ColumnElement[bool]]:
    """The units that are asked for, as far as the caller's key reaches."""
    units = runtime.reference.units
    known = units.known(code) if code is not None else list(units)
    covered = [unit for unit in known if caller.covers_unit(unit, units)]
    if code is not None and not covered:
        kind = Faults.OUTSIDE_UNITS if known else Faults.UNKNOWN_UNIT
        raise Problem(Problems.OUT_OF_SCOPE if known else Problems.INVALID_QUERY, Fault("/unit", kind, {"value": code}))
    under = [unit.key for unit in units if any(units.is_under(unit, one.code) for one in covered)] if code else []
    return [queries.submission.c.unit.in_(under or [unit.key for unit in covered])]
