"""Units in words, for faults and errors: by code and title, with their times."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from difflib import get_close_matches

from shared.contracts.bilingual import Bilingual
from shared.problems import Fault, Faults
from shared.reference.models import Unit
from shared.reference.units import Units
from shared.text import day_named, plain
from shared.texts import filled, phrase


def unit_named(unit: Unit, units: Units | None = None) -> Bilingual:
    """Return `06280 xã Điềm He`; with the unit's district where the units are given."""
    district = units.district(unit) if units else None
    beside = district if district and district.key != unit.key else None
    return Bilingual(
        vi=f"{unit.code} {unit.title}" + (f" ({beside.title})" if beside else ""),
        en=f"{unit.code} {unit.title_in('en')}" + (f" ({beside.title_in('en')})" if beside else ""),
    )


def units_named(those: Iterable[Unit], units: Units | None = None) -> Bilingual:
    """Return the names of several units; each with its district where the units are given."""
    named = [unit_named(unit, units) for unit in those]
    return Bilingual(vi=", ".join(name.vi for name in named), en=", ".join(name.en for name in named))


def criteria_named(keys: Iterable[str]) -> Bilingual:
    """Return the numbers of criteria: `11, 12`, and `11 (nâng cao)` for another set than the usual one."""
    named = [_criterion_named(key) for key in keys]
    return Bilingual(vi=", ".join(name.vi for name in named), en=", ".join(name.en for name in named))


def _criterion_named(key: str) -> Bilingual:
    criteria_set, _, number = key.rpartition("-")
    if criteria_set == "ntm" or not number.isdecimal():
        return phrase("naming.every_criterion") if key == "*" else Bilingual(vi=number or key, en=number or key)
    own = phrase("naming.advanced") if criteria_set == "advanced" else Bilingual(vi=criteria_set, en=criteria_set)
    return Bilingual(vi=f"{number} ({own.vi})", en=f"{number} ({own.en})")


def time_of(unit: Unit) -> Bilingual:
    """Return `xã Đại Đồng từ 01/01/2020 đến 30/11/2024`."""
    name, first = Bilingual(vi=unit.title, en=unit.title_in("en")), day_named(unit.valid_from)
    if unit.valid_to is None:
        return filled(phrase("naming.valid_from"), unit=name, first=first)
    return filled(phrase("naming.valid_between"), unit=name, first=first, last=day_named(unit.valid_to))


def unit_meant(text: str, units: Units, *, is_area: bool = False) -> Unit | Bilingual:
    """Return the unit that people mean by a code or a name, with or without diacritics; else the words for why not.

    A name may be followed by its district: `Hòa Bình, Văn Quan`. `is_area`: a district is meant, where it and a town
    have the same name. Of units that had a code or name one after the other it is the newest.
    """
    meant = units.known(text.strip()) or units.meant_by(text)
    if is_area and (areas := [unit for unit in meant if unit.kind in _AREAS]):
        meant = areas
    newest = {unit.code: unit for unit in sorted(meant, key=lambda unit: unit.valid_from)}
    if len(newest) == 1:
        return next(iter(newest.values()))
    if newest:
        return filled(phrase("naming.several"), text=text, units=units_named(newest.values(), units))
    names: defaultdict[str, list[Unit]] = defaultdict(list)
    for unit in units:
        names[plain(unit.name)].append(unit)
    near = [unit for name in get_close_matches(plain(text), names, 2) for unit in names[name]]
    advice = filled(phrase("naming.near"), units=units_named(near, units)) if near else phrase("naming.see_units")
    return filled(phrase("naming.unknown"), text=text, advice=advice)


_AREAS = frozenset({"province", "city", "district"})


def not_on_that_day(pointer: str, code: str, units: Units, on: date) -> Fault:
    """Return the fault of a code that no unit has on a day: who had it when, and who has taken its place by then."""
    known = units.known(code)
    if not known:
        return Fault(pointer, Faults.UNKNOWN_UNIT, {"value": code})
    heirs = [heir for unit in known for heir in units.heirs(unit, on)]
    look = filled(phrase("naming.look_at_heirs"), heirs=units_named(heirs, units))
    advice = look if heirs else phrase("naming.other_day")
    details = {"value": code, "day": day_named(on), "held": tuple(time_of(unit) for unit in known), "advice": advice}
    return Fault(pointer, Faults.NOT_ON_THAT_DAY, details)
