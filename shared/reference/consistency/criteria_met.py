"""Checks of commitments on the number of criteria that communes meet."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from shared.reference.consistency.checks import COHORT, Checks
from shared.reference.located import Place
from shared.reference.models import Commitment, CommunesBelow, CriteriaMet
from shared.reference.reference import Reference
from shared.texts import filled, phrase


def of_criteria_met(
    checks: Checks,
    place: Place,
    commitment: Commitment,
    measure: CriteriaMet,
    reference: Reference,
) -> None:
    """Check that the set and the cohort exist, and that the set has as many criteria as the commitment speaks of."""
    here, name = (*place, "measure"), measure.criteria_set
    if measure.cohort is not None:
        cohorts = {cohort.id for cohort in reference.plan.cohorts}
        checks.known((*here, "cohort"), measure.cohort, cohorts, COHORT)
    plans_sets = [each for each in reference.plan.criteria_sets if each in reference.sets]
    if not checks.known((*here, "criteria_set"), name, plans_sets, phrase("consistency_plan.criteria_set")):
        return
    most = len(reference.criteria_of_set(name))
    wanted = "at_most" if isinstance(measure, CommunesBelow) else "at_least"
    if commitment.direction != wanted:
        remedy = filled(phrase("consistency_criteria_met.write_direction"), direction=wanted)
        problem = phrase("consistency_criteria_met.steers_the_wrong_way")
        checks.fault((*place, "direction"), problem, remedy, commitment.direction)
    numbers = [((*here, "criteria"), Decimal(measure.criteria))] if isinstance(measure, CommunesBelow) else None
    for where, number in numbers or _averages(place, commitment):
        if not 0 <= number <= most:
            checks.fault(
                where,
                filled(phrase("consistency_criteria_met.set_has_criteria"), set=name, count=most),
                filled(phrase("consistency_criteria_met.write_up_to"), count=most),
                number,
            )


def _averages(place: Place, commitment: Commitment) -> Iterator[tuple[Place, Decimal]]:
    """Yield the averages that a commitment names, and by how much it is to rise, each with its place."""
    for field, number in (
        ("baseline", commitment.baseline),
        ("change", commitment.change),
        ("goal", commitment.goal),
    ):
        if number is not None:
            yield (*place, field), number
    for at, milestone in enumerate(commitment.milestones):
        yield (*place, "milestones", at, "value"), milestone.value
