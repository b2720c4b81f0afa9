"""Pure: a submission on its way through the door, and how it is signed in: identity, digest, messages."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from services.intake.rules.standing_figures import StandingReading
from shared.access.caller import Caller
from shared.contracts import subjects
from shared.contracts.bilingual import Language
from shared.contracts.submission import AcceptedSubmission, Receipt, Refusal, Review, Submission, SubmissionWarning
from shared.nats.cloud_events import Message, cloud_event
from shared.problems import Fault, Problem
from shared.reference.models import Unit
from shared.reference.units import Units
from shared.stable_id import stable_id

REQUEST_HEADER = "ntm-request"
REQUEST_DIGEST_HEADER = "ntm-request-digest"
REQUEST_KEY = r"^[\x20-\x7e]{1,200}$"
"""An `Idempotency-Key`: what every header and database carries as it is."""

_KEPT_CHARACTERS = 4000


@dataclass(frozen=True, slots=True)
class Posted:
    """What a request says besides its submissions."""

    caller: Caller
    language: Language = "vi"
    trace: str | None = None
    request: str | None = None
    """The `Idempotency-Key`."""
    request_digest: str | None = None
    """SHA-256 of the request's whole content, where it was at hand: the key belongs to this content alone."""


@dataclass(frozen=True, slots=True)
class Refused:
    """An item that cannot be taken, and why."""

    item: object
    posted: Posted
    problem: Problem


@dataclass(frozen=True, slots=True)
class Ruling:
    """An office's decision that makes a submission of an earlier one, whose warnings go with the figures."""

    review: Review
    warnings: Sequence[SubmissionWarning] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A submission that is acceptable by itself. What stands already is still to be asked."""

    id: UUID
    item: object
    posted: Posted
    submission: Submission
    unit: Unit
    due: date | None
    digest: str
    ruling: Ruling | None = None
    """The decision that made it, which is published with it."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A submission with everything there is to say about it, before it is accepted."""

    entry: Candidate | None
    faults: Sequence[Fault] = ()
    warnings: Sequence[SubmissionWarning] = ()
    before: dict[str, StandingReading] = field(default_factory=dict)
    """By element: the figure that stands for the same period, else the newest earlier one."""

    @property
    def submission(self) -> Submission | None:
        """What was read, where it could be read."""
        return self.entry.submission if self.entry else None

    @property
    def due(self) -> date | None:
        """The day it was due, where it is late."""
        return self.entry.due if self.entry else None


def canonical(submission: Submission) -> bytes:
    """The submission as its digest sees it: RFC 8785 (sorted names, no spaces), without fields at their default."""
    content: dict[str, Any] = {
        name: value for name, default in _OPTIONAL.items() if (value := getattr(submission, name)) != default
    }
    content["unit"], content["period"] = submission.unit, submission.period.text
    content["readings"] = {code: _plain(value) for code, value in submission.readings.items()}
    return _ENCODER.encode(content).encode()


_OPTIONAL = {name: field.default for name, field in Submission.model_fields.items() if not field.is_required()}
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def digest_of(submission: Submission) -> str:
    """What a receipt proves: SHA-256 of the canonical submission, in hexadecimal."""
    return hashlib.sha256(canonical(submission)).hexdigest()


def identity(posted: Posted, number: int, digest: str) -> UUID:
    """The same whenever the same is sent: by the request's key and the item's number in it, else by content.

    So a client that repeats a request after a lost answer is known again, however late.
    """
    words = (posted.request, str(number)) if posted.request is not None else (digest,)
    return stable_id(posted.caller.agency, *words)


def sign_in(entry: Candidate, warnings: Sequence[SubmissionWarning], units: Units, now: datetime) -> AcceptedSubmission:
    """The submission as it is published: who sent it, when, what is remarkable about it."""
    district = units.district(entry.unit)
    submission, caller = entry.submission, entry.posted.caller
    told = {(warning.code, warning.pointer) for warning in warnings}
    inherited = entry.ruling.warnings if entry.ruling else ()
    return AcceptedSubmission(
        unit=submission.unit,
        period=submission.period,
        stage=submission.stage,
        revision=submission.revision,
        source_ref=submission.source_ref,
        confirmed=submission.confirmed,
        readings=submission.readings,
        id=entry.id,
        agency=caller.agency,
        key=caller.key,
        unit_key=entry.unit.key,
        district=district.code if district else None,
        received_at=now,
        digest=entry.digest,
        due=entry.due,
        warnings=[*warnings, *(one for one in inherited if (one.code, one.pointer) not in told)],
        reviews=entry.ruling.review.submission if entry.ruling else None,
    )


def receipt(signed: AcceptedSubmission) -> Receipt:
    """What the sender is given."""
    return Receipt(
        id=signed.id,
        unit=signed.unit,
        period=signed.period,
        received_at=signed.received_at,
        digest=signed.digest,
        due=signed.due,
        warnings=signed.warnings,
    )


def messages_of(signed: AcceptedSubmission, entry: Candidate) -> list[Message]:
    """What goes out for a submission: itself, and the decision that made it."""
    posted = entry.posted
    accepted = cloud_event(
        subjects.submission(signed.district, signed.unit),
        signed.model_dump_json().encode(),
        event_id=signed.id,
        kind="submission.accepted",
        source="intake",
        at=signed.received_at,
        trace=posted.trace,
    )
    if posted.request is not None:
        accepted.headers[REQUEST_HEADER] = posted.request
    if posted.request_digest is not None:
        accepted.headers[REQUEST_DIGEST_HEADER] = posted.request_digest
    if entry.ruling is None:
        return [accepted]
    review = entry.ruling.review.model_copy(update={"result": signed.id, "at": signed.received_at})
    return [accepted, review_message(review, signed.district, posted.trace)]


def review_message(review: Review, district: str | None, trace: str | None) -> Message:
    """A decision about a submission."""
    return cloud_event(
        subjects.review(district, review.unit),
        review.model_dump_json().encode(),
        event_id=review.id,
        kind=f"submission.{review.decision}",
        source="intake",
        at=review.at,
        trace=trace,
    )


def refusal_of(refused: Refused, now: datetime) -> tuple[UUID, Message]:
    """The record of what was refused, and its id."""
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
