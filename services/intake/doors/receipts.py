"""Routes for receipts with the changes of status they caused, and for refusals with their reasons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from nats.js.errors import NotFoundError
from pydantic import AwareDatetime, BaseModel, Field, ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.admission.kept_message import submission_kept
from services.intake.projection.read_after_write import find_after_projection
from services.intake.service import Serving
from services.intake.storage import receipts, refusals
from services.intake.storage.evidence import of_submissions
from services.intake.storage.receipts import ReceiptFilter, StoredReceipt
from services.intake.storage.refusals import StoredRefusal
from shared.access.agency_keys import agency_names
from shared.access.caller import Caller
from shared.contracts import subjects
from shared.contracts.refs import SentUnitCode
from shared.contracts.status import Stage
from shared.contracts.submission import AcceptedSubmission, Refusal, Review, Tracked
from shared.http.dependencies import SignedIn
from shared.http.paging import Limit, NumberCursor
from shared.problems import Fault, Faults, Problem, Problems, unknown_unit
from shared.readable import read_row, read_rows
from shared.service.runtime import Runtime

router = APIRouter()

State = Literal["accepted", "scored", "parked", "returned"]


class RefusedSubmission(BaseModel):
    """A refused submission, with the reason."""

    status: Literal["refused"] = "refused"
    id: UUID
    agency: str
    received_at: AwareDatetime
    problem: dict[str, object]
    submission: object = None


class TrackedPage(BaseModel):
    """Submissions, the newest first."""

    items: list[Tracked]
    unreadable: list[UUID] = Field(default=[], description="Submissions whose stored receipt is damaged.")
    next: int | None


class RefusalPage(BaseModel):
    """Refusals, the newest first; each whole under `/v1/submissions/{id}`."""

    items: list[RefusedSubmission]
    unreadable: list[UUID] = Field(default=[], description="Refusals whose stored content is damaged.")
    next: int | None


@router.get("/v1/submissions/{submission_id}")
async def get_submission(intake: Serving, caller: SignedIn, submission_id: UUID) -> Tracked | RefusedSubmission:
    """Show the outcome of a submission: accepted, scored (with the changes it caused), returned, parked, or refused."""
    runtime = intake.runtime
    stored = await stored_receipt(runtime, submission_id)
    if stored is None:
        return await _refused(runtime, caller, submission_id)
    if not _may_see(stored, caller, runtime):
        raise Problem(Problems.NOT_FOUND)
    body, scored_until = await submission_kept(runtime, stored), await intake.scoring_progress.scored_until()
    async with runtime.engine.connect() as connection:
        found = (await tracked(connection, [stored], scored_until))[0]
    return found.model_copy(
        update={"submission": body, "content_missing": None if body else Problems.LOG_DIFFERS.title}
    )


@router.get("/v1/submissions")
async def list_submissions(
    intake: Serving,
    caller: SignedIn,
    agency: Annotated[str | None, Query(max_length=100)] = None,
    status: State | None = None,
    unit: SentUnitCode | None = None,
    stage: Stage | None = None,
    cursor: NumberCursor = None,
    limit: Limit = 50,
) -> TrackedPage:
    """List submissions, the newest first: the caller's own; those of its units when it asks for a unit or an agency."""
    runtime = intake.runtime
    scored_until = await intake.scoring_progress.scored_until()
    asks_for_own = unit is None and agency in (None, caller.agency)
    filters = ReceiptFilter(
        agency=caller.agency if asks_for_own else agency,
        units=None if asks_for_own else covered_units(caller, unit, runtime),
        state=status,
        stage=stage,
        before=cursor,
    )
    async with runtime.engine.connect() as connection:
        rows, damaged = await receipts.newest(connection, filters, scored_until, limit)
        items = await tracked(connection, rows, scored_until)
    last = min((*(row.sequence for row in rows), *(row.sequence for row in damaged)), default=None)
    return TrackedPage(
        items=items,
        unreadable=[row.id for row in damaged],
        next=last if len(rows) + len(damaged) == limit else None,
    )


@router.get("/v1/refusals")
async def list_refusals(
    intake: Serving, caller: SignedIn, cursor: NumberCursor = None, limit: Limit = 50
) -> RefusalPage:
    """List the refused submissions of the caller's agency, the newest first."""
    async with intake.runtime.engine.connect() as connection:
        rows = await refusals.newest(connection, caller.agency, cursor, limit)
    items, damaged = read_rows(rows, _refusal)
    return RefusalPage(
        items=items,
        unreadable=[row.id for row in damaged],
        next=rows[-1].sequence if len(rows) == limit else None,
    )


