"""How faults and warnings name what they speak of, in both languages."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from services.intake.texts import phrase
from shared.contracts.bilingual import Bilingual
from shared.reference.models import Element, PlausibleChange, Unit
from shared.reference.units import Units
from shared.text import number, percent

_YES, _NO = phrase("wording.yes"), phrase("wording.no")


def both(vietnamese: Iterable[str], english: Iterable[str], mark: str) -> Bilingual:
    """Words of each language, put together."""
    return Bilingual(vi=mark.join(vietnamese), en=mark.join(english))


def element_named(element: Element) -> Bilingual:
    """`Hộ nghèo (poor_households)`."""
    return Bilingual(vi=f"{element.name.vi} ({element.code})", en=f"{element.name.en} ({element.code})")


def unit_named(unit: Unit, units: Units | None = None) -> Bilingual:
    """`06280 xã Điềm He`; with its district where the units are given."""
    district = units.district(unit) if units else None
    beside = district if district and district.key != unit.key else None
    return Bilingual(
        vi=f"{unit.code} {unit.title}" + (f" ({beside.title})" if beside else ""),
        en=f"{unit.code} {unit.title_in('en')}" + (f" ({beside.title_in('en')})" if beside else ""),
    )


def figure(element: Element, value: Decimal) -> Bilingual:
    """`1.204` and `1,204`; `Có` and `yes`."""
    if element.type == "yes_no":
        return _YES if value else _NO
    return Bilingual(vi=number(value, "vi"), en=number(value, "en"))


def limit_of(change: PlausibleChange, element: Element) -> Bilingual:
    """`30 % và 30 hộ`."""
    return Bilingual(
        vi=f"{percent(change.share_percent, 'vi')} và {number(change.at_least, 'vi')} {element.unit.vi}",
        en=f"{percent(change.share_percent, 'en')} and {number(change.at_least, 'en')} {element.unit.en}",
    )
