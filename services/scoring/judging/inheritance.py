"""Inheritance: the figures that a unit takes over from former units, and those that it cannot take over.

Where former units went wholly into a new one, the sum of their figures for an element and period holds for the new
unit: it begins with that history. The figures of a unit that was split cannot be divided, so its successors begin
without them. Only figures that criteria are judged by are inherited, and only counts as at a day: cases and jobs of
the past stay with the units that counted them, and so do decisions on recognition.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
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
    """Figures of a former unit that its successor could not inherit."""

    unit: UnitRef
    elements: list[str] = Field(description="The codes of what was counted.")
    reason: Bilingual


def with_inherited(figures: Mapping[int, Figures], reference: Reference) -> dict[int, Figures]:
    """Return the figures of the units and their families, each with the figures that it inherited."""
    complete = {key: figures.get(key, _NOTHING) for key in reference.lineage.families(figures)}
    heirs = (unit for key in complete if reference.lineage.origins(unit := reference.units.by_key(key)))
    for unit in sorted(heirs, key=attrgetter("valid_from")):
        if inherited := _inherited(unit, complete, reference):
            complete[unit.key] = Figures(inherited | complete[unit.key])
    return complete


def judged_by(figures: Mapping[int, Figures], reference: Reference) -> dict[int, Figures]:
    """Return the figures that units are judged by: since the plan's horizon, with the figures that each inherited."""
    horizon = reference.plan.horizon
    return with_inherited({key: own.since(horizon) for key, own in figures.items()}, reference)


def not_inherited(unit: Unit, figures: Mapping[int, Figures], reference: Reference) -> list[NotInherited]:
    """Return the elements that former units counted, and that the unit neither inherited nor has counted itself.

    `figures`: of the unit and its family, with the inherited ones (`with_inherited`).
    """
    origins = reference.lineage.origins(unit)
    counted = {old.key: _handed_on(figures.get(old.key, _NOTHING), reference) for _, old in origins}
    has = {element for element, _ in figures.get(unit.key, _NOTHING)}
    partly = [old for succession, old in origins if succession.relation != "whole"]

    def reason(old: Unit, element: str) -> Bilingual:
        if old in partly:
            return _reason("split", old, unit, [])
        if partly:
            return _reason("part", old, unit, partly)
        others = [other for _, other in origins if other != old]
        lacking = [other for other in others if element not in counted[other.key]]
        return _reason("lacking", old, unit, lacking or others)

    left_behind = []
    for _, old in origins:
        elements: defaultdict[Bilingual, list[str]] = defaultdict(list)
        for element in sorted(counted[old.key] - has):
            elements[reason(old, element)].append(element)
        left_behind += [NotInherited(unit=unit_ref(old), elements=codes, reason=why) for why, codes in elements.items()]
    return left_behind


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


def _sum(readings: Sequence[Reading], reference: Reference) -> Reading:
    """Return the sum of several units' readings (of yes and no: whether all say yes), at the lowest of their stages."""
    newest = max(readings, key=attrgetter("received_at", "submission"))
    holds = reference.elements[newest.element].type == "yes_no"
    values = [reading.value for reading in readings]
    return newest._replace(
        value=min(values) if holds else sum(values, Decimal(0)),
        stage=min((reading.stage for reading in readings), key=attrgetter("rank")),
        known_from=max(reading.known_from for reading in readings),
        warnings=(),
        summands=tuple(summand for reading in readings for summand in reading.summands or (reading,)),
    )


def _reason(key: str, old: Unit, new: Unit, others: Sequence[Unit]) -> Bilingual:
    def words(language: Language) -> str:
        named = ", ".join(unit.title_in(language) for unit in others)
        return _T[key].in_(language).format(old=old.title_in(language), new=new.title_in(language), others=named)

    return Bilingual(vi=words("vi"), en=words("en"))
