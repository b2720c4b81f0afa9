"""What becomes of a plan's units while it runs: who takes whose place, and whom a unit stands for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta

from shared.reference.models import Plan, Succession, Unit, UnitKind
from shared.reference.units import Units

_DAY = timedelta(days=1)


class Lineage:
    """Mergers and splits from the first day whose figures matter to the plan's deadline: later ones change nothing in
    what it came to.
    """

    def __init__(self, units: Units, plan: Plan) -> None:
        self._heir: dict[int, Unit] = {}
        self._origins: defaultdict[int, list[tuple[Succession, Unit]]] = defaultdict(list)
        self._begun: dict[date, set[int]] = {}
        self._kin: defaultdict[int, set[int]] = defaultdict(set)
        for old in units:
            if old.valid_to is None or not plan.horizon <= old.valid_to < plan.deadline:
                continue
            begun = self._begun.setdefault(old.valid_to + _DAY, set())
            for succession, new in units.successors(old):
                self._kin[old.key].add(new.key)
                self._kin[new.key].add(old.key)
                if succession.relation != "split_minor":
                    self._heir[old.key] = new
                if new.valid_from == old.valid_to + _DAY:
                    self._origins[new.key].append((succession, old))
                    begun.add(new.key)
        self._stood_for: dict[int, frozenset[int]] = {}
        self._left = {
            unit.key: left
            for unit in units
            if unit.kind in plan.counted_kinds and (left := self._leaves(unit, plan.counted_kinds))
        }
        self._families = {key: family for family in self._connected() for key in family}

    def heirs(self, unit: Unit) -> list[tuple[date, Unit]]:
        """Who takes the unit's place from which day on, one after the other: what it goes into wholly, or its larger
        part.
        """
        found: list[tuple[date, Unit]] = []
        while (heir := self._heir.get(unit.key)) and unit.valid_to:
            found.append((unit.valid_to + _DAY, heir))
            unit = heir
        return found

    def left(self, unit: Unit) -> date | None:
        """The day from which on a unit that counts does not any more: it has become part of a ward or a town."""
        return self._left.get(unit.key)

    def stood_for(self, unit: Unit) -> frozenset[int]:
        """The keys of the unit itself and of those whose place it took when it began."""
        if unit.key not in self._stood_for:
            taken = (old for _, old in self.origins(unit) if self._heir.get(old.key) == unit)
            self._stood_for[unit.key] = frozenset({unit.key}).union(*(self.stood_for(old) for old in taken))
        return self._stood_for[unit.key]

    def origins(self, unit: Unit) -> list[tuple[Succession, Unit]]:
        """What the unit came out of; nothing where it was there before, also when it has only grown."""
        return self._origins.get(unit.key, [])

    def begun(self, on: date) -> set[int] | None:
        """The keys of the units that came out of others on that day; None where no unit had ended the day before."""
        return self._begun.get(on)

    def family(self, key: int) -> tuple[int, ...]:
        """The unit's key with those of all units whose figures have to do with its own, in order."""
        return self._families.get(key, (key,))

    def _leaves(self, unit: Unit, counted_kinds: Sequence[UnitKind]) -> date | None:
        return next((day for day, heir in self.heirs(unit) if heir.kind not in counted_kinds), None)

    def _connected(self) -> list[tuple[int, ...]]:
        families: list[tuple[int, ...]] = []
        left = set(self._kin)
        while left:
            found, fresh = set[int](), {min(left)}
            while fresh:
                found |= fresh
                fresh = {other for key in fresh for other in self._kin[key]} - found
            families.append(tuple(sorted(found)))
            left -= found
        return families
