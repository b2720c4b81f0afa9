"""Finding the unit that a row means, by its code, or by its name and district."""

from __future__ import annotations

import re
from dataclasses import dataclass

from services.intake.rules.wording import both
from shared.characters import typed, whole_digits
from shared.contracts.bilingual import Bilingual
from shared.contracts.period import Period
from shared.problems import Fault, Faults
from shared.reference.models import Unit, UnitKind
from shared.reference.naming import unit_named
from shared.reference.units import Units
from shared.text import plain

_KINDS: dict[str, tuple[UnitKind, ...]] = {
    "xa": ("commune",),
    "x": ("commune",),
    "thi tran": ("town",),
    "tt": ("town",),
    "phuong": ("ward",),
    "p": ("ward",),
    "huyen": ("district",),
    "h": ("district",),
    "thanh pho": ("city",),
    "tp": ("city",),
    "tinh": ("province",),
}
_PREFIX = re.compile(rf"({'|'.join(_KINDS)})(?:[.:] ?| )(.+)")
_ORDINAL = re.compile(r"(?:[0-9]{1,2}[.)]|[-+*]) ?(.+)")
_OFFICE = re.compile(r"(?:ubnd|uy ban nhan dan|u ban nhan dan)[.:]? (.+)")
_CODE_FIRST = re.compile(r"([0-9]{3,5})(?: ?[-:.,_/()]+ ?| )(?![0-9])(.+)")
_CODE_LAST = re.compile(r"(.+?)(?: ?[-:,(] ?)([0-9]{5})\)?")
_PLACED = re.compile(r"(.+?) ?(?:\((.+)\)|[,;-] ?(.+)| (?=(?:huyen|thanh pho|h\.|tp\.) ?)(.+))")
_PLACES = re.compile(r" ?[,;] ?| - ")
_SHOWN = 6
"""The most candidates that a fault names."""

_LONGEST = 200
"""The most characters of a name, or of a district: a longer text is none, and is not looked at."""


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
    if len(named.name) > _LONGEST or len(named.district) > _LONGEST:
        return Fault("/unit", Faults.UNKNOWN_UNIT_NAME, {"value": max(named.name, named.district, key=len)})
    told = _told(named)
    if told.code:
        code = _whole(told.code, units)
        unit = units.find(code, period.end)
        if unit and (other := next((words for words in told.names if not _is_called(unit, words, units)), None)):
            details = {"value": code, "expected": Bilingual(vi=unit.title, en=unit.title_in("en")), "name": other}
            return Fault("/unit", Faults.UNIT_DISAGREES, details)
        if unit and told.district and _is_elsewhere(unit, told.district, units):
            details = {"value": code, "expected": unit_named(unit, units), "name": told.district}
            return Fault("/unit", Faults.UNIT_DISAGREES, details)
        return code
    if not told.names:
        return Fault("/unit", Faults.MISSING)
    name = told.names[0]
    candidates = [unit for unit in _named(name, told.district, units) if unit.is_valid(period.end)]
    if under is not None and (nearer := [unit for unit in candidates if units.is_under(unit, under)]):
        candidates = nearer
    if not candidates:
        others = {unit.code for unit in _named(name, told.district, units)}
        if len(others) == 1:
            # a unit of another time: the rules say from when to when it was, and who took its place
            return others.pop()
        written = f"{named.name} ({named.district})" if named.district else named.name
        return Fault("/unit", Faults.UNKNOWN_UNIT_NAME, {"value": written})
    if len(candidates) > 1:
        shown = [unit_named(unit, units) for unit in candidates[:_SHOWN]]
        listed = both((name.vi for name in shown), (name.en for name in shown), ", ")
        return Fault("/unit", Faults.AMBIGUOUS_UNIT, {"value": named.name, "expected": listed})
    return candidates[0].code


@dataclass(frozen=True, slots=True)
class _Told:
    """The unit of a row as it is written there: a code, and the names that stand with it or in its place."""

    code: str
    names: tuple[str, ...]
    district: str


def _told(named: WrittenUnit) -> _Told:
    """Take codes and names apart where one cell holds both, as `06280 - Điềm He` does."""
    codes, names = [], []
    for written in (named.code[:_LONGEST], named.name):
        text = whole_digits(written)
        if match := _CODE_FIRST.fullmatch(text):
            codes.append(match[1])
            names.append(match[2])
        elif match := _CODE_LAST.fullmatch(text):
            codes.append(match[2])
            names.append(match[1])
        elif text and (written == named.code[:_LONGEST] or text.isdigit()):
            codes.append(text)
        elif text:
            names.append(text)
    # of two codes the second is a name that the unit does not have
    others = [code for code in codes[1:] if code.zfill(5) != codes[0].zfill(5)]
    return _Told(codes[0] if codes else "", (*names, *others), typed(named.district))


def _whole(code: str, units: Units) -> str:
    """Return the code with the leading zero that Excel dropped."""
    if not code.isascii() or not code.isdigit() or units.known(code):
        return code
    longer = {code.zfill(length) for length in (2, 3, 5) if length > len(code)}
    known = [padded for padded in longer if units.known(padded)]
    return known[0] if len(known) == 1 else code


def _named(name: str, district: str, units: Units) -> list[Unit]:
    """Return the units of this name; its district may stand beside it or behind it: `Điềm He (Văn Quan)`."""
    for words, place in ((plain(name), ""), *_placed(name)):
        kinds, bare = _split(words)
        found = [unit for unit in units.named(bare) or units.named(words) if not kinds or unit.kind in kinds]
        found = [unit for unit in found if all(not at or _lies_in(unit, at, units) for at in (place, district))]
        if found:
            return found
    return []


def _is_called(unit: Unit, name: str, units: Units) -> bool:
    return unit in _named(name, "", units)


def _placed(name: str) -> list[tuple[str, str]]:
    match = _PLACED.fullmatch(plain(name))
    return [(match[1], match[2] or match[3] or match[4])] if match else []


def _lies_in(unit: Unit, district: str, units: Units) -> bool:
    """Say whether the unit is or lies in the district of this name or code; the province may stand behind it."""
    lineage = [{plain(place.name), place.code} for place in (unit, *units.ancestors(unit))]
    told = ({plain(words), _split(words)[1], whole_digits(words)} for words in _PLACES.split(district))
    return all(any(names & place for place in lineage) for names in told)


def _is_elsewhere(unit: Unit, district: str, units: Units) -> bool:
    """Say whether the text names a district in which the unit does not lie; a text that names none says nothing."""
    is_known = bool(units.named(_split(district)[1]) or units.known(whole_digits(district)))
    return is_known and not _lies_in(unit, district, units)


def _split(name: str) -> tuple[tuple[UnitKind, ...], str]:
    """Return the kinds that the name begins with, such as `xã` or `TT.`, and the name without them and `UBND`."""
    bare = plain(name)
    bare = ordinal[1] if (ordinal := _ORDINAL.fullmatch(bare)) else bare
    bare = office[1] if (office := _OFFICE.fullmatch(bare)) else bare
    match = _PREFIX.fullmatch(bare)
    return (_KINDS[match[1]], match[2]) if match else ((), bare)
