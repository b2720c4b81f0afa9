"""Units in words, for faults and errors: by code and title, with their times."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from shared.contracts.bilingual import Bilingual
from shared.problems import Fault, Faults
from shared.reference.models import Unit
from shared.reference.units import Units
from shared.text import day_named
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


def time_of(unit: Unit) -> Bilingual:
    """Return `xã Đại Đồng từ 01/01/2020 đến 30/11/2024`."""
    name, first = Bilingual(vi=unit.title, en=unit.title_in("en")), day_named(unit.valid_from)
    if unit.valid_to is None:
        return filled(phrase("naming.valid_from"), unit=name, first=first)
    return filled(phrase("naming.valid_between"), unit=name, first=first, last=day_named(unit.valid_to))


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
