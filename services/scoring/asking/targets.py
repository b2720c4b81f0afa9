"""`GET /v1/targets`: where districts and the province stand with the plan's commitments."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import date

from fastapi import APIRouter
from pydantic import BaseModel, Field

from services.scoring.asking.as_of import AsOf, day_of, figures_at
from services.scoring.asking.statuses import unchanged_since
from services.scoring.judging.aggregates import summed
from services.scoring.judging.increments import Increments
from services.scoring.judging.targets import assess_at, targets_of
from services.scoring.storage.increments import summed_increments
from services.scoring.storage.targets import StoredTarget, stored_targets
from shared.contracts.assessment import Assessment
from shared.contracts.refs import CommitmentRef, UnitRef
from shared.contracts.status import Status
from shared.http.dependencies import Running, SignedIn
from shared.reference.load import Reference
from shared.reference.models import Commitment, Unit
from shared.reference.refs import commitment_ref, unit_ref

router = APIRouter(prefix="/v1")

type TargetSums = Mapping[tuple[str, int], Increments]
"""Summed increments by commitment and unit."""


class TargetItem(BaseModel):
    """A commitment of the plan for a district or the province. With `as_of`: as it was known to be at that day."""

    unit: UnitRef
    commitment: CommitmentRef
    status: Status
    since: date | None
    assessment: Assessment | None
    actual: Assessment | None = Field(
        default=None, description="Only with `as_of`: what was so at that day by all that is known today."
    )


class TargetList(BaseModel):
    """All commitments in the plan's order."""

    as_of: date
    items: list[TargetItem]
    sample: bool


def target_item(
    commitment: Commitment, unit: Unit, steps: Increments, row: StoredTarget | None, reference: Reference, on: date
) -> TargetItem:
    """Judge a commitment at a day, or on the unit's last day; `row` tells since when the status has held."""
    assessment = assess_at(commitment, unit, steps, reference, on)
    return TargetItem(
        unit=unit_ref(unit),
        commitment=commitment_ref(commitment),
        status=assessment.status,
        since=unchanged_since(assessment, row),
        assessment=assessment,
    )


def target_item_then(
    commitment: Commitment, unit: Unit, known: TargetSums, actual: TargetSums, reference: Reference, on: date
) -> TargetItem:
    """Judge a commitment at a past day by the sums of the figures `known` then, and of the `actual` ones."""
    key = commitment.id, unit.key
    item = target_item(commitment, unit, known.get(key, {}), None, reference, on)
    item.actual = assess_at(commitment, unit, actual.get(key, {}), reference, on)
    return item


@router.get("/targets")
async def list_targets(runtime: Running, caller: SignedIn, as_of: AsOf = None) -> TargetList:
    """What the plan commits the province and its districts to, and how far that is."""
    on = day_of(as_of, runtime)
    reference = runtime.reference
    wanted = [
        (commitment, unit) for commitment, unit in targets_of(reference) if caller.covers_unit(unit, reference.units)
    ]
    async with runtime.engine.connect() as connection:
        if as_of is None:
            rows = await stored_targets(connection)
            steps = await summed_increments(connection, [(commitment.id, unit.key) for commitment, unit in wanted])
            items = [
                target_item(
                    commitment,
                    unit,
                    steps.get((commitment.id, unit.key), {}),
                    rows.get((commitment.id, unit.key)),
                    reference,
                    on,
                )
                for commitment, unit in wanted
            ]
        else:
            known_and_actual = await figures_at(connection, [unit.key for unit in reference.units], reference, on)

            def judge() -> list[TargetItem]:
                known, actual = (summed(wanted, figures, reference) for figures in known_and_actual)
                return [target_item_then(*one, known, actual, reference, on) for one in wanted]

            items = await asyncio.to_thread(judge)
    return TargetList(as_of=on, items=items, sample=reference.plan.sample)