async def stored_receipt(runtime: Runtime, submission_id: UUID) -> StoredReceipt | None:
    """Return the receipt of a submission, also of one that was accepted this very moment."""

    async def look() -> StoredReceipt | None:
        async with runtime.engine.connect() as connection:
            return await receipts.find(connection, submission_id)

    return await find_after_projection(runtime.nats, subjects.ALL_SUBMISSIONS, look)


async def tracked(connection: AsyncConnection, rows: Sequence[StoredReceipt], scored_until: int) -> list[Tracked]:
    """Return the receipts with the changes of status that their submissions caused, and their reviews."""
    ids = [row.id for row in rows]
    changes = await receipts.changes_of(connection, ids)
    reviews = await receipts.reviews_of(connection, ids)
    originals = [row.reviews for row in rows if row.reviews]
    withdrawals = await receipts.withdrawals_of(connection, [*ids, *originals])
    evidence = await of_submissions(connection, ids)
    names = await agency_names(connection, [row.agency for row in rows])
    parked = await receipts.parked_among(connection, [row.sequence for row in rows])
    return [
        Tracked(
            status=_state(row.sequence, reviews[row.id], scored_until, parked),
            receipt=row.receipt,
            agency=row.agency,
            agency_name=names.get(row.agency),
            stage=row.stage,
            revision=row.revision,
            changes=changes[row.id],
            reviews=reviews[row.id],
            evidence=evidence[row.id],
            withdrawal=withdrawals.get(row.id) or (withdrawals.get(row.reviews) if row.reviews else None),
        )
        for row in rows
    ]


async def submission_seen_by(
    runtime: Runtime, caller: Caller, submission_id: UUID
) -> tuple[StoredReceipt, AcceptedSubmission]:
    """Return the receipt of a submission and the submission; Problem 404 where the caller may not see it.

    Problem `log_differs` where the log no longer holds it.
    """
    units = runtime.reference.units
    stored = await stored_receipt(runtime, submission_id)
    if stored is None or not caller.covers_unit(read_row(stored.unit, units.by_key), units):
        raise Problem(Problems.NOT_FOUND)
    return stored, await body_of(runtime, stored)


async def body_of(runtime: Runtime, stored: StoredReceipt) -> AcceptedSubmission:
    """Return the submission from the log; Problem `log_differs` where the log no longer holds it."""
    if (submission := await submission_kept(runtime, stored)) is None:
        raise Problem(Problems.LOG_DIFFERS)
    return submission


async def _refused(runtime: Runtime, caller: Caller, refusal_id: UUID) -> RefusedSubmission:
    async def look() -> StoredRefusal | None:
        async with runtime.engine.connect() as connection:
            return await refusals.find(connection, refusal_id)

    stored = await find_after_projection(runtime.nats, subjects.ALL_REFUSALS, look)
    if stored is None or stored.agency != caller.agency:
        raise Problem(Problems.NOT_FOUND)
    refused = read_row(stored, _refusal)
    try:
        message = await runtime.nats.jetstream().get_msg(subjects.REFUSALS_STREAM, stored.sequence)
        kept = Refusal.model_validate_json(message.data or b"")
    except (NotFoundError, ValidationError):
        return refused  # the stream keeps refusals for a year
    return refused.model_copy(update={"submission": kept.submission}) if kept.id == stored.id else refused


def _refusal(row: StoredRefusal) -> RefusedSubmission:
    return RefusedSubmission(id=row.id, agency=row.agency, received_at=row.received_at, problem=row.problem)


def _state(sequence: int, reviews: Sequence[Review], scored_until: int, parked: set[int]) -> State:
    if any(review.decision == "returned" for review in reviews):
        return "returned"
    if sequence in parked:
        return "parked"
    return "scored" if sequence <= scored_until else "accepted"


def _may_see(stored: StoredReceipt, caller: Caller, runtime: Runtime) -> bool:
    """Return whether the caller sent the submission, or its key covers the unit."""
    units = runtime.reference.units
    return stored.agency == caller.agency or caller.covers_unit(read_row(stored.unit, units.by_key), units)


def covered_units(caller: Caller, code: str | None, runtime: Runtime) -> list[int]:
    """Return the keys of the unit with this code (None: of all units) and those below it, if the caller covers them."""
    units = runtime.reference.units
    known = units.known(code) if code is not None else list(units)
    covered = [unit for unit in known if caller.covers_unit(unit, units)]
    if code is not None and not covered:
        if not known:
            raise unknown_unit("/unit", code)
        raise Problem(Problems.OUT_OF_SCOPE, Fault("/unit", Faults.OUTSIDE_UNITS, {"value": code}))
    under = [unit.key for unit in units if any(units.is_under(unit, above.code) for above in covered)] if code else []
    return under or [unit.key for unit in covered]
