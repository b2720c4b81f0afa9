"""The units in which a role of the plan sits."""

from __future__ import annotations

from shared.reference.load import Reference
from shared.reference.models import RoleHolder, Unit
from shared.reference.units import DISTRICTS


def sits_in(holder: RoleHolder, unit: Unit, reference: Reference) -> bool:
    """Say whether a unit has the holder's role. Without districts (from July 2025) lower units have theirs."""
    if holder.level == "province":
        return unit.code == reference.plan.unit
    if holder.level == "commune":
        return unit.kind not in DISTRICTS and unit.code != reference.plan.unit
    return unit.kind in DISTRICTS or (reference.units.district(unit) is None and unit.code != reference.plan.unit)
