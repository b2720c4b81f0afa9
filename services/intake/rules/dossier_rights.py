"""The rights to take the steps of a dossier: one right for each step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from services.intake.rules.dossier import ASSESSMENTS, Dossier, step_named
from shared.access.caller import EVERYTHING, Caller
from shared.contracts.dossier import DossierEntry, DossierStep
from shared.problems import Fault, Faults
from shared.reference.load import Reference
from shared.reference.models import Unit
from shared.reference.naming import criteria_named, unit_named


class Right(NamedTuple):
    """The units and criteria that a key has to cover."""

    level: str
    """`commune`: the commune; `district`: its whole district, or the province where the tree has none; `province`."""
    all_criteria: bool = False
    """Whether the key has to cover all criteria. An assessment needs those that it answers for."""


RIGHTS: Mapping[DossierStep, Right] = {
    DossierStep.SELF_ASSESSED: Right("commune"),
    DossierStep.VERIFIED: Right("district"),
    DossierStep.APPRAISED: Right("province"),
    DossierStep.DECIDED: Right("province", all_criteria=True),
    DossierStep.RECOGNISED: Right("province", all_criteria=True),
    DossierStep.WITHDRAWAL_DUE: Right("province", all_criteria=True),
    DossierStep.WITHDRAWN: Right("province", all_criteria=True),
}
"""The matrix of rights. To return a dossier takes the right to the step whose turn it is."""


def may_take(step: DossierStep, dossier: Dossier, unit: Unit, caller: Caller, reference: Reference) -> bool:
    """Say whether the caller may take the step, an assessment at least for one criterion."""
    right = RIGHTS[dossier.open_step if step is DossierStep.RETURNED else step]
    if not caller.covers_unit(_office(right, unit, reference), reference.units):
        return False
    return EVERYTHING in caller.criteria if right.all_criteria else caller.covers_criteria(dossier.criteria)


def right_faults(
    entry: DossierEntry, dossier: Dossier, unit: Unit, caller: Caller, reference: Reference
) -> Iterator[Fault]:
    """Yield the faults of a step that the caller's key may not take."""
    step = dossier.open_step if entry.step is DossierStep.RETURNED else entry.step
    right = RIGHTS[step]
    office = _office(right, unit, reference)
    if not caller.covers_unit(office, reference.units):
        yield Fault("/step", Faults.OUTSIDE_STEP, {"value": step_named(step), "expected": unit_named(office)})
    elif right.all_criteria and EVERYTHING not in caller.criteria:
        yield Fault("/step", Faults.OUTSIDE_ALL_CRITERIA, {"value": step_named(step)})
    elif step in ASSESSMENTS and not caller.covers_criteria(dossier.criteria):
        yield Fault("/step", Faults.OUTSIDE_CRITERION, {"value": criteria_named(dossier.criteria)})
    for place, answer in enumerate(entry.answers):
        if not caller.covers_criteria((answer.criterion,)):
            value = criteria_named([answer.criterion])
            yield Fault(f"/answers/{place}/criterion", Faults.OUTSIDE_CRITERION, {"value": value})


def _office(right: Right, unit: Unit, reference: Reference) -> Unit:
    """Return the unit that a key has to cover."""
    if right.level == "commune":
        return unit
    place = reference.units.district(unit) if right.level == "district" else None
    return place or (reference.units.ancestors(unit) or [unit])[-1]
