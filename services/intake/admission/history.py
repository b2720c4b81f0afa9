"""What is known about submissions that come in: their receipts, their requests' keys, the figures that stand."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from services.intake.rules.standing_figures import StandingFigures
from shared.contracts.submission import Receipt


@dataclass(frozen=True, slots=True)
class History:
    """What was found for a group of entries."""

    receipts: dict[UUID, Receipt] = field(default_factory=dict)
    requests: dict[tuple[str, str], str] = field(default_factory=dict)
    """By agency and `Idempotency-Key`: the digest of the content that the key was used for."""
    standing: StandingFigures = field(default_factory=StandingFigures)
