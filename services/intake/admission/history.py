"""The history that a group of submissions is decided by: earlier receipts, used request keys, standing figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from services.intake.rules.standing_figures import StandingFigures
from shared.contracts.submission import Receipt, Withdrawal


@dataclass(frozen=True, slots=True)
class History:
    """Everything that intake's tables know about a group of candidates."""

    receipts: dict[UUID, Receipt] = field(default_factory=dict)
    """The receipts of candidates that were accepted before, by the candidate's id."""
    withdrawn: dict[UUID, Withdrawal] = field(default_factory=dict)
    """The withdrawals of those that were withdrawn since."""
    requests: dict[tuple[str, str], str] = field(default_factory=dict)
    """By agency and `Idempotency-Key`: the digest of the content for which the key was used; of a stream, a line's."""
    requests_of: dict[UUID, str] = field(default_factory=dict)
    """By the id of a candidate that was accepted before: the digest of its request, which had a key."""
    standing: StandingFigures = field(default_factory=StandingFigures)
    stored: frozenset[UUID] = frozenset()
    """Of the submissions that were asked about: those that the tables have."""
    last: dict[int, int] = field(default_factory=dict)
    """By the units' surrogate keys: the number in the stream of the last submission that the tables have."""
