"""The messages that admission publishes, and the receipts that it gives."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

from services.intake.admission.candidate import Candidate, Refused
from shared.contracts import subjects
from shared.contracts.difficulty import DifficultyLogged
from shared.contracts.dossier import DossierLogged
from shared.contracts.evidence import Evidence
from shared.contracts.submission import AcceptedSubmission, Receipt, Refusal, Review, SubmissionWarning, Withdrawal
from shared.nats.cloud_events import MESSAGE_ID, Message, cloud_event
from shared.reference.units import Units
from shared.stable_id import stable_id

REQUEST_HEADER = "ntm-request"


REQUEST_DIGEST_HEADER = "ntm-request-digest"


_KEPT_CHARACTERS = 4000


def sign_in(
    candidate: Candidate, warnings: Sequence[SubmissionWarning], units: Units, now: datetime
) -> AcceptedSubmission:
    """Return the submission as it is published, with its sender, the time, and its warnings."""
    district = units.district(candidate.unit)
    submission, caller = candidate.submission, candidate.posted.caller
    own = {(warning.code, warning.pointer) for warning in warnings}
    inherited = candidate.ruling.warnings if candidate.ruling else ()
    return AcceptedSubmission(
        unit=submission.unit,
        period=submission.period,
        stage=submission.stage,
        revision=submission.revision,
        source_ref=submission.source_ref,
        confirmed=submission.confirmed,
        readings=submission.readings,
        id=candidate.id,
        agency=caller.agency,
        key=caller.key,
        unit_key=candidate.unit.key,
        district=district.code if district else None,
        received_at=now,
        digest=candidate.digest,
        due=candidate.due,
        warnings=[*warnings, *(warning for warning in inherited if (warning.code, warning.pointer) not in own)],
        reviews=candidate.ruling.review.submission if candidate.ruling else None,
    )


def receipt(signed: AcceptedSubmission) -> Receipt:
    """Return the receipt for the sender."""
    return Receipt(
        id=signed.id,
        unit=signed.unit,
        period=signed.period,
        received_at=signed.received_at,
        digest=signed.digest,
        due=signed.due,
        warnings=signed.warnings,
    )


def messages_of(signed: AcceptedSubmission, candidate: Candidate) -> list[Message]:
    """Return the messages of an accepted submission: itself, and the decision that made it."""
    posted = candidate.posted
    body = signed.model_dump_json().encode()
    accepted = submission_message(signed, body, posted.request, posted.request_digest, posted.trace)
    if candidate.ruling is None:
        return [accepted]
    review = candidate.ruling.review.model_copy(update={"result": signed.id, "at": signed.received_at})
    return [accepted, review_message(review, signed.district, posted.trace)]


def submission_message(
    signed: AcceptedSubmission, body: bytes, request: str | None, request_digest: str | None, trace: str | None
) -> Message:
    """Return the message of an accepted submission, with the `Idempotency-Key` of its request and that one's digest."""
    message = cloud_event(
        subjects.submission(signed.district, signed.unit),
        body,
        event_id=signed.id,
        kind="submission.accepted",
        source="intake",
        at=signed.received_at,
        trace=trace,
    )
    if request is not None:
        message.headers[REQUEST_HEADER] = request
    if request_digest is not None:
        message.headers[REQUEST_DIGEST_HEADER] = request_digest
    return message


def claim(message: Message, agency: str, request: str) -> None:
    """Let a message go out under an id of its request's `Idempotency-Key`, of which the stream takes only one."""
    message.headers[MESSAGE_ID] = str(stable_id("request", agency, request))


def review_message(review: Review, district: str | None, trace: str | None) -> Message:
    """Return the message of a decision about a submission."""
    return cloud_event(
        subjects.review(district, review.unit),
        review.model_dump_json().encode(),
        event_id=review.id,
        kind=f"submission.{review.decision}",
        source="intake",
        at=review.at,
        trace=trace,
    )


def withdrawal_message(withdrawal: Withdrawal, district: str | None, trace: str | None) -> Message:
    """Return the message of a withdrawal."""
    return cloud_event(
        subjects.withdrawal(district, withdrawal.unit),
        withdrawal.model_dump_json().encode(),
        event_id=withdrawal.id,
        kind="submission.withdrawn",
        source="intake",
        at=withdrawal.at,
        trace=trace,
    )


def evidence_message(evidence: Evidence, trace: str | None) -> Message:
    """Return the message that evidence was attached or taken back."""
    return cloud_event(
        subjects.evidence(evidence.district, evidence.unit),
        evidence.model_dump_json().encode(),
        event_id=evidence.id,
        kind="evidence.withdrawn" if evidence.withdraws else "evidence.attached",
        source="intake",
        at=evidence.at,
        trace=trace,
    )


def difficulty_message(logged: DifficultyLogged, trace: str | None) -> Message:
    """Return the message that a difficulty was reported, answered or closed."""
    return cloud_event(
        subjects.problem(logged.unit.code),
        logged.model_dump_json().encode(),
        event_id=logged.id,
        kind=logged.event.replace("_", "."),
        source="intake",
        at=logged.at,
        trace=trace,
    )


def dossier_message(logged: DossierLogged, subject: str, trace: str | None) -> Message:
    """Return the message of a step of a dossier."""
    return cloud_event(
        subject,
        logged.model_dump_json().encode(),
        event_id=logged.id,
        kind=f"dossier.{logged.step.replace('_', '.')}",
        source="intake",
        at=logged.at,
        trace=trace,
    )


def refusal_of(refused: Refused, now: datetime) -> tuple[UUID, Message]:
    """Return the record of a refused item as a message, and its id."""
    item, posted = refused.item, refused.posted
    text = json.dumps(item, ensure_ascii=False, default=str)
    refusal = Refusal(
        id=uuid4(),
        agency=posted.caller.agency,
        received_at=now,
        problem=refused.problem.document(posted.language),
        submission=item if len(text) <= _KEPT_CHARACTERS else text[:_KEPT_CHARACTERS],
    )
    message = cloud_event(
        subjects.refusal(posted.caller.agency),
        refusal.model_dump_json().encode(),
        event_id=refusal.id,
        kind="submission.refused",
        source="intake",
        at=now,
        trace=posted.trace,
    )
    return refusal.id, message
