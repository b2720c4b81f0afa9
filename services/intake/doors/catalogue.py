"""`GET /v1/catalogue`: the elements and their rules, criteria, units and periods that a submission can name."""

from __future__ import annotations

from datetime import date
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from shared.contracts.bilingual import Bilingual
from shared.contracts.period import Granularity, Period
from shared.contracts.refs import UnitCode
from shared.http.dependencies import Running, SignedIn
from shared.reference.load import Reference
from shared.reference.models import Element, Report

router = APIRouter()


class CatalogueLimit(BaseModel):
    """The change from the figure before that needs no `"confirmed": true`; a larger one exceeds both numbers."""

    share_percent: float
    at_least: float
    verified: bool
    source: str


class CatalogueElement(BaseModel):
    """An element: a thing whose figures agencies report."""

    code: str
    name: Bilingual
    type: str
    nature: Literal["stock", "flow"] = Field(description="As at the period's end, or counted during the period.")
    unit: Bilingual
    minimum: float
    maximum: float
    criteria: list[str]
    counted_in: list[str]
    periods: list[Granularity]
    plausible_change: CatalogueLimit | None


class CatalogueSum(BaseModel):
    """Figures of a unit and period that have to agree: the parts sum to at most the whole, or are equal to it."""

    parts: list[str]
    whole: str
    relation: Literal["at_most", "equal"]
    reason: Bilingual


class CatalogueDue(BaseModel):
    """A period of the plan's year."""

    period: Period
    opens: date = Field(description="The first day on which it can be reported.")
    due: date = Field(description="The last day in time. Intake takes a later report too, and marks it as late.")


class CatalogueReport(BaseModel):
    """A report that the calendar asks for."""

    id: str
    name: Bilingual
    criteria: list[str]
    elements: list[str] = Field(description="Single elements, where it is about these and not about criteria.")
    reported_by: list[str] = Field(description="The kinds of units that owe a report on `elements`.")
    periods: list[CatalogueDue]
    verified: bool
    source: str


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
    sums: list[CatalogueSum]
    reports: list[CatalogueReport]
    criteria: list[CatalogueCriterion]
    units: list[CatalogueUnit]


@router.get("/v1/catalogue")
async def get_catalogue(runtime: Running, _caller: SignedIn) -> Catalogue:
    """List the elements, criteria, units and kinds of periods that submissions can name."""
    return catalogue(runtime.reference, runtime.clock.today())


def catalogue(reference: Reference, today: date) -> Catalogue:
    """Return everything that a submission can name on a day."""
    units = reference.units
    return Catalogue(
        elements=[_element(element, reference) for element in reference.elements.values()],
        sums=[CatalogueSum.model_validate(rule, from_attributes=True) for rule in reference.sum_rules],
        reports=[_report(report, reference) for report in reference.calendar],
        criteria=[
            CatalogueCriterion(key=key, name=criterion.name, lead=criterion.lead_on(today))
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


def _element(element: Element, reference: Reference) -> CatalogueElement:
    limit = reference.plausible_change(element.code)
    return CatalogueElement(
        code=element.code,
        name=element.name,
        type=element.type,
        nature=element.nature,
        unit=element.unit,
        minimum=float(element.minimum),
        maximum=float(element.maximum),
        criteria=element.criteria,
        counted_in=list(element.counted_in),
        periods=element.periods,
        plausible_change=CatalogueLimit.model_validate(limit, from_attributes=True) if limit else None,
    )


def _report(report: Report, reference: Reference) -> CatalogueReport:
    return CatalogueReport(
        id=report.id,
        name=report.name,
        criteria=report.criteria,
        elements=report.elements,
        reported_by=list(report.reported_by),
        periods=[
            CatalogueDue(period=period, opens=reference.opening_day(period), due=report.due_day_of(period))
            for period in report.periods_of(reference.plan.year)
        ],
        verified=report.verified,
        source=report.source,
    )
