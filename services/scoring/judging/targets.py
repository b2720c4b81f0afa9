"""The plan's commitments for districts and the province, judged by the sums of the units below them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from services.scoring.judging.aggregates import communes_counted, series
from services.scoring.judging.increments import Increment
from services.scoring.judging.judge import assess_target
from services.scoring.judging.observations import Observation
from shared.contracts.assessment import Assessment
from shared.reference.load import Reference
from shared.reference.models import Commitment, Unit


def targets_of(reference: Reference) -> Iterable[tuple[Commitment, Unit]]:
    """Yield each of the plan's commitments with each unit that it binds, as of the plan's first day."""
    for commitment in reference.plan.commitments:
        for code in commitment.units:
            if target := reference.units.find(code, reference.plan.first_day):
                yield commitment, target


def series_of(
    commitment: Commitment, target: Unit, increments: Mapping[date, Increment], reference: Reference, on: date
) -> list[Observation]:
    """Return the commitment's value over time from its summed increments, as seen on the day `on`."""
    plan = reference.plan
    return series(commitment, increments, plan.baseline_date, communes_counted(target, reference, on), plan.coverage)


def assess_at(
    commitment: Commitment, target: Unit, increments: Mapping[date, Increment], reference: Reference, on: date
) -> Assessment:
    """Return the assessment of a commitment on a day, or on the unit's last day, by its summed increments."""
    on = target.last_day(on)
    return assess_target(commitment, series_of(commitment, target, increments, reference, on), reference, on)
