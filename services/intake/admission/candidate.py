"""Submissions on their way into intake, from the request that brings them to the check before acceptance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from services.intake.rules.standing_figures import StandingReading
from shared.access.caller import Caller
from shared.contracts.bilingual import Language
from shared.contracts.submission import Review, Submission, SubmissionWarning
from shared.problems import Fault, Problem
from shared.reference.models import Unit

LINES = "lines:"
"""Marks the digest of a stream of lines: it is that of the lines so far, since the whole is known at the end only."""

REQUEST_KEY = r"^[\x20-\x7e]{1,200}$"
"""The pattern of an `Idempotency-Key`: characters that headers and databases carry unchanged."""


@dataclass(frozen=True, slots=True)
class Posted:
    """The context of a request, besides its submissions: the caller, the language, its trace and its key."""

    caller: Caller
    language: Language = "vi"
    trace: str | None = None
    request: str | None = None
    """The `Idempotency-Key`."""
    request_digest: str | None = None
    """SHA-256 of the request's whole content, or of a stream's lines so far: the key belongs to this content alone."""

    @property
    def is_of_lines(self) -> bool:
        """Say whether the request is a stream of lines with a key."""
        return self.request_digest is not None and self.request_digest.startswith(LINES)


@dataclass(frozen=True, slots=True)
class Refused:
    """An item that cannot be accepted, with the problem."""

    item: object
    posted: Posted
    problem: Problem


@dataclass(frozen=True, slots=True)
class Ruling:
    """An office's decision that makes a new submission of an earlier one, whose warnings stay with the figures."""

    review: Review
    warnings: Sequence[SubmissionWarning] = ()
    district: str | None = None
    after: int = 0
    """The number in the stream of the last review of the commune's submissions that the decision takes into account."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A submission that is acceptable by itself, and not yet compared with the standing figures."""

    id: UUID
    item: object
    posted: Posted
    submission: Submission
    unit: Unit
    due: date | None
    digest: str
    earlier_digest: str
    """The digest that earlier versions gave to the same content."""
    ruling: Ruling | None = None
    """The decision that made this submission of an earlier one; both are published together."""

    def has_digest(self, digest: str) -> bool:
        """Say whether the digest, by whichever rule it was made, is that of the candidate's content."""
        return digest in (self.digest, self.earlier_digest)


@dataclass(frozen=True, slots=True)
class Checked:
    """A submission with all faults and warnings, before it is accepted."""

    candidate: Candidate | None
    faults: Sequence[Fault] = ()
    warnings: Sequence[SubmissionWarning] = ()
    before: dict[str, StandingReading] = field(default_factory=dict)
    """By element: the standing figure for the same period, else the newest figure before it."""

    @property
    def submission(self) -> Submission | None:
        """The submission; None where it could not be read."""
        return self.candidate.submission if self.candidate else None

    @property
    def due(self) -> date | None:
        """The day by which a late submission was due; None where it is in time."""
        return self.candidate.due if self.candidate else None
