"""Whose request it is, and what that allows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from shared.contracts.bilingual import Bilingual
from shared.problems import Problem, Problems
from shared.reference.units import Unit, Units
from shared.text import without_diacritics

EVERYTHING = "*"
"""In a scope: every criterion, and what belongs to none."""

DEFAULT_RATE = 6000
"""Requests a minute, where nothing else was agreed."""

_AGENCY_LENGTH = 64


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose key or token came with a request, and its scope."""

    agency: str
    units: tuple[str, ...]
    criteria: tuple[str, ...]
    key: str = ""
    """The id of the key, or the subject of the token: who did it, beside every write."""
    name: str = ""
    """The agency's, for people."""
    expires_at: datetime | None = None
    rate_per_minute: int = DEFAULT_RATE

    def covers_unit(self, unit: Unit, units: Units) -> bool:
        """Whether the unit lies in a subtree of the key's."""
        return any(units.is_under(unit, code) for code in self.units)

    def covers_criteria(self, criteria: tuple[str, ...]) -> bool:
        """Whether the key has one of these criteria. What belongs to no criterion needs a key for all of them."""
        return EVERYTHING in self.criteria or any(key in self.criteria for key in criteria)


def agency_id(name: str) -> str:
    """The name as it stands in subjects: `phong-ldtbxh-van-quan`. ValueError when it has no letter or too many."""
    plain = re.sub(r"[^a-z0-9]+", "-", without_diacritics(name).lower()).strip("-")
    if not 0 < len(plain) <= _AGENCY_LENGTH:
        raise ValueError(f"an agency's name needs 1 to {_AGENCY_LENGTH} letters and digits: {name[:80]!r}")
    return plain


def unauthorized(kind: Literal[Problems.NO_KEY, Problems.WRONG_KEY], detail: Bilingual | None = None) -> Problem:
    """The problem (401) to answer with; it never says what was sent."""
    return Problem(kind, detail=detail, headers={"WWW-Authenticate": "Bearer"})
