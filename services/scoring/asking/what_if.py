"""`POST /v1/what-if`: the verdicts if figures came in or the plan were another. Nothing is stored."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.asking.scenario import (
    Scenario,
    SupposedReadings,
    compare_verdicts,
    figures_of_families,
    supposed_readings,
)
from services.scoring.asking.what_if_request import Supposition, check_day, check_figures, reference_under
from services.scoring.asking.work_slots import SLOTS
from services.scoring.judging.aggregates import summed
from services.scoring.judging.changes import Moment
from services.scoring.judging.figures import Figures
from services.scoring.judging.increments import Increments, difference
from services.scoring.judging.inheritance import families_of
from services.scoring.judging.judge import CriterionVerdict, explain_criterion
from services.scoring.judging.targets import assess_at, targets_of
from services.scoring.storage.increments import summed_increments
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
class Inputs:
    """The supposition, and everything with which it is compared."""

    reference: Reference
    supposed_reference: Reference
    """With the supposed plan."""
    supposed: SupposedReadings
    figures: Mapping[int, Figures]
    sums: _Sums
    communes: Collection[Unit]
    caller: Caller
    on: date


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
        units &= set(families_of(supposed, reference))
    return Inputs(
        reference=reference,
        supposed_reference=supposed_reference,
        supposed=supposed,
        figures=await figures_of_families(connection, units, reference, supposed_reference),
        sums=await summed_increments(connection, list(_targets(reference, caller))),
        communes=[
            unit for unit in supposed_reference.units.communes(on, supposed_reference.plan.unit) if unit.key in units
        ],
        caller=caller,
        on=on,
    )


def compare(inputs: Inputs) -> WhatIf:
    """Judge both scenarios and compare. It takes a second for a whole province: run it in a thread."""
    before = Scenario.of(inputs.reference, inputs.figures)
    after = Scenario.of(inputs.supposed_reference, inputs.figures, inputs.supposed)
    statuses: list[CriterionCompared] = []
    counted: defaultdict[str, list[Counter[Status]]] = defaultdict(lambda: [Counter(), Counter()])
    pairs = ((unit, criterion) for unit in inputs.communes for criterion in inputs.supposed_reference.criterion_keys)
    for unit, criterion, *verdicts in compare_verdicts(pairs, before, after, inputs.on):
        for counter, judged in zip(counted[criterion], verdicts, strict=True):
            counter.update([judged.status] if judged else [])
        if len({judged and judged.status for judged in verdicts}) > 1:
            old, new = (_told(judged) for judged in verdicts)
            ref = criterion_ref(criterion, inputs.supposed_reference)
            statuses.append(CriterionCompared(unit=unit_ref(unit), criterion=ref, before=old, after=new))
    targets, target_counts = _compare_targets(inputs, before, after)
    return WhatIf(
        on=inputs.on,
        statuses=statuses,
        targets=targets,
        criteria_counts={key: Counts(before=old, after=new) for key, (old, new) in counted.items()},
        target_counts=target_counts,
        without_effect=list(_without_effect(inputs.supposed, after)),
        sample=inputs.reference.plan.sample or inputs.supposed_reference.plan.sample,
    )


def _told(judged: CriterionVerdict | None) -> Told | None:
    return Told(status=judged.status, reason=explain_criterion(judged).reason) if judged else None


def _compare_targets(inputs: Inputs, before: Scenario, after: Scenario) -> tuple[list[TargetCompared], Counts]:
    sums: _Sums = _summed(after, inputs.caller)
    if (
        inputs.supposed_reference is inputs.reference
    ):  # only some units' figures are there: the sums move by what these change
        former = _summed(before, inputs.caller)
        sums = {
            key: difference(sums.get(key, {}), difference(former.get(key, {}), inputs.sums.get(key, {})))
            for key in _targets(inputs.supposed_reference, inputs.caller)
        }
    old = _assessed(inputs.reference, inputs.sums, inputs)
    new = _assessed(inputs.supposed_reference, sums, inputs)
    named = _targets(inputs.reference, inputs.caller) | _targets(inputs.supposed_reference, inputs.caller)
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


def _assessed(reference: Reference, sums: _Sums, inputs: Inputs) -> dict[tuple[str, int], Assessment]:
    return {
        key: assess_at(commitment, unit, sums.get(key, {}), reference, inputs.on)
        for key, (commitment, unit) in _targets(reference, inputs.caller).items()
    }


def _targets(reference: Reference, caller: Caller) -> dict[tuple[str, int], _Target]:
    return {
        (commitment.id, unit.key): (commitment, unit)
        for commitment, unit in targets_of(reference)
        if caller.covers_unit(unit, reference.units)
    }


def _summed(scenario: Scenario, caller: Caller) -> _Sums:
    return summed(_targets(scenario.reference, caller).values(), scenario.figures, scenario.reference)


def _without_effect(supposed: SupposedReadings, after: Scenario) -> Iterator[str]:
    for unit, readings in supposed.items():
        for reading in readings:
            counted = after.figures[unit].get((reading.element, reading.period))
            if counted is None or counted.submission != reading.submission:
                yield f"/submissions/{reading.submission.int}/readings/{reading.element}"


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
            supposed_reference = await asyncio.to_thread(reference_under, supposed, reference)
            async with runtime.engine.connect() as connection:
                # sums and figures are read from one snapshot: they must not move in between
                await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
                inputs = await load_inputs(connection, supposed, supposed_reference, caller, reference, now)
            body = await asyncio.to_thread(lambda: compare(inputs).model_dump_json())
    except ArithmeticError:
        raise Problem(Problems.REFUSED, detail=_EXTREME) from None
    return Response(body, media_type="application/json")
