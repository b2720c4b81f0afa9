"""Pure: a submission on its way through the door, and how it is signed in: identity, digest, messages."""

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

REQUEST_KEY = r"^[\x20-\x7e]{1,200}$"
"""An `Idempotency-Key`: what every header and database carries as it is."""


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
