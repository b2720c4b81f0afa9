"""Stages: a district verifies (thẩm tra) what was reported, a sector confirms (thẩm định) it, or sends it back."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from services.intake import rules
from services.intake.admission.accept import receipts_of
from services.intake.admission.candidate import Posted, Ruling
from services.intake.admission.digest import identity
from services.intake.admission.kept_message import first_published
from services.intake.admission.messages import review_message
from services.intake.doors.receipts import submission_seen_by
from services.intake.projection.read_after_write import newest_review
from services.intake.rules.standing_figures import Figures
from services.intake.service import Intake, Serving
from services.intake.storage import figures, receipts
from shared.contracts import subjects
from shared.contracts.difficulty import Words
from shared.contracts.status import Stage
from shared.contracts.submission import AcceptedSubmission, Review, Submission, Value
from shared.http.app import language_of
from shared.http.body import JsonRoute
from shared.http.dependencies import SignedIn
from shared.nats.cloud_events import trace_at_hand
from shared.nats.publishing import BrokerUnavailableError, SubjectMovedError, publish_next
from shared.problems import Fault, Faults, Problem, Problems
from shared.service.unavailable import unavailable
from shared.stable_id import stable_id

_ATTEMPTS = 5
"""Attempts when offices decide about submissions of the same commune at the same moment."""

router = APIRouter(route_class=JsonRoute, strict_content_type=False)


class Decision(BaseModel):
    """An office's decision on a submission: the body of `POST /v1/submissions/{id}/review`."""

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
    reason: Words | None = Field(default=None, description="Needed for `returned`.")


@router.post("/v1/submissions/{submission_id}/review", status_code=202)
async def review_submission(
    request: Request, intake: Serving, caller: SignedIn, submission_id: UUID, decision: Decision
) -> Review:
    """Verify, confirm or return a submission; verified and confirmed figures go out again at their new stage.

    `verified` needs a key for the whole district, `confirmed` one for the province; either key may return
    a submission that has not passed its own stage. Until a correction of a higher revision comes, a returned figure
    counts no longer where the plan counts verified figures only; else it counts, and is shown as returned.
    """
    posted = Posted(caller, language_of(request), trace_at_hand())
    return await review(intake, posted, submission_id, decision)


async def review(intake: Intake, posted: Posted, submission_id: UUID, decision: Decision) -> Review:
    """Carry out a decision and return its record; the same decision again gets the same record.

    Problem 404, 403 or 409 where the decision cannot be made. Of two offices that decide at once the second looks
    again.
    """
    for _ in range(_ATTEMPTS):
        try:
            return await _decide(intake, posted, submission_id, decision)
        except SubjectMovedError:
            continue
    raise Problem(Problems.UNAVAILABLE, headers={"Retry-After": "1"})


async def _decide(intake: Intake, posted: Posted, submission_id: UUID, decision: Decision) -> Review:
    runtime, caller = intake.runtime, posted.caller
    stored, original = await submission_seen_by(runtime, caller, submission_id)
    newest = await newest_review(runtime.nats, original.district, original.unit)
    async with runtime.engine.connect() as connection:
        ids = [one for one in (submission_id, original.reviews) if one]
        withdrawals = await receipts.withdrawals_of(connection, ids)
        if withdrawal := next(iter(withdrawals.values()), None):
            raise Problem(Problems.WITHDRAWN, rules.withdrawn(withdrawal, original.revision + 1))
        earlier = (await receipts.reviews_of(connection, [submission_id]))[submission_id]
        elements = " ".join(original.readings)
        lookup = figures.FigureLookup(stored.unit, original.period, elements, elements)
        standing = (await figures.standing(connection, [lookup])).figures(stored.unit, original.period)
        results = await receipts.withdrawals_of(connection, [one.result for one in earlier if one.result])
    for other in earlier:
        if other.result in results:
            raise Problem(Problems.WITHDRAWN, rules.withdrawn(results[other.result], original.revision + 1))
        if (other.decision, other.agency) == (decision.decision, caller.agency):
            return other
    if any(other.decision == "returned" for other in earlier):
        raise Problem(Problems.REVIEWED)
    made = Review(
        id=stable_id(original.id, decision.decision, caller.agency),
        submission=original.id,
        decision=decision.decision,
        reason=decision.reason,
        agency=caller.agency,
        agency_name=caller.name or None,
        key=caller.key,
        at=runtime.clock.now(),
        unit=original.unit,
        period=original.period,
    )
    if decision.decision == "returned":
        return await _send_back(intake, posted, original, made, standing, newest)
    return await _raise(intake, posted, original, made, standing, newest)


