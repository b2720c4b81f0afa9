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

EVERYTHING = "*"
"""In the criteria of a key: every criterion, and elements that belong to none."""

DEFAULT_RATE = 6000
"""Requests that a key may make in a minute, unless it was made with another rate."""

_AGENCY_LENGTH = 64


@dataclass(frozen=True, slots=True)
class Caller:
    """The agency whose key or token came with a request, and the scope of the key or token."""

    agency: str
    units: tuple[str, ...]
    criteria: tuple[str, ...]
    key: str = ""
    """The id of the key, or the subject of the token; stored with everything that the caller writes."""
    name: str = ""
    """The name of the agency, for people."""
    expires_at: datetime | None = None
    rate_per_minute: int = DEFAULT_RATE

    def covers_unit(self, unit: Unit, units: Units) -> bool:
        """Return whether the unit is one of the key's units, or below one of them."""
        return any(units.is_under(unit, code) for code in self.units)

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
