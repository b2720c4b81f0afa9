"""What scoring answers over HTTP about what is not so yet: what would follow, and who is nearest."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Response

from services.scoring.asking.api import communes_of
from services.scoring.asking.before_and_after import Side, figures_of
from services.scoring.asking.nearest import NearestPage, page_of, rank
from services.scoring.asking.supposition import Supposition, check_day, check_figures, reference_under
from services.scoring.asking.views import cohorts_of
from services.scoring.asking.what_if import WhatIf, compare, load_case
from services.scoring.judging.changes import Moment
from services.scoring.judging.verdicts import binds
from services.scoring.texts import phrase
from shared.http.body import JsonRoute
from shared.http.dependencies import Running, SignedIn
from shared.http.paging import up_to
from shared.http.work_slots import WorkSlots
from shared.problems import Fault, Faults, Problem, Problems
from shared.reference.load import Reference

router = APIRouter(prefix="/v1", route_class=JsonRoute)

_seats = WorkSlots(at_once=2, limit=8)
"""A whole province takes a second of the processor, and its figures take room."""

_EXTREME = phrase("what_if_api.extreme")


@router.post("/what-if", response_model=WhatIf)
async def ask_what_if(runtime: Running, caller: SignedIn, supposed: Supposition) -> Response:
    """What would follow if figures came in, or the plan were another. Nothing is stored.

    Figures are looked at only for what they name: intake's rules are not asked.
    """
    reference = runtime.reference
    now = Moment(on=runtime.clock.today(), at=runtime.clock.now())
    check_day(supposed, now.on)
    check_figures(supposed.submissions, caller, reference)
    try:
        async with _seats.taken():
            then = await asyncio.to_thread(reference_under, supposed, reference)
            async with runtime.engine.connect() as connection:
                # one look at sums and figures: they must not move in between
                await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
                case = await load_case(connection, supposed, then, caller, reference, now)
            body = await asyncio.to_thread(lambda: compare(case).model_dump_json())
    except ArithmeticError:
        raise Problem(Problems.REFUSED, detail=_EXTREME) from None
    return Response(body, media_type="application/json")


@router.get("/nearest")
async def list_nearest(
    runtime: Running,
    caller: SignedIn,
    criterion: Annotated[str, Query(description="Such as `ntm-11`.")],
    district: Annotated[str | None, Query(description="Only communes below this unit.")] = None,
    cohort: Annotated[str | None, Query(description="Only communes of this cohort of the plan.")] = None,
    bound: Annotated[bool, Query(description="Only communes that a cohort holds to the criterion.")] = False,
    cursor: Annotated[str | None, Query(pattern=r"^[0-9]{1,9}-[0-9]{5}$")] = None,
    limit: Annotated[int, up_to(1000)] = 10,
) -> NearestPage:
    """The communes that do not meet a criterion, those first that lack the fewest households, workers or items."""
    reference, on = runtime.reference, runtime.clock.today()
    _check(criterion, cohort, reference)
    communes = [
        unit
        for unit in communes_of(reference, caller, district, on).values()
        if cohort is None or cohort in cohorts_of(unit, reference)
        if not bound or binds(criterion, unit, reference)
    ]
    missing, _, code = (cursor or "0-").partition("-")
    async with _seats.taken():
        async with runtime.engine.connect() as connection:
            units, elements = [unit.key for unit in communes], reference.criterion(criterion).element_codes
            found = await figures_of(connection, units, reference, elements=elements)
        return await asyncio.to_thread(
            lambda: page_of(
                rank(communes, criterion, Side.of(reference, found).figures, reference, on),
                criterion,
                reference,
                on,
                after=(int(missing), code),
                limit=limit,
            )
        )


def _check(criterion: str, cohort: str | None, reference: Reference) -> None:
    criteria = [one.key(each) for one in reference.plan_sets for each in one.criteria]
    cohorts = [one.id for one in reference.plan.cohorts]
    for name, value, expected in (("criterion", criterion, criteria), ("cohort", cohort, cohorts)):
        if value is not None and value not in expected:
            details = {"value": value, "expected": ", ".join(expected)}
            raise Problem(Problems.INVALID_QUERY, Fault(f"/{name}", Faults.BAD_PARAMETER, details))
