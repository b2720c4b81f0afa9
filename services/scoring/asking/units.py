"""The communes of an answer: those that were asked for and that the key covers."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import Query

from services.scoring.asking.parameters import check_one_of
from shared.access.caller import Caller
from shared.contracts.refs import UnitRef
from shared.problems import Fault, Faults, Problem, Problems
from shared.reference.load import Reference
from shared.reference.models import Unit
from shared.reference.naming import not_on_that_day
from shared.reference.refs import unit_ref
from shared.text import plain

InDistrict = Annotated[str | None, Query(description="Only communes below this unit.")]
InCohort = Annotated[str | None, Query(description="Only communes of this cohort of the plan.")]
Searched = Annotated[
    str | None,
    Query(
        alias="q",
        min_length=1,
        max_length=100,
        description="The commune of this code, or those with these words in the name, in plain letters too: `diem he`.",
    ),
]


def communes_of(
    reference: Reference,
    caller: Caller,
    under: str | None,
    on: date,
    cohort: str | None = None,
    searched: str | None = None,
) -> dict[int, Unit]:
    """Return the communes below a unit that the key covers, by their key, in order of code.

    `cohort`: only those of this cohort. `searched`: only the one of this code, or those with these words in the name.
    """
    check_one_of("cohort", cohort, (one.id for one in reference.plan.cohorts))
    top = reference.plan.unit
    if under is not None:
        unit = reference.units.find(under, on)
        if unit is None:
            raise Problem(Problems.REFUSED, not_on_that_day("/district", under, reference.units, on))
        top = unit.code
    communes = reference.units.communes(on, top)
    covered = {unit.key: unit for unit in communes if caller.covers_unit(unit, reference.units)}
    if under is not None and communes and not covered:
        raise Problem(Problems.OUT_OF_SCOPE, Fault("/district", Faults.OUTSIDE_UNITS, {"value": under}))
    words = plain(searched or "")
    return {
        key: unit
        for key, unit in covered.items()
        if cohort is None or cohort in cohorts_of(unit, reference)
        if not words or words == unit.code or words in plain(unit.name)
    }


def check_criterion(criterion: str | None, reference: Reference) -> None:
    """Raise a problem when no set has the criterion."""
    check_one_of("criterion", criterion, reference.criterion_keys)


def district_of(unit: Unit, reference: Reference) -> UnitRef | None:
    """Return the unit's district; None where the tree has none."""
    district = reference.units.district(unit)
    return unit_ref(district) if district else None


def cohorts_of(unit: Unit, reference: Reference) -> list[str]:
    """Return the ids of the plan's cohorts that the commune is in."""
    return [cohort.id for cohort in reference.cohorts_of(unit)]
