"""Pure: what is said of what nobody reports anything of. What the plan binds is judged all the same."""

from __future__ import annotations

from datetime import date

from services.scoring.judging.changes import Before
from services.scoring.judging.figures import Figures
from services.scoring.judging.verdicts import judge_criterion
from shared.reference.load import Reference
from shared.reference.models import CriterionKey, Unit


def bound_by(reference: Reference, on: date) -> dict[int, list[CriterionKey]]:
    """The criteria that the plan binds communes to, by commune: of all that there have been in its time until then."""
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


def before_any(key: CriterionKey, unit: Unit, reference: Reference, on: date) -> Before:
    """What silence alone has come to: when the first figures come, or somebody looks for the first time, nothing of
    that is news.
    """
    judged = judge_criterion(key, unit, Figures(), reference, on)
    return Before(judged.status, frozenset(judged.overdue))
