"""Submissions that were taken back: withdrawn, so that their figures count no longer, or returned to their sender."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from services.scoring.judging.readings import Reading, readings_in
from shared.contracts.bilingual import Bilingual
from shared.contracts.submission import AcceptedSubmission, SubmissionWarning
from shared.problems import Warnings


class Taking(NamedTuple):
    """The withdrawal of a submission by its sender or an office, or its return to the sender by an office."""

    id: UUID
    submission: UUID
    at: datetime
    withdrawn: bool
    agency: str
    reason: str


@dataclass(frozen=True, slots=True)
class TakenBack:
    """The submissions that were taken back, among those that are looked at."""

    withdrawn: frozenset[UUID] = frozenset()
    returned: Mapping[UUID, Bilingual] = field(default_factory=dict)
    """By submission: the remark that its figures carry."""

    @classmethod
    def by(cls, takings: Iterable[Taking]) -> TakenBack:
        """Gather takings, in any order; of several returns of a submission the first one is told."""
        in_order = sorted(takings, key=lambda taking: (taking.at, taking.id), reverse=True)
        return cls(
            frozenset(taking.submission for taking in in_order if taking.withdrawn),
            {
                taking.submission: Warnings.RETURNED.text(agency=taking.agency, reason=taking.reason)
                for taking in in_order
                if not taking.withdrawn
            },
        )

    def readings_left(self, submission: AcceptedSubmission) -> list[Reading]:
        """Return the readings of a submission that still count.

        There are none where it was withdrawn, or the submission that it verifies or confirms. Those of a returned one
        carry a warning.
        """
        if self.withdrawn and not self.withdrawn.isdisjoint((submission.id, submission.reviews)):
            return []
        warnings = submission.warnings
        if remark := self.returned.get(submission.id):
            warnings = [*warnings, *_remarks(submission, remark)]
        return readings_in(submission, submission.id, submission.received_at, warnings)


def _remarks(submission: AcceptedSubmission, remark: Bilingual) -> Iterable[SubmissionWarning]:
    for element in submission.readings:
        yield SubmissionWarning(code=Warnings.RETURNED.code, pointer=f"/readings/{element}", detail=remark)


NOTHING = TakenBack()
