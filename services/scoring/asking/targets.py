"""`GET /v1/targets`: where districts and the province stand with the plan's commitments."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from services.scoring.asking.as_of import AsOf, day_of, figures_at
from services.scoring.asking.parameters import check_one_of
from services.scoring.asking.statuses import unchanged_since
from services.scoring.judging.aggregates import summed
from services.scoring.judging.assessments import assess_target
from services.scoring.judging.increments import Increments
from services.scoring.judging.judge import Judge
from services.scoring.storage.increments import summed_increments
from services.scoring.storage.targets import StoredTarget, stored_targets
from shared.contracts.assessment import Assessment
from shared.contracts.refs import CommitmentRef, UnitRef
from shared.contracts.status import Status
from shared.http.dependencies import Running, SignedIn
from shared.reference.load import Reference
from shared.reference.models import Commitment, Unit
from shared.reference.refs import commitment_ref, unit_ref
from shared.service.runtime import Runtime

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
        default=None,
        description="Only with `as_of`, or where the plan is closed: what was so by all that is known today.",
    )


class TargetList(BaseModel):
    """All commitments in the plan's order."""

    as_of: date
    plan: str = Field(description="The id of the plan.")
    items: list[TargetItem]
    sample: bool


def target_item(
    judge: Judge, commitment: Commitment, unit: Unit, increments: Increments, row: StoredTarget | None = None
) -> TargetItem:
    """Judge a commitment, on the unit's last day at the latest; `row` tells since when the status has held."""
    assessment = assess_target(judge, commitment, unit, increments)
    return TargetItem(
        unit=unit_ref(unit),
        commitment=commitment_ref(commitment),
        status=assessment.status,
        since=unchanged_since(assessment, row),
        assessment=assessment,
    )


def target_item_then(
    judge: Judge, commitment: Commitment, unit: Unit, known: TargetSums, actual: TargetSums
) -> TargetItem:
    """Judge a commitment at a past day by the sums of the figures `known` then, and of the `actual` ones."""
    key = commitment.id, unit.key
    item = target_item(judge, commitment, unit, known.get(key, {}))
    item.actual = assess_target(judge, commitment, unit, actual.get(key, {}))
    return item


@router.get("/targets")
async def list_targets(
    runtime: Running,
    caller: SignedIn,
    as_of: AsOf = None,
    plan: Annotated[str | None, Query(description="A plan's id; by default the plan in force on the day.")] = None,
) -> TargetList:
    """List the commitments of the province and its districts in a plan, each with its status."""
    on = day_of(as_of, runtime)
    reference = _plan_of(plan, runtime, on)
    judge = Judge(reference, on)
    targets = [
        (commitment, unit) for commitment, unit in reference.targets if caller.covers_unit(unit, reference.units)
    ]
    keys = [(commitment.id, unit.key) for commitment, unit in targets]
    async with runtime.engine.connect() as connection:
        if as_of is not None or reference.plan.is_closed(on):
            known_and_actual = await figures_at(connection, [unit.key for unit in reference.units], reference, on)

            def assess() -> list[TargetItem]:
                known, actual = (summed(targets, figures, reference) for figures in known_and_actual)
                return [target_item_then(judge, commitment, unit, known, actual) for commitment, unit in targets]

            items = await asyncio.to_thread(assess)
        else:
            rows = await stored_targets(connection, reference.plan.id)
            sums = (await summed_increments(connection, reference.plan.id, keys)).by_day
            items = [
                target_item(judge, commitment, unit, sums.get(key, {}), rows.get(key))
                for key, (commitment, unit) in zip(keys, targets, strict=True)
            ]
    return TargetList(as_of=on, plan=reference.plan.id, items=items, sample=reference.plan.sample)


def _plan_of(plan: str | None, runtime: Runtime, on: date) -> Reference:
    """Return the reference data of the plan asked for, which must have begun by the day."""
    begun = runtime.plans.begun(on)
    ids = [reference.plan.id for reference in begun]
    check_one_of("plan", plan, ids)
    return begun[-1] if plan is None else begun[ids.index(plan)]
