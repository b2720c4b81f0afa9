"""What would follow if figures or the plan were other: both are judged, and nothing is stored."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.asking.scenario import Arriving, Side, compared, figures_of, supposed_readings
from services.scoring.asking.what_if_request import Supposition, check_day, check_figures, reference_under
from services.scoring.asking.work_slots import SLOTS
from services.scoring.judging.aggregates import summed
from services.scoring.judging.changes import Moment
from services.scoring.judging.figures import Figures
from services.scoring.judging.increments import Increments, difference
from services.scoring.judging.inheritance import families_of
from services.scoring.judging.targets import assess_at, targets_of
from services.scoring.judging.verdicts import CriterionVerdict, explain_criterion
from services.scoring.storage import queries
from services.scoring.texts import phrase
from shared.access.caller import Caller
from shared.contracts.assessment import Assessment
from shared.contracts.bilingual import Bilingual
from shared.contracts.refs import CommitmentRef, CriterionRef, UnitRef
from shared.contracts.status import Status
from shared.http.body import JsonRoute
from shared.http.dependencies import Running, SignedIn
from shared.problems import Problem, Problems
from shared.reference.load import Reference
from shared.reference.models import Commitment, Unit
from shared.reference.refs import commitment_ref, criterion_ref, unit_ref

router = APIRouter(prefix="/v1", route_class=JsonRoute)

type _Target = tuple[Commitment, Unit]
type _Sums = Mapping[tuple[str, int], Increments]
"""By commitment and unit."""


class Told(BaseModel):
    """A status, and why it is so."""

    status: Status
    reason: Bilingual


class CriterionCompared(BaseModel):
    """A commune's criterion; None: the commune is not judged by it."""

    unit: UnitRef
    criterion: CriterionRef
    before: Told | None
    after: Told | None


class TargetCompared(BaseModel):
    """A commitment of a district or the province; None: the plan has no such commitment."""

    unit: UnitRef
    commitment: CommitmentRef
    before: Assessment | None
    after: Assessment | None


class Counts(BaseModel):
    """How many have each status."""

    before: dict[Status, int]
    after: dict[Status, int]


class WhatIf(BaseModel):
    """What would follow. Nothing of it is stored."""

    on: date = Field(description="The day judged at.")
    statuses: list[CriterionCompared] = Field(description="The communes' criteria that would have another status.")
    targets: list[TargetCompared] = Field(
        description="The commitments that would be assessed otherwise, be it only in their numbers."
    )
    criteria_counts: dict[str, Counts] = Field(
        description="By criterion: the communes that figures are supposed for, or with another plan all of the key's."
    )
    target_counts: Counts = Field(description="All commitments of the key's units.")
    without_effect: list[str] = Field(
        description="Pointers to figures that change nothing: others of a later stage or revision stand, or the plan "
        "does not look so far back."
    )
    sample: bool


@dataclass(frozen=True, slots=True)
class Case:
    """What is supposed, and all that is needed to tell what would follow."""

    reference: Reference
    then: Reference
    """With the supposed plan."""
    arriving: Arriving
    figures: Mapping[int, Figures]
    sums: _Sums
    communes: Collection[Unit]
    caller: Caller
    on: date


async def load_case(
    connection: AsyncConnection,
    supposed: Supposition,
    then: Reference,
    caller: Caller,
    reference: Reference,
    now: Moment,
) -> Case:
    """Read what the supposition is compared with: only of the key's units. `then` has the supposed plan."""
    on = supposed.on or now.on
    arriving = supposed_readings(supposed.submissions, reference, now, on)
    units = {unit.key for unit in reference.units if caller.covers_unit(unit, reference.units)}
    if then is reference:
        units &= set(families_of(arriving, reference))
    return Case(
        reference=reference,
        then=then,
        arriving=arriving,
        figures=await figures_of(connection, units, reference, then),
        sums=await queries.summed_increments(connection, list(_targets(reference, caller))),
        communes=[unit for unit in then.units.communes(on, then.plan.unit) if unit.key in units],
        caller=caller,
        on=on,
    )


