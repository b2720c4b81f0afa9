"""Submissions as they arrive from the stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from nats.aio.msg import Msg

from services.scoring.judging.readings import received_on
from services.scoring.storage.submissions import SubmissionValues
from shared.contracts.submission import AcceptedSubmission, Review, Withdrawal
from shared.readable import is_day
from shared.reference.load import Reference
from shared.reference.models import Unit
from shared.signatures import HEADER as SIGNATURE


@dataclass(frozen=True, slots=True)
class Arrival:
    """A submission that arrived from the stream, with the trace of its message."""

    submission: AcceptedSubmission
    trace: str | None = None
    body: str | None = None
    """The submission's JSON as it arrived."""
    signature: str | None = None
    """The signature of its message."""

    @property
    def day(self) -> date:
        """The day in Vietnam on which it was received."""
        return received_on(self.submission.received_at)


def arrival_of(message: Msg, *, traced: bool = True) -> Arrival:
    """Read a message of the stream, with its trace or, for a rebuild, without."""
    headers: Mapping[str, str] = message.headers or {}
    trace = headers.get("traceparent") if traced else None
    submission = AcceptedSubmission.model_validate_json(message.data)
    return Arrival(submission, trace, message.data.decode(), headers.get(SIGNATURE))


def unit_of(submission: AcceptedSubmission | Review | Withdrawal, reference: Reference) -> Unit:
    """Return the unit that it is about: the unit that had the code at the period's end. KeyError when none had."""
    unit = reference.units.find(submission.unit, submission.period.end)
    if unit is None:
        raise KeyError(f"unit {submission.unit} in {submission.period}")
    return unit


def check_storable(moment: datetime, *texts: str) -> None:
    """Raise ValueError or ArithmeticError where a row cannot hold these, or would not give them back."""
    if not is_day(received_on(moment)) or any("\x00" in text for text in texts):
        raise ValueError("a moment of another age, or NUL in a text")


def submission_row(arrival: Arrival, unit: Unit) -> SubmissionValues:
    """Return the row that stores a submission. ValueError or ArithmeticError where none can."""
    submission = arrival.submission
    check_storable(submission.received_at, submission.agency, submission.digest)
    return {
        "id": submission.id,
        "agency": submission.agency,
        "unit": unit.key,
        "period": submission.period.text,
        "received_at": submission.received_at,
        "digest": submission.digest,
        "body": arrival.body or submission.model_dump_json(),
        "signature": arrival.signature,
    }
