"""Deciding about submissions by their history: a problem, the receipt that they had before, or a new submission."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.intake import rules
from services.intake.admission.candidate import LINES, Candidate, Refused
from services.intake.admission.history import History
from services.intake.admission.messages import sign_in
from shared.contracts.submission import AcceptedSubmission, Receipt, Withdrawal
from shared.problems import Fault, Problem, Problems
from shared.reference.load import Reference

type Decision = Receipt | Problem | AcceptedSubmission
"""The receipt of an earlier acceptance, a refusal, or a submission that is to be published."""


@dataclass(slots=True)
class Decisions:
    """The decisions about one group of requests.

    The group owns its history: a submission that is taken changes the standing figures in it at once, so that the
    submissions after it are compared with it.
    """

    history: History
    reference: Reference
    now: datetime
    reviewed: Collection[UUID] = ()
    """The submissions that another office has reviewed since the rulings of this group were made."""
    taken: dict[UUID, tuple[Candidate, AcceptedSubmission]] = field(default_factory=dict)
    """The submissions that are to be published, by their id."""

    def decide(self, items: Sequence[Candidate | Refused], *, whole: bool) -> list[Decision]:
        """Decide about the items of one request, in order; with `whole` all of them are taken, or none."""
        decisions: list[Decision] = []
        fresh: list[tuple[Candidate, AcceptedSubmission]] = []
        differs_from = self._first_other_line(items)
        for place, item in enumerate(items):
            if isinstance(item, Refused):
                decision: Decision = item.problem
            else:
                decision = self._decide(item) if place < differs_from else Problem(Problems.KEY_USED)
            decisions.append(decision)
            if isinstance(item, Candidate) and isinstance(decision, AcceptedSubmission) and item.id not in self.taken:
                fresh.append((item, decision))
                if not whole:
                    self._take(item, decision)
        if whole and not any(isinstance(decision, Problem) for decision in decisions):
            for candidate, signed in fresh:
                self._take(candidate, signed)
        return decisions

    def _first_other_line(self, items: Sequence[Candidate | Refused]) -> int:
        """Return the place from which on a stream may differ from the one for which its key was used.

        It is the place behind the last line that is the same, where a later one is not; else behind the end.
        """
        same = 0
        for place, item in enumerate(items):
            if isinstance(item, Candidate) and item.posted.is_of_lines and (earlier := self._earlier_line(item)):
                digest, lines = earlier
                if not item.has_digest(digest) or lines != item.posted.request_digest:
                    return same
                same = place + 1
        return len(items)

    def _earlier_line(self, candidate: Candidate) -> tuple[str, str | None] | None:
        """Return the digest of the submission that has the candidate's id, and of the lines up to it."""
        if twin := self.taken.get(candidate.id):
            earlier, digest = twin[1].digest, twin[0].posted.request_digest
        elif receipt := self.history.receipts.get(candidate.id):
            earlier, digest = receipt.digest, self.history.requests_of.get(candidate.id)
        else:
            return None
        # whether an array goes on as the stream does is known by its receipts alone
        return earlier, digest if digest and digest.startswith(LINES) else candidate.posted.request_digest

    def _decide(self, candidate: Candidate) -> Decision:
        posted = candidate.posted
        used_for = self.history.requests.get((posted.caller.agency, posted.request or ""))
        used_by_lines = used_for is not None and used_for.startswith(LINES)
        is_other = used_for is not None and used_for != posted.request_digest
        if is_other and not used_by_lines and not posted.is_of_lines:
            return Problem(Problems.KEY_USED)
        if (receipt := self.history.receipts.get(candidate.id)) is not None:
            if not candidate.has_digest(receipt.digest):
                return Problem(Problems.KEY_USED)
            withdrawal = self.history.withdrawn.get(candidate.id)
            return Problem(Problems.WITHDRAWN, self._withdrawn(candidate, withdrawal)) if withdrawal else receipt
        if candidate.id in self.taken:
            _, twin = self.taken[candidate.id]
            return twin if candidate.has_digest(twin.digest) else Problem(Problems.KEY_USED)
        if is_other and used_by_lines != posted.is_of_lines:
            return Problem(Problems.KEY_USED)  # lines of an array or stream have its receipts, and no more are accepted
        if candidate.ruling and (late := self._overtaken(candidate, candidate.ruling.review.submission)):
            return late
        remarks = rules.compare(candidate.submission, candidate.unit, self.history.standing, self.reference)
        if remarks.faults:
            return Problem(Problems.REFUSED, *remarks.faults)
        return sign_in(candidate, remarks.warnings, self.reference.units, self.now)

    def _overtaken(self, candidate: Candidate, original: UUID) -> Problem | None:
        """Return the problem of a review that comes too late; None where all of its figures are still open."""
        if original in self.reviewed:
            return Problem(Problems.REVIEWED)
        submission = candidate.submission
        standing = self.history.standing.figures(candidate.unit.key, submission.period)
        still_open = rules.open_readings(submission, original, submission.stage, standing)
        return None if still_open == submission.readings else Problem(Problems.REVIEWED, rules.superseded(standing))

    def _withdrawn(self, candidate: Candidate, withdrawal: Withdrawal) -> Fault:
        submission = candidate.submission
        current = self.history.standing.figures(candidate.unit.key, submission.period)
        following = rules.next_revision(submission, current)
        return rules.withdrawn(withdrawal, following)

    def _take(self, candidate: Candidate, signed: AcceptedSubmission) -> None:
        self.taken[candidate.id] = (candidate, signed)
        posted = candidate.posted
        if posted.request is not None and posted.request_digest is not None:
            self.history.requests[posted.caller.agency, posted.request] = posted.request_digest
        sender = posted.caller.name or signed.agency
        self.history.standing.add(candidate.unit.key, candidate.submission, signed.id, sender)
