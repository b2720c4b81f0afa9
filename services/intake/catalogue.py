"""Pure: what a sender has to know: elements, criteria, units, periods."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from pydantic import BaseModel

from shared.contracts import Bilingual, UnitCode
from shared.contracts.words import Granularity
from shared.reference.load import Reference


class CatalogueElement(BaseModel):
    """A thing that can be reported."""

    code: str
    name: Bilingual
    type: str
    unit: Bilingual
    minimum: float
    maximum: float
    criteria: list[str]
    counted_in: list[str]
    periods: list[Granularity]


class CatalogueCriterion(BaseModel):
    """A criterion, by set and number."""

    key: str
    name: Bilingual
    lead: Bilingual


class CatalogueUnit(BaseModel):
    """A unit as it is today."""

    code: UnitCode
    name: str
    kind: str
    parent: UnitCode | None


class Catalogue(BaseModel):
    """Everything that a submission can name."""

    elements: list[CatalogueElement]
    criteria: list[CatalogueCriterion]
    units: list[CatalogueUnit]


def catalogue(reference: Reference, today: date) -> Catalogue:
    """The catalogue of a day."""
    units = reference.units
    return Catalogue(
        elements=[
            CatalogueElement(
                code=element.code,
                name=element.name,
                type=element.type,
                unit=element.unit,
                minimum=_number(element.minimum),
                maximum=_number(element.maximum),
                criteria=element.criteria,
                counted_in=list(element.counted_in),
                periods=element.periods,
            )
            for element in reference.elements.values()
        ],
        criteria=[
            CatalogueCriterion(key=key, name=criterion.name, lead=criterion.lead)
            for key in reference.criterion_keys
            for criterion in [reference.criterion(key)]
        ],
        units=[
            CatalogueUnit(
                code=unit.code,
                name=unit.title,
                kind=unit.kind,
                parent=units.by_key(unit.parent).code if unit.parent is not None else None,
            )
            for unit in units
            if unit.is_valid(today)
        ],
    )


def _number(value: Decimal) -> float:
    return float(value)