async def _raise(
    intake: Intake, posted: Posted, original: AcceptedSubmission, made: Review, standing: Figures, newest: int
) -> Review:
    """Send the figures out again at the stage that the decision gives them."""
    stage = Stage(made.decision)
    if stage.rank <= original.stage.rank:
        raise Problem(Problems.REVIEWED)
    again = replace(posted, request=f"review/{original.id}/{made.decision}")
    async with intake.runtime.engine.connect() as connection:
        known = await receipts.find(connection, identity(again, 0, original.digest))
    if known is not None:  # the submission comes to the tables a moment before the decision does
        return made.model_copy(update={"result": known.id, "key": known.key, "at": known.receipt.received_at})
    readings = _open_readings(original, stage, standing)
    at_stage = Submission(
        unit=original.unit,
        period=original.period,
        stage=stage,
        revision=original.revision,
        source_ref=original.source_ref,
        confirmed=True,  # the office has seen the warnings
        readings=readings,
    )
    about = {f"/readings/{code}" for code in readings}
    warnings = [warning for warning in original.warnings if warning.pointer in about]
    ruling = Ruling(made, warnings, original.district, newest)
    receipt = receipts_of(
        await intake.admission.group_commit.submit([intake.admission.screen(at_stage, 0, again, ruling)])
    )[0]
    return made.model_copy(update={"result": receipt.id, "at": receipt.received_at})


async def _send_back(
    intake: Intake, posted: Posted, original: AcceptedSubmission, made: Review, standing: Figures, newest: int
) -> Review:
    """Tell the sender that the submission has to be corrected. A key that may raise a figure to the next stage may
    also send it back.
    """
    runtime = intake.runtime
    if made.reason is None:
        raise Problem(Problems.REFUSED, Fault("/reason", Faults.MISSING))
    if faults := rules.examine(raised(original), posted.caller, runtime.reference, runtime.clock.today()):
        raise Problem(Problems.OUT_OF_SCOPE if rules.is_out_of_scope(faults) else Problems.REFUSED, *faults)
    _open_readings(original, raised(original).stage, standing)
    intake.admission.group_commit.check_open()
    try:
        message = review_message(made, original.district, posted.trace)
        stored = await publish_next(runtime.nats, message, newest)
    except BrokerUnavailableError as error:
        raise unavailable(error) from error
    if not stored.duplicate:
        return made
    first = await first_published(runtime, subjects.SUBMISSIONS_STREAM, stored, message)
    return Review.model_validate_json(first.data or b"")


def raised(submission: AcceptedSubmission) -> AcceptedSubmission:
    """Return the submission at the next stage: who may send that may also send the submission back."""
    following = Stage.VERIFIED if submission.stage is Stage.REPORTED else Stage.CONFIRMED
    return submission.model_copy(update={"stage": following})


def _open_readings(original: AcceptedSubmission, stage: Stage, standing: Figures) -> dict[str, Value]:
    """Return the figures that a decision still concerns; problem 409 when others have taken their place."""
    readings = rules.open_readings(original, original.id, stage, standing)
    if not readings:
        raise Problem(Problems.REVIEWED, rules.superseded(standing))
    return readings
