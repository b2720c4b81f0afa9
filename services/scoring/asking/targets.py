"""`GET /v1/targets`: where districts and the province stand with the plan's commitments."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from services.scoring.asking.as_of import AsOf, day_of
from services.scoring.asking.changes import scoring_of
from services.scoring.asking.kept_answer import figures_version, reply_with
from services.scoring.asking.parameters import check_one_of
from services.scoring.asking.statuses import unchanged_since
from services.scoring.asking.targets_then import Assessments, Sums, TargetSums, assessed
from services.scoring.asking.work_slots import SLOTS
from services.scoring.judging.judge import Judge
from services.scoring.storage.increments import summed_increments
from services.scoring.storage.targets import StoredTarget, stored_targets
from shared.contracts.assessment import Assessment
from shared.contracts.refs import CommitmentRef, UnitRef
from shared.contracts.status import Status
from shared.http.dependencies import Running, SignedIn
from shared.reference.load import Reference
from shared.reference.refs import commitment_ref, unit_ref
from shared.service.runtime import Runtime

router = APIRouter(prefix="/v1")


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


@router.get("/targets", response_model=TargetList)
async def list_targets(
    request: Request,
    runtime: Running,
    caller: SignedIn,
    as_of: AsOf = None,
    plan: Annotated[str | None, Query(description="A plan's id; by default the plan in force on the day.")] = None,
) -> Response:
    """List the commitments of the province and its districts in a plan, each with its status."""
    on = day_of(as_of, runtime)
    reference = _plan_of(plan, runtime, on)
    judge, parts, version = Judge(reference, on), scoring_of(request).parts, await figures_version(request)
    is_closed = reference.plan.is_closed(on)
    rows, stored = await _stored(runtime, reference) if as_of is None else ({}, None)

    async def made() -> TargetList:
        sums = await parts.ask(TargetSums(reference, on), SLOTS) if stored is None else stored
        known = await asyncio.to_thread(assessed, judge, sums)
        actual: Assessments = {}
        if as_of is not None or is_closed:
            actual = await asyncio.to_thread(assessed, judge, await parts.ask(TargetSums(reference, None), SLOTS))
        items = [
            TargetItem(
                unit=unit_ref(unit),
                commitment=commitment_ref(commitment),
                status=known[key].status,
                since=None if is_closed else unchanged_since(known[key], rows.get(key)),
                assessment=known[key],
                actual=actual.get(key),
            )
            for commitment, unit in reference.targets
            if caller.covers_unit(unit, reference.units)
            for key in ((commitment.id, unit.key),)
        ]
        return TargetList(as_of=on, plan=reference.plan.id, items=items, sample=reference.plan.sample)

    return await reply_with(request, caller, (reference, on, version, rows, stored), made)


async def _stored(runtime: Runtime, reference: Reference) -> tuple[Mapping[tuple[str, int], StoredTarget], Sums]:
    """Return the stored statuses of the commitments, and the stored sums by which they are judged.

    Those of a closed plan are the sums of the figures by which its verdicts stand.
    """
    keys = [(commitment.id, unit.key) for commitment, unit in reference.targets]
    async with runtime.engine.connect() as connection:
        rows = await stored_targets(connection, reference.plan.id)
        sums = (await summed_increments(connection, reference.plan.id, keys)).by_day
    return rows, sums


def _plan_of(plan: str | None, runtime: Runtime, on: date) -> Reference:
    """Return the reference data of the plan asked for, which must have begun by the day."""
    begun = runtime.plans.begun(on)
    ids = [reference.plan.id for reference in begun]
    check_one_of("plan", plan, ids)
    return begun[-1] if plan is None else begun[ids.index(plan)]
