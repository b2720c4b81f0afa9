"""The use case of intake: check, sign in, publish, give receipts. Nothing is accepted before it is on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from services.intake import rules
from services.intake.admission.candidate import Candidate, Checked, Posted, Refused, Ruling
from services.intake.admission.digest import digest_of, identity
from services.intake.admission.group_commit import GroupCommit, Outcome
from services.intake.projection.scoring_progress import Progress
from shared.access.authenticator import Authenticator
from shared.contracts.submission import Receipt, Submission
from shared.problems import Fault, Faults, Problem, Problems
from shared.service.parking import ParkingPlace
from shared.service.runtime import Runtime

ITEM_LIMIT = 1000
"""Submissions in one array or workbook: what fits one atomic batch."""


@dataclass(frozen=True, slots=True)
class Intake:
    """What the doors need."""

    runtime: Runtime
    authenticator: Authenticator
    desk: GroupCommit
    progress: Progress
    parking: ParkingPlace


async def accept(intake: Intake, body: object, posted: Posted) -> list[Outcome]:
    """Answer every submission of a request's JSON (an object or an array) with a receipt or a problem, in order.

    A refused one refuses no other. Raises a problem when the request as a whole cannot be taken: 409 when its
    `Idempotency-Key` was used for other content, 429 and 503 (`Retry-After`) when it should come again. Repeating a
    request is always safe: what was accepted already gets the receipt it had.
    """
    return await intake.desk.settle(
        [screen(intake, item, number, posted) for number, item in enumerate(items_of(body))]
    )


async def accept_whole(intake: Intake, items: Sequence[object], posted: Posted) -> list[Outcome]:
    """All submissions or none: problems for all when one has a fault."""
    screened = [screen(intake, item, number, posted) for number, item in enumerate(items)]
    return await intake.desk.settle(screened, whole=True)


async def look(intake: Intake, items: Sequence[object], posted: Posted) -> list[Checked]:
    """Everything there is to say about submissions, of which none is accepted."""
    screened = [screen(intake, item, number, posted) for number, item in enumerate(items)]
    entries = [one for one in screened if isinstance(one, Candidate)]
    checked = iter(await intake.desk.look(entries))
    return [next(checked) if isinstance(one, Candidate) else Checked(None, one.problem.faults) for one in screened]


def screen(
    intake: Intake, item: object, number: int, posted: Posted, ruling: Ruling | None = None
) -> Candidate | Refused:
    """Check one submission by itself: its shape, its figures, the key's scope. The problem has every fault it has."""
    reference = intake.runtime.reference
    today = intake.runtime.clock.today()
    submission = item if isinstance(item, Submission) else rules.parse(item, reference)
    if isinstance(submission, list):
        return Refused(item, posted, Problem(Problems.REFUSED, *submission))
    if faults := rules.examine(submission, posted.caller, reference, today):
        kind = Problems.OUT_OF_SCOPE if rules.is_out_of_scope(faults) else Problems.REFUSED
        return Refused(item, posted, Problem(kind, *faults))
    unit = reference.units.find(submission.unit, submission.period.end)
    assert unit is not None  # noqa: S101 - examine() has found it
    digest = digest_of(submission)
    return Candidate(
        id=identity(posted, number, digest),
        item=item,
        posted=posted,
        submission=submission,
        unit=unit,
        due=rules.due(submission, unit, reference, today),
        digest=digest,
        ruling=ruling,
    )


def items_of(body: object) -> Sequence[object]:
    """The submissions of a request; a problem when there are none, or too many."""
    if not isinstance(body, list):
        return [body]
    if not body:
        raise Problem(Problems.REFUSED, Fault("", Faults.EMPTY))
    if len(body) > ITEM_LIMIT:
        raise Problem(Problems.TOO_MANY_ITEMS, Fault("", Faults.TOO_LONG, {"expected": ITEM_LIMIT}))
    return body


def content_digest(content: bytes) -> str:
    """What an `Idempotency-Key` belongs to: SHA-256 of the request's content, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def receipts_of(outcomes: Sequence[Outcome]) -> list[Receipt]:
    """The receipts of what was accepted whole; the first problem is raised where it was not."""
    for outcome in outcomes:
        if isinstance(outcome, Problem):
            raise outcome
    return [outcome for outcome in outcomes if isinstance(outcome, Receipt)]
