"""Binding criteria for which nothing was reported: they are judged all the same."""

from __future__ import annotations

from datetime import date

from services.scoring.judging.changes import PreviousVerdict
from services.scoring.judging.figures import Figures
from services.scoring.judging.judge import judge_criterion
from shared.reference.load import Reference
from shared.reference.models import CriterionKey, Unit


def binding_criteria(reference: Reference, on: date) -> dict[int, list[CriterionKey]]:
    """Return the criteria that the plan binds communes to, by commune: for all communes in its time until that day."""
    plan = reference.plan
    return {
        unit.key: sorted(keys)
        for unit in reference.units
        if unit.kind in plan.counted_kinds
        and unit.valid_from <= on
        and (unit.valid_to is None or unit.valid_to >= plan.first_day)
        and reference.units.is_under(unit, plan.unit)
        and (keys := reference.bound_to(unit))
    }


def verdict_without_figures(key: CriterionKey, unit: Unit, reference: Reference, on: date) -> PreviousVerdict:
    """Return the verdict on a criterion without any figures.

    A criterion's first verdict is compared with it, so that what the lack of figures alone led to is not news.
    """
    judged = judge_criterion(key, unit, Figures(), reference, on)
    return PreviousVerdict(judged.status, frozenset(judged.overdue))
