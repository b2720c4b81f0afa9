"""`POST /v1/what-if`: the verdicts if figures came in or the plan were another. Nothing is stored."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.asking.closed_plan import stands
from services.scoring.asking.scenario import figures_of_families, supposed_readings
from services.scoring.asking.what_if_comparison import Inputs, WhatIf, compare, targets_covered
from services.scoring.asking.what_if_request import Supposition, check_day, check_figures, reference_under
from services.scoring.asking.work_slots import SLOTS
from services.scoring.judging.changes import Moment
from services.scoring.storage.increments import summed_increments
from services.scoring.texts import phrase
from shared.access.caller import Caller
from shared.http.body import JsonRoute
from shared.http.dependencies import Running, SignedIn
from shared.problems import Problem, Problems
from shared.reference.load import Reference

router = APIRouter(prefix="/v1", route_class=JsonRoute)

_EXTREME = phrase("what_if.extreme")


@router.post("/what-if", response_model=WhatIf)
async def ask_what_if(runtime: Running, caller: SignedIn, supposed: Supposition) -> Response:
    """Return the verdicts that would change if figures came in, or if the plan were another. Nothing is stored.

    The supposed figures must name known units and elements; intake's other rules are not applied.
    """
    reference = runtime.reference
    now = Moment(on=runtime.clock.today(), at=runtime.clock.now())
    check_day(supposed, now.on)
    check_figures(supposed.submissions, caller, reference)
    try:
        async with SLOTS.taken():
            supposed_reference = await asyncio.to_thread(reference_under, supposed, reference)
            async with runtime.engine.connect() as connection:
                # sums and figures are read from one snapshot: they must not move in between
                await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
                inputs = await load_inputs(connection, supposed, supposed_reference, caller, reference, now)
            body = await asyncio.to_thread(lambda: compare(inputs).model_dump_json())
    except ArithmeticError:
        raise Problem(Problems.REFUSED, detail=_EXTREME) from None
    return Response(body, media_type="application/json")


async def load_inputs(
    connection: AsyncConnection,
    supposition: Supposition,
    supposed_reference: Reference,
    caller: Caller,
    reference: Reference,
    now: Moment,
) -> Inputs:
    """Read the figures and sums with which the supposition is compared, of the key's units only."""
    on = supposition.on or now.on
    supposed = supposed_readings(supposition.submissions, reference, now, on)
    units = {unit.key for unit in reference.units if caller.covers_unit(unit, reference.units)}
    if supposed_reference is reference:
        units &= set(reference.lineage.families(supposed))
    return Inputs(
        reference=reference,
        supposed_reference=supposed_reference,
        supposed=supposed,
        figures=await figures_of_families(connection, units, reference, supposed_reference),
        sums=(await summed_increments(connection, reference.plan.id, list(targets_covered(reference, caller)))).by_day,
        communes=[
            unit for unit in supposed_reference.units.communes(on, supposed_reference.plan.unit) if unit.key in units
        ],
        caller=caller,
        on=on,
        lists_unchanged=supposition.unchanged,
        plan_stands=stands(reference.plan, now.on) if supposed_reference is reference else None,
    )
