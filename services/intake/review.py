"""Stages: a district verifies (thẩm tra) what was reported, a sector confirms (thẩm định) it, or sends it back."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import NAMESPACE_URL, UUID, uuid5

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from services.intake import queries, rules
from services.intake.accept import Intake, receipts_of, screen
from services.intake.entry import Posted, review_message
from services.intake.receipts import body_of
from services.intake.tables import ReviewRow
from shared.access import Caller, authenticate
from shared.contracts import AcceptedSubmission, Review, Stage, Submission
from shared.contracts.problem_report import Words
from shared.messaging import BrokerUnavailableError, new_trace, publish
from shared.problems import Fault, Faults, Problem, Problems
from shared.runtime import Runtime
from shared.web import language_of

router = APIRouter()

Called = Annotated[Caller, Depends(authenticate)]


class Decision(BaseModel):
    """What an office decides about a submission: the body of `POST /v1/submissions/{id}/review`."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {"decision": "verified"},
                {"decision": "returned", "reason": "Số hộ nghèo chưa trừ 3 hộ đã chuyển đi."},
            ]
        },
    )

    decision: Literal["verified", "confirmed", "returned"]
    reason: Words | None = Field(default=None, description="Needed where it is returned.")


@router.post("/v1/submissions/{submission_id}/review", status_code=202)
async def review_submission(request: Request, caller: Called, submission_id: UUID, decision: Decision) -> Review:
    """Verify, confirm or return a submission; verified and confirmed figures go out again at their new stage.

    `verified` needs a key for the whole district, `confirmed` one for the province; either may return what has not
    come further than its own stage. A returned figure stays what was reported until a correction comes, of a higher
    revision.
    """
    intake: Intake = request.app.state.intake
    posted = Posted(caller, language_of(request), new_trace(request.headers.get("traceparent")))
    return await review(intake, posted, submission_id, decision)


async def review(intake: Intake, posted: Posted, submission_id: UUID, decision: Decision) -> Review:
    """The same decision again gives the same answer; problem 404, 403 or 409 where it cannot be made."""
    runtime, caller = intake.runtime, posted.caller
    async with runtime.engine.connect() as connection:
        made_before = (await queries.bodies_of(connection, ReviewRow, [submission_id]))[submission_id]
    for earlier in map(Review.model_validate, made_before):
        if (earlier.decision, earlier.agency) == (decision.decision, caller.agency):
            return earlier
    original = await _original(runtime, caller, submission_id)
    stage = Stage.REPORTED if decision.decision == "returned" else Stage(decision.decision)
    if decision.decision == "returned":
        if decision.reason is None:
            raise Problem(Problems.REFUSED, Fault("/reason", Faults.MISSING))
        _check_may_return(original, caller, runtime)
    elif stage.rank <= original.stage.rank:
        raise Problem(Problems.REVIEWED)
    made = Review(
        id=uuid5(NAMESPACE_URL, f"{original.id}/{decision.decision}/{caller.agency}"),
        submission=original.id,
        decision=decision.decision,
        reason=decision.reason,
        agency=caller.agency,
        key=caller.key,
        at=runtime.clock.now(),
        unit=original.unit,
        period=original.period,
    )
    if decision.decision == "returned":
        await _publish(intake, made, original.district, posted.trace)
        return made
    raised = Submission(
        unit=original.unit,
        period=original.period,
        stage=stage,
        revision=original.revision,
        source_ref=original.source_ref,
        confirmed=True,  # the office has looked at them
        readings=original.readings,
    )
    again = Posted(caller, posted.language, posted.trace, request=f"review/{original.id}/{decision.decision}")
    entry = screen(intake, raised, 0, again, made)
    receipt = receipts_of(await intake.desk.settle([entry]))[0]
    return made.model_copy(update={"result": receipt.id})


async def _original(runtime: Runtime, caller: Caller, submission_id: UUID) -> AcceptedSubmission:
    """The submission, if it is the caller's to judge and its figures are those that stand."""
    units = runtime.reference.units
    async with runtime.engine.connect() as connection:
        row = await queries.submission_of(connection, submission_id)
        if row is None or not caller.covers_unit(units.by_key(row.unit), units):
            raise Problem(Problems.NOT_FOUND)
        original = await body_of(runtime, row)
        standing = await queries.standing_submissions(connection, row.unit, row.period, original.readings)
    if row.returned_at is not None:
        raise Problem(Problems.REVIEWED)
    if standing and submission_id not in standing.values():
        fault = Fault("/submission", Faults.SUPERSEDED, {"value": str(min(standing.values()))})
        raise Problem(Problems.REVIEWED, fault)
    return original


def _check_may_return(original: AcceptedSubmission, caller: Caller, runtime: Runtime) -> None:
    """Who may raise a figure to the next stage may send it back instead."""
    following = Stage.VERIFIED if original.stage is Stage.REPORTED else Stage.CONFIRMED
    raised = original.model_copy(update={"stage": following})
    if faults := rules.examine(raised, caller, runtime.reference, runtime.clock.today()):
        raise Problem(Problems.OUT_OF_SCOPE if rules.is_out_of_scope(faults) else Problems.REFUSED, *faults)


async def _publish(intake: Intake, made: Review, district: str | None, trace: str | None) -> None:
    intake.desk.check_open()
    try:
        await publish(intake.runtime.nats, [review_message(made, district, trace)])
    except BrokerUnavailableError as error:
        raise Problem(Problems.UNAVAILABLE, headers={"Retry-After": "2"}) from error
