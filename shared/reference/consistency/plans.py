"""Checks that a province's plans follow each other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from shared.contracts.bilingual import Bilingual
from shared.reference.faults import FileFault
from shared.reference.models import Plan
from shared.texts import filled, phrase


def of_plans(plans: Sequence[Plan]) -> list[FileFault]:
    """Check plans in the order of their time: one province, and each begins when the one before is over."""
    if not plans:
        return [_fault("plans", "", phrase("consistency_plans.none"), phrase("consistency_plans.put_a_plan"))]
    faults = []
    for former, plan in pairwise(plans):
        if plan.unit != former.unit:
            problem = filled(phrase("consistency_plans.another_province"), plan=former.id, unit=former.unit)
            faults.append(_fault(plan.id, plan.unit, problem, phrase("consistency_plans.name_the_plans"), "unit"))
        if plan.baseline_date < former.deadline:
            problem = filled(phrase("consistency_plans.begins_too_early"), plan=former.id, deadline=former.deadline)
            remedy = phrase("consistency_plans.name_the_plans")
            faults.append(_fault(plan.id, str(plan.baseline_date), problem, remedy, "baseline_date"))
    return faults


def _fault(plan: str, found: str, problem: Bilingual, remedy: Bilingual, field: str = "") -> FileFault:
    return FileFault(Path("plans") / f"{plan}.yaml", 1, field, found, problem, remedy)
