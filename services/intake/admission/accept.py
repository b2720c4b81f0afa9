"""The use case of intake: check submissions, sign them in, publish them, give receipts.

Nothing is accepted before it is on disk.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from services.intake import rules
from services.intake.admission.candidate import Candidate, Checked, Posted, Refused, Ruling
from services.intake.admission.digest import digests_of, identity
from services.intake.admission.group_commit import GroupCommit, Outcome
from shared.contracts.submission import Receipt, Submission
from shared.problems import Fault, Faults, Problem, Problems
from shared.service.runtime import Runtime

_DEFAULTS = {
    name: json.dumps(field.default) for name, field in Submission.model_fields.items() if not field.is_required()
}
"""The optional fields of a submission, each with its default as JSON."""

ITEM_LIMIT = 1000
"""The most submissions in one array or workbook: as many as one atomic batch holds."""


@dataclass(frozen=True, slots=True)
class Admission:
    """Admits submissions, whichever door they come through."""

    runtime: Runtime
    group_commit: GroupCommit

    async def accept(self, body: object, posted: Posted) -> list[Outcome]:
        """Answer every submission of a request's JSON (an object or an array) with a receipt or a problem, in order.

        A refused item refuses no other. Raises a problem when the request as a whole cannot be taken: 409 when its
        `Idempotency-Key` was used for other content, 429 and 503 (`Retry-After`) when it should be repeated later.
        Repeating a request is always safe: an accepted submission gets its first receipt.
        """
        items = items_of(body)
        return await self.group_commit.submit_unscreened(len(items), lambda: self._screened(items, posted))

    async def accept_whole(self, items: Sequence[object], posted: Posted) -> list[Outcome]:
        """Accept all submissions or none: when one has a fault, all get a problem."""
        return await self.group_commit.submit(self._screened(items, posted), whole=True)

    async def check(self, items: Sequence[object], posted: Posted) -> list[Checked]:
        """Check submissions also against the standing figures, and accept none."""
        screened = self._screened(items, posted)
        candidates = [item for item in screened if isinstance(item, Candidate)]
        checked = iter(await self.group_commit.compare(candidates))
        return [
            next(checked) if isinstance(item, Candidate) else Checked(None, item.problem.faults) for item in screened
        ]

    def _screened(self, items: Sequence[object], posted: Posted) -> list[Candidate | Refused]:
        return [self.screen(item, number, posted) for number, item in enumerate(items)]

    def screen(self, item: object, number: int, posted: Posted, ruling: Ruling | None = None) -> Candidate | Refused:
        """Check one submission by itself: its shape, its figures, the key's scope. The problem lists all its faults."""
        reference = self.runtime.reference
        today = self.runtime.clock.today()
        submission = item if isinstance(item, Submission) else rules.parse(item, reference)
        if isinstance(submission, list):
            return Refused(item, posted, Problem(Problems.REFUSED, *submission))
        if faults := rules.examine(submission, posted.caller, reference, today):
            kind = Problems.OUT_OF_SCOPE if rules.is_out_of_scope(faults) else Problems.REFUSED
            return Refused(item, posted, Problem(kind, *faults))
        unit = reference.units.find(submission.unit, submission.period.end)
        assert unit is not None  # noqa: S101 - examine() has found it
        digests = digests_of(submission)
        return Candidate(
            id=identity(posted, number, digests.earlier),
            item=item,
            posted=posted,
            submission=submission,
            unit=unit,
            due=rules.due(submission, unit, reference, today),
            digest=digests.digest,
            earlier_digest=digests.earlier,
            ruling=ruling,
        )


def items_of(body: object) -> Sequence[object]:
    """Return the submissions of a request; a problem when there are none, or too many."""
    if not isinstance(body, list):
        return [body]
    if not body:
        raise Problem(Problems.REFUSED, Fault("", Faults.EMPTY))
    if len(body) > ITEM_LIMIT:
        raise Problem(Problems.TOO_MANY_ITEMS, Fault("", Faults.TOO_LONG, {"expected": ITEM_LIMIT}))
    return body


def content_digest(content: bytes) -> str:
    """Return the SHA-256 of a request's content, in hexadecimal. The `Idempotency-Key` is for this content alone."""
    return hashlib.sha256(content).hexdigest()


def content_of(item: object) -> bytes:
    """Return what an `Idempotency-Key` belongs to, of a submission or an array of them, as JSON values.

    The order of its fields, the way in which its numbers are written (`1204.0`, `1.204e3`) and a default that is
    written out (`"revision": 1`) do not matter.
    """
    whole = _in_whole_numbers(item)
    plain = [_without_defaults(each) for each in whole] if isinstance(whole, list) else _without_defaults(whole)
    return json.dumps(plain, sort_keys=True).encode()


def _without_defaults(item: object) -> object:
    if not isinstance(item, dict):
        return item
    return {name: value for name, value in item.items() if _DEFAULTS.get(name) != json.dumps(value)}


def _in_whole_numbers(value: object) -> object:
    if isinstance(value, dict):
        return {name: _in_whole_numbers(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_in_whole_numbers(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def receipts_of(outcomes: Sequence[Outcome]) -> list[Receipt]:
    """Return the receipts of submissions that were accepted together; raise the first problem where they were not."""
    for outcome in outcomes:
        if isinstance(outcome, Problem):
            raise outcome
    return [outcome for outcome in outcomes if isinstance(outcome, Receipt)]
