"""The registry of units: the time of each, its parent, and the units that took its place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date

from shared.reference.models import UNIT_KINDS, Succession, Unit, UnitKind
from shared.text import plain

__all__ = ["BELOW_DISTRICTS", "DISTRICTS", "Unit", "Units"]

DISTRICTS: frozenset[UnitKind] = frozenset({"district", "city"})
BELOW_DISTRICTS: frozenset[UnitKind] = frozenset({"commune", "town", "ward"})


class Units:
    """All units at all times. A code is used again for other units, so it means a unit only together with a date."""

    def __init__(
        self,
        units: Iterable[Unit],
        successions: Iterable[Succession] = (),
        counted_kinds: Sequence[UnitKind] = ("commune",),
    ) -> None:
        self.counted_kinds = tuple(counted_kinds)
        self._by_key = {unit.key: unit for unit in units}
        self._by_code: dict[str, list[Unit]] = defaultdict(list)
        self._by_name: dict[str, list[Unit]] = defaultdict(list)
        for unit in sorted(self._by_key.values(), key=lambda unit: (unit.valid_from, unit.code)):
            self._by_code[unit.code].append(unit)
            self._by_name[plain(unit.name)].append(unit)
        self._successions: dict[int, list[Succession]] = defaultdict(list)
        self._origins: dict[int, list[Succession]] = defaultdict(list)
        for succession in successions:
            self._successions[succession.old].append(succession)
            self._origins[succession.new].append(succession)
        self._other_level: dict[int, list[Unit]] = {}
        self._communes: dict[tuple[date, str, tuple[UnitKind, ...]], tuple[Unit, ...]] = {}
        self._ancestors = {unit.key: tuple(self._above(unit)) for unit in self}
        self._codes = {unit.key: frozenset(place.code for place in (unit, *self._ancestors[unit.key])) for unit in self}

    def counting(self, kinds: Sequence[UnitKind]) -> Units:
        """Return a registry of the same units in which units of these kinds count."""
        successions = (succession for of_unit in self._successions.values() for succession in of_unit)
        return Units(self, successions, kinds)

    def __iter__(self) -> Iterator[Unit]:
        return iter(self._by_key.values())

    def __len__(self) -> int:
        return len(self._by_key)

    def find(self, code: str, on: date) -> Unit | None:
        """Return the unit that has this code on that day; None when there is none."""
        return next((unit for unit in self._by_code.get(code, ()) if unit.is_valid(on)), None)

    def listed(self, code: str, since: date | None) -> Unit | None:
        """Return the unit that a list which holds since a day means by a code; without a day the first of that code."""
        return self.find(code, since) if since else next(iter(self._by_code.get(code, ())), None)

    def by_key(self, key: int) -> Unit:
        """Return the unit of this surrogate key; KeyError when there is none."""
        return self._by_key[key]

    def known(self, code: str) -> list[Unit]:
        """Return all units that ever had this code, oldest first."""
        return list(self._by_code.get(code, ()))

    def ancestors(self, unit: Unit) -> list[Unit]:
        """Return the unit's parent, its grandparent, and so on up to the province."""
        return list(self._ancestors[unit.key])

    def district(self, unit: Unit) -> Unit | None:
        """Return the district or city that the unit is or lies in; None where the tree has none."""
        lineage = (unit, *self._ancestors[unit.key])
        return next((place for place in lineage if place.kind in DISTRICTS), None)

    def at_other_level(self, unit: Unit) -> list[Unit]:
        """Return the district of a commune, a town or a ward, or all units of any time that lie in a district."""
        if unit.key not in self._other_level:
            district = self.district(unit)
            if unit.kind in DISTRICTS:
                others = [other for other in self if other.kind in BELOW_DISTRICTS and unit in self.ancestors(other)]
            else:
                others = [district] if district and unit.kind in BELOW_DISTRICTS else []
            self._other_level[unit.key] = others
        return list(self._other_level[unit.key])

    def is_under(self, unit: Unit, code: str) -> bool:
        """Say whether the unit has this code or lies below a unit that has it."""
        return code in self._codes[unit.key]

    def is_under_any(self, unit: Unit, codes: Collection[str]) -> bool:
        """Say whether that is so of one of these codes."""
        return not self._codes[unit.key].isdisjoint(codes)

    def communes(self, on: date, under: str, kinds: tuple[UnitKind, ...] | None = None) -> list[Unit]:
        """Return the units that count (by default xã alone; else of `kinds`) below `under` on that day, by code."""
        kinds = kinds or self.counted_kinds
        if (on, under, kinds) not in self._communes:
            counting = (unit for unit in self if unit.kind in kinds and unit.is_valid(on))
            below = (unit for unit in counting if self.is_under(unit, under))
            self._communes[on, under, kinds] = tuple(sorted(below, key=lambda unit: unit.code))
        return list(self._communes[on, under, kinds])

    def successors(self, unit: Unit) -> list[tuple[Succession, Unit]]:
        """Return the units into which this unit went at its end; none while it exists."""
        return [(succession, self._by_key[succession.new]) for succession in self._successions.get(unit.key, ())]

    def predecessors(self, unit: Unit) -> list[tuple[Succession, Unit]]:
        """Return the units that went into this unit, at its beginning or later, wholly or in part."""
        return [(succession, self._by_key[succession.old]) for succession in self._origins.get(unit.key, ())]

    def heirs(self, unit: Unit, on: date) -> list[Unit]:
        """Return the units that this unit has become by that day, through all mergers, the larger part first.

        Empty while the unit exists.
        """
        by_key: dict[int, Unit] = {}
        if unit.valid_to is None or on <= unit.valid_to:
            return []
        for _, new in sorted(self.successors(unit), key=lambda each: each[0].relation == "split_minor"):
            if new.is_valid(on):
                by_key[new.key] = new
            elif new.valid_to and unit.valid_to < new.valid_to:
                by_key |= {heir.key: heir for heir in self.heirs(new, on)}
        return list(by_key.values())

    def meant_by(self, text: str) -> list[Unit]:
        """Return the units of any time that people may mean by a name: `Hòa Bình`, `xã Hòa Bình, huyện Văn Quan`."""
        name, _, above = plain(text).replace("(", ",").replace(")", "").partition(",")
        candidates = self._by_name.get(name.strip()) or [
            unit
            for kind, words in _PLAIN_KINDS.items()
            if name.startswith(words)
            for unit in self._by_name.get(name.removeprefix(words).strip(), ())
            if unit.kind == kind
        ]
        district = _without_kind(above.strip())
        return [
            unit
            for unit in candidates
            if not district or any(plain(ancestor.name) == district for ancestor in self.ancestors(unit))
        ]

    def named(self, name: str, district: str | None = None) -> list[Unit]:
        """Return the units of any time with this name, diacritics and case aside, and in the district of that name."""
        candidates = self._by_name.get(plain(name), [])
        if district is None:
            return list(candidates)
        above = plain(district)
        return [unit for unit in candidates if any(plain(ancestor.name) == above for ancestor in self.ancestors(unit))]

    def _above(self, unit: Unit) -> Iterator[Unit]:
        while unit.parent is not None:
            unit = self._by_key[unit.parent]
            yield unit


_PLAIN_KINDS: dict[UnitKind, str] = {kind: f"{plain(words.vi)} " for kind, words in UNIT_KINDS.items()}


def _without_kind(name: str) -> str:
    return next((name.removeprefix(kind) for kind in _PLAIN_KINDS.values() if name.startswith(kind)), name)
