"""Pure: what a unit begins with that came out of others, and what of their figures cannot go over to it.

Where units went into another one wholly, their figures for one element and period add up to what was so in its bounds:
it begins with that history. The figures of a unit that was split cannot be told apart, so what has a part of it begins
without them. Only what criteria are judged by goes over, and only as at a day: cases and jobs of the past stay with the
units that counted them, and so does a decision on recognition.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from operator import attrgetter

from pydantic import BaseModel, Field

from services.scoring.judging.figures import Figures
from services.scoring.judging.readings import Reading
from services.scoring.texts import phrase
from shared.contracts.bilingual import Bilingual, Language
from shared.contracts.period import Period
from shared.contracts.refs import UnitRef
from shared.reference.load import Reference
from shared.reference.models import Unit
from shared.reference.refs import unit_ref

_NOTHING = Figures()
_T = {
    "split": phrase("inheritance.split"),
    "part": phrase("inheritance.part"),
    "lacking": phrase("inheritance.lacking"),
}


class NotInherited(BaseModel):
    """Figures of a unit that ended which do not tell anything of the one that it went into."""

    unit: UnitRef
    elements: list[str] = Field(description="The codes of what was counted.")
    reason: Bilingual


def kin(units: Iterable[int], reference: Reference) -> list[int]:
    """These units with all whose figures have to do with theirs, in order."""
    return sorted({member for unit in units for member in reference.lineage.family(unit)})


def with_inherited(figures: Mapping[int, Figures], reference: Reference) -> dict[int, Figures]:
    """Units' own figures, and of all their kin, with what each began with."""
    found = {key: figures.get(key, _NOTHING) for key in kin(figures, reference)}
    heirs = (unit for key in found if reference.lineage.origins(unit := reference.units.by_key(key)))
    for unit in sorted(heirs, key=attrgetter("valid_from")):
        if inherited := _inherited(unit, found, reference):
            found[unit.key] = Figures(inherited | found[unit.key])
    return found


def judged_by(figures: Mapping[int, Figures], reference: Reference) -> dict[int, Figures]:
    """What units are judged by, of all their figures: as far back as the plan looks, with what each began with."""
    return with_inherited({key: found.since(reference.plan.horizon) for key, found in figures.items()}, reference)


def not_inherited(unit: Unit, figures: Mapping[int, Figures], reference: Reference) -> list[NotInherited]:
    """What was counted of the units that this one came out of and tells nothing of it, as long as it has not counted
    that itself. `figures` are `with_inherited`, those of its kin among them.
    """
    origins = reference.lineage.origins(unit)
    counted = {old.key: _handed_on(figures.get(old.key, _NOTHING), reference) for _, old in origins}
    has = {element for element, _ in figures.get(unit.key, _NOTHING)}
    partly = [old for succession, old in origins if succession.relation != "whole"]

    def reason(old: Unit, element: str) -> Bilingual:
        if old in partly:
            return _told("split", old, unit, [])
        if partly:
            return _told("part", old, unit, partly)
        others = [other for _, other in origins if other != old]
        lacking = [other for other in others if element not in counted[other.key]]
        return _told("lacking", old, unit, lacking or others)

    found = []
    for _, old in origins:
        elements: defaultdict[Bilingual, list[str]] = defaultdict(list)
        for element in sorted(counted[old.key] - has):
            elements[reason(old, element)].append(element)
        found += [NotInherited(unit=unit_ref(old), elements=codes, reason=why) for why, codes in elements.items()]
    return found


def _inherited(unit: Unit, figures: Mapping[int, Figures], reference: Reference) -> dict[tuple[str, Period], Reading]:
    origins = reference.lineage.origins(unit)
    if not origins or any(succession.relation != "whole" for succession, _ in origins):
        return {}
    histories = [figures.get(old.key, _NOTHING) for _, old in origins]
    handed_on = _handed_on(histories[0], reference)
    return {
        key: _sum([history[key] for history in histories], reference)
        for key in histories[0]
        if key[0] in handed_on and all(key in history for history in histories)
    }


def _handed_on(figures: Figures, reference: Reference) -> set[str]:
    return {element for element in {element for element, _ in figures} if reference.is_handed_on(element)}


def _sum(parts: Sequence[Reading], reference: Reference) -> Reading:
    """What units counted, together: of yes and no that all have it; no further than the least of them."""
    newest = max(parts, key=attrgetter("received_at", "submission"))
    holds = reference.elements[newest.element].type == "yes_no"
    values = [part.value for part in parts]
    return newest._replace(
        value=min(values) if holds else sum(values, Decimal(0)),
        stage=min((part.stage for part in parts), key=attrgetter("rank")),
        known_from=max(part.known_from for part in parts),
        warnings=(),
        parts=tuple(one for part in parts for one in part.parts or (part,)),
    )


def _told(why: str, old: Unit, new: Unit, others: Sequence[Unit]) -> Bilingual:
    def words(language: Language) -> str:
        named = ", ".join(one.title_in(language) for one in others)
        return _T[why].in_(language).format(old=old.title_in(language), new=new.title_in(language), others=named)

    return Bilingual(vi=words("vi"), en=words("en"))
