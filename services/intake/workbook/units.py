"""Finding the unit that a row means, by its code, or by its name and district."""

from __future__ import annotations

import re
from dataclasses import dataclass

from services.intake.rules.wording import both, unit_named
from shared.contracts.bilingual import Bilingual
from shared.contracts.period import Period
from shared.problems import Fault, Faults
from shared.reference.models import Unit, UnitKind
from shared.reference.units import Units
from shared.text import plain

_KINDS: dict[str, tuple[UnitKind, ...]] = {
    "xa": ("commune",),
    "thi tran": ("town",),
    "tt": ("town",),
    "phuong": ("ward",),
    "huyen": ("district",),
    "thanh pho": ("city",),
    "tp": ("city",),
    "tinh": ("province",),
}
_PREFIX = re.compile(rf"({'|'.join(_KINDS)})(?:\. ?| )(.+)")
_SHOWN = 6
"""The most candidates that a fault names."""


@dataclass(frozen=True, slots=True)
class WrittenUnit:
    """The unit as a row writes it; empty where the row has no such column or the cell is blank."""

    code: str = ""
    name: str = ""
    district: str = ""


def find_unit(named: WrittenUnit, period: Period, units: Units, under: str | None = None) -> str | Fault:
    """Return the unit's code, or the fault in its naming.

    A code that no unit has is returned as it is, for the rules to explain. `under` is the unit for which the workbook
    was made: a name is looked for there first.
    """
    if written := named.code or (named.name if named.name.isdigit() else ""):
        code = _whole(written, units)
        unit = units.find(code, period.end)
        if unit and named.name not in {"", written} and not _is_called(unit, named.name):
            details = {"value": code, "expected": Bilingual(vi=unit.title, en=unit.title_in("en")), "name": named.name}
            return Fault("/unit", Faults.UNIT_DISAGREES, details)
        return code
    if not named.name:
        return Fault("/unit", Faults.MISSING)
    candidates = [unit for unit in _named(named, units) if unit.is_valid(period.end)]
    if under is not None and (nearer := [unit for unit in candidates if units.is_under(unit, under)]):
        candidates = nearer
    if not candidates:
        return Fault("/unit", Faults.UNKNOWN_UNIT_NAME, {"value": named.name})
    if len(candidates) > 1:
        shown = [unit_named(unit, units) for unit in candidates[:_SHOWN]]
        listed = both((name.vi for name in shown), (name.en for name in shown), ", ")
        return Fault("/unit", Faults.AMBIGUOUS_UNIT, {"value": named.name, "expected": listed})
    return candidates[0].code


def _whole(code: str, units: Units) -> str:
    """Return the code with the leading zero that Excel dropped."""
    if not code.isascii() or not code.isdigit() or units.known(code):
        return code
    longer = {code.zfill(length) for length in (2, 3, 5) if length > len(code)}
    known = [padded for padded in longer if units.known(padded)]
    return known[0] if len(known) == 1 else code


def _named(named: WrittenUnit, units: Units) -> list[Unit]:
    kinds, bare = _split(named.name)
    district = _split(named.district)[1] if named.district else None
    candidates = units.named(bare, district) or units.named(named.name, district)
    return [unit for unit in candidates if not kinds or unit.kind in kinds]


def _is_called(unit: Unit, name: str) -> bool:
    kinds, bare = _split(name)
    same = plain(unit.name) in {plain(name), bare}
    return same and (not kinds or unit.kind in kinds or plain(unit.name) == plain(name))


def _split(name: str) -> tuple[tuple[UnitKind, ...], str]:
    """Return the kinds that the name begins with, such as `xã` or `TT.`, and the name without them."""
    bare = plain(name)
    match = _PREFIX.fullmatch(bare)
    return (_KINDS[match[1]], match[2]) if match else ((), bare)