def compare(case: Case) -> WhatIf:
    """What would follow. Takes a second for a whole province: not for the loop."""
    before, after = Side.of(case.reference, case.figures), Side.of(case.then, case.figures, case.arriving)
    statuses: list[CriterionCompared] = []
    counted: defaultdict[str, list[Counter[Status]]] = defaultdict(lambda: [Counter(), Counter()])
    pairs = ((unit, criterion) for unit in case.communes for criterion in case.then.criterion_keys)
    for unit, criterion, *verdicts in compared(pairs, before, after, case.on):
        for counter, judged in zip(counted[criterion], verdicts, strict=True):
            counter.update([judged.status] if judged else [])
        if len({judged and judged.status for judged in verdicts}) > 1:
            old, new = (_told(judged) for judged in verdicts)
            ref = criterion_ref(criterion, case.then)
            statuses.append(CriterionCompared(unit=unit_ref(unit), criterion=ref, before=old, after=new))
    targets, target_counts = _compare_targets(case, before, after)
    return WhatIf(
        on=case.on,
        statuses=statuses,
        targets=targets,
        criteria_counts={key: Counts(before=old, after=new) for key, (old, new) in counted.items()},
        target_counts=target_counts,
        without_effect=list(_without_effect(case.arriving, after)),
        sample=case.reference.plan.sample or case.then.plan.sample,
    )


def _told(judged: CriterionVerdict | None) -> Told | None:
    return Told(status=judged.status, reason=explain_criterion(judged).reason) if judged else None


def _compare_targets(case: Case, before: Side, after: Side) -> tuple[list[TargetCompared], Counts]:
    sums: _Sums = _summed(after, case.caller)
    if case.then is case.reference:  # only some units' figures are there: the sums move by what these change
        former = _summed(before, case.caller)
        sums = {
            key: difference(sums.get(key, {}), difference(former.get(key, {}), case.sums.get(key, {})))
            for key in _targets(case.then, case.caller)
        }
    old = _assessed(case.reference, case.sums, case)
    new = _assessed(case.then, sums, case)
    named = _targets(case.reference, case.caller) | _targets(case.then, case.caller)
    differing = [
        TargetCompared(
            unit=unit_ref(unit),
            commitment=commitment_ref(commitment),
            before=old.get(key),
            after=new.get(key),
        )
        for key, (commitment, unit) in named.items()
        if old.get(key) != new.get(key)
    ]
    counts = [Counter(assessment.status for assessment in side.values()) for side in (old, new)]
    return differing, Counts(before=counts[0], after=counts[1])


def _assessed(reference: Reference, sums: _Sums, case: Case) -> dict[tuple[str, int], Assessment]:
    return {
        key: assess_at(commitment, unit, sums.get(key, {}), reference, case.on)
        for key, (commitment, unit) in _targets(reference, case.caller).items()
    }


def _targets(reference: Reference, caller: Caller) -> dict[tuple[str, int], _Target]:
    return {
        (commitment.id, unit.key): (commitment, unit)
        for commitment, unit in targets_of(reference)
        if caller.covers_unit(unit, reference.units)
    }


def _summed(side: Side, caller: Caller) -> _Sums:
    return summed(_targets(side.reference, caller).values(), side.figures, side.reference)


def _without_effect(arriving: Arriving, after: Side) -> Iterator[str]:
    for unit, readings in arriving.items():
        for one in readings:
            standing = after.figures[unit].get((one.element, one.period))
            if standing is None or standing.submission != one.submission:
                yield f"/submissions/{one.submission.int}/readings/{one.element}"


_EXTREME = phrase("what_if.extreme")


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
        async with SLOTS.taken():
            then = await asyncio.to_thread(reference_under, supposed, reference)
            async with runtime.engine.connect() as connection:
                # one look at sums and figures: they must not move in between
                await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
                case = await load_case(connection, supposed, then, caller, reference, now)
            body = await asyncio.to_thread(lambda: compare(case).model_dump_json())
    except ArithmeticError:
        raise Problem(Problems.REFUSED, detail=_EXTREME) from None
    return Response(body, media_type="application/json")
