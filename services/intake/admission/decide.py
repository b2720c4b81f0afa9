"""Pure: what becomes of submissions, given what is known: a problem, the receipt they had before, or a new one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.intake import rules
from services.intake.admission.candidate import Candidate, Refused
from services.intake.admission.history import History
from services.intake.admission.messages import sign_in
from shared.contracts.submission import AcceptedSubmission, Receipt
from shared.problems import Problem, Problems
from shared.reference.load import Reference

type Decided = Receipt | Problem | AcceptedSubmission
"""What is known already, what is refused, and what is to be published."""


@dataclass(slots=True)
class Round:
    """One round of deciding. What it takes counts at once as what stands for whatever comes after it."""

    known: History
    reference: Reference
    now: datetime
    taken: dict[UUID, tuple[Candidate, AcceptedSubmission]] = field(default_factory=dict)
    """What is to be published."""

    def decide(self, items: Sequence[Candidate | Refused], *, whole: bool) -> list[Decided]:
        """Decide about the items of one request, in order; `whole`: all of them are taken, or none."""
        decided: list[Decided] = []
        fresh: list[tuple[Candidate, AcceptedSubmission]] = []
        for item in items:
            one = item.problem if isinstance(item, Refused) else self._decide(item)
            decided.append(one)
            if isinstance(item, Candidate) and isinstance(one, AcceptedSubmission) and item.id not in self.taken:
                fresh.append((item, one))
                if not whole:
                    self._take(item, one)
        if whole and not any(isinstance(one, Problem) for one in decided):
            for entry, signed in fresh:
                self._take(entry, signed)
        return decided

    def _take(self, entry: Candidate, signed: AcceptedSubmission) -> None:
        self.taken[entry.id] = (entry, signed)
        self.known.standing.add(entry.unit.key, entry.submission, signed.id, signed.agency)

    def _decide(self, entry: Candidate) -> Decided:
        posted = entry.posted
        used_for = self.known.requests.get((posted.caller.agency, posted.request or ""))
        if used_for is not None and used_for != posted.request_digest:
            return Problem(Problems.KEY_USED)
        if (receipt := self.known.receipts.get(entry.id)) is not None:
            return receipt if receipt.digest == entry.digest else Problem(Problems.KEY_USED)
        if entry.id in self.taken:
            _, twin = self.taken[entry.id]
            return twin if twin.digest == entry.digest else Problem(Problems.KEY_USED)
        compared = rules.compare(entry.submission, entry.unit, self.known.standing, self.reference)
        if compared.faults:
            return Problem(Problems.REFUSED, *compared.faults)
        return sign_in(entry, compared.warnings, self.reference.units, self.now)
