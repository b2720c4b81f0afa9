"""Elements and figures as faults and warnings name them, in both languages."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from services.intake.texts import phrase
from shared.contracts.bilingual import Bilingual
from shared.reference.models import Element, PlausibleChange
from shared.text import number, percent
from shared.texts import filled

_YES, _NO = phrase("wording.yes"), phrase("wording.no")


def both(vietnamese: Iterable[str], english: Iterable[str], mark: str) -> Bilingual:
    """Join the words of each language with the mark between them."""
    return Bilingual(vi=mark.join(vietnamese), en=mark.join(english))


def element_named(element: Element) -> Bilingual:
    """Return `Hộ nghèo`, as people know it; a fault's pointer has the code for programs."""
    return element.name


def figure(element: Element, value: Decimal) -> Bilingual:
    """Return `1.204` and `1,204`, or `Có` and `yes`."""
    if element.type == "yes_no":
        return _YES if value else _NO
    return Bilingual(vi=number(value, "vi"), en=number(value, "en"))


def limit_of(change: PlausibleChange, element: Element) -> Bilingual:
    """Return `30 % và 30 hộ`."""
    share = Bilingual(vi=percent(change.share_percent, "vi"), en=percent(change.share_percent, "en"))
    amount = Bilingual(vi=number(change.at_least, "vi"), en=number(change.at_least, "en"))
    return filled(phrase("wording.change_limit"), share=share, amount=amount, unit=element.unit)
