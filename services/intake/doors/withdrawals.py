"""Withdrawals: who sent a submission takes it back with a reason, or an office that may review it does.

The submission stays in the history; its figures count no longer, and what stood before stands again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from services.intake import rules
from services.intake.admission.kept_message import first_published
from services.intake.admission.messages import withdrawal_message
from services.intake.doors.receipts import body_of, submission_seen_by
from services.intake.doors.reviews import raised
from services.intake.projection.read_after_write import newest_review
from services.intake.service import Intake, Serving
from services.intake.storage import receipts
from shared.access.agency_keys import agency_names
from shared.access.caller import Caller
from shared.contracts import subjects
from shared.contracts.difficulty import Words
from shared.contracts.submission import AcceptedSubmission, Withdrawal
from shared.http.body import JsonRoute
from shared.http.dependencies import SignedIn
from shared.nats.cloud_events import trace_at_hand
from shared.nats.publishing import (
    EXPECTED_LAST,
    EXPECTED_LAST_OF,
    BrokerUnavailableError,
    OvertakenError,
    publish_as_expected,
)
from shared.problems import Fault, Faults, Problem, Problems
from shared.service.runtime import Runtime
from shared.service.unavailable import unavailable
from shared.stable_id import stable_id

_ATTEMPTS = 5
"""Attempts when offices review submissions of the same commune at the same moment."""

router = APIRouter(route_class=JsonRoute, strict_content_type=False)


class WithdrawalRequest(BaseModel):
    """The body of `POST /v1/submissions/{id}/withdraw`."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [{"reason": "Gửi nhầm sang xã khác."}]}
    )

    reason: Words


@router.post("/v1/submissions/{submission_id}/withdraw", status_code=202)
async def withdraw_submission(
    intake: Serving, caller: SignedIn, submission_id: UUID, wish: WithdrawalRequest
) -> Withdrawal:
    """Withdraw a submission, and the submissions that verified or confirmed it; the figures before it stand again.

    For the agency that sent it, and for offices that may review it. Where an office has verified or confirmed it, the
    caller also needs to be that office, or one that may review what it sent. A withdrawal again gets the first record.
    """
    trace = trace_at_hand()
    return await withdraw(intake, caller, submission_id, wish.reason, trace)


async def withdraw(intake: Intake, caller: Caller, submission_id: UUID, reason: str, trace: str) -> Withdrawal:
    """Carry out a withdrawal and return its record.

    Problem 404 where the caller may not see the submission, 403 where another agency has to withdraw it. Where an
    office reviews one of the commune's submissions at the same moment, the withdrawal looks again.
    """
    for _ in range(_ATTEMPTS):
        try:
            return await _decide(intake, caller, submission_id, reason, trace)
        except OvertakenError:
            continue
    raise Problem(Problems.UNAVAILABLE, headers={"Retry-After": "1"})


async def _decide(intake: Intake, caller: Caller, submission_id: UUID, reason: str, trace: str) -> Withdrawal:
    runtime = intake.runtime
    _, original = await submission_seen_by(runtime, caller, submission_id)
    unit = original.district, original.unit
    newest = await newest_review(runtime.nats, *unit)
    async with runtime.engine.connect() as connection:
        if earlier := (await receipts.withdrawals_of(connection, [submission_id])).get(submission_id):
            return earlier
    submissions = [original, *await _raised_from(runtime, original)]
    await _check_rights(submissions, caller, runtime)
    intake.admission.group_commit.check_open()
    now = runtime.clock.now()
    withdrawals = [
        Withdrawal(
            id=stable_id(submission.id, "withdrawn"),
            submission=submission.id,
            reason=reason,
            agency=caller.agency,
            agency_name=caller.name or None,
            key=caller.key,
            at=now,
            unit=submission.unit,
            period=submission.period,
        )
        for submission in submissions
    ]
    messages = [withdrawal_message(one, original.district, trace) for one in withdrawals]
    messages[0].headers.update({EXPECTED_LAST: str(newest), EXPECTED_LAST_OF: subjects.review(*unit)})
    try:
        first, *_ = await publish_as_expected(runtime.nats, messages)
    except OvertakenError:
        raise
    except BrokerUnavailableError as error:
        raise unavailable(error) from error
    if not first.duplicate:
        return withdrawals[0]
    kept = await first_published(runtime, subjects.SUBMISSIONS_STREAM, first, messages[0])
    return Withdrawal.model_validate_json(kept.data or b"")


async def _raised_from(runtime: Runtime, original: AcceptedSubmission) -> list[AcceptedSubmission]:
    """Return the submissions that offices made of this one, and of those: verified, then confirmed."""
    made: list[AcceptedSubmission] = []
    awaited = [original.id]
    while awaited:
        async with runtime.engine.connect() as connection:
            reviews = await receipts.reviews_of(connection, awaited)
            results = [one.result for several in reviews.values() for one in several if one.result]
            gone = await receipts.withdrawals_of(connection, results)
            stored = [await receipts.find(connection, result) for result in results if result not in gone]
        made += (found := [await body_of(runtime, one) for one in stored if one])
        awaited = [body.id for body in found]
    return made


async def _check_rights(submissions: Sequence[AcceptedSubmission], caller: Caller, runtime: Runtime) -> None:
    """Raise problem 403 where the caller neither sent one of the submissions nor may review it."""
    others = next((one for one in submissions if not _may_withdraw(one, caller, runtime)), None)
    if others is submissions[0]:
        raise Problem(Problems.OUT_OF_SCOPE, *_limits(raised(others), caller, runtime))
    if others is not None:
        async with runtime.engine.connect() as connection:
            names = await agency_names(connection, [others.agency])
        details = {"agency": names.get(others.agency, others.agency), "stage": others.stage}
        raise Problem(Problems.OUT_OF_SCOPE, Fault("/submission", Faults.RAISED_BY_OTHERS, details))


def _may_withdraw(submission: AcceptedSubmission, caller: Caller, runtime: Runtime) -> bool:
    sent = submission.agency == caller.agency and not any(_limits(submission, caller, runtime))
    return sent or not any(_limits(raised(submission), caller, runtime))


def _limits(submission: AcceptedSubmission, caller: Caller, runtime: Runtime) -> Iterator[Fault]:
    """Yield the limits of the key that keep the caller from sending the submission itself."""
    for fault in rules.examine(submission, caller, runtime.reference, runtime.clock.today()):
        if rules.is_out_of_scope([fault]):
            yield fault
