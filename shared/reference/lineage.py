"""Mergers and splits of units while a plan runs, and the units that take the places of others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

from shared.reference.models import Plan, Succession, Unit, UnitKind
from shared.reference.units import Units

_DAY = timedelta(days=1)


class Lineage:
    """Mergers and splits from the plan's horizon to its deadline.

    Later ones cannot change how the plan ended, so they are left out.
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
        self._counted_kinds = tuple(plan.counted_kinds)
        self._left: dict[tuple[UnitKind, ...], Mapping[int, date]] = {}
        self._ended = [unit for unit in units if unit.key in self._heir]
        self._families = {key: family for family in self._connected() for key in family}

    def heirs(self, unit: Unit) -> list[tuple[date, Unit]]:
        """Return the units that take this unit's place one after the other, each with its first day.

        A unit's place is taken by the unit into which it merges wholly, else by the unit that gets its larger part.
        """
        line: list[tuple[date, Unit]] = []
        while (heir := self._heir.get(unit.key)) and unit.valid_to:
            line.append((unit.valid_to + _DAY, heir))
            unit = heir
        return line

    def left(self, unit: Unit, counted_kinds: tuple[UnitKind, ...] | None = None) -> date | None:
        """Return the day from which on the unit, as part of a unit of another kind, no longer counts.

        None while it counts. `counted_kinds`: None for those of the plan, to which wards and towns may not belong.
        """
        kinds = counted_kinds or self._counted_kinds
        if kinds not in self._left:
            ended = (unit for unit in self._ended if unit.kind in kinds)
            self._left[kinds] = {unit.key: left for unit in ended if (left := self._leaves(unit, kinds))}
        return self._left[kinds].get(unit.key)

    def stood_for(self, unit: Unit) -> frozenset[int]:
        """Return the key of the unit and the keys of all units whose place it took when it began."""
        if unit.key not in self._stood_for:
            taken = (old for _, old in self.origins(unit) if self._heir.get(old.key) == unit)
            self._stood_for[unit.key] = frozenset({unit.key}).union(*(self.stood_for(old) for old in taken))
        return self._stood_for[unit.key]

    def origins(self, unit: Unit) -> list[tuple[Succession, Unit]]:
        """Return the units from which this unit was made; none where it existed before, even if it has grown."""
        return self._origins.get(unit.key, [])

    def begun(self, on: date) -> set[int] | None:
        """Return the keys of the units made from others on that day; None where no unit ended the day before."""
        return self._begun.get(on)

    def family(self, key: int) -> tuple[int, ...]:
        """Return the keys of all units connected with this one by mergers and splits, its own included, in order."""
        return self._families.get(key, (key,))

    def families(self, units: Iterable[int]) -> list[int]:
        """Return the keys of all units connected with any of these by mergers and splits, these included, in order."""
        return sorted({member for unit in units for member in self.family(unit)})

    def _leaves(self, unit: Unit, counted_kinds: Sequence[UnitKind]) -> date | None:
        return next((day for day, heir in self.heirs(unit) if heir.kind not in counted_kinds), None)

    def _connected(self) -> list[tuple[int, ...]]:
        families: list[tuple[int, ...]] = []
        left = set(self._kin)
        while left:
            family, fresh = set[int](), {min(left)}
            while fresh:
                family |= fresh
                fresh = {other for key in fresh for other in self._kin[key]} - family
            families.append(tuple(sorted(family)))
            left -= family
        return families
