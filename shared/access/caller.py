"""The caller of a request, and the units and criteria that the caller's key covers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from shared.contracts.bilingual import Bilingual
from shared.problems import Problem, Problems
from shared.reference.units import Unit, Units
from shared.text import without_diacritics

Role = Literal["viewer", "commune", "unit", "sector", "coordinator", "administrator"]
"""What a person who signs in does here.

- `viewer` reads, and writes nothing.
- `commune` reports for its own communes; a district verifies what they send.
- `unit` does everything for its units and all below them.
- `sector` does everything for its criteria.
- `coordinator` is the coordination office: the whole province and all criteria.
- `administrator` sees everything, and keeps contacts and subscriptions; figures, reviews and answers are others'.
"""

EVERYTHING = "*"
"""In the criteria of a key: every criterion, and elements that belong to none."""

DEFAULT_RATE = 6000
"""Requests that a key may make in a minute, unless it was made with another rate."""

_AGENCY_LENGTH = 64


@dataclass(frozen=True, slots=True)
class Caller:
    """The agency whose key or token came with a request, or whose person is signed in, and the scope that they have."""

    agency: str
    units: tuple[str, ...]
    criteria: tuple[str, ...]
    key: str = ""
    """The id of the key, the subject of the token, or `@` and the name of the person's account.

    It is stored with everything that the caller writes.
    """
    name: str = ""
    """The name for people: that of the agency, or the person's with the agency in brackets."""
    expires_at: datetime | None = None
    rate_per_minute: int = DEFAULT_RATE
    role: Role | None = None
    """The role of a person; None for an agency, whose key or token may do whatever its scope allows."""

    def covers_unit(self, unit: Unit, units: Units) -> bool:
        """Return whether the unit is one of the key's units, or below one of them."""
        return units.is_under_any(unit, self.units)

    def covers_criteria(self, criteria: tuple[str, ...]) -> bool:
        """Return whether the key has one of these criteria. Elements of no criterion need a key for all criteria."""
        return self.covers_all_criteria or any(key in self.criteria for key in criteria)

    @property
    def covers_all_criteria(self) -> bool:
        """Whether the key is for every criterion, and for everything that belongs to none."""
        return EVERYTHING in self.criteria

    def is_coordinator(self, province: str) -> bool:
        """Return whether the key is for the whole province and for all criteria: such a key may decide for others."""
        return self.covers_all_criteria and province in self.units


def agency_id(name: str) -> str:
    """Return an agency's id for subjects: `phong-ldtbxh-van-quan`. ValueError without letters, or with too many."""
    plain = re.sub(r"[^a-z0-9]+", "-", without_diacritics(name).lower()).strip("-")
    if not 0 < len(plain) <= _AGENCY_LENGTH:
        raise ValueError(f"an agency's name needs 1 to {_AGENCY_LENGTH} letters and digits: {name[:80]!r}")
    return plain


def unauthorized(kind: Literal[Problems.NO_KEY, Problems.WRONG_KEY], detail: Bilingual | None = None) -> Problem:
    """Return problem 401. It never repeats the key or token that was sent."""
    return Problem(kind, detail=detail, headers={"WWW-Authenticate": "Bearer"})
