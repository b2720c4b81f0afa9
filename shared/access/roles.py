"""The roles of people who sign in, and the units and criteria that a role has to have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from shared.access.caller import EVERYTHING, Role
from shared.contracts.bilingual import Bilingual
from shared.reference.load import Reference
from shared.reference.units import BELOW_DISTRICTS
from shared.texts import filled, phrase

ROLES: frozenset[Role] = frozenset(get_args(Role))

OF_THE_PROVINCE: frozenset[Role] = frozenset({"coordinator", "administrator"})
"""Roles that are for the whole province and all criteria."""


def scope_fault(role: Role, units: Sequence[str], criteria: Sequence[str], reference: Reference) -> Bilingual | None:
    """Return why nobody can have this role for these units and criteria; None: somebody can."""
    province, everything = reference.plan.unit, EVERYTHING in criteria
    if role in OF_THE_PROVINCE and (list(units) != [province] or not everything):
        return filled(phrase("access.role_of_province"), role=role, province=province)
    if role == "sector" and everything:
        return phrase("access.role_sector")
    named = [unit for code in units for unit in reference.units.known(code)]
    if role == "commune" and any(unit.kind not in BELOW_DISTRICTS for unit in named):
        return phrase("access.role_commune")
    return None
