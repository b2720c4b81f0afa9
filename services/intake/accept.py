"""The use case of intake: check, sign in, publish, give receipts. Nothing is accepted before it is on disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

import structlog
from prometheus_client import Counter

from services.intake import rules
from shared.access import Caller
from shared.contracts import AcceptedSubmission, Receipt, Refusal, Submission, subjects
from shared.contracts.words import Language
from shared.messaging import BrokerUnavailableError, Message, cloud_event, publish
from shared.problems import Fault, Faults, Problem, Problems
from shared.reference.load import Reference
from shared.runtime import Runtime

log = structlog.get_logger()

ACCEPTED = Counter("ntm_submissions_accepted", "Submissions accepted")
REFUSED = Counter("ntm_submissions_refused", "Submissions refused", ["code"])

ITEM_LIMIT = 1000
"""Submissions in one array: what fits one atomic batch."""

_KEPT_CHARACTERS = 4000


@dataclass(frozen=True, slots=True)
class Posted:
    """What came with a request."""

    caller: Caller
    body: object
    idempotency_key: str | None = None
    trace: str | None = None
    language: Language = "vi"


type Outcome = Receipt | Problem


async def accept(runtime: Runtime, posted: Posted) -> list[Outcome]:
    """Answer every submission of the request with a receipt or a problem, in order.

    All acceptable ones go out together, as one atomic batch. A refused one refuses no other. Raises a problem when
    the request as a whole cannot be taken, and 503 when the broker does not acknowledge: then nothing is accepted
    for certain, and repeating the request with its `Idempotency-Key` is safe.
    """
    now = runtime.clock.now()
    items = _items(posted.body)
    outcomes: list[Outcome] = []
    messages: list[Message] = []
    for number, item in enumerate(items):
        checked = check(item, posted.caller, runtime.reference, now)
        if isinstance(checked, Problem):
            outcomes.append(checked)
            REFUSED.labels(checked.kind.code).inc()
            messages.append(_refusal(checked, item, posted, now))
            continue
        signed = _sign_in(checked, _id(posted, number, checked), posted.caller, runtime.reference, now)
        outcomes.append(_receipt(signed))
        messages.append(_message(signed, posted.trace))
    try:
        await publish(runtime.nats, [message for message in messages if not _is_refusal(message)])
        await publish(runtime.nats, [message for message in messages if _is_refusal(message)])
    except BrokerUnavailableError as error:
        log.warning("not accepted", agency=posted.caller.agency, items=len(items), error=str(error))
        raise Problem(Problems.UNAVAILABLE, headers={"Retry-After": "2"}) from error
    ACCEPTED.inc(sum(isinstance(outcome, Receipt) for outcome in outcomes))
    return outcomes


def check(item: object, caller: Caller, reference: Reference, now: datetime) -> Submission | Problem:
    """Whether one submission is acceptable; the problem has every fault that it has."""
    parsed = rules.parse(item)
    if isinstance(parsed, list):
        return Problem(Problems.REFUSED, *parsed)
    if faults := rules.examine(parsed, caller, reference, now.date()):
        kind = Problems.OUT_OF_SCOPE if rules.is_out_of_scope(faults) else Problems.REFUSED
        return Problem(kind, *faults)
    return parsed


def _items(body: object) -> Sequence[object]:
    if not isinstance(body, list):
        return [body]
    if not body:
        raise Problem(Problems.REFUSED, Fault("", Faults.EMPTY))
    if len(body) > ITEM_LIMIT:
        fault = Fault("", Faults.TOO_LONG, {"expected": f"{ITEM_LIMIT} submissions"})
        raise Problem(Problems.TOO_MANY_ITEMS, fault)
    return body


def _id(posted: Posted, number: int, submission: Submission) -> UUID:
    """The same for a repeated request with its key, so that the stream and scoring take it once. Another body under
    the same key is another submission: nothing that gets a receipt is dropped.
    """
    if posted.idempotency_key is None:
        return uuid4()
    words = (posted.caller.agency, posted.idempotency_key, number, submission.model_dump_json())
    return uuid5(NAMESPACE_URL, "/".join(str(word) for word in words))


def _sign_in(
    submission: Submission, submission_id: UUID, caller: Caller, reference: Reference, now: datetime
) -> AcceptedSubmission:
    unit = reference.units.find(submission.unit, submission.period.end)
    district = reference.units.district(unit) if unit else None
    content = submission.model_dump(mode="json")
    return AcceptedSubmission(
        **submission.model_dump(),
        id=submission_id,
        agency=caller.agency,
        district=district.code if district else None,
        received_at=now,
        digest=hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest(),
    )


def _receipt(signed: AcceptedSubmission) -> Receipt:
    return Receipt(
        id=signed.id,
        unit=signed.unit,
        period=signed.period,
        received_at=signed.received_at,
        digest=signed.digest,
    )


def _message(signed: AcceptedSubmission, trace: str | None) -> Message:
    return cloud_event(
        subjects.submission(signed.district, signed.unit),
        signed.model_dump_json().encode(),
        event_id=signed.id,
        kind="submission.accepted",
        source="intake",
        at=signed.received_at,
        trace=trace,
    )


def _refusal(problem: Problem, item: object, posted: Posted, now: datetime) -> Message:
    text = json.dumps(item, ensure_ascii=False, default=str)
    refusal = Refusal(
        id=uuid4(),
        agency=posted.caller.agency,
        received_at=now,
        problem=problem.document(posted.language),
        submission=item if len(text) <= _KEPT_CHARACTERS else text[:_KEPT_CHARACTERS],
    )
    return cloud_event(
        subjects.refusal(posted.caller.agency),
        refusal.model_dump_json().encode(),
        event_id=refusal.id,
        kind="submission.refused",
        source="intake",
        at=now,
        trace=posted.trace,
    )


def _is_refusal(message: Message) -> bool:
    return message.subject.startswith(subjects.refusal(""))
