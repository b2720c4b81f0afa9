"""The offices that a key stands for: a silence or a contact is given for these and for no office above them."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple, Self

from shared.access.caller import EVERYTHING, Caller
from shared.reference.models import RoleHolder, Unit


class KeyScope(NamedTuple):
    """The units and criteria of a key, as they are stored with what the key decided."""

    units: Collection[str]
    criteria: Collection[str]

    @classmethod
    def of(cls, caller: Caller) -> Self:
        """Return the scope of a caller's key."""
        return cls(caller.units, caller.criteria)

    def is_own(self, role: RoleHolder, unit: Unit) -> bool:
        """Say whether the key stands for the office that holds the role in the unit.

        It has to be a unit of the key itself, since those below it are offices of their own. A key for some criteria
        stands in the province for the sectors that own one of them; lower levels have no sectors, so there it stands
        for any office, of which it then decides about its criteria alone (`covers`).
        """
        if unit.code not in self.units:
            return False
        if EVERYTHING in self.criteria:
            return True
        return not set(self.criteria).isdisjoint(role.owns) or (not role.owns and role.level != "province")

    def covers(self, criteria: Collection[str]) -> bool:
        """Say whether the key covers each of these criteria; what has none needs a key for all criteria."""
        return EVERYTHING in self.criteria or (bool(criteria) and set(criteria) <= set(self.criteria))
