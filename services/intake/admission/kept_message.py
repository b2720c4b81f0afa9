"""Messages of the log that are read again by their numbers.

A number names a message only as long as the stream is the same: a stream that was made anew, or restored, gives it to
another message. So what is read is proved, by its id or its digest, to be the message that was meant.
"""

from __future__ import annotations

from nats.js.api import RawStreamMsg
from nats.js.errors import BadRequestError, NotFoundError
from pydantic import ValidationError

from services.intake.admission.digest import proves
from services.intake.storage.receipts import StoredReceipt
from shared.contracts import subjects
from shared.contracts.submission import AcceptedSubmission
from shared.nats.cloud_events import MESSAGE_ID, Message
from shared.nats.publishing import Stored
from shared.problems import Problem, Problems
from shared.service.runtime import Runtime


async def first_published(runtime: Runtime, stream: str, place: Stored, message: Message) -> RawStreamMsg:
    """Return the message that the stream had under the id of one published again.

    Problem `log_differs` where the stream has no longer that message at the place, or one that is not proved.
    """
    try:
        kept = await runtime.nats.jetstream().get_msg(stream, place.sequence)
    except NotFoundError as error:
        raise Problem(Problems.LOG_DIFFERS) from error
    is_meant = (kept.headers or {}).get(MESSAGE_ID) == message.headers[MESSAGE_ID]
    if not is_meant or runtime.proof.fault_of_kept(stream, kept):
        raise Problem(Problems.LOG_DIFFERS)
    return kept


async def submission_kept(runtime: Runtime, stored: StoredReceipt) -> AcceptedSubmission | None:
    """Return the submission of a receipt; None where the log has lost or damaged it, or has another in its place."""
    try:
        message = await runtime.nats.jetstream().get_msg(subjects.SUBMISSIONS_STREAM, stored.sequence)
        submission = AcceptedSubmission.model_validate_json(message.data or b"")
    except (NotFoundError, BadRequestError, ValidationError):  # a damaged row may name a number that no message has
        return None
    is_meant = submission.id == stored.id and submission.digest == stored.receipt.digest
    if not is_meant or runtime.proof.fault_of_kept(subjects.SUBMISSIONS_STREAM, message):
        return None
    return submission if proves(submission.digest, submission) else None
