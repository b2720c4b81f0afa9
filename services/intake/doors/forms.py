"""`GET /v1/forms/{report}`: a report of the calendar as a form to fill in, with the figures that stand there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from services.intake.admission.former_figure import FormerFigure
from services.intake.doors.uploads import covered_place, parsed_period
from services.intake.rules.standing_figures import StandingFigures, StandingReading
from services.intake.service import Intake, Serving
from services.intake.storage import figures, receipts
from services.intake.workbook.layout import counted_in
from shared.access.caller import Caller
from shared.contracts.bilingual import Bilingual
from shared.contracts.period import Period
from shared.contracts.refs import UnitRef
from shared.http.dependencies import SignedIn
from shared.problems import Fault, Faults, Problem, Problems, bad_parameter
from shared.reference.load import Reference
from shared.reference.models import COMMUNE_LEVEL, Element, Report, Unit
from shared.reference.naming import criteria_named
from shared.reference.refs import unit_ref

router = APIRouter()


class FormUnit(BaseModel):
    """A unit of the form."""

    unit: UnitRef
    district: str | None = Field(description="The name of its district; None for a district.")
    elements: list[str] = Field(description="The elements that are counted in a unit of its kind.")
    before: dict[str, FormerFigure] = Field(description="By element: the newest figure of an earlier period.")
    stands: dict[str, FormerFigure] = Field(
        description="By element: the figure that stands for this period, also of elements that sums compare with these."
    )


class Form(BaseModel):
    """A report for a period, of a unit or of all units below it. `/v1/catalogue` has limits, names and sums."""

    report: str
    name: Bilingual
    period: Period
    elements: list[str]
    units: list[FormUnit]


@router.get("/v1/forms/{report}")
async def get_form(
    intake: Serving,
    caller: SignedIn,
    report: str,
    unit: Annotated[str, Query(max_length=5, description="A commune, or a district for all its communes.")],
    period: Annotated[str, Query(max_length=60, description="A period of the report: `2023-06`, `Q2 2023`, …")],
) -> Form:
    """Return a report as a form: what to fill in, with the earlier figures. `POST /v1/uploads` takes it filled."""
    reference = intake.runtime.reference
    asked = next((one for one in reference.calendar if one.id == report), None)
    if asked is None:
        raise bad_parameter("report", report, tuple(one.id for one in reference.calendar))
    parsed = parsed_period(period)
    if parsed.granularity != asked.granularity:
        raise Problem(Problems.INVALID_QUERY, Fault("/period", Faults.PERIOD_NOT_READ, {"value": period}))
    place = covered_place(unit, parsed, caller, reference)
    elements = _elements(asked, caller, reference)
    units = _units(asked, place, parsed, elements, reference)
    if not units:
        raise Problem(Problems.NOTHING_TO_FILL)
    return Form(
        report=asked.id,
        name=asked.name,
        period=parsed,
        elements=[element.code for element in elements],
        units=await _with_figures(intake, units, elements, parsed),
    )


def _elements(report: Report, caller: Caller, reference: Reference) -> list[Element]:
    """Return the elements of a report that the caller may report; one with a report of its own stands in that alone."""
    own = {code for other in reference.calendar if other is not report for code in other.elements}
    elements = [
        element
        for element in reference.elements.values()
        if report.granularity in element.periods
        and (
            element.code in report.elements
            or (
                element.code not in own
                and reference.is_asked_for(element.code)
                and not set(report.criteria).isdisjoint(element.criteria)
            )
        )
    ]
    covered = [element for element in elements if caller.covers_criteria(tuple(element.criteria))]
    if elements and not covered:
        named = criteria_named(report.criteria or elements[0].criteria)
        details = {"element": report.name, "expected": named}
        raise Problem(Problems.OUT_OF_SCOPE, Fault("/report", Faults.OUTSIDE_CRITERIA, details))
    return covered


def _units(
    report: Report, place: Unit, period: Period, elements: Sequence[Element], reference: Reference
) -> list[Unit]:
    """Return the units that owe the report, by district, the communes that the plan counts before towns and wards."""
    below = reference.units.communes(period.end, place.code, tuple(report.reported_by) or COMMUNE_LEVEL)
    counting = [unit for unit in below if counted_in(unit, elements)]

    def order(unit: Unit) -> tuple[str, bool, str]:
        district = reference.units.district(unit)
        return district.code if district else "", unit.kind not in reference.plan.counted_kinds, unit.code

    return sorted(counting, key=order)


async def _with_figures(
    intake: Intake, units: Sequence[Unit], elements: Sequence[Element], period: Period
) -> list[FormUnit]:
    reference = intake.runtime.reference
    codes = [element.code for element in elements]

    def former(readings: Mapping[str, StandingReading]) -> dict[str, FormerFigure]:
        return {code: FormerFigure.of(reading, reference.elements[code], sent) for code, reading in readings.items()}

    compared = {code for each in codes for rule in reference.sum_rules_of(each) for code in rule.elements}
    keys, standing = [unit.key for unit in units], StandingFigures()
    async with intake.runtime.engine.connect() as connection:
        before = await figures.newest_before(connection, keys, codes, period.end)
        await figures.add_figures(connection, standing, keys, compared.union(codes), [period.end])
        stands = {unit.key: standing.figures(unit.key, period) for unit in units}
        shown = [*before.values(), *(reading for of_unit in stands.values() for reading in of_unit.values())]
        sent = await receipts.receipts_of(connection, {reading.submission for reading in shown})
    return [
        FormUnit(
            unit=unit_ref(unit),
            district=district.title if (district := reference.units.district(unit)) and district is not unit else None,
            elements=[code for code in codes if code in counted_in(unit, elements)],
            before=former({code: before[unit.key, code] for code in codes if (unit.key, code) in before}),
            stands=former(stands[unit.key]),
        )
        for unit in units
    ]
